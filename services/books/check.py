"""The form of a check of the books."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """One rule that must hold in the database.

    ``sql`` answers ``(id text, wrong boolean)``, one row for each thing it checks. NULL counts as
    wrong.
    """

    name: str
    sql: str

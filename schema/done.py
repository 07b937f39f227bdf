"""``Done``: the answer of a mutation that has nothing to show."""

from schema.building.types import mirror
from services.auth import signing_in


@mirror(signing_in.Done)
class Done:
    pass

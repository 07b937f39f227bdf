"""What mutations answer that have nothing to show."""

from schema.building.types import mirror
from services.auth.signing_in import Done as DoneView


@mirror(DoneView)
class Done:
    pass

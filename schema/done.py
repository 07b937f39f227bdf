"""What mutations answer that have nothing to show."""

from schema.views import mirror
from services.auth import Done as DoneView


@mirror(DoneView)
class Done:
    pass

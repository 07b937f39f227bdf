"""``Done``: the answer of a mutation that has nothing to show."""

from schema.building.types import mirror
from services import done


@mirror(done.Done)
class Done:
    pass

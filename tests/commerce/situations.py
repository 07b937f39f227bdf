"""All the situations there are, by name."""

from tests.commerce import (
    situations_at_once,
    situations_coupons,
    situations_keys,
    situations_orders,
)
from tests.commerce.steps import SITUATIONS

#: Each part has entered its situations into the table.
PARTS = (situations_orders, situations_keys, situations_coupons, situations_at_once)

__all__ = ["PARTS", "SITUATIONS"]

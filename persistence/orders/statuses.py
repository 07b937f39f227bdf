"""The status machine of orders, as data.

``nextStatuses``, the refusals, the constraints, the books and docs/orders.md are made from `MOVES`.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple


class OrderStatus(StrEnum):
    """The status of an order."""

    PENDING = "PENDING"
    AWAITING_APPROVAL = "AWAITING_APPROVAL"
    PAID = "PAID"
    CONFIRMED = "CONFIRMED"
    SHIPPED = "SHIPPED"
    DELIVERED = "DELIVERED"
    CANCELLED = "CANCELLED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"


class PaymentStatus(StrEnum):
    """Whether an order is paid, and whether the payment was refunded."""

    UNPAID = "UNPAID"
    PAID = "PAID"
    PARTIALLY_REFUNDED = "PARTIALLY_REFUNDED"
    REFUNDED = "REFUNDED"


class Move(NamedTuple):
    """One step an order may take, and the operations that take it."""

    before: OrderStatus | None
    after: OrderStatus
    by: tuple[str, ...]


#: Every step that an order may take.
MOVES = (
    Move(None, OrderStatus.PENDING, ("orders.create",)),
    Move(None, OrderStatus.AWAITING_APPROVAL, ("orders.create",)),
    Move(OrderStatus.AWAITING_APPROVAL, OrderStatus.PENDING, ("approvals.approve",)),
    Move(OrderStatus.AWAITING_APPROVAL, OrderStatus.REJECTED, ("approvals.reject",)),
    Move(OrderStatus.PENDING, OrderStatus.PAID, ("orders.pay",)),
    Move(OrderStatus.PAID, OrderStatus.CONFIRMED, ("orders.updateStatus",)),
    Move(OrderStatus.CONFIRMED, OrderStatus.SHIPPED, ("orders.updateStatus",)),
    Move(OrderStatus.SHIPPED, OrderStatus.DELIVERED, ("orders.updateStatus",)),
    *(
        Move(before, OrderStatus.CANCELLED, ("orders.cancel", "orders.updateStatus"))
        for before in (
            OrderStatus.PENDING,
            OrderStatus.AWAITING_APPROVAL,
            OrderStatus.PAID,
            OrderStatus.CONFIRMED,
        )
    ),
    Move(OrderStatus.PENDING, OrderStatus.EXPIRED, ("orders.expire",)),
    Move(OrderStatus.AWAITING_APPROVAL, OrderStatus.EXPIRED, ("orders.expire",)),
)
#: The statuses that may follow each status.
NEXT_STATUSES = {
    status: tuple(move.after for move in MOVES if move.before is status) for status in OrderStatus
}
#: An order whose whole payment was refunded is not sent any more.
_NOT_ONCE_REFUNDED = frozenset({OrderStatus.CONFIRMED, OrderStatus.SHIPPED})


def next_statuses(status: OrderStatus, payment_status: PaymentStatus) -> list[OrderStatus]:
    """The statuses that may follow, given what was paid and refunded."""
    then = NEXT_STATUSES[status]
    if payment_status == PaymentStatus.REFUNDED:
        return [after for after in then if after not in _NOT_ONCE_REFUNDED]
    return list(then)


#: An order is open while another status may follow.
OPEN_STATUSES = tuple(status for status, further in NEXT_STATUSES.items() if further)
#: In these statuses an order holds stock until it expires.
WAITING_STATUSES = (OrderStatus.PENDING, OrderStatus.AWAITING_APPROVAL)


def listed(names: Iterable[str]) -> str:
    """Names as SQL writes a list of texts."""
    return ", ".join(f"'{name}'" for name in names)

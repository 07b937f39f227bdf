"""Places the demo shop's orders and takes each to its end, all of them in the order of time."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from heapq import heapify, heappop, heappush
from random import Random
from typing import Any

from api.local.demo.loader import Loader
from api.local.demo.plans import OrderPlan, order_plans
from api.local.demo.shop import Shop
from persistence.users.tables import Role
from services.invoices import issuing as invoices
from services.operation.paging import Page
from services.orders import buying, managing, reading
from services.refunds import refunding as refunds

#: The share of paid orders that the shop confirms, ships and delivers.
_SENT = 0.5
#: The share of delivered orders of which one piece comes back.
_PARTLY_REFUNDED = 0.05
_REFUND_REASONS = (
    ("It did not fit.", True),
    ("It was not what the picture promised.", True),
    ("It arrived with a scratch.", False),
)
_CANCEL_REASONS = (
    "Ordered the wrong size.",
    "It would arrive too late for the birthday.",
    "Found one in the cellar after all.",
    "Changed my mind.",
)

#: An order's next event: when it happens, the order's number, and the order itself.
_Event = tuple[datetime, int, AsyncIterator[datetime]]


@dataclass
class _Order:
    """A planned order with all that its events need; ``buyer`` and ``manager`` are tokens."""

    loader: Loader
    shop: Shop
    plan: OrderPlan
    product_ids: Sequence[str]
    buyer: str
    manager: str
    random: Random

    @property
    def total(self) -> Decimal:
        """The order's price before a discount, in the amounts of the data files."""
        prices = (
            self.shop.products[line.product].price * line.quantity for line in self.plan.lines
        )
        return sum(prices, Decimal(0))

    def later(self, wait: timedelta) -> datetime:
        """The time after a wait, shortened where it would reach the time of the load."""
        now = self.loader.clock.now
        return now + min(wait, (self.loader.ends_at - now) / 2)


async def add_orders(
    loader: Loader,
    shop: Shop,
    product_ids: Sequence[str],
    customers: Sequence[str],
    staff: Mapping[Role, str],
    progress: Callable[[str], None],
) -> None:
    """Run the events of all orders, earliest first; ``customers`` and ``staff`` are tokens."""
    agenda: list[_Event] = []
    for plan in order_plans(shop, loader.ends_at):
        buyer = staff[Role.USER] if plan.customer is None else customers[plan.customer]
        random = Random(plan.seed)  # noqa: S311
        order = _Order(loader, shop, plan, product_ids, buyer, staff[Role.MANAGER], random)
        agenda.append((plan.placed_at, plan.number, _events(order)))
    count = len(agenda)
    heapify(agenda)
    while agenda:
        loader.clock.now, number, events = heappop(agenda)
        following = await anext(events, None)
        if following is not None:
            heappush(agenda, (following, number, events))
        elif len(agenda) % 50 == 0:
            progress(f"orders, {count - len(agenda)} of {count}")


async def _events(order: _Order) -> AsyncIterator[datetime]:
    """Run an order's events one by one; yields when the next one happens."""
    order_id = await _place(order)
    outcome = order.plan.outcome
    if outcome in ("PAID", "CANCELLED_AFTER_PAYMENT"):
        yield order.later(timedelta(seconds=order.random.randint(60, 600)))
        await _pay(order, order_id)
    if outcome in ("CANCELLED", "CANCELLED_AFTER_PAYMENT"):
        yield order.later(timedelta(minutes=order.random.randint(20, 2000)))
        await _cancel(order, order_id)
    elif outcome == "PAID" and order.random.random() < _SENT:
        loader = order.loader
        for status, wait, more in _steps(order.random):
            if loader.clock.now + wait >= loader.ends_at:
                return
            yield loader.clock.now + wait
            raw = {"id": order_id, "status": status, **more}
            await managing.update_status(loader.request(order.manager), raw)
        if order.random.random() < _PARTLY_REFUNDED:
            yield order.later(timedelta(hours=order.random.randint(20, 200)))
            await _refund_one_piece(order, order_id)


async def _place(order: _Order) -> str:
    """Place the order; its id."""
    plan, loader = order.plan, order.loader
    await loader.top_up(order.buyer, loader.amount(order.total))
    coupon = plan.coupon if plan.coupon and order.total >= plan.coupon.minimum_order else None
    raw = {
        "lines": [
            {"productId": order.product_ids[line.product], "quantity": line.quantity}
            for line in plan.lines
        ],
        "shippingAddress": plan.shipping_address,
        "couponCode": coupon and coupon.code,
    }
    return (await buying.create(loader.request(order.buyer), raw)).id


async def _pay(order: _Order, order_id: str) -> None:
    """Pay the order, and write its invoice as a worker would."""
    loader = order.loader
    await buying.pay(loader.request(order.buyer), {"id": order_id}, key=loader.new_key())
    await invoices.issue.by_system(loader.request(), {"id": order_id})


async def _cancel(order: _Order, order_id: str) -> None:
    """Cancel the order; what was paid is refunded."""
    raw = {"id": order_id, "reason": order.random.choice(_CANCEL_REASONS)}
    await buying.cancel(order.loader.request(order.buyer), raw)
    await _write_credit_notes(order, order_id)


async def _refund_one_piece(order: _Order, order_id: str) -> None:
    """Refund a piece that comes back; it goes into stock again unless it is damaged."""
    loader = order.loader
    found = await reading.get(loader.request(order.manager), {"id": order_id})
    reason, restock = order.random.choice(_REFUND_REASONS)
    raw = {
        "id": order_id,
        "lines": [{"productId": order.random.choice(found.lines).product_id, "quantity": 1}],
        "restock": restock,
        "reason": reason,
    }
    await refunds.create(loader.request(order.manager), raw, key=loader.new_key())
    await _write_credit_notes(order, order_id)


async def _write_credit_notes(order: _Order, order_id: str) -> None:
    """Write the credit note of each refund, as a worker would."""
    loader = order.loader
    found: dict[str, Any] = await refunds.list_.of(loader.request(order.manager), [order_id])
    page: Page[refunds.Refund] = found[order_id]
    for refund in page.items:
        await invoices.credit.by_system(loader.request(), {"id": refund.id})


def _steps(random: Random) -> Iterator[tuple[str, timedelta, dict[str, str]]]:
    """The statuses that a paid order passes, each with the wait before it."""
    yield "CONFIRMED", timedelta(minutes=random.randint(10, 600)), {}
    code = f"DEMO{random.randrange(10**10):010}"
    yield "SHIPPED", timedelta(hours=random.randint(4, 40)), {"trackingCode": code}
    yield "DELIVERED", timedelta(hours=random.randint(20, 90)), {}

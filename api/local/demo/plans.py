"""Plans the demo shop's orders: who buys what, when, and how each order ends.

Planning is pure, and its random numbers have fixed seeds: every load places the same orders.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from random import Random
from typing import Literal, NamedTuple

from api.local.demo.shop import Coupon, Customer, Product, Shop

Outcome = Literal["PENDING", "PAID", "CANCELLED", "CANCELLED_AFTER_PAYMENT"]

#: The first order was placed so many days ago.
FIRST_ORDER_DAY = 90
_ORDERS = 300
#: The demo login `user@example.com` places every 25th order, the newest among them.
_ORDERS_PER_DEMO_ORDER = 25
#: Pending orders were placed one after the other in the last seconds: old ones would have expired.
_BETWEEN_PENDING = timedelta(seconds=2)
_DEMO_ADDRESS = {
    "name": "Una Keller",
    "line1": "Lindenstraße 14",
    "city": "Berlin",
    "postalCode": "10969",
    "country": "DE",
}


class Line(NamedTuple):
    """How many of which product; ``product`` counts in `Shop.products`."""

    product: int
    quantity: int


@dataclass(frozen=True, slots=True)
class OrderPlan:
    """An order to place.

    ``customer`` counts in `Shop.customers`; None is the demo login. ``coupon`` is used only where
    the order's sum reaches its minimum.
    """

    number: int
    customer: int | None
    lines: tuple[Line, ...]
    placed_at: datetime
    outcome: Outcome
    shipping_address: dict[str, str] | None
    coupon: Coupon | None
    #: Seeds the random numbers of what follows the order.
    seed: str


def order_plans(shop: Shop, now: datetime) -> list[OrderPlan]:
    """The orders, oldest first; together they never ask for more than there is in stock.

    There are 300, or fewer when the shop runs out of stock before that.
    """
    random = Random(2029)  # noqa: S311
    left = [0 if product.archived else product.stock for product in shop.products]
    # A few products sell well and most sell now and then; expensive ones sell least.
    appeal = [random.paretovariate(1.4) / (1 + float(each.price) / 80) for each in shop.products]
    loyalty = [random.paretovariate(1.8) for _ in shop.customers]
    moments = sorted((_moment(random) for _ in range(_ORDERS)), key=lambda at: (-at[0], at[1]))
    pending_from = _ORDERS - _ORDERS // 40

    plans: list[OrderPlan] = []
    for number, (days_ago, clock) in enumerate(moments):
        lines = _basket(random, shop.products, left, appeal)
        if not lines:
            break
        customer = random.choices(range(len(shop.customers)), loyalty)[0]
        pending = number >= pending_from and days_ago <= 1
        outcome = "PENDING" if pending else _outcome(random)
        address = _destination(random, shop.customers, customer)
        by_demo_login = (_ORDERS - 1 - number) % _ORDERS_PER_DEMO_ORDER == 0
        plans.append(
            OrderPlan(
                number=number,
                customer=None if by_demo_login else customer,
                lines=lines,
                placed_at=(
                    now - _BETWEEN_PENDING * (_ORDERS - number)
                    if pending
                    else _placed_at(now, days_ago, clock)
                ),
                seed=f"{days_ago} {clock}",
                outcome=outcome,
                shipping_address=_DEMO_ADDRESS if by_demo_login else address,
                coupon=_coupon(shop, number),
            )
        )
    return plans


def _coupon(shop: Shop, number: int) -> Coupon | None:
    """The coupon of every sixth order, each coupon in turn."""
    return shop.coupons[number // 6 % len(shop.coupons)] if number % 6 == 3 else None


def _moment(random: Random) -> tuple[int, time]:
    """Days ago, mostly few, and a time of day, mostly between breakfast and bedtime."""
    days_ago = int((FIRST_ORDER_DAY + 1) * random.random() ** 1.7)
    busy = (1, 1, 1, 1, 1, 1, 3, 6, 9, 10, 9, 9, 10, 8, 8, 8, 8, 10, 10, 10, 10, 10, 5, 2)
    hour = random.choices(range(24), busy)[0]
    return days_ago, time(hour, random.randrange(60), random.randrange(60))


def _placed_at(now: datetime, days_ago: int, clock: time) -> datetime:
    """The time of a past order, never after `now`; today's orders share today's past hours."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    since = timedelta(hours=clock.hour, minutes=clock.minute, seconds=clock.second)
    if days_ago == 0:
        return midnight + (now - midnight) * (since / timedelta(days=1))
    return midnight - timedelta(days=days_ago) + since


def _basket(
    random: Random, products: Sequence[Product], left: list[int], appeal: list[float]
) -> tuple[Line, ...]:
    """Up to five different products that are in stock; takes them off `left`."""
    wanted = random.choices((1, 2, 3, 4, 5), (38, 28, 18, 10, 6))[0]
    lines: list[Line] = []
    for _ in range(wanted):
        taken = {line.product for line in lines}
        chances = [
            chance if left[index] and index not in taken else 0.0
            for index, chance in enumerate(appeal)
        ]
        if not any(chances):
            break
        index = random.choices(range(len(products)), chances)[0]
        most = 1 if products[index].price > 120 else min(4, left[index])
        quantity = min(most, random.choices((1, 2, 3, 4), (66, 22, 8, 4))[0])
        left[index] -= quantity
        lines.append(Line(index, quantity))
    return tuple(lines)


def _outcome(random: Random) -> Outcome:
    draw = random.random()
    if draw < 0.05:
        return "CANCELLED"
    return "CANCELLED_AFTER_PAYMENT" if draw < 0.10 else "PAID"


def _destination(
    random: Random, customers: Sequence[Customer], buyer: int
) -> dict[str, str] | None:
    """Home for most, a friend's home for presents, None for orders that are collected."""
    draw = random.random()
    if draw < 0.10:
        return None
    receiver = random.choice(customers) if draw < 0.17 else customers[buyer]
    return receiver.shipping_address

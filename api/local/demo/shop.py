"""The demo shop as values: categories, products, customers, staff and orders to place.

Everything here is pure and the same on every call; whoever loads it decides what to do with it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from decimal import Decimal
from functools import cache
from itertools import chain, zip_longest
from random import Random
from typing import Literal, NamedTuple

from api.local.demo.lines import LINES, PEOPLE

Role = Literal["ADMIN", "MANAGER", "MODERATOR", "USER"]
Outcome = Literal["PENDING", "PAID", "CANCELLED", "CANCELLED_AFTER_PAYMENT"]
MetadataValue = str | int

LAST_DAY = 90
MAX_TAGS = 10


@dataclass(frozen=True, slots=True)
class DemoCategory:
    slug: str
    name: str
    description: str


@dataclass(frozen=True, slots=True)
class DemoProduct:
    name: str
    price: Decimal
    description: str
    tags: tuple[str, ...]
    category_slug: str
    metadata: dict[str, MetadataValue]
    stock: int  # before any of the orders
    is_active: bool


@dataclass(frozen=True, slots=True)
class DemoCustomer:
    email: str
    username: str
    first_name: str
    last_name: str
    full_name: str
    bio: str | None
    address: dict[str, str]  # as an order takes it: name, line1, line2?, city, postalCode, country


@dataclass(frozen=True, slots=True)
class DemoStaff:
    email: str
    username: str
    first_name: str
    last_name: str
    full_name: str
    role: Role


@dataclass(frozen=True, slots=True)
class DemoCoupon:
    code: str
    kind: Literal["PERCENT", "FIXED"]
    value: str
    description: str


class DemoOrderLine(NamedTuple):
    product: int  # index into products()
    quantity: int


@dataclass(frozen=True, slots=True)
class DemoOrder:
    buyer: int  # index into customers()
    lines: tuple[DemoOrderLine, ...]
    days_ago: int
    time_of_day: time
    outcome: Outcome
    shipping_address: dict[str, str] | None

    def placed_at(self, now: datetime) -> datetime:
        """When it was placed, never after `now`; an order of today falls in its past part."""
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        clock = self.time_of_day
        since = timedelta(hours=clock.hour, minutes=clock.minute, seconds=clock.second)
        if self.days_ago == 0:
            return midnight + (now - midnight) * (since / timedelta(days=1))
        return midnight - timedelta(days=self.days_ago) + since


CATEGORIES: tuple[DemoCategory, ...] = (
    DemoCategory("electronics", "Electronics", "Sound, light and power for home and travel."),
    DemoCategory(
        "home-office",
        "Home Office",
        "Desks, chairs and the things on them that make a working day easier.",
    ),
    DemoCategory(
        "kitchen",
        "Kitchen & Dining",
        "Pans that last, sharp knives, good coffee and something to serve it all in.",
    ),
    DemoCategory(
        "outdoors",
        "Outdoors & Camping",
        "Tents, packs and lights for nights away from the road.",
    ),
    DemoCategory("books", "Books", "Novels, cookery, nature and picture books from small presses."),
    DemoCategory(
        "toys-games",
        "Toys & Games",
        "Wooden toys, board games and reasons to go outside.",
    ),
    DemoCategory("garden", "Garden", "Tools, seeds and pots for beds, terraces and window sills."),
    DemoCategory("bed-bath", "Bed & Bath", "Linen, towels and whatever else helps you to sleep."),
    DemoCategory(
        "sports-fitness",
        "Sports & Fitness",
        "Equipment for training at home, on the road and in the water.",
    ),
    DemoCategory("pets", "Pets", "Beds, walks, toys and treats for animals large and small."),
    DemoCategory(
        "clothing",
        "Clothing & Accessories",
        "Wool, linen and cotton made to be worn for years.",
    ),
    DemoCategory("tools-diy", "Tools & DIY", "Hand and power tools for repairs and for making."),
)

COUPON_MINIMUM = Decimal(25)
COUPONS = (
    DemoCoupon("WELCOME10", "PERCENT", "10.00", "Ten percent for everybody who is new."),
    DemoCoupon("FIVER", "FIXED", "5.00", "Five euros, as printed in the autumn leaflet."),
)

STAFF: tuple[DemoStaff, ...] = (
    DemoStaff("admin@example.com", "admin", "Ada", "Holm", "Ada Holm", "ADMIN"),
    DemoStaff("manager@example.com", "manager", "Mateo", "Rinaldi", "Mateo Rinaldi", "MANAGER"),
    DemoStaff("moderator@example.com", "moderator", "Mina", "Sørli", "Mina Sørli", "MODERATOR"),
    DemoStaff("user@example.com", "user", "Una", "Keller", "Una Keller", "USER"),
)


# ---------------------------------------------------------------------------------- reading


@dataclass(slots=True)
class _Line:
    """One product line as `lines.LINES` spells it."""

    category: str
    head: str
    copy: str = ""
    variants: list[str] = field(default_factory=list)


def _product_lines() -> list[_Line]:
    lines: list[_Line] = []
    category = ""
    for text in _entries(LINES):
        if text.startswith("# "):
            category = text[2:]
        elif text.startswith("- "):
            lines[-1].variants.append(text[2:])
        elif text.startswith("  "):
            lines[-1].copy = f"{lines[-1].copy} {text.strip()}".strip()
        else:
            lines.append(_Line(category, text))
    return lines


def _entries(text: str) -> Iterator[str]:
    """The lines of `text` that say something, those indented by four joined to the one before."""
    return filter(None, re.sub(r"\n {4}", " ", text).splitlines())


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(" | ")]


_SHORT = {"c": "color", "s": "size", "cap": "capacity", "w": "weightGrams"}


def _metadata(text: str, label: str = "") -> dict[str, MetadataValue]:
    values: dict[str, MetadataValue] = {}
    for item in filter(None, (part.strip() for part in text.split(";"))):
        key, _, value = item.partition("=")
        value = value or label
        values[_SHORT.get(key, key)] = int(value) if value.isdecimal() else value
    return values


def _stock(random: Random, price: Decimal) -> int:
    draw = random.random()
    if draw < 0.04:
        return 0
    if draw < 0.10:
        return random.randint(1, 4)
    return random.randint(5, 60 if price > 200 else 200)


def _variants(line: _Line, random: Random) -> Iterator[DemoProduct]:
    brand, model, tags, shared = _parts(line.head)
    is_book = line.category == "books"
    maker: dict[str, MetadataValue] = {"publisher" if is_book else "brand": brand}
    for variant in line.variants:
        label, amount, own, note = _parts(variant)
        name = f"{model}, {label}" if is_book else f"{brand} {model}, {label}"
        price = Decimal(amount)
        yield DemoProduct(
            name=name,
            price=price,
            description=f"{line.copy} {note}",
            tags=tuple(tag.strip() for tag in tags.split(","))[:MAX_TAGS],
            category_slug=line.category,
            metadata=maker | _metadata(shared) | _metadata(own, label),
            stock=_stock(random, price),
            is_active=random.random() > 0.014,
        )


@cache
def _products() -> tuple[DemoProduct, ...]:
    random = Random(1911)  # noqa: S311 - the same shop every time, nothing secret
    shelves: dict[str, list[DemoProduct]] = {category.slug: [] for category in CATEGORIES}
    for line in _product_lines():
        shelves[line.category].extend(_variants(line, random))
    rows = zip_longest(*shelves.values())
    return tuple(product for product in chain.from_iterable(rows) if product is not None)


def products() -> list[DemoProduct]:
    """The 500 products, one from each category in turn so that any page of them is mixed."""
    return list(_products())


# -------------------------------------------------------------------------------- customers


_FAMILY_NAME_FIRST = {"JP", "SG"}


@cache
def _customers() -> tuple[DemoCustomer, ...]:
    found: list[DemoCustomer] = []
    for entry in _entries(PEOPLE):
        first, last, username, domain, bio, street, city, postal_code, country = (
            part.strip() for part in entry.split("|")
        )
        swap = country in _FAMILY_NAME_FIRST and not first.isascii()
        full_name = f"{last} {first}" if swap else f"{first} {last}"
        line1, _, line2 = (part.strip() for part in street.partition(";"))
        address = {"name": full_name, "line1": line1}
        if line2:
            address["line2"] = line2
        address |= {"city": city, "postalCode": postal_code, "country": country}
        found.append(
            DemoCustomer(
                email=f"{username.replace('_', '.')}@example.{domain}",
                username=username,
                first_name=first,
                last_name=last,
                full_name=full_name,
                bio=bio or None,
                address=address,
            )
        )
    return tuple(found)


def customers() -> list[DemoCustomer]:
    """The 50 customers."""
    return list(_customers())


# ----------------------------------------------------------------------------------- orders


def order_plans(count: int = 300) -> list[DemoOrder]:
    """`count` orders, oldest first, that together never ask for more than there is in stock.

    Should the shop run out before that, there are fewer of them.
    """
    random = Random(2029)  # noqa: S311 - as above
    goods = _products()
    left = [product.stock if product.is_active else 0 for product in goods]
    # A few things sell well and most sell now and then; the dear ones sell least.
    appeal = [random.paretovariate(1.4) / (1 + float(each.price) / 80) for each in goods]
    people = _customers()
    loyalty = [random.paretovariate(1.8) for _ in people]

    plans: list[DemoOrder] = []
    moments = sorted((_moment(random) for _ in range(count)), key=lambda at: (-at[0], at[1]))
    pending_from = count - max(1, count // 40)
    for number, (days_ago, clock) in enumerate(moments):
        lines = _basket(random, goods, left, appeal)
        if not lines:
            break
        buyer = random.choices(range(len(people)), loyalty)[0]
        pending = number >= pending_from and days_ago <= 1
        plans.append(
            DemoOrder(
                buyer=buyer,
                lines=lines,
                days_ago=days_ago,
                time_of_day=clock,
                outcome="PENDING" if pending else _outcome(random),
                shipping_address=_destination(random, people, buyer),
            )
        )
    return plans


def _moment(random: Random) -> tuple[int, time]:
    """Days ago, mostly few, and a time of day, mostly between breakfast and bedtime."""
    days_ago = int((LAST_DAY + 1) * random.random() ** 1.7)
    busy = (1, 1, 1, 1, 1, 1, 3, 6, 9, 10, 9, 9, 10, 8, 8, 8, 8, 10, 10, 10, 10, 10, 5, 2)
    hour = random.choices(range(24), busy)[0]
    return days_ago, time(hour, random.randrange(60), random.randrange(60))


def _basket(
    random: Random, goods: tuple[DemoProduct, ...], left: list[int], appeal: list[float]
) -> tuple[DemoOrderLine, ...]:
    """Up to five different products that are still there, taken off `left`."""
    wanted = random.choices((1, 2, 3, 4, 5), (38, 28, 18, 10, 6))[0]
    lines: list[DemoOrderLine] = []
    for _ in range(wanted):
        taken = {line.product for line in lines}
        chances = [
            chance if left[index] and index not in taken else 0.0
            for index, chance in enumerate(appeal)
        ]
        if not any(chances):
            break
        index = random.choices(range(len(goods)), chances)[0]
        most = 1 if goods[index].price > 120 else min(4, left[index])
        quantity = min(most, random.choices((1, 2, 3, 4), (66, 22, 8, 4))[0])
        left[index] -= quantity
        lines.append(DemoOrderLine(index, quantity))
    return tuple(lines)


def _outcome(random: Random) -> Outcome:
    draw = random.random()
    if draw < 0.05:
        return "CANCELLED"
    return "CANCELLED_AFTER_PAYMENT" if draw < 0.10 else "PAID"


def _destination(
    random: Random, people: tuple[DemoCustomer, ...], buyer: int
) -> dict[str, str] | None:
    """Home for most, a friend's for presents, nowhere when it is fetched from the shop."""
    draw = random.random()
    if draw < 0.10:
        return None
    return dict(random.choice(people).address if draw < 0.17 else people[buyer].address)

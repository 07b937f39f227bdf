"""The real shop beside the model: every call goes to both, and what they say and hold must agree.

Calls made at one moment must have gone as if one after the other, in whatever order: every order
of them is tried on the model until one gives what was answered and what the database holds.
"""

import asyncio
import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NoReturn

import httpx
import msgspec

from services.deposits import depositing as deposits
from services.deposits import provider_events as provider
from services.deposits.provider_events import Undecided
from services.errors.base import TandemError
from services.ids import NOWHERE
from services.jobs.queue import Job
from services.money import currency
from services.orders import managing as orders_admin
from tests.commerce.model import act
from tests.commerce.state import Call, Coupon, Due, Order, Product, State, cents, text
from tests.commerce.wares import charge
from tests.faces import FACES, Door, Failure, Outcome, door_named
from tests.shop import Person, Shop

USERS = ("buyer-1", "buyer-2", "buyer-3", "poor")
MANAGERS = ("manager-1", "manager-2")
PEOPLE = {
    **dict.fromkeys(USERS, "USER"),
    **dict.fromkeys(MANAGERS, "MANAGER"),
    "admin": "ADMIN",
}
#: Price and pieces of what is sold.
WARES = {
    "pin": (1, 900_000),
    "bolt": (333, 900_000),
    "lamp": (1999, 900_000),
    "chair": (14_950, 900_000),
    "house": (1_000_001, 900_000),
    "rare": (2_499, 3),
    "scarce": (799, 8),
}
#: The names of amounts in calls and answers; a coupon's ``value`` is one unless it is a percentage.
_AMOUNTS = {"amount", "price", "subtotal", "discount", "total", "tax", "refunded", "refundable"}
_AMOUNTS |= {"minimumOrder", "expectedRefunded", "missing", "held"}
_INTERNAL = {"orders.expire": orders_admin.expire, "deposits.settle": deposits.settle}
#: Of so many calls one goes through a face, each face in turn.
_ONE_IN = 12

_WALLETS = """
SELECT user_id::text AS id, balance, held FROM accounts WHERE user_id = ANY($1::uuid[])
"""
_STOCK = """
SELECT product_id::text AS id, price, is_active, on_hand, held
FROM stock JOIN products ON products.id = product_id WHERE product_id = ANY($1::uuid[])
"""
_DEPOSITS = "SELECT id::text, status, failure_code FROM deposits WHERE id = ANY($1::uuid[])"
_COUPONS = """
SELECT id::text, is_active, ends_at, value, version,
    (SELECT count(*) FROM coupon_redemptions
     WHERE coupon_id = coupons.id AND status <> 'RELEASED') AS redeemed
FROM coupons WHERE id = ANY($1::uuid[])
"""
_ORDERS = """
SELECT id::text, orders.status, payment_status, subtotal, discount, total, refunded, expires_at,
    version, coupon_redemptions.status AS redemption,
    (SELECT array_agg(coalesce(from_status, 'None') || ' ' || to_status)
     FROM order_history WHERE order_id = orders.id) AS history
FROM orders LEFT JOIN coupon_redemptions ON order_id = orders.id
WHERE customer_id = ANY($1::uuid[])
"""


class StandingClock:
    """A time that stands until it is moved, so that the model knows it to the second."""

    def __init__(self, now: datetime) -> None:
        self.now = now.replace(microsecond=0)

    def __call__(self) -> datetime:
        """The time now."""
        return self.now


@dataclass
class Tally:
    """How often what was reached, over all examples."""

    errors: Counter[tuple[str, str]] = field(default_factory=Counter)
    moves: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    calls: int = 0
    crossings: int = 0
    examples: int = 0


class Diverged(AssertionError):
    """The shop did something else than the model."""


class World:
    """One example's people and things, in the model and in the database."""

    def __init__(self, shop: Shop, client: httpx.AsyncClient, tally: Tally) -> None:
        self.shop, self.tally = shop, tally
        self._currency = currency(shop.process.settings.currency)
        self.clock: StandingClock = shop.process.clock  # type: ignore[assignment]
        self.model = State(self.clock.now)
        self.people: dict[str, Person] = {}
        self.ids: dict[str, str] = {}
        self.names: dict[str, str] = {}
        #: Versions of orders and coupons as the database last had them.
        self.versions: dict[str, int] = {}
        self.trace: list[str] = []
        self._numbers = itertools.count(1)
        self._direct = door_named("direct", shop, None)
        faces = [door_named(name, shop, client) for name in FACES]
        self._doors: Iterator[Door] = itertools.cycle(
            door for face in faces for door in (*[self._direct] * (_ONE_IN - 1), face)
        )
        tally.examples += 1

    async def begin(self) -> None:
        """Let people and wares in."""
        for name, role in PEOPLE.items():
            self.people[name] = await self.shop.person(role)
            self._know(name, self.people[name].id)
            self.model.wallets[name] = 0
        for name, (price, pieces) in WARES.items():
            product = await self.shop.product(self._amount(text(price)), stock=pieces)
            self._know(name, product.id)
            self.model.products[name] = Product(price, pieces)

    def _know(self, name: str, id: str) -> None:
        self.ids[name], self.names[id] = id, name

    def new_name(self, kind: str) -> str:
        """A name for something new; a coupon's is its code in lower case."""
        return f"{kind}-{self.tally.examples}-{next(self._numbers)}"

    async def call(
        self,
        operation: str,
        actor: str | None,
        /,
        *,
        makes: str = "",
        key: str | None = None,
        edition: int | None = None,
        **values: Any,
    ) -> str:
        """Make a call; answers its code."""
        call = Call(operation, actor, values, makes, key, edition)
        self.model.moved.clear()
        self._note(call)
        outcome = await self._send(call, next(self._doors))
        due = act(self.model, call)
        if why := self._differs(due, outcome):
            self.fail(f"{_spelled(call)}: {why}")
        self._count(call, outcome)
        self._moved()
        return outcome.code

    async def together(self, *calls: Call) -> list[str]:
        """Make calls at one moment; answers their codes."""
        self._note(*calls)
        outcomes = await asyncio.gather(*(self._send(call, self._direct) for call in calls))
        held = await self._look()
        tried, after = list[str](), self.model
        for order in itertools.permutations(range(len(calls))):
            after = self.model.copy()
            after.moved.clear()
            # The first answer that cannot be so ends the try.
            differences = (self._differs(act(after, calls[n]), outcomes[n]) for n in order)
            why = next(filter(None, differences), "") or _difference(held, self._expected(after))
            if not why:
                break
            tried.append(f"{order}: {why}")
        else:
            codes = ", ".join(outcome.code for outcome in outcomes)
            self.fail("\n".join([f"answered {codes}, which no order explains:", *tried]))
        self.model = after
        for call, outcome in zip(calls, outcomes, strict=True):
            self._count(call, outcome)
        self.tally.crossings += 1
        self._moved()
        return [outcome.code for outcome in outcomes]

    async def agree(self) -> None:
        """The database holds what the model says."""
        if why := _difference(await self._look(), self._expected(self.model)):
            self.fail(why)

    def wait(self, duration: timedelta) -> None:
        """Let time pass; nobody did anything meanwhile."""
        self.clock.now += duration
        self.model.now = self.clock.now
        self.trace.append(f"wait {duration}")

    async def expire_due(self) -> None:
        """Run the job that expires orders."""
        self.trace.append("run orders.expire")
        self.model.moved.clear()
        for name in self.model.due_orders():
            act(self.model, Call("orders.expire", None, {"id": name}))
        await orders_admin.expire_due(self.shop.process, self._job({}))
        self._moved()

    async def charge(self, name: str) -> None:
        """Run the job that asks the provider about a deposit."""
        self.trace.append(f"run deposits.charge {name}")
        self.model.moved.clear()
        settling = charge(self.model, name)
        if settling is not None:
            act(self.model, settling)
        with suppress(Undecided):
            await provider.charge(self.shop.process, self._job({"depositId": self.ids[name]}))
        self._moved()

    def fail(self, why: str) -> NoReturn:
        """The two do not agree: say what was done until here."""
        steps = "\n".join(self.trace[-40:])
        raise Diverged(f"example {self.tally.examples}, the last steps:\n{steps}\n\n{why}")

    def _job(self, data: dict[str, Any]) -> Job:
        return Job("01900000-0000-7000-8000-000000000000", self.shop.request().id, data)

    def _note(self, *calls: Call) -> None:
        together = len(calls) > 1
        self.trace += [("  at once: " if together else "") + _spelled(call) for call in calls]

    def _count(self, call: Call, outcome: Outcome) -> None:
        self.tally.calls += 1
        if outcome.error is not None and not outcome.replayed:
            self.tally.errors[call.operation, outcome.code] += 1

    def _moved(self) -> None:
        self.tally.moves.update(self.model.moved)
        self.model.moved.clear()

    async def _send(self, call: Call, door: Door) -> Outcome:
        values = self._real(self._in_currency(call.values))
        if call.actor is None:
            outcome = await self._act(call.operation, values)
        else:
            tag = None
            if call.edition is not None:
                tag = f"{self._version(call)}-{values['id'][-8:]}.x"
            caller = self.people[call.actor]
            outcome = await door.call(
                call.operation, values, caller=caller, key=call.key, if_match=tag
            )
        if call.makes and outcome.error is None and call.makes not in self.ids:
            self._know(call.makes, outcome.value["id"])
        return outcome

    def _version(self, call: Call) -> int:
        """The real version that an edition of the model's is."""
        name = call.values["id"]
        thing = self.model.orders.get(name) or self.model.coupons[name]
        stale = call.edition != thing.edition
        return self.versions[name] - stale

    async def _act(self, operation: str, values: Mapping[str, Any]) -> Outcome:
        try:
            found = await _INTERNAL[operation].by_system(self.shop.request(), values)
        except TandemError as error:
            return Outcome(error=Failure(error.code, error.status, details=_plain(error.details)))
        return Outcome(_plain(found))

    def _in_currency(self, values: Any) -> Any:
        """Values with the currency's amounts in place of the model's, which have two decimals.

        Both have as many minor units.
        """
        if isinstance(values, list):
            return [self._in_currency(inner) for inner in values]
        if not isinstance(values, Mapping):
            return values
        coupon = self.model.coupons.get(values.get("id", ""))
        fixed = values.get("kind", coupon and coupon.kind) == "FIXED"
        amounts = {*_AMOUNTS, "value"} if fixed else _AMOUNTS
        return {
            name: self._amount(inner)
            if name in amounts and isinstance(inner, str)
            else self._in_currency(inner)
            for name, inner in values.items()
        }

    def _amount(self, text: str) -> str:
        places = self._currency.decimals
        return f"{Decimal(cents(text)).scaleb(-places):.{places}f}"

    def _real(self, value: Any) -> Any:
        """Values with ids in place of names; nothing real has an unknown name's."""
        if isinstance(value, Mapping):
            return {
                name: self.ids.get(inner, NOWHERE)
                if name in ("id", "productId")
                else self._real(inner)
                for name, inner in value.items()
            }
        return [self._real(inner) for inner in value] if isinstance(value, list) else value

    def _named(self, value: Any) -> Any:
        """The other way round, for what was answered."""
        if isinstance(value, Mapping):
            return {name: self._named(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [self._named(inner) for inner in value]
        return self.names.get(value, value) if isinstance(value, str) else value

    def _differs(self, due: Due, outcome: Outcome) -> str:
        """How an answer differs from what is due; nothing when it does not."""
        if outcome.code not in due.codes:
            return f"is {outcome.error or 'OK'}, should be one of {sorted(due.codes)}"
        said = outcome.error.details if outcome.error else self._named(outcome.value)
        for name, value in self._in_currency(due.values).items():
            found = sorted(said[name]) if name == "nextStatuses" else said.get(name)
            if found != value:
                return f"{name} is {found}, should be {value}"
        return ""

    async def _look(self) -> dict[str, Any]:
        """What the database holds of this world, by name."""
        people = [person.id for person in self.people.values()]
        wares = [self.ids[name] for name in WARES]
        coupons = [id for name, id in self.ids.items() if name.startswith("coupon")]
        asked = [id for name, id in self.ids.items() if name.startswith("deposit")]
        async with self.shop.process.database.connection() as connection:
            found = {
                "wallet": await connection.fetch(_WALLETS, people),
                "stock": await connection.fetch(_STOCK, wares),
                "order": await connection.fetch(_ORDERS, people),
                "coupon": await connection.fetch(_COUPONS, coupons),
                "deposit": await connection.fetch(_DEPOSITS, asked),
            }
        held: dict[str, Any] = {}
        for kind, rows in found.items():
            for row in rows:
                values: dict[str, Any] = dict(row)
                id = values.pop("id")
                name = self.names.get(id, "unknown")
                if "version" in values:
                    self.versions[name] = values.pop("version")
                if "history" in values:
                    values["history"] = sorted(values["history"])
                held[f"{kind} {name}"] = tuple(values.values())
        return held

    def _expected(self, model: State) -> dict[str, Any]:
        """What the database should hold."""
        money = self._currency.units
        held: dict[str, Any] = {}
        for name, units in model.wallets.items():
            held[f"wallet {name}"] = (money(units), money(model.held(name)))
        for name, product in model.products.items():
            stock = (product.on_hand, product.held)
            held[f"stock {name}"] = (money(product.price), product.active, *stock)
        for name, order in model.orders.items():
            held[f"order {name}"] = _order_row(order, money)
        for name, coupon in model.coupons.items():
            held[f"coupon {name}"] = _coupon_row(coupon, model.redeemed(name), money)
        for name, deposit in model.deposits.items():
            held[f"deposit {name}"] = (deposit.status, deposit.failure)
        return held


def _difference(held: Mapping[str, Any], expected: Mapping[str, Any]) -> str:
    """What the database holds that it should not; nothing when all is as it should be."""
    if held == expected:
        return ""
    return "\n".join(
        f"{name} is {held.get(name)}, should be {expected.get(name)}"
        for name in sorted(held.keys() | expected.keys())
        if held.get(name) != expected.get(name)
    )


def _order_row(order: Order, money: Callable[[int], Decimal]) -> tuple[Any, ...]:
    amounts = (order.subtotal, order.discount, order.total, order.refunded)
    steps = sorted(order.history)
    return (order.status, order.paid, *map(money, amounts), order.expires, order.redemption, steps)


def _coupon_row(coupon: Coupon, redeemed: int, money: Callable[[int], Decimal]) -> tuple[Any, ...]:
    value = money(coupon.value) if coupon.kind == "FIXED" else Decimal(coupon.value) / 100
    return (coupon.active, coupon.ends, value, redeemed)


def _plain(value: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(value))


def _spelled(call: Call) -> str:
    more = "".join(
        f" {name}={value}"
        for name, value in (("key", call.key), ("edition", call.edition))
        if value
    )
    made = f" → {call.makes}" if call.makes else ""
    return f"{call.actor or 'job'} {call.operation} {dict(call.values)}{more}{made}"

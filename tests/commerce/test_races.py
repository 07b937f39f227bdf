"""Many callers at one moment, on two server processes and through every face.

Each test ends with clean books: the same checks an operator runs.
"""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from decimal import Decimal
from itertools import cycle, islice
from operator import itemgetter
from typing import Any
from uuid import uuid4

import httpx
import pytest

from services.books.running import run_checks
from services.process import new_process
from tests.conftest import Addresses, Clock, settings_for
from tests.exchanges import http_client
from tests.faces import GraphQL, Outcome, Rest
from tests.servers import serving
from tests.shop import Person, Shop, new_key

_PATIENCE = httpx.Timeout(60)
#: The servers, too, wait for longer than a machine that is busy with tests may need.
_PATIENT = {
    "TANDEM_KEY_WAIT_SECONDS": "50",
    "TANDEM_LOCK_SECONDS": "25",
    "TANDEM_POOL_WAIT_SECONDS": "50",
    "TANDEM_REDIS_SECONDS": "30",
}


@dataclass
class Arena:
    """Two server processes over a database of their own, and every face of both."""

    shop: Shop
    doors: list[GraphQL | Rest]

    def entrances(self, number: int) -> Iterable[GraphQL | Rest]:
        """So many doors, each face of each process in turn."""
        return islice(cycle(self.doors), number)

    async def balanced(self) -> None:
        """The books are clean."""
        found = await run_checks(self.shop.process.settings.database_url)
        assert found
        assert [result for result in found if result.wrong] == []


@pytest.fixture(scope="module")
async def arena(
    addresses: Addresses, password_hash: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Arena]:
    name = f"tandem_race_{uuid4().hex[:12]}"
    settings = settings_for(await addresses.create(name), addresses.redis_url)
    process = new_process(settings, Clock())
    logs = tmp_path_factory.mktemp("race")
    async with AsyncExitStack() as stack:
        stack.push_async_callback(addresses.drop, name)
        stack.push_async_callback(process.close)
        servers = await asyncio.gather(
            *(
                asyncio.to_thread(
                    stack.enter_context, serving(settings, logs / f"{number}.log", **_PATIENT)
                )
                for number in (1, 2)
            )
        )
        doors: list[GraphQL | Rest] = []
        limits = httpx.Limits(max_connections=100)
        for server in servers:
            client = http_client(base_url=server.url, timeout=_PATIENCE, limits=limits)
            await stack.enter_async_context(client)
            doors += [GraphQL(client), Rest(client, "v1"), Rest(client, "v2")]
        yield Arena(Shop(process, password_hash), doors)


async def at_once(calls: Iterable[Awaitable[Outcome]], most: int = 50) -> list[Outcome]:
    """Make all calls, started in a random order; answers their outcomes in the order given.

    50 calls at one moment are more than two processes have connections for.
    """
    turn = asyncio.Semaphore(most)

    async def called(call: Awaitable[Outcome]) -> Outcome:
        async with turn:
            return await call

    given = list(calls)
    order = random.sample(range(len(given)), len(given))
    outcomes = await asyncio.gather(*(called(given[place]) for place in order))
    return [outcome for _, outcome in sorted(zip(order, outcomes, strict=True), key=itemgetter(0))]


def codes(outcomes: Iterable[Outcome]) -> Counter[str]:
    return Counter(outcome.code for outcome in outcomes)


async def people(shop: Shop, number: int, balance: str) -> list[Person]:
    few = asyncio.Semaphore(8)

    async def enter() -> Person:
        async with few:
            return await shop.person(balance=balance)

    return await asyncio.gather(*(enter() for _ in range(number)))


async def patiently(door: GraphQL | Rest, operation: str, *args: Any, **more: Any) -> Outcome:
    """Call as a good client does: repeat with the same key while the server sheds load."""
    key, outcome = new_key(), Outcome()
    for _ in range(20):
        outcome = await door.call(operation, *args, **more, key=key)
        if outcome.code not in ("UNAVAILABLE", "IDEMPOTENCY_KEY_IN_USE"):
            break
        await asyncio.sleep(1)
    return outcome


async def test_fifty_payments_with_one_key_charge_once(arena: Arena) -> None:
    shop = arena.shop
    buyer = await shop.person(balance="1000.00")
    order = await shop.order(buyer)
    key = new_key()
    outcomes = await at_once(
        door.call("orders.pay", {"id": order.id}, caller=buyer, key=key)
        for door in arena.entrances(50)
    )
    assert codes(outcomes) == {"OK": 50}
    first = outcomes[0].ok
    assert all(outcome.ok == first for outcome in outcomes)
    assert [outcome.replayed for outcome in outcomes].count(False) == 1
    assert await shop.balance(buyer) == 1000 - order.total
    paid = "SELECT count(*) FROM payments WHERE order_id = $1"
    assert await shop.value(paid, order.id) == 1
    moved = "SELECT count(*) FROM transfers WHERE order_id = $1"
    assert await shop.value(moved, order.id) == 1
    await arena.balanced()


async def test_fifty_payments_with_a_key_each_charge_once(arena: Arena) -> None:
    shop = arena.shop
    buyer = await shop.person(balance="1000.00")
    order = await shop.order(buyer)
    outcomes = await at_once(
        door.call("orders.pay", {"id": order.id}, caller=buyer, key=new_key())
        for door in arena.entrances(50)
    )
    assert codes(outcomes) == {"OK": 1, "ORDER_STATUS_INVALID": 49}
    assert await shop.balance(buyer) == 1000 - order.total
    await arena.balanced()


async def test_two_hundred_buyers_of_fifty_pieces_get_exactly_fifty(arena: Arena) -> None:
    shop = arena.shop
    product = await shop.product("3.00", stock=50)
    buyers = await people(shop, 200, "10.00")
    line = {"lines": [{"productId": product.id, "quantity": 1}]}

    async def buy(buyer: Person, door: GraphQL | Rest) -> tuple[Outcome, Outcome | None]:
        placed = await patiently(door, "orders.create", line, caller=buyer)
        if placed.error:
            return placed, None
        return placed, await patiently(door, "orders.pay", {"id": placed.ok["id"]}, caller=buyer)

    results = await asyncio.gather(
        *(buy(buyer, door) for buyer, door in zip(buyers, arena.entrances(200), strict=True))
    )
    assert codes(placed for placed, _ in results) == {"OK": 50, "OUT_OF_STOCK": 150}
    assert codes(paid for _, paid in results if paid) == {"OK": 50}
    assert await shop.stock(product.id) == (0, 0)
    sold = "SELECT sum(quantity) FROM stock_movements WHERE product_id = $1 AND kind = 'SOLD'"
    assert await shop.value(sold, product.id) == -50
    spent = [await shop.balance(buyer) for buyer in buyers]
    assert Counter(spent) == {7: 50, 10: 150}
    await arena.balanced()


async def orders_with(shop: Shop, coupon: Any, number: int) -> list[dict[str, Any]]:
    """Orders to place with a coupon, each of another product, so that no stock row orders them."""
    products = [await shop.product("3.00") for _ in range(number)]
    return [
        {"lines": [{"productId": product.id, "quantity": 1}], "couponCode": coupon.code.lower()}
        for product in products
    ]


async def test_sixty_buyers_of_a_coupon_for_twenty_get_exactly_twenty_of_it(arena: Arena) -> None:
    shop = arena.shop
    coupon = await shop.coupon(usageLimit=20)
    buyers, wanted = await people(shop, 60, "10.00"), await orders_with(shop, coupon, 60)
    outcomes = await asyncio.gather(
        *(
            patiently(door, "orders.create", raw, caller=buyer)
            for buyer, raw, door in zip(buyers, wanted, arena.entrances(60), strict=True)
        )
    )
    assert codes(outcomes) == {"OK": 20, "COUPON_EXHAUSTED": 40}
    # Each order that is cancelled makes room for one other, in whatever order the calls end.
    placed = [
        (buyer, outcome.ok["id"])
        for buyer, outcome in zip(buyers, outcomes, strict=True)
        if not outcome.error
    ]
    others = [
        (buyer, raw)
        for buyer, raw, outcome in zip(buyers, wanted, outcomes, strict=True)
        if outcome.error
    ]
    doors = cycle(arena.doors)
    ended = await at_once(
        [
            patiently(next(doors), "orders.cancel", {"id": id}, caller=buyer)
            for buyer, id in placed[:10]
        ]
        + [
            patiently(next(doors), "orders.pay", {"id": id}, caller=buyer)
            for buyer, id in placed[10:]
        ]
        + [patiently(next(doors), "orders.create", raw, caller=buyer) for buyer, raw in others[:20]]
    )
    assert codes(ended[:20]) == {"OK": 20}
    again = await at_once(
        patiently(next(doors), "orders.create", raw, caller=buyer) for buyer, raw in others[20:]
    )
    taken = codes([*ended[20:], *again])
    assert taken == {"OK": 10, "COUPON_EXHAUSTED": 30}
    counted = (
        "SELECT count(*) FROM coupon_redemptions WHERE coupon_id = $1 AND status <> 'RELEASED'"
    )
    assert await shop.value(counted, coupon.id) == 20
    await arena.balanced()


async def test_one_buyer_at_all_doors_redeems_a_coupon_as_often_as_one_may(arena: Arena) -> None:
    shop = arena.shop
    coupon, buyer = await shop.coupon(perUserLimit=3), await shop.person(balance="100.00")
    wanted = await orders_with(shop, coupon, 18)
    outcomes = await at_once(
        patiently(door, "orders.create", raw, caller=buyer)
        for raw, door in zip(wanted, arena.entrances(18), strict=True)
    )
    assert codes(outcomes) == {"OK": 3, "COUPON_EXHAUSTED": 15}
    await arena.balanced()


async def test_payments_and_cancellations_cross_without_a_deadlock_that_anybody_sees(
    arena: Arena,
) -> None:
    shop = arena.shop
    manager = await shop.person("MANAGER")
    buyers = await people(shop, 8, "100.00")
    products = [await shop.product("1.00", stock=1000) for _ in range(3)]
    # Lines in every order: locks taken in the order of the lines would cross.
    orders = [
        (buyer, await shop.order(buyer, [(p.id, 1) for p in products[turn:] + products[:turn]]))
        for turn, buyer in enumerate(buyers * 3, start=0)
        for turn in (turn % 3,)
    ]
    doors = cycle(arena.doors)
    calls = []
    for buyer, order in orders:
        values = {"id": order.id}
        calls += [
            next(doors).call("orders.pay", values, caller=buyer, key=new_key()),
            next(doors).call("orders.cancel", values, caller=buyer),
            next(doors).call("orders.cancel", values, caller=manager),
            next(doors).call("orders.pay", values, caller=buyer, key=new_key()),
            next(doors).call(
                "orders.create",
                {"lines": [{"productId": p.id, "quantity": 1} for p in reversed(products)]},
                caller=buyer,
            ),
        ]
    outcomes = await at_once(calls)
    assert set(codes(outcomes)) <= {"OK", "ORDER_STATUS_INVALID"}
    for _, order in orders:
        status = "SELECT status || ' ' || payment_status FROM orders WHERE id = $1"
        assert await shop.value(status, order.id) in ("CANCELLED UNPAID", "CANCELLED REFUNDED")
    for buyer in buyers:
        assert await shop.balance(buyer) == 100
    for product in products:
        assert await shop.stock(product.id) == (1000, len(orders))
    await arena.balanced()


async def test_deposits_and_payments_of_one_wallet_cross_without_losing_a_cent(
    arena: Arena,
) -> None:
    shop = arena.shop
    buyer = await shop.person(balance="50.00")
    product = await shop.product("2.00", stock=100)
    orders = [await shop.order(buyer, [(product.id, 1)]) for _ in range(20)]
    doors = cycle(arena.doors)
    calls = []
    for order in orders:
        values: dict[str, Any] = {"id": order.id}
        calls.append(next(doors).call("orders.pay", values, caller=buyer, key=new_key()))
        values = {"amount": "0.01"}
        calls.append(next(doors).call("deposits.create", values, caller=buyer, key=new_key()))
    assert codes(await at_once(calls)) == {"OK": 40}
    assert str(await shop.balance(buyer)) == "10.20"
    await arena.balanced()


async def test_a_wallet_is_never_spent_twice(arena: Arena) -> None:
    shop = arena.shop
    buyer = await shop.person(balance="10.00")
    product = await shop.product("3.00", stock=100)
    orders = [await shop.order_beyond_holds(buyer, [(product.id, 1)]) for _ in range(12)]
    outcomes = await at_once(
        door.call("orders.pay", {"id": order.id}, caller=buyer, key=new_key())
        for order, door in zip(orders, arena.entrances(12), strict=True)
    )
    assert codes(outcomes) == {"OK": 3, "INSUFFICIENT_FUNDS": 9}
    assert await shop.balance(buyer) == 1
    await arena.balanced()


async def test_orders_at_one_moment_hold_no_more_than_the_balance(arena: Arena) -> None:
    shop = arena.shop
    buyer = await shop.person(balance="10.00")
    # Each of another product, so that no stock row orders them.
    products = [await shop.product("3.00") for _ in range(12)]
    outcomes = await at_once(
        patiently(
            door,
            "orders.create",
            {"lines": [{"productId": product.id, "quantity": 1}]},
            caller=buyer,
        )
        for product, door in zip(products, arena.entrances(12), strict=True)
    )
    assert codes(outcomes) == {"OK": 3, "INSUFFICIENT_FUNDS": 9}
    refused = [outcome.failure.details for outcome in outcomes if outcome.error]
    assert [(each["held"], each["missing"]) for each in refused] == [("9.00", "2.00")] * 9
    assert sum([(await shop.stock(product.id))[1] for product in products]) == 3
    assert await shop.value("SELECT held FROM accounts WHERE user_id = $1", buyer.id) == 9
    # While some are paid, some are cancelled: what is free again can be ordered for.
    placed = [outcome.ok["id"] for outcome in outcomes if not outcome.error]
    doors = cycle(arena.doors)
    ended = await at_once(
        [
            patiently(next(doors), "orders.pay", {"id": placed[0]}, caller=buyer),
            patiently(next(doors), "orders.pay", {"id": placed[1]}, caller=buyer),
            patiently(next(doors), "orders.cancel", {"id": placed[2]}, caller=buyer),
        ]
    )
    assert codes(ended) == {"OK": 3}
    assert await shop.balance(buyer) == 4
    assert await shop.value("SELECT held FROM accounts WHERE user_id = $1", buyer.id) == 0
    await arena.balanced()


async def test_products_change_while_they_are_bought(arena: Arena) -> None:
    shop = arena.shop
    buyers = await people(shop, 6, "100.00")
    manager, admin = await shop.person("MANAGER"), await shop.person("ADMIN")
    products = [await shop.product("1.00", stock=100) for _ in range(2)]
    lines = [{"productId": product.id, "quantity": 1} for product in products]
    doors = cycle(arena.doors)

    async def buy(buyer: Person, turn: int) -> Outcome:
        values: dict[str, Any] = {"lines": lines[::-1] if turn % 2 else lines}
        placed = await patiently(next(doors), "orders.create", values, caller=buyer)
        if placed.error:
            return placed
        return await patiently(next(doors), "orders.pay", {"id": placed.ok["id"]}, caller=buyer)

    calls = [buy(buyer, turn) for turn, buyer in enumerate(buyers * 4)]
    for number in range(8):
        for product in products:
            adjusted = {"id": product.id, "delta": 3 if number % 2 else -1}
            calls.append(
                next(doors).call("products.adjustStock", adjusted, caller=manager, key=new_key())
            )
            priced = {"id": product.id, "price": f"{number + 1}.00"}
            calls.append(next(doors).call("products.update", priced, caller=manager))
        archived = {"id": products[0].id, "isActive": number % 2 == 1}
        calls.append(next(doors).call("products.update", archived, caller=admin))
    outcomes = await at_once(calls)
    assert set(codes(outcomes)) <= {"OK", "PRODUCT_NOT_FOUND"}
    assert codes(outcomes[24:]) == {"OK": 40}
    sold = codes(outcomes[:24])["OK"]
    for product in products:
        assert await shop.stock(product.id) == (100 + 4 * 3 - 4 - sold, 0)
    await arena.balanced()


async def test_twenty_refreshes_of_one_token_have_one_winner(arena: Arena) -> None:
    person = await arena.shop.person()
    outcomes = await at_once(
        door.call("auth.refresh", {"refreshToken": person.refresh_token})
        for door in arena.entrances(20)
    )
    assert codes(outcomes) == {"OK": 1, "REFRESH_TOKEN_USED": 19}
    live = "SELECT count(*) FROM refresh_tokens WHERE session_id = $1 AND used_at IS NULL"
    assert await arena.shop.value(live, person.session_id) == 1
    await arena.balanced()


async def test_one_name_is_registered_once(arena: Arena) -> None:
    values = {
        "email": f"{uuid4().hex}@example.com",
        "username": uuid4().hex[:20],
        "password": "tandem-test-1",
        "fullName": "Ada Lovelace",
    }
    outcomes = await at_once(door.call("auth.register", values) for door in arena.entrances(6))
    assert codes(outcomes) == {"OK": 1, "EMAIL_TAKEN": 5}
    await arena.balanced()


async def test_no_write_is_accepted_after_the_answer_to_a_logout(arena: Arena) -> None:
    shop = arena.shop
    for _ in range(3):
        person = await shop.person()
        here, there = arena.doors[0], arena.doors[-1]

        async def deposit(person: Person = person, door: Any = there) -> Outcome:
            return await door.call("deposits.create", {"amount": "1"}, caller=person, key=new_key())

        crowd = [asyncio.create_task(deposit()) for _ in range(10)]
        done = await here.call("auth.logout", {"refreshToken": person.refresh_token})
        assert done.error is None
        late = await at_once(deposit() for _ in range(5))
        assert codes(late) == {"TOKEN_REVOKED": 5}
        assert set(codes(await asyncio.gather(*crowd))) <= {"OK", "TOKEN_REVOKED"}
    await arena.balanced()


async def test_twenty_refunds_at_once_never_give_back_more_than_was_paid(arena: Arena) -> None:
    shop = arena.shop
    buyer, manager = await shop.person(balance="100.00"), await shop.person("MANAGER")
    product = await shop.product("10.00", stock=10)
    order = await shop.order(buyer, [(product.id, 5)], paid=True)
    values = [
        {"id": order.id, "lines": [{"productId": product.id, "quantity": 1}], "restock": True},
        {"id": order.id, "amount": "7.00"},
    ]
    outcomes = await at_once(
        door.call("orders.refund", what, caller=manager, key=new_key())
        for door, what in zip(arena.entrances(20), cycle(values), strict=False)
    )
    assert set(codes(outcomes)) <= {"OK", "REFUND_EXCEEDS_PAYMENT", "ORDER_STATUS_INVALID"}
    given = sum(Decimal(outcome.ok["amount"]) for outcome in outcomes if outcome.error is None)
    assert 43 <= given <= 50
    assert await shop.value("SELECT refunded FROM orders WHERE id = $1", order.id) == given
    assert await shop.balance(buyer) == 50 + given
    back = sum(len(outcome.ok["lines"]) for outcome in outcomes if outcome.error is None)
    assert await shop.stock(product.id) == (5 + back, 0)
    await arena.balanced()


async def test_of_refunds_that_expect_the_same_exactly_one_is_made(arena: Arena) -> None:
    shop = arena.shop
    buyer, manager = await shop.person(balance="100.00"), await shop.person("MANAGER")
    order = await shop.order(buyer, paid=True)
    values = {"id": order.id, "amount": "1.00", "expectedRefunded": "0.00"}
    outcomes = await at_once(
        door.call("orders.refund", values, caller=manager, key=new_key())
        for door in arena.entrances(20)
    )
    assert codes(outcomes) == {"OK": 1, "REFUND_CHANGED": 19}
    assert await shop.value("SELECT refunded FROM orders WHERE id = $1", order.id) == 1
    await arena.balanced()


async def test_refunds_and_cancellations_of_one_order_give_back_once(arena: Arena) -> None:
    shop = arena.shop
    manager = await shop.person("MANAGER")
    product = await shop.product("10.00", stock=100)
    buyers = await people(shop, 6, "30.00")
    doors = cycle(arena.doors)
    calls = []
    for buyer in buyers:
        order = await shop.order(buyer, [(product.id, 3)], paid=True)
        line = {"id": order.id, "lines": [{"productId": product.id, "quantity": 1}]}
        calls += [
            next(doors).call("orders.refund", line, caller=manager, key=new_key()),
            next(doors).call("orders.cancel", {"id": order.id}, caller=buyer),
            next(doors).call(
                "orders.refund", {**line, "restock": True}, caller=manager, key=new_key()
            ),
            next(doors).call("orders.refund", {"id": order.id}, caller=manager, key=new_key()),
        ]
    outcomes = await at_once(calls)
    assert set(codes(outcomes)) <= {"OK", "ORDER_STATUS_INVALID", "REFUND_EXCEEDS_PAYMENT"}
    assert codes(outcomes[1::4]) == {"OK": 6}
    for buyer in buyers:
        assert await shop.balance(buyer) == 30
    assert await shop.stock(product.id) == (100, 0)
    await arena.balanced()

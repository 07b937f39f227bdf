"""Plays orders, coupons, wallets, stock, deposits, refunds and approvals against a model of them.

Hypothesis puts each world through every situation there is, in an order of its own. Between them it
does whatever it likes, which includes several calls at one moment.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, TypeVar
from uuid import uuid4

import hypothesis
import pytest
import structlog
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)

from api.app import create_app
from persistence.orders.statuses import MOVES
from services.books.running import run_checks
from services.catalogue import BY_NAME
from services.deposits import depositing as deposits
from services.errors.common import COMMON, IdempotencyKeyInUse, IdempotencyKeyRequired
from services.money import currency
from services.operation.declaration import Key
from services.orders.managing import expire
from services.process import new_process
from tests.commerce.chance import a_call
from tests.commerce.situations import SITUATIONS
from tests.commerce.state import APPROVAL, APPROVAL_ABOVE, HOLD
from tests.commerce.steps import funded
from tests.commerce.world import StandingClock, Tally, World
from tests.conftest import Addresses, client_of, running, settings_for
from tests.shop import Shop
from tests.suite import run_seed

STEPS = 40
#: Worlds to play in each currency, by the run's depth; a world meets each situation once.
EXAMPLES = {"EUR": (2, 11, 100), "JPY": (1, 5, 50), "KWD": (1, 5, 50)}
T = TypeVar("T")
#: One number that Hypothesis draws, whatever there is to choose from.
CHANCE = st.randoms(use_true_random=True)

#: The operations that the machine calls. It must see each of their declared errors.
OPERATIONS = {
    name: BY_NAME[name]
    for name in (
        "orders.quote",
        "orders.create",
        "orders.get",
        "orders.pay",
        "orders.cancel",
        "orders.updateStatus",
        "orders.refund",
        "approvals.approve",
        "approvals.reject",
        "deposits.create",
        "deposits.get",
        "products.adjustStock",
        "coupons.create",
        "coupons.get",
        "coupons.update",
        "coupons.deactivate",
        "coupons.check",
    )
} | {"orders.expire": expire, "deposits.settle": deposits.settle}
#: The wrapper's errors have tests of their own. A key is in use only while a call hangs, and the
#: machine's calls do not hang.
ELSEWHERE = COMMON | {IdempotencyKeyInUse}
#: An error that an operation with an optional key never answers.
NEVER = {IdempotencyKeyRequired}
#: Orders from before wallets held money can hold too much together; the machine has none of them.
OLDER = {("orders.pay", "INSUFFICIENT_FUNDS")}
#: Common errors that come from the rules of commerce.
HERE = {
    ("orders.pay", "FORBIDDEN"),
    ("orders.updateStatus", "FORBIDDEN"),
    ("orders.refund", "FORBIDDEN"),
    ("orders.refund", "VALIDATION_FAILED"),
    ("approvals.approve", "FORBIDDEN"),
    ("products.adjustStock", "FORBIDDEN"),
}
#: The moves of payments, redemptions and deposits.
OTHER_MOVES = {
    ("payment", "UNPAID", "PAID"),
    ("payment", "PAID", "PARTIALLY_REFUNDED"),
    ("payment", "PAID", "REFUNDED"),
    ("payment", "PARTIALLY_REFUNDED", "PARTIALLY_REFUNDED"),
    ("payment", "PARTIALLY_REFUNDED", "REFUNDED"),
    ("redemption", "None", "HELD"),
    ("redemption", "HELD", "USED"),
    ("redemption", "HELD", "RELEASED"),
    ("redemption", "USED", "RELEASED"),
    ("deposit", "None", "SUCCEEDED"),
    ("deposit", "None", "FAILED"),
    ("deposit", "None", "PENDING"),
    ("deposit", "PENDING", "SUCCEEDED"),
    ("deposit", "PENDING", "FAILED"),
}


class Stage:
    """A database of the machine's own, the application over it, and a loop to run them in."""

    def __init__(self, addresses: Addresses, password_hash: str, code: str) -> None:
        self.tally = Tally()
        self._loop = asyncio.new_event_loop()
        self._opened = self._open(addresses, password_hash, code)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something to its end."""
        return self._loop.run_until_complete(work)

    def world(self) -> World:
        """A new world."""
        return World(self.shop, self._client, self.tally)

    def __enter__(self) -> "Stage":
        self.shop, self._client = self.run(self._opened.__aenter__())
        return self

    def __exit__(self, *raised: Any) -> None:
        try:
            self.run(self._opened.__aexit__(*raised))
        finally:
            self._loop.close()

    @asynccontextmanager
    async def _open(
        self, addresses: Addresses, password_hash: str, code: str
    ) -> AsyncIterator[Any]:
        name = f"tandem_machine_{uuid4().hex[:12]}"
        async with AsyncExitStack() as stack:
            url = await addresses.create(name)
            stack.push_async_callback(addresses.drop, name)
            settings = settings_for(
                url,
                addresses.redis_url,
                hold_seconds=int(HOLD.total_seconds()),
                approval_seconds=int(APPROVAL.total_seconds()),
                currency=code,
                approval_above=currency(code).units(APPROVAL_ABOVE),
                # The clock moves by hours, and nobody has to sign in again.
                access_token_seconds=10_000_000,
                refresh_token_seconds=10_000_000,
                key_wait_seconds=60,
            )
            process = new_process(settings, StandingClock(datetime.now(UTC)))
            await process.open()
            stack.push_async_callback(process.close)
            app = await stack.enter_async_context(running(create_app(process)))
            client = await stack.enter_async_context(client_of(app))
            yield Shop(process, password_hash), client


class Commerce(RuleBasedStateMachine):
    """A shop in which anything may happen, in any order."""

    stage: Stage

    def __init__(self) -> None:
        super().__init__()
        self.world = self.stage.world()
        self.failed = False
        self.deck: list[str] = []
        self._do(self._begin())

    @initialize(deck=st.permutations(sorted(SITUATIONS)))
    def shuffle(self, deck: list[str]) -> None:
        """Every situation has its turn."""
        self.deck = deck

    @rule()
    def situation(self) -> None:
        """The next of the situations."""
        if self.deck:
            self._enter(self.deck.pop())

    @rule(chance=CHANCE)
    def call(self, chance: Random) -> None:
        """Somebody does something."""
        call = a_call(self.world, chance)
        self._do(
            self.world.call(
                call.operation, call.actor, makes=call.makes, key=call.key, **call.values
            )
        )

    @rule(chance=CHANCE, number=st.sampled_from((2, 3, 3, 4)))
    def together(self, chance: Random, number: int) -> None:
        """Several do something at one moment."""
        calls = [a_call(self.world, chance) for _ in range(number)]
        self._do(self.world.together(*calls))

    @rule(duration=st.sampled_from((1, 60, 599, 600, 7200)))
    def wait(self, duration: int) -> None:
        """Time passes."""
        self.world.wait(timedelta(seconds=duration))

    @rule()
    def job(self) -> None:
        """The job that expires orders has its turn."""
        self._do(self.world.expire_due())

    def teardown(self) -> None:
        """Enter the situations that had no turn yet."""
        while self.deck and not self.failed:
            self._enter(self.deck.pop())

    async def _begin(self) -> None:
        await self.world.begin()
        for buyer in ("buyer-1", "buyer-2", "buyer-3", "manager-1"):
            await funded(self.world, buyer, 1)

    def _enter(self, name: str) -> None:
        self.world.trace.append(f"– {name}")
        self._do(SITUATIONS[name](self.world))

    def _do(self, work: Coroutine[Any, Any, Any]) -> None:
        try:
            self.stage.run(work)
            self.stage.run(self.world.agree())
        except BaseException:
            self.failed = True
            raise


def expected() -> tuple[set[tuple[str, str]], set[tuple[str, str, str]]]:
    """The errors and the moves that have to be reached."""
    errors = {
        (name, error.code)
        for name, operation in OPERATIONS.items()
        for error in operation.errors
        - (ELSEWHERE if operation.key is Key.REQUIRED else ELSEWHERE | NEVER)
    }
    moves = {(by, str(move.before), str(move.after)) for move in MOVES for by in move.by}
    return (errors - OLDER) | HERE, moves | OTHER_MOVES


def report(tally: Tally) -> str:
    """A table of the moves and errors that were reached, with their counts."""
    rows = [
        *(f"{count:6}  {by}: {a} → {b}" for (by, a, b), count in sorted(tally.moves.items())),
        *(f"{count:6}  {name}: {code}" for (name, code), count in sorted(tally.errors.items())),
    ]
    head = (
        f"TANDEM_TEST_SEED={run_seed()}: {tally.examples} examples, {tally.calls} calls, "
        f"{tally.crossings} groups of calls at one moment"
    )
    return "\n".join([head, *rows])


@pytest.mark.parametrize("code", EXAMPLES)
def test_commerce_goes_as_its_model_says(
    addresses: Addresses,
    password_hash: str,
    depth: int,
    code: str,
    record_property: Callable[[str, object], None],
) -> None:
    examples = EXAMPLES[code][depth]
    with Stage(addresses, password_hash, code) as stage:
        machine = hypothesis.seed(run_seed())(type("Commerce", (Commerce,), {"stage": stage}))
        settings = hypothesis.settings(
            max_examples=examples,
            stateful_step_count=STEPS,
            # Calls at one moment end differently each time, so a failure cannot be shortened.
            phases=[hypothesis.Phase.generate],
            suppress_health_check=[
                hypothesis.HealthCheck.too_slow,
                hypothesis.HealthCheck.data_too_large,
            ],
            deadline=None,
            database=None,
        )
        try:
            # The log of thousands of calls would bury the report.
            with structlog.testing.capture_logs():
                run_state_machine_as_test(machine, settings=settings)
        finally:
            record_property("summary", report(stage.tally))
        found = stage.run(run_checks(stage.shop.process.settings.database_url))
        assert [result for result in found if result.wrong] == []
    errors, moves = expected()
    rare = {
        **{error: stage.tally.errors[error] for error in errors},
        **{move: stage.tally.moves[move] for move in moves},
    }
    assert {what: times for what, times in rare.items() if times < examples - 1} == {}

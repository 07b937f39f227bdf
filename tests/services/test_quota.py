"""Budgets: spent to the last unit and no further, by any number of processes, Redis or no Redis."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from persistence.reachability import Reachability
from services import redis_calls
from services.access.addresses import client, household, parsed
from services.fast.joined_charges import JoinedCharges
from services.fast.redis_pipeline import Pipeline
from services.process import new_redis
from services.quota import gcra
from services.quota.gcra import Budgets, Charge, spend
from services.redis_calls import PooledCalls
from tests.conftest import Addresses, settings_for
from tests.shop import unique
from tests.suite import LONGER

NOW = 1_800_000_000_000_000  # µs since 1970
SECOND = 1_000_000
Make = Callable[..., Budgets]


def charge(units: int = 10, cost: int = 1, *, seconds: int = 90, key: str | None = None) -> Charge:
    """A charge to a new budget, or to a named one."""
    return Charge(key or unique("budget"), seconds * SECOND // units, units, cost)


def client_of(url: str) -> Redis:
    """Redis as a process uses it."""
    return new_redis(settings_for("postgresql:///nowhere", url))


@pytest.fixture
def ways() -> list[PooledCalls | Pipeline]:
    """The ways to Redis of the budgets that were made."""
    return []


@pytest.fixture(params=["alone", "joined"])
async def make(
    request: pytest.FixtureRequest, addresses: Addresses, ways: list[PooledCalls | Pipeline]
) -> AsyncIterator[Make]:
    """Makes the budgets as another process sees them, on either way to Redis."""
    clients: list[Redis] = []

    def made(processes: int = 1, url: str | None = None, seconds: float = 30) -> Budgets:
        client = client_of(url or addresses.redis_url)
        clients.append(client)
        reachability = Reachability("Redis", url or addresses.redis_url, "")
        if request.param == "alone":
            calls = PooledCalls(client, seconds)
            ways.append(calls)
            ask = partial(gcra.ask_redis, calls)
            return Budgets(ask, seconds, processes, reachability)
        pipeline = Pipeline(client, seconds)
        ways.append(pipeline)
        return Budgets(JoinedCharges(pipeline).ask, seconds, processes, reachability)

    yield made
    for each in ways:
        each.close()
    for one in clients:
        await one.aclose()


@pytest.fixture
def budgets(make: Make) -> Budgets:
    return make()


async def let_in(budgets: Budgets, one: Charge, times: int, now: int = NOW) -> int:
    """How many of so many charges at once are let in."""
    spent = await asyncio.gather(*[budgets.spend([one], now) for _ in range(times)])
    return sum(each.allowed for each in spent)


async def test_a_budget_is_spent_to_the_last_unit_and_no_further(budgets: Budgets) -> None:
    one = charge(10)
    for left in range(9, -1, -1):
        spent = await budgets.spend([one], NOW)
        assert spent.allowed
        assert spent.balances == [(left, 0, (10 - left) * 9 * SECOND)]
    spent = await budgets.spend([one], NOW)
    assert not spent.allowed
    assert spent.balances == [(0, 9 * SECOND, 90 * SECOND)]


async def test_fifty_at_once_get_the_twenty_that_there_are(make: Make) -> None:
    one, here, there = charge(20), make(), make()
    found = await asyncio.gather(let_in(here, one, 25), let_in(there, one, 25))
    assert sum(found) == 20


async def test_a_refused_charge_is_let_in_when_it_was_told_and_not_a_tick_sooner(
    budgets: Budgets,
) -> None:
    one = charge(10, cost=3)
    assert await let_in(budgets, one, 5) == 3
    wait = (await budgets.spend([one], NOW)).balances[0].retry_after
    assert wait == 2 * 9 * SECOND
    assert not (await budgets.spend([one], NOW + wait - 1)).allowed
    assert (await budgets.spend([one], NOW + wait)).allowed


async def test_what_was_spent_comes_back_evenly(budgets: Budgets) -> None:
    one = charge(10)
    assert await let_in(budgets, one, 10) == 10
    assert await let_in(budgets, one, 10, NOW + 45 * SECOND) == 5
    assert await let_in(budgets, one, 20, NOW + 45 * SECOND + 90 * SECOND) == 10


async def test_several_budgets_are_charged_together_or_not_at_all(budgets: Budgets) -> None:
    small, large = charge(2), charge(10)
    assert (await budgets.spend([small, large], NOW)).allowed
    assert (await budgets.spend([small, large], NOW)).allowed
    spent = await budgets.spend([large, small], NOW)
    assert not spent.allowed
    assert [each.remaining for each in spent.balances] == [8, 0]
    assert [each.retry_after for each in spent.balances] == [0, 45 * SECOND]


async def test_a_charge_of_nothing_only_looks(budgets: Budgets) -> None:
    one = charge(10)
    look = one._replace(cost=0)
    assert (await budgets.spend([look], NOW)).balances == [(10, 0, 0)]
    await let_in(budgets, one, 10)
    spent = await budgets.spend([look], NOW)
    assert (spent.allowed, spent.balances) == (True, [(0, 0, 90 * SECOND)])


async def test_units_that_are_given_back_fill_the_budget_and_no_more(budgets: Budgets) -> None:
    one, other = charge(10), charge(5)
    back = one._replace(cost=-1)
    await let_in(budgets, one, 10)
    spent = await budgets.spend([back, other], NOW)
    assert spent.balances == [(1, 0, 81 * SECOND), (4, 0, 18 * SECOND)]
    assert await let_in(budgets, one, 3) == 1
    for _ in range(12):
        await budgets.spend([back], NOW + 9 * SECOND)
    assert await let_in(budgets, one, 20, NOW + 9 * SECOND) == 10
    much = one._replace(cost=-1000)
    assert (await budgets.spend([much], NOW)).balances == [(10, 0, 0)]


async def test_what_costs_more_than_the_whole_budget_takes_all_of_it(budgets: Budgets) -> None:
    one = charge(10, cost=1000)
    assert (await budgets.spend([one], NOW)).balances == [(0, 0, 90 * SECOND)]
    refused = await budgets.spend([one], NOW + SECOND)
    assert refused.balances[0].retry_after == 89 * SECOND
    assert (await budgets.spend([one], NOW + 90 * SECOND)).allowed


async def test_clocks_that_differ_a_little_do_not_refill_a_budget(budgets: Budgets) -> None:
    one = charge(10)
    assert await let_in(budgets, one, 10, NOW + 5 * SECOND) == 10
    assert await let_in(budgets, one, 10) == 0


async def test_a_clock_that_was_far_ahead_leaves_nobody_waiting(budgets: Budgets) -> None:
    one = charge(10)
    assert await let_in(budgets, one, 10, NOW + 86_400 * SECOND) == 10
    assert await let_in(budgets, one, 20) == 10


async def test_redis_and_the_process_reckon_alike(budgets: Budgets, depth: int) -> None:
    """Thousands of charges at odd times, on budgets whose intervals divide nothing."""
    keys = [
        (unique("budget"), random.randrange(1, 10**7), random.randrange(1, 50)) for _ in range(3)
    ]
    kept: dict[str, int] = {}
    now = NOW + 7
    for _ in range(1500 * LONGER[depth]):
        now += random.choice([0, 1, 999, random.randrange(10**7), -random.randrange(10**6)])
        some = random.sample(keys, random.randrange(1, 4))
        charges = [Charge(*one, random.choice([-60, -1, 0, 1, 1, 2, 60])) for one in some]
        allowed, times = spend(kept, charges, now)
        spent = await budgets.spend(charges, now)
        assert spent.allowed == allowed
        assert [each.full_after + now for each in spent.balances] == times


async def test_a_key_goes_by_itself(budgets: Budgets, addresses: Addresses) -> None:
    one, redis = charge(10), client_of(addresses.redis_url)
    for _ in range(3):
        began = time.monotonic()
        await budgets.spend([one], NOW)
        left = await redis.pttl(one.key)
        passed = (time.monotonic() - began) * 1000
        # As long as the whole budget takes to refill, and as far as clocks may differ.
        assert 100_000 - passed - 1000 < left <= 100_000
    untouched = charge(10, cost=0)
    await budgets.spend([untouched], NOW)
    assert not await redis.exists(untouched.key)
    await redis.aclose()


@asynccontextmanager
async def own_valkey(folder: Path) -> AsyncIterator[str]:
    """A Valkey of the test's own."""
    from api.local import embedded_servers

    servers = await asyncio.to_thread(embedded_servers.start, folder, durable=False, postgres=False)
    try:
        yield servers.redis_url
    finally:
        await asyncio.to_thread(servers.stop)


async def commands(url: str) -> dict[str, int]:
    """How often each command was called."""
    redis = client_of(url)
    found: Any = await redis.info("commandstats")
    await redis.aclose()
    return {name.removeprefix("cmdstat_"): each["calls"] for name, each in found.items()}


async def test_a_charge_is_one_round_trip_however_many_budgets_it_has(
    tmp_path: Path, make: Make
) -> None:
    async with own_valkey(tmp_path) as url:
        budgets = make(url=url)
        await budgets.spend([charge()], NOW)
        before = await commands(url)
        for _ in range(10):
            assert (await budgets.spend([charge(), charge(), charge()], NOW)).allowed
        after = await commands(url)
        # What the script itself calls is counted as well; what comes over the wire is evalsha.
        assert after["evalsha"] - before["evalsha"] == 10
        assert after["eval"] == before["eval"] == 1
        sent = {name for name in after if after[name] != before.get(name)}
        assert sent <= {"evalsha", "get", "set", "info", "hello", "client|setinfo"}


async def test_a_redis_that_forgot_the_script_is_taught_it_again(
    tmp_path: Path, make: Make
) -> None:
    async with own_valkey(tmp_path) as url:
        one, budgets, redis = charge(10), make(2, url), client_of(url)
        assert await let_in(budgets, one, 4) == 4
        await redis.script_flush()
        await redis.aclose()
        # A share of two processes would be spent by now: it is Redis that counts on.
        assert await let_in(budgets, one, 10) == 6


async def test_without_redis_each_process_grants_its_share_and_no_more(make: Make) -> None:
    one = charge(10)
    nowhere = "redis://127.0.0.1:1/0"
    for process in (make(2, nowhere), make(2, nowhere)):
        assert await let_in(process, one, 20) == 5
        spent = await process.spend([one], NOW)
        assert spent.balances == [(0, 18 * SECOND, 90 * SECOND)]
        assert not (await process.spend([one], NOW + 18 * SECOND - 1)).allowed
        assert (await process.spend([one], NOW + 18 * SECOND)).allowed


async def test_a_share_is_never_nothing(make: Make) -> None:
    budgets = make(50, "redis://127.0.0.1:1/0")
    assert await let_in(budgets, charge(10, cost=3), 5) == 1


async def test_with_redis_back_the_budget_is_shared_again(
    tmp_path: Path, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_calls, "PAUSE_SECONDS", 0.2)
    one = charge(10)
    async with own_valkey(tmp_path) as url:
        here, there = make(2, url), make(2, url)
        assert await let_in(here, one, 2) == 2
    assert await let_in(here, one, 20) == 5
    assert await let_in(there, one, 20) == 5
    async with own_valkey(tmp_path):
        await asyncio.sleep(0.3)
        # Valkey keeps nothing over a restart: the budget is whole, and it is one.
        assert [await let_in(each, one, 1) for each in (here, there)] == [1, 1]
        assert await let_in(here, one, 5) == 5
        assert await let_in(there, one, 20) == 3
    # What was spent of the share is forgotten as well.
    assert await let_in(here, one, 20) == 5


async def test_a_redis_that_hangs_is_asked_by_one_call_and_then_left_alone(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0

    async def never_answer(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        await reader.read()

    server = await asyncio.start_server(never_answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    monkeypatch.setattr(redis_calls, "PAUSE_SECONDS", 600)  # it ends when the test says so
    budgets, one = make(1, f"redis://127.0.0.1:{port}/0", 1), charge(10)
    async with asyncio.timeout(15):  # twenty waits, one after the other, would take twenty
        assert (await budgets.spend([one], NOW)).allowed
        for _ in range(20):
            await budgets.spend([one], NOW)
        assert asked == 1
    budgets._breaker.ask_again_at = 0.0  # the pause is over
    async with asyncio.timeout(15):
        await asyncio.gather(*[budgets.spend([one], NOW) for _ in range(20)])
    assert asked == 2
    server.close()


async def test_an_answer_that_came_too_late_is_not_taken_for_the_next_one(
    tmp_path: Path, make: Make, ways: list[PooledCalls | Pipeline]
) -> None:
    async with own_valkey(tmp_path) as url:
        budgets, redis = make(1, url, 0.2), Redis.from_url(url)
        one, other = charge(10), charge(100)
        await budgets.spend([one], NOW)
        busy = "local till = os.clock() + 0.8; while os.clock() < till do end return 1"

        async def block() -> None:
            await redis.execute_command("EVAL", busy, 0)

        blocking = asyncio.create_task(block())
        await asyncio.sleep(0.05)
        await let_in(budgets, one, 3)  # in here, while Redis is busy
        await blocking
        # From now on no answer is late, however slow the machine is.
        ways[-1]._seconds = 30
        budgets._breaker.ask_again_at = 0.0
        for left in range(99, 89, -1):
            assert (await budgets.spend([other], NOW)).balances[0].remaining == left
        await redis.aclose()


async def test_a_process_remembers_only_so_many_budgets_by_itself(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gcra, "_MOST_REMEMBERED", 5)
    budgets = make(1, "redis://127.0.0.1:1/0")
    used = charge(10)
    for _ in range(8):
        await budgets.spend([used], NOW)
        await budgets.spend([charge(10)], NOW)
    assert len(budgets._full_at) == 5
    # Whoever calls goes on being counted, whoever else comes by.
    assert (await budgets.spend([used], NOW)).balances[0].remaining == 1


@pytest.mark.parametrize(
    ("peer", "forwarded", "found"),
    [
        ("192.0.2.1", [], "192.0.2.1"),
        # Nobody is believed who is no proxy of ours.
        ("192.0.2.1", ["198.51.100.7"], "192.0.2.1"),
        ("10.0.0.1", ["198.51.100.7"], "198.51.100.7"),
        # What stands left of a stranger, the stranger wrote.
        ("10.0.0.1", ["203.0.113.9, 198.51.100.7"], "198.51.100.7"),
        ("10.0.0.1", ["203.0.113.9, 198.51.100.7, 10.0.0.2"], "198.51.100.7"),
        ("10.0.0.1", ["203.0.113.9", "198.51.100.7, 10.0.0.2"], "198.51.100.7"),
        ("10.0.0.1", ["10.0.0.3,10.0.0.2"], "10.0.0.3"),
        ("10.0.0.1", ["198.51.100.7, rubbish"], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.7, rubbish, 10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("10.0.0.1", [",,,"], "10.0.0.1"),
        ("10.0.0.1", ["1" * 10_000], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.7:4711"], "198.51.100.7"),
        ("10.0.0.1", ["[2001:db8::7]:4711"], "2001:db8::7"),
        ("10.0.0.1", ["[2001:db8::7]"], "2001:db8::7"),
        ("::ffff:10.0.0.1", ["::ffff:198.51.100.7"], "198.51.100.7"),
        ("fd00::1", ["2001:db8::7"], "2001:db8::7"),
        ("fd01::1", ["2001:db8::7"], "fd01::1"),
        ("fe80::1%eth0", [], "fe80::1"),
        (None, ["198.51.100.7"], "::"),
        ("/run/tandem.sock", [], "::"),
    ],
)
def test_the_caller_is_whom_our_own_proxies_name(
    peer: str | None, forwarded: list[str], found: str
) -> None:
    settings = settings_for("postgresql:///x", "redis://x", trusted_proxies="10.0.0.0/8, fd00::/64")
    assert str(client(peer, forwarded, settings.trusted_proxies)) == found


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff:1:2:3", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
    ],
)
def test_an_ipv6_network_counts_as_one_address(one: str, other: str, same: bool) -> None:
    first, second = parsed(one), parsed(other)
    assert first
    assert second
    assert (household(first) == household(second)) is same

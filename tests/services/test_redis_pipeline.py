"""One connection to Redis: every call gets its own reply, whatever becomes of the others."""

import asyncio
import random
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError, ResponseError, TimeoutError

from persistence.reachability import Reachability
from services.fast import redis_pipeline as room
from services.fast.joined_charges import JoinedCharges
from services.fast.redis_pipeline import Pipeline
from services.process import new_redis
from services.quota.gcra import Budgets, Charge, spend
from tests.conftest import Addresses, settings_for
from tests.shop import unique
from tests.suite import LONGER

NOW = 1_800_000_000_000_000  # µs since 1970


@pytest.fixture
async def redis(addresses: Addresses) -> AsyncIterator[Redis]:
    client = new_redis(settings_for("postgresql:///nowhere", addresses.redis_url))
    yield client
    await client.aclose()


@pytest.fixture
async def pipeline(redis: Redis) -> AsyncIterator[Pipeline]:
    pipeline = Pipeline(redis, 30)
    yield pipeline
    pipeline.close()


async def ran(redis: Redis, command: str) -> int:
    """How often a command was called."""
    stats = await redis.info("commandstats")
    return stats.get(f"cmdstat_{command}", {"calls": 0})["calls"]


async def test_every_call_gets_its_own_reply(pipeline: Pipeline) -> None:
    async def echoed(number: int) -> None:
        for turn in range(50):
            word = f"{number}:{turn}".encode()
            assert await pipeline.call("ECHO", word) == word

    await asyncio.gather(*[echoed(number) for number in range(40)])


async def test_who_gives_up_waiting_shifts_nobodys_reply(pipeline: Pipeline, depth: int) -> None:
    async def call(number: int) -> None:
        word = str(number).encode()
        asking = asyncio.create_task(pipeline.call("ECHO", word))
        if random.random() < 0.5:
            for _ in range(random.randrange(4)):
                await asyncio.sleep(0)
            asking.cancel()
            await asyncio.wait([asking])
        else:
            assert await asking == word

    for _ in range(20 * LONGER[depth]):
        await asyncio.gather(*[call(number) for number in range(50)])


async def test_a_refused_call_fails_alone(pipeline: Pipeline) -> None:
    found = await asyncio.gather(
        pipeline.call("ECHO", "before"),
        pipeline.call("NONSENSE"),
        pipeline.call("ECHO", "after"),
        return_exceptions=True,
    )
    assert [found[0], found[2]] == [b"before", b"after"]
    assert isinstance(found[1], ResponseError)


async def test_a_lost_connection_fails_what_was_under_way_and_is_made_again(
    pipeline: Pipeline, redis: Redis
) -> None:
    ours = await pipeline.call("CLIENT", "ID")
    waiting = asyncio.create_task(pipeline.call("BLPOP", unique("nothing"), 0))
    await asyncio.sleep(0.05)
    await redis.execute_command("CLIENT", "KILL", "ID", ours)
    with pytest.raises(ConnectionError):
        await waiting
    assert await pipeline.call("ECHO", "again") == b"again"
    assert await pipeline.call("CLIENT", "ID") != ours


async def test_a_late_reply_fails_its_call_and_answers_no_other(redis: Redis) -> None:
    pipeline = Pipeline(redis, 0.1)
    with pytest.raises(TimeoutError):
        await pipeline.call("BLPOP", unique("nothing"), 0.3)
    pipeline._seconds = 30  # from now on no reply is late, however slow the machine is
    for number in range(20):
        assert await pipeline.call("ECHO", number) == str(number).encode()
        await asyncio.sleep(0.02)
    pipeline.close()


async def test_more_calls_than_may_wait_fail_at_once(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "_MOST_WAITING", 5)
    calls = [pipeline.call("ECHO", number) for number in range(8)]
    found = await asyncio.gather(*calls, return_exceptions=True)
    assert found[:5] == [b"0", b"1", b"2", b"3", b"4"]
    assert all(isinstance(each, ConnectionError) for each in found[5:])
    assert await pipeline.call("ECHO", "later") == b"later"


async def test_charges_of_one_turn_are_one_run_of_the_script(
    pipeline: Pipeline, redis: Redis
) -> None:
    budgets = Budgets(JoinedCharges(pipeline).ask, 30, 1, Reachability("Redis", "", ""))
    charges = [Charge(unique("budget"), 1_000_000, 10, 1) for _ in range(16)]
    await budgets.spend(charges[:1], NOW)
    # Other tests may use the same Redis: they can only make it more than one run.
    runs = []
    while len(runs) < 100 and (not runs or min(runs) >= 16):
        before = await ran(redis, "get"), await ran(redis, "evalsha")
        await asyncio.gather(*[budgets.spend([each], NOW) for each in charges])
        after = await ran(redis, "get"), await ran(redis, "evalsha")
        assert after[0] - before[0] >= 16
        runs.append(after[1] - before[1])
    assert min(runs) < 16


async def test_of_charges_that_are_joined_each_group_is_let_in_or_refused_by_itself(
    pipeline: Pipeline, redis: Redis, depth: int
) -> None:
    """The same charges, joined in Redis and one after the other in here, on budgets they share."""
    budgets = Budgets(JoinedCharges(pipeline).ask, 30, 1, Reachability("Redis", "", ""))
    keys = [
        (unique("budget"), random.randrange(1, 10**7), random.randrange(1, 30)) for _ in range(4)
    ]
    kept: dict[str, int] = {}
    refused = 0
    for turn in range(40 * LONGER[depth]):
        now = NOW + turn * 10**6
        groups = [
            [
                Charge(*one, random.choice([0, 1, 2, 40]))
                for one in random.sample(keys, random.choice([1, 2, 3]))
            ]
            for _ in range(random.choice([1, 7, 150]))
        ]
        reckoned = [spend(kept, group, now) for group in groups]
        found = await asyncio.gather(*[budgets.spend(group, now) for group in groups])
        for (allowed, times), spent in zip(reckoned, found, strict=True):
            assert spent.allowed == allowed
            assert [each.full_after + now for each in spent.balances] == times
            refused += not allowed
    assert refused > 100

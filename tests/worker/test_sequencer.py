"""The sequencer: every committed event gets one position, in an order that readers can rely on."""

import asyncio
import json
import random
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from persistence.database.connections import Connection
from persistence.events.statements import INSERT_EVENTS
from services.events.sequencing import Sequencer
from services.events.types import PROJECT_UPDATED
from services.ids import new_id
from services.process import new_process
from tests.commands import running
from tests.conftest import CHECKOUT, Addresses, settings_for
from tests.event_log import read_log
from tests.faces import Door, door_named
from tests.shop import Clock, Person, Shop, unique
from tests.worker.work import eventually


@pytest.fixture
async def shop(
    fresh_database: str, addresses: Addresses, password_hash: str
) -> AsyncIterator[Shop]:
    """A shop of its own, whose log no other test writes to."""
    process = new_process(settings_for(fresh_database, addresses.redis_url), Clock())
    await process.open()
    yield Shop(process, password_hash)
    await process.close()


# ── One transaction after the other ──


class Writer:
    """A transaction that writes events as an operation does, step by step."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._transaction = connection.transaction()

    async def begin(self) -> None:
        """Begin, and take the transaction's number, as a call with an idempotency key does."""
        await self._transaction.start()
        await self._connection.execute("SELECT pg_current_xact_id()")

    async def lock(self, subject: str) -> None:
        """Lock the subject."""
        locked = "SELECT FROM categories WHERE id = $1 FOR NO KEY UPDATE"
        await self._connection.execute(locked, subject)

    async def emit(self, subject: str, owner: Person, said: Any) -> str:
        """Write an event about a locked subject; its id."""
        now = Clock()()
        id = new_id(now)
        values = {
            "at": now,
            "request_id": unique(),
            "tags": [f"category:{subject}"],
            "id": [id],
            "type": [PROJECT_UPDATED.name],
            "subject": [subject],
            "data": [json.dumps({"said": said})],
            "audience": ["projects"],
            "is_public": [False],
            "is_withheld": [False],
            "owner_id": [owner.id],
            "person_id": [owner.id],
        }
        await self._connection.execute(INSERT_EVENTS.sql, *INSERT_EVENTS.arguments(values))
        return id

    async def commit(self) -> None:
        """Commit."""
        await self._transaction.commit()


@dataclass
class Stage:
    """Connections for writers, and what they have committed."""

    pool: asyncpg.Pool
    committed: list[str] = field(default_factory=list)


@pytest.fixture
async def stage(shop: Shop) -> AsyncIterator[Stage]:
    url = shop.process.settings.database_url
    async with asyncpg.create_pool(url, min_size=0, max_size=52) as pool:
        yield Stage(pool)


async def log_of(shop: Shop) -> list[dict[str, Any]]:
    return await shop.rows("SELECT id::text, position, subject::text, data FROM events ORDER BY 2")


async def test_a_late_commit_gets_a_late_position_and_is_missed_by_nobody(
    shop: Shop, stage: Stage
) -> None:
    owner = await shop.person()
    subjects = [await shop.category() for _ in range(2)]
    async with stage.pool.acquire() as first, stage.pool.acquire() as second:
        held, quick = Writer(first), Writer(second)
        for writer, subject in zip((held, quick), subjects, strict=True):
            await writer.begin()
            await writer.lock(subject)
        early = await held.emit(subjects[0], owner, 1)  # the lower seq
        late = await quick.emit(subjects[1], owner, 2)
        await quick.commit()
        await shop.process.sequencer.run()
        [event] = await read_log(door_named("direct", shop, None), owner)
        assert event["id"] == late
        await held.commit()
        await shop.process.sequencer.run()
        values = {"after": event["cursor"]}
        rest = await door_named("direct", shop, None).call("events.list", values, caller=owner)
        assert rest.ids() == [early]
    assert [row["position"] for row in await log_of(shop)] == [1, 2]


async def test_events_of_one_subject_have_the_order_of_its_lock(shop: Shop, stage: Stage) -> None:
    """The first transaction to begin is the last to get the subject's lock."""
    owner, subject = await shop.person(), await shop.category()
    async with stage.pool.acquire() as one, stage.pool.acquire() as other:
        waiting, first = Writer(one), Writer(other)
        await waiting.begin()
        await first.begin()
        await first.lock(subject)
        locking = asyncio.create_task(waiting.lock(subject))
        shipped = await first.emit(subject, owner, "confirmed")
        await first.commit()
        await locking
        delivered = await waiting.emit(subject, owner, "shipped")
        await waiting.commit()
    await shop.process.sequencer.run()
    assert [row["id"] for row in await log_of(shop)] == [shipped, delivered]


async def test_more_events_than_a_run_moves_at_once_keep_their_order(shop: Shop) -> None:
    owner = await shop.person()
    await shop.execute(
        "INSERT INTO event_outbox (id, type, at, subject, request_id, audience, is_public, "
        "is_withheld, owner_id, tags) SELECT gen_random_uuid(), 'project.updated', now(), $1, 'r', "
        "'projects', false, false, $1, '{}' FROM generate_series(1, 2500) ORDER BY 1",
        owner.id,
    )
    order = [row["id"] for row in await shop.rows("SELECT id::text FROM event_outbox ORDER BY seq")]
    await asyncio.gather(*(shop.process.sequencer.run() for _ in range(3)))
    assert [row["id"] for row in await log_of(shop)] == order
    assert [row["position"] for row in await log_of(shop)] == list(range(1, 2501))
    assert await shop.value("SELECT position FROM event_head") == 2500


async def test_a_missing_day_holds_up_no_event(shop: Shop) -> None:
    owner = await shop.person()
    await shop.project(owner)
    await shop.process.sequencer.run()
    assert await shop.value("SELECT count(*) FROM events_default") == 1


async def test_readers_are_woken_after_the_cache_forgot(shop: Shop) -> None:
    """The tags of an event's transaction are outdated before anybody can read the event."""
    process = shop.process
    product = await shop.product()
    await process.sequencer.run()
    calls = process.redis_calls
    tag = f"{process.settings.redis_prefix}:cache:of:product:{product.id}"
    # Its writer did the same after its COMMIT; this one died before.
    await shop.execute(
        "INSERT INTO event_outbox (id, type, at, subject, request_id, audience, is_public, "
        "is_withheld, tags) VALUES (gen_random_uuid(), 'product.updated', now(), $1, 'r', "
        "'products', true, false, $2)",
        product.id,
        [f"product:{product.id}"],
    )
    await calls.call("SET", tag, "a generation")
    async with process.redis.pubsub() as listener:
        await listener.subscribe(process.sequencer.channel)
        await listener.get_message(ignore_subscribe_messages=True, timeout=5)
        await process.sequencer.run()
        told = await listener.get_message(ignore_subscribe_messages=True, timeout=60)
        assert told is not None
        assert int(told["data"]) == await shop.value("SELECT position FROM event_head")
    assert await calls.call("GET", tag) is None


async def test_an_empty_outbox_is_looked_into_with_one_statement(shop: Shop) -> None:
    await shop.process.sequencer.poll()
    before = await shop.value("SELECT position FROM event_head")
    await shop.project(await shop.person())
    await shop.process.sequencer.poll()
    assert await shop.value("SELECT position FROM event_head") == before + 1


async def test_workers_give_positions_and_make_the_days_of_the_log(
    shop: Shop, tmp_path: Path
) -> None:
    """Two at once, and nobody else runs a sequencer."""
    owner = await shop.person()
    made = [(await shop.project(owner)).id for _ in range(3)]
    settings = shop.process.settings

    async def all_there() -> bool:
        log = await log_of(shop)
        days = await shop.value(
            "SELECT count(*) FROM pg_inherits WHERE inhparent = 'events'::regclass"
        )
        return [row["subject"] for row in log] == made and days in (9, 10)

    with (
        running(tmp_path / "one", settings, "worker"),
        running(tmp_path / "other", settings, "worker"),
    ):
        await eventually(all_there)
        made.append((await shop.project(owner)).id)
        await eventually(all_there)
    assert [row["position"] for row in await log_of(shop)] == [1, 2, 3, 4]


_DIES = """
import asyncio, sys
from services.process import new_process
from tests.conftest import settings_for

async def main():
    process = new_process(settings_for(sys.argv[1], sys.argv[2]))
    async def stay(tags):
        print("moved", flush=True)
        await asyncio.Event().wait()
    process.sequencer._cache.bump = stay  # the last step before its COMMIT
    await process.sequencer.run()

asyncio.run(main())
"""


async def dying_sequencer(shop: Shop) -> asyncio.subprocess.Process:
    """A sequencer in a process of its own, which has moved events and not committed yet."""
    settings = shop.process.settings
    arguments = (settings.database_url, settings.redis_url)
    dying = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _DIES, *arguments, cwd=CHECKOUT, stdout=asyncio.subprocess.PIPE
    )
    assert dying.stdout
    assert await asyncio.wait_for(dying.stdout.readline(), 180) == b"moved\n"
    return dying


async def test_a_sequencer_that_is_killed_midway_leaves_all_to_the_next(shop: Shop) -> None:
    owner = await shop.person()
    made = [(await shop.project(owner)).id for _ in range(3)]
    dying = await dying_sequencer(shop)
    next_ = asyncio.create_task(shop.process.sequencer.run())
    made.append((await shop.project(owner)).id)  # no write waits for a sequencer
    dying.send_signal(signal.SIGKILL)
    await dying.wait()
    await asyncio.wait_for(next_, 60)
    await shop.process.sequencer.run()
    log = await read_log(door_named("direct", shop, None), owner)
    assert [event["subject"] for event in log] == made
    assert await shop.value("SELECT count(*) FROM event_outbox") == 0


# ── Many at once ──


class Planted(Sequencer):
    """A sequencer that numbers events by a statement with a fault."""

    #: Which waiting events it takes, and in which order it numbers them.
    fault: tuple[str, str] = ("true", "seq")

    async def _move(self) -> int:
        where, order = self.fault
        async with self._database.connection() as connection, connection.transaction():
            position = await connection.fetchval("SELECT position FROM event_head FOR UPDATE")
            last = getattr(self, "last", 0)
            moved, seq = await connection.fetchrow(
                f"""
                WITH taken AS (
                    DELETE FROM event_outbox WHERE {where}
                    RETURNING *, xmin::text::bigint AS xid
                ), moved AS (
                    INSERT INTO events (position, logged_at, id, type, at, subject, data,
                        request_id, audience, is_public, is_withheld, owner_id, person_id)
                    SELECT $1 + row_number() OVER (ORDER BY {order}), clock_timestamp(), id, type,
                        at, subject, data, request_id, audience, is_public, is_withheld, owner_id,
                        person_id
                    FROM taken RETURNING position
                ), headed AS (
                    UPDATE event_head SET position = (SELECT max(position) FROM moved)
                    WHERE EXISTS (SELECT FROM moved)
                )
                SELECT count(*), max(seq) FROM taken
                """.replace("$last", str(last)),
                position,
            )
            self.last = max(last, seq or 0)
        return moved


class BySeq(Planted):
    """Takes what has a higher seq than all that it has taken."""

    fault = ("seq > $last", "seq")


class ByTransaction(Planted):
    """Numbers events by the numbers of their transactions."""

    fault = ("true", "xid, seq")


def planted(shop: Shop, kind: type[Sequencer]) -> Sequencer:
    process = shop.process
    return kind(
        process.settings,
        process.database,
        process.cache,
        process.redis_calls,
        process.redis_reachability,
        process.clock,
    )


async def write(
    stage: Stage,
    subjects: Sequence[str],
    owners: Sequence[Person],
    counts: dict[str, int],
    times: int,
    held: float,
) -> None:
    """Write some transactions; the count of a subject only changes under its lock."""
    for _ in range(times):
        async with stage.pool.acquire() as connection:
            writer = Writer(connection)
            subject = random.choice(subjects)
            await writer.begin()
            await asyncio.sleep(random.random() * 0.004)
            await writer.lock(subject)
            counts[subject] += 1
            said = counts[subject]
            id = await writer.emit(subject, random.choice(owners), said)
            await asyncio.sleep(held or random.random() * 0.004)
            await writer.commit()
            stage.committed.append(id)


async def follow(door: Door, reader: Person, over: asyncio.Event) -> list[str]:
    """Read the log on and on with cursors, until nothing can come any more; ids as they came."""
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        last = over.is_set()
        values = {"first": random.randint(1, 7), **cursor}
        outcome = await door.call("events.list", values, caller=reader)
        found += outcome.ids()
        if outcome.ok:
            cursor = {"after": outcome.ok[-1]["cursor"]}
        elif last:
            return found
        await asyncio.sleep(random.random() * 0.01)


async def sequence(sequencer: Sequencer, over: asyncio.Event) -> None:
    while not over.is_set():
        await sequencer.run()
        await asyncio.sleep(random.random() * 0.03)


async def play(
    shop: Shop,
    stage: Stage,
    kind: type[Sequencer],
    *,
    writers: int,
    times: int,
    held: float,
    kills: int = 0,
) -> None:
    """Writers, sequencers and readers at once; then all of them must agree with the tables."""
    readers = [await shop.person() for _ in range(4)]
    hot = [await shop.category() for _ in range(5)]
    slow = [await shop.category() for _ in range(5)]
    counts = dict.fromkeys((*hot, *slow), 0)
    over, read = asyncio.Event(), asyncio.Event()
    door = door_named("direct", shop, None)
    writing = [
        *(write(stage, hot, readers, counts, times, 0) for _ in range(writers - len(slow))),
        *(write(stage, [one], readers, counts, 2, held) for one in slow),
    ]
    # One planted sequencer has one memory; sound ones may be several.
    sequencers = [planted(shop, kind)] * (1 if issubclass(kind, Planted) else 3)
    running = [asyncio.create_task(sequence(one, over)) for one in sequencers]
    following = [asyncio.create_task(follow(door, one, read)) for one in readers]

    async def kill() -> None:
        for _ in range(kills):
            dying = await dying_sequencer(shop)
            dying.send_signal(signal.SIGKILL)
            await dying.wait()

    await asyncio.gather(*writing, kill())
    over.set()
    await asyncio.gather(*running)
    await sequencers[0].run()
    read.set()
    seen = await asyncio.gather(*following)
    log = await log_of(shop)
    # Every committed event is there once, and positions have no gap.
    assert sorted(row["id"] for row in log) == sorted(stage.committed)
    assert [row["position"] for row in log] == list(range(1, len(log) + 1))
    # A subject's events have the order in which they happened.
    for subject in counts:
        said = [json.loads(row["data"])["said"] for row in log if row["subject"] == subject]
        assert said == sorted(said), subject
    # Each reader has read exactly what is theirs, in the order of the log.
    for reader, ids in zip(readers, seen, strict=True):
        theirs = await shop.rows(
            "SELECT id::text FROM events WHERE owner_id = $1 ORDER BY position", reader.id
        )
        assert ids == [row["id"] for row in theirs]


async def test_readers_end_with_exactly_what_was_committed_for_them(
    shop: Shop, stage: Stage
) -> None:
    await play(shop, stage, Sequencer, writers=15, times=12, held=0.3)


@pytest.mark.parametrize("fault", [BySeq, ByTransaction], ids=lambda fault: fault.__name__)
async def test_a_planted_order_turns_that_red(
    shop: Shop, stage: Stage, fault: type[Sequencer]
) -> None:
    with pytest.raises(AssertionError):
        await play(shop, stage, fault, writers=15, times=12, held=0.3)


@pytest.mark.thorough
async def test_fifty_writers_some_of_them_held_and_sequencers_that_are_killed(
    shop: Shop, stage: Stage
) -> None:
    await play(shop, stage, Sequencer, writers=50, times=40, held=4.5, kills=4)

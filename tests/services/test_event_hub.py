"""The hub tells every stream what the log would, and a stream ends as it must."""

import asyncio
from itertools import product
from typing import Any

import pytest

from persistence.users.tables import Role
from services.access import revocations
from services.errors.common import TokenExpired, TokenRevoked, Unavailable
from services.errors.events import EventsGone, StreamTooSlow
from services.events import streaming
from services.events.audience import RULES
from services.events.envelope import GAP
from services.events.reading import list_
from services.events.streams import MOST_FRAMES, EventStream
from services.process import new_process
from tests.shop import Clock, Person, Shop

_PLANTED = (
    "INSERT INTO event_outbox (id, type, at, subject, data, request_id, audience, is_public,"
    " is_withheld, owner_id, tags) VALUES (gen_random_uuid(), 'user.updated',"
    " now() - make_interval(hours => $1), gen_random_uuid(), '{\"a\": 1}', 'r', $2, $3, $4, $5,"
    " '{}')"
)


async def taken(stream: EventStream, count: int) -> list[Any]:
    """So many events of a stream."""
    found: list[Any] = []
    async with asyncio.timeout(60):
        while len(found) < count:
            frames = await stream.take(60)
            assert frames is not None
            found += [frame.event for frame in frames]
    return found


async def log_after(shop: Shop, person: Person, begin: str) -> list[Any]:
    """The log behind a cursor, as somebody may read it."""
    found: list[Any] = []
    while True:
        page = await list_(shop.request(person), {"first": 100, "after": begin})
        found += page.items
        if not page.has_next:
            return found
        begin = found[-1].cursor


async def test_a_stream_hears_exactly_what_the_log_shows_its_caller(shop: Shop) -> None:
    """Events of every audience, old and new, public or not, of two owners and of none."""
    people = [await shop.person(role) for role in Role]
    ada = people[0]
    keys = [
        await shop.machine(ada, "events:read:own"),
        await shop.machine(ada, "events:read:own", "orders:read:own", "posts:read:own"),
        await shop.machine(people[-1], "events:read:own", "users:read:all"),
        await shop.machine(people[-1], "events:read:own", "events:read:all", "orders:read:all"),
    ]
    listeners = [*people, *keys]
    begin = await shop.end_of_log()
    streams = [await shop.listen(one) for one in listeners]
    owners = (ada.id, people[1].id, None)
    for name, owner, public, withheld, hours in product(
        RULES, owners, (False, True), (False, True), (0, 1)
    ):
        await shop.execute(_PLANTED, hours, name, public, withheld, owner)
    await shop.execute(_PLANTED, 0, "categories", True, False, None)
    try:
        for person, stream in zip(listeners, streams, strict=True):
            await shop.process.sequencer.run()
            log = await log_after(shop, person, begin)
            assert await taken(stream, len(log)) == log
            assert not stream._frames
    finally:
        for stream in streams:
            stream.close()


async def test_a_role_that_was_gained_does_not_open_the_past_of_a_stream(shop: Shop) -> None:
    """An event that happened before, and was logged after."""
    ada, admin = await shop.person(), await shop.person("ADMIN")
    begin = await shop.end_of_log()
    await shop.execute(_PLANTED, 1, "orders", False, False, admin.id)
    await shop.execute("UPDATE users SET role = 'MANAGER' WHERE id = $1", ada.id)
    ada = await shop.signed_in_again(ada)
    stream = await shop.listen(ada, after=begin)
    await shop.execute(_PLANTED, 1, "orders", False, False, admin.id)
    await shop.execute(_PLANTED, -1, "orders", False, False, admin.id)
    await shop.process.sequencer.run()
    log = await log_after(shop, ada, begin)
    assert await taken(stream, len(log)) == log
    stream.close()


async def test_a_stream_whose_reader_takes_nothing_ends_at_its_bound(shop: Shop) -> None:
    ada, eve = await shop.person(), await shop.person()
    deaf, other = await shop.listen(ada), await shop.listen(eve)
    for _ in range(MOST_FRAMES + 1):
        await shop.execute(_PLANTED, 0, "users", False, False, ada.id)
    await shop.execute(_PLANTED, 0, "users", False, False, eve.id)
    assert len(await taken(other, 1)) == 1
    other.close()
    with pytest.raises(StreamTooSlow):
        await deaf.take(60)
    assert deaf not in shop.process.event_hub.streams


async def test_a_stream_ends_at_the_hour_of_its_token(shop: Shop, clock: Clock) -> None:
    ada = await shop.person()
    stream = await shop.listen(ada)
    clock.forward(seconds=shop.process.settings.access_token_seconds - 60)
    await asyncio.sleep(0.5)
    assert not stream.ended
    clock.forward(seconds=61)
    with pytest.raises(TokenExpired):
        await stream.take(60)


async def test_a_stream_ends_at_the_first_look_for_ended_sessions(shop: Shop) -> None:
    """There are at least three looks in the promised second; what waited is not told any more."""
    assert revocations.POLL_SECONDS * 3 < 1
    ada, eve = await shop.person(), await shop.person()
    ending, other = await shop.listen(ada), await shop.listen(eve)
    await shop.execute(_PLANTED, 0, "categories", True, False, None)
    assert len(await taken(other, 1)) == 1
    await shop.execute("UPDATE sessions SET revoked_at = now() WHERE user_id = $1", ada.id)
    await shop.process.revocations.poll()
    assert (ending.ended, other.ended) == (True, False)
    with pytest.raises(TokenRevoked):
        await ending.take(0)
    other.close()


async def test_a_session_that_ended_while_the_stream_began_is_noticed(shop: Shop) -> None:
    """The hub did not know of the stream yet when it heard of the end."""
    ada = await shop.person()
    request = shop.request(ada)
    await streaming.authenticate(request)
    await shop.execute("UPDATE sessions SET revoked_at = now() WHERE user_id = $1", ada.id)
    await shop.process.revocations.poll()
    with pytest.raises(TokenRevoked):
        await streaming.stream(request, {})
    assert not shop.process.event_hub.streams


async def test_a_role_that_a_key_lost_while_its_stream_began_is_noticed(shop: Shop) -> None:
    """The key lives on, but the stream would hear with the role from before."""
    manager = await shop.person("MANAGER")
    key = await shop.machine(manager, "events:read:own", "orders:read:all")
    request = shop.request(key)
    await streaming.authenticate(request)
    await shop.execute("UPDATE users SET role = 'USER' WHERE id = $1", manager.id)
    await shop.process.revocations.poll()
    with pytest.raises(TokenRevoked):
        await streaming.stream(request, {})
    assert not shop.process.event_hub.streams


async def test_older_events_are_not_told_before_it_is_known_whose_session_ended(
    shop: Shop,
) -> None:
    """PostgreSQL was away, so the process has not polled for a while."""
    ada = await shop.person()
    begin = await shop.end_of_log()
    await shop.execute(_PLANTED, 0, "users", False, False, ada.id)
    stream = await shop.listen(ada, after=begin)
    await shop.execute("UPDATE sessions SET revoked_at = now() WHERE user_id = $1", ada.id)
    shop.process.revocations._polled_at = float("-inf")
    with pytest.raises(TokenRevoked):
        await stream.take(60)


async def test_a_log_that_was_restored_is_told_as_a_gap(shop: Shop) -> None:
    ada, hub = await shop.person(), shop.process.event_hub
    stream = await shop.listen(ada)
    epoch = str(await shop.value("SELECT epoch FROM event_head"))
    before = hub._cursors.write(epoch, hub.position)
    try:
        await shop.execute("UPDATE event_head SET epoch = gen_random_uuid()")
        [gap] = await taken(stream, 1)
        assert gap.type == GAP
        new = str(await shop.value("SELECT epoch FROM event_head"))
        assert hub._cursors.read(gap.cursor) == (new, hub.position)
        with pytest.raises(EventsGone):
            await shop.listen(ada, after=before)
    finally:
        stream.close()
        await shop.execute("UPDATE event_head SET epoch = $1", epoch)


async def test_streams_hear_on_after_the_log_had_no_head(shop: Shop) -> None:
    """A restore loads one table after the other while servers run."""
    ada = await shop.person()
    stream = await shop.listen(ada)
    [head] = await shop.rows("DELETE FROM event_head RETURNING *")
    try:
        await shop.execute(_PLANTED, 0, "users", False, False, ada.id)
        await asyncio.sleep(0.3)
    finally:
        names, places = ", ".join(head), ", ".join(f"${number + 1}" for number in range(len(head)))
        await shop.execute(f"INSERT INTO event_head ({names}) VALUES ({places})", *head.values())
    assert [event.data for event in await taken(stream, 1)] == [{"a": 1}]
    stream.close()


async def test_a_process_that_stops_ends_its_streams_and_every_new_one(shop: Shop) -> None:
    ada = await shop.person()
    process = new_process(shop.process.settings)
    await process.open()
    other = Shop(process, shop.password_hash)
    stream = await other.listen(ada)
    process.event_hub.drain()
    for ended in (stream, await other.listen(ada)):
        with pytest.raises(Unavailable) as told:
            await ended.take(60)
        assert told.value.retry_after in range(1, 6)
    await process.close()


async def test_streams_that_begin_while_events_are_logged_miss_none(shop: Shop) -> None:
    """Each goes from the log to the hub at a moment at which events come in."""
    people = [await shop.person() for _ in range(6)]
    begin, ended = await shop.end_of_log(), asyncio.Event()
    last: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def write() -> None:
        written = 0
        while not ended.is_set() or written <= 100:
            await shop.execute(_PLANTED, 0, "categories", True, False, None)
            await shop.process.sequencer.run()
            shop.process.event_hub._wake.set()
            written += 1

    writing = asyncio.create_task(write())
    reading = []
    for number in range(60):
        stream = await shop.listen(people[number % 6], after=begin)
        reading.append(asyncio.create_task(until(stream, last)))
        await asyncio.sleep(0.01)
    ended.set()
    await writing
    log = [event.id for event in await log_after(shop, people[0], begin)]
    last.set_result(log[-1])
    told = await asyncio.gather(*reading)
    assert len(log) > 100
    for ids in told:
        assert ids == log


async def until(stream: EventStream, last: asyncio.Future[str]) -> list[str]:
    """The ids of a stream's events up to the last one, which is known once all are written."""
    found: list[str] = []
    async with asyncio.timeout(120):
        while not (last.done() and last.result() in found):
            frames = await stream.take(0.1)
            assert frames is not None
            found += [frame.event.id for frame in frames]
    assert not stream._frames
    stream.close()
    return found

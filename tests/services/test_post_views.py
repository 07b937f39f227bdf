"""Views of posts: collected by a process, written together, and one a reader in half an hour."""

import asyncio
from datetime import timedelta
from typing import Any

from persistence.posts.statements import ADD_VIEWS
from services.operation.context import Request
from services.posts import reading
from services.posts.counting import PostViews
from services.process import Process, new_process
from tests.conftest import Addresses, settings_for
from tests.faces import FACES, Door, Service
from tests.shop import Clock, Person, Shop, own_statements


async def views(shop: Shop, post_id: str) -> int:
    return await shop.value("SELECT views FROM post_views WHERE post_id = $1", post_id)


def collecting(process: Process) -> PostViews:
    """What another process of the installation would collect."""
    return PostViews(
        process.settings, process.database, process.redis_calls, process.redis_reachability
    )


async def test_a_reader_counts_once_in_half_an_hour_whichever_door_they_use(
    faces: dict[str, Door], shop: Shop, user: Person, other_user: Person, clock: Clock
) -> None:
    post = await shop.post(user)
    for name in FACES:
        await faces[name].call("posts.get", {"id": post.id}, caller=other_user)
    await shop.process.post_views.flush()
    assert await views(shop, post.id) == 1
    await faces["v2"].call("posts.get", {"id": post.id}, caller=user)
    await faces["v1"].call("posts.get", {"id": post.id})
    await shop.process.post_views.flush()
    assert await views(shop, post.id) == 3  # whoever is not signed in counts by the address
    later = clock() + timedelta(minutes=30)
    shop.process.post_views.note(post.id, other_user.id, later - timedelta(seconds=1))
    await shop.process.post_views.flush()
    assert await views(shop, post.id) == 3
    shop.process.post_views.note(post.id, other_user.id, later)
    # Other processes of the run have their keys there too.
    own = f"{shop.process.settings.redis_prefix}:views:{post.id}:*"
    async for key in shop.process.redis.scan_iter(own):
        await shop.process.redis.delete(key)  # as Redis does after half an hour
    await shop.process.post_views.flush()
    assert await views(shop, post.id) == 4


async def test_what_is_no_reading_of_a_published_post_counts_nothing(
    faces: dict[str, Door], shop: Shop, user: Person
) -> None:
    draft, post = await shop.post(user, is_published=False), await shop.post(user)
    await faces["v2"].call("posts.get", {"id": draft.id}, caller=user)
    await faces["v2"].call("posts.list", {"author": user.id}, caller=user)
    await faces["v2"].call("posts.get", {"id": "nonsense"}, caller=user)
    await shop.process.post_views.flush()
    assert [await views(shop, one.id) for one in (draft, post)] == [0, 0]


async def test_a_view_leaves_the_version_alone_and_a_read_sends_no_write(
    shop: Shop, user: Person
) -> None:
    post = await shop.post(user)
    first = await reading.get(shop.request(user), {"id": post.id})
    request: Request = shop.request(await shop.person())
    await reading.get(request, {"id": post.id})
    assert own_statements(request) <= 1
    await shop.process.post_views.flush()
    await shop.process.cache.bump([f"post:{post.id}"])
    again = await reading.get(shop.request(user), {"id": post.id})
    assert (again.views, again.version, again.updated_at) == (2, first.version, first.updated_at)


async def test_processes_ask_redis_who_counted_and_write_one_statement_each(
    shop: Shop, user: Person
) -> None:
    posts = sorted([(await shop.post(user)).id for _ in range(5)])
    now = shop.process.clock()
    # Not opened: no other task of it reads meanwhile.
    quiet = new_process(shop.process.settings, shop.process.clock)
    processes = [collecting(quiet) for _ in range(3)]
    for one in processes:
        for post_id in reversed(posts):
            for reader in ("ada", "grace"):
                one.note(post_id, reader, now)
    sent: list[Any] = []
    reader = quiet.database.reader

    def counting(stats: Any) -> Any:
        found = reader(stats)
        sent.append(stats)
        return found

    quiet.database.reader = counting
    try:
        await asyncio.gather(*(one.flush() for one in processes))
        assert sum(stats.statements for stats in sent) <= len(processes)
        assert [await views(shop, post_id) for post_id in posts] == [2] * 5
        await asyncio.gather(*(one.flush() for one in processes))
        assert [await views(shop, post_id) for post_id in posts] == [2] * 5
    finally:
        await quiet.close()


async def test_without_redis_each_process_counts_by_itself_within_bounded_memory(
    shop: Shop, user: Person, addresses: Addresses, monkeypatch: Any
) -> None:
    monkeypatch.setattr("services.posts.counting._MOST_REMEMBERED", 10)
    monkeypatch.setattr("services.posts.counting._MOST_WAITING", 20)
    post = await shop.post(user)
    away = settings_for(
        shop.process.settings.database_url, "redis://127.0.0.1:1/0", redis_seconds=0.2
    )
    process = new_process(away)
    try:
        collected = process.post_views
        now = shop.process.clock()
        for _ in range(2):
            collected.note(post.id, "ada", now)
        await collected.flush()
        assert await views(shop, post.id) == 1
        for number in range(50):
            collected.note(post.id, f"reader {number}", now)
        await collected.flush()
        assert await views(shop, post.id) == 21
        collected.note(post.id, "reader 49", now)
        await collected.flush()
        assert await views(shop, post.id) == 21
    finally:
        await process.close()


async def test_views_wait_for_a_database_that_is_away(shop: Shop, user: Person) -> None:
    post = await shop.post(user)
    collected = collecting(shop.process)
    collected.note(post.id, "ada", shop.process.clock())
    reader = shop.process.database.reader

    def broken(stats: Any) -> Any:
        raise OSError

    shop.process.database.reader = broken
    try:
        for _ in range(2):
            try:
                await collected.flush()
            except OSError:
                continue
    finally:
        shop.process.database.reader = reader
    await collected.flush()
    assert await views(shop, post.id) == 1


async def test_readers_and_an_author_who_edits_do_not_wait_for_each_other(
    shop: Shop, user: Person, other_user: Person
) -> None:
    post = await shop.post(user)
    values = {"id": post.id}
    collected = collecting(shop.process)
    collected.note(post.id, "ada", shop.process.clock())
    door = Service(shop)
    async with shop.process.database.connection() as editing, asyncio.timeout(60):
        async with editing.transaction():
            # As an edit locks the post until its COMMIT.
            await editing.execute("UPDATE posts SET version = 2 WHERE id = $1", post.id)
            await collected.flush()
            assert (await door.call("posts.like", values, caller=other_user)).error is None
            comment = {**values, "content": "Well put."}
            assert (await door.call("comments.create", comment, caller=other_user)).error is None
        async with editing.transaction():
            # As a process that writes views locks them.
            await editing.execute("UPDATE post_views SET views = 7 WHERE post_id = $1", post.id)
            changed = await door.call("posts.update", {**values, "tags": ["new"]}, caller=user)
            assert changed.ok["version"] == 3
            assert (await door.call("posts.get", values)).error is None
    assert await views(shop, post.id) == 7


def test_views_are_written_in_the_order_of_ids() -> None:
    assert "ORDER BY post_views.post_id" in ADD_VIEWS.sql.replace('"', "")
    assert "FOR UPDATE" in ADD_VIEWS.sql

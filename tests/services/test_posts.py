"""Posts: written by anybody, published or drafts, liked, moderated, and never shown too early."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import httpx
import pytest

from services.jobs.queue import Job
from services.mail import content as mail_content
from services.posts.scoring import refresh_scores
from tests.faces import FACES, Door
from tests.shop import Person, Shop, unique
from tests.sites import Open, open_site  # noqa: F401 - a fixture
from tests.worker.work import eventually

TEXT = "Ten characters, and <b>then</b> some."
NO_JOB = Job("01890000-0000-7000-8000-000000000000", "test", {})


async def test_a_post_comes_out_as_it_was_written(door: Door, user: Person) -> None:
    raw = {"title": "Five & <more>", "content": f"{TEXT}\n\nBye.", "category": "HEALTH"}
    made = await door.call("posts.create", {**raw, "tags": ["New", "new", "Old"]}, caller=user)
    shown = {**raw, "tags": ["New", "Old"], "authorId": user.id, "version": 1}
    counts = {"views": 0, "likes": 0, "commentCount": 0}
    draft = {"isPublished": False, "publishedAt": None, "unpublishedReason": None}
    assert made.ok.items() >= {**shown, **counts, **draft}.items()
    assert (await door.call("posts.get", {"id": made.ok["id"]}, caller=user)).ok == made.ok


async def test_a_published_post_is_cached_and_changed_at_once(
    faces: dict[str, Door], shop: Shop, user: Person
) -> None:
    async def hit(door: Door, post: Any) -> bool:
        found = await door.call("posts.get", {"id": post.id})
        assert found.ok["title"] == post.title
        return found.headers["x-cache"] == "HIT"

    for door in faces.values():
        post = await shop.post(user)
        await eventually(partial(hit, door, post))
        values = {"id": post.id, "title": unique("Renamed ")}
        await door.call("posts.update", values, caller=user)
        found = await faces["v2"].call("posts.get", {"id": post.id})
        assert found.ok["title"] == values["title"]


async def test_publishing_keeps_the_first_time_and_a_draft_again_hides_it(
    door: Door, shop: Shop, user: Person
) -> None:
    post = await shop.post(user, is_published=False)
    values = {"id": post.id}
    first = await door.call("posts.update", {**values, "isPublished": True}, caller=user)
    assert first.ok["publishedAt"] is not None
    assert (await door.call("posts.get", values)).ok["isPublished"] is True
    await door.call("posts.update", {**values, "isPublished": False}, caller=user)
    assert (await door.call("posts.get", values)).code == "POST_NOT_FOUND"
    again = await door.call("posts.update", {**values, "isPublished": True}, caller=user)
    assert again.ok["publishedAt"] == first.ok["publishedAt"]
    assert again.ok["version"] == 4
    row = await shop.last_audit("posts.update", user)
    assert row
    assert row["changed"] == ["isPublished", "unpublishedReason", "publishedAt"] or row[
        "changed"
    ] == ["isPublished", "publishedAt", "unpublishedReason"]


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("title", "Four", "TOO_SHORT"),
        ("title", "t" * 201, "TOO_LONG"),
        ("content", "Nine char", "TOO_SHORT"),
        ("content", "c" * 100_001, "TOO_LONG"),
        ("content", "c" * 200_001, "TOO_LONG"),
        ("content", "Ten characters\u0007", "INVALID_FORMAT"),
        ("content", "a" + "\u0301\u0323" * 49_000, "INVALID_FORMAT"),
        ("category", "GOSSIP", "INVALID_CHOICE"),
        ("tags", [f"tag {number}" for number in range(11)], "TOO_MANY"),
    ],
    ids=lambda value: str(value)[:20],
)
async def test_what_no_post_may_have_is_refused(
    door: Door, shop: Shop, user: Person, field: str, value: Any, code: str
) -> None:
    raw = {"title": "A good title", "content": TEXT, "category": "HEALTH", field: value}
    async with shop.unchanged():
        outcome = await door.call("posts.create", raw, caller=user)
    assert outcome.failure.paths == {field: code}


async def test_the_longest_text_is_taken_and_found_by_its_words(
    faces: dict[str, Door], user: Person
) -> None:
    word = unique("zebra")
    raw = {"title": "t" * 200, "category": "EDUCATION", "isPublished": True}
    for name, filling in zip(FACES, ("words ", "漢字", "é\u0323 "), strict=True):
        content = (f"{word} {filling * 50_000}")[:100_000].strip()
        made = await faces[name].call("posts.create", {**raw, "content": content}, caller=user)
        assert made.error is None
    found = await faces["v2"].call("posts.list", {"search": word, "sort": "relevance"})
    assert len(found.ok) == 3


async def test_posts_are_listed_with_filters_search_and_sort(
    door: Door, shop: Shop, user: Person
) -> None:
    tag, word = unique("Tag"), unique("zebra")
    first = await shop.post(user, title="Apples", category="HEALTH", tags=[tag])
    second = await shop.post(user, title="Cherries", content=f"About a {word}.", tags=[tag])
    third = await shop.post(await shop.person(), title="Bananas", tags=[tag.upper()])
    everything = {first.id, second.id, third.id}

    async def listed(**values: Any) -> list[str]:
        return (await door.call("posts.list", {"tag": tag.lower(), **values})).ids()

    assert set(await listed()) == everything
    assert await listed(sort="title") == [first.id, third.id, second.id]
    assert await listed(sort="-title") == [second.id, third.id, first.id]
    assert await listed(category="HEALTH") == [first.id]
    assert await listed(author=user.id, sort="title") == [first.id, second.id]
    assert await listed(search=word, sort="relevance") == [second.id]
    await door.call("posts.update", {"id": first.id, "title": "Apples again"}, caller=user)
    assert (await listed(sort="-updatedAt"))[0] == first.id
    bad = await door.call("posts.list", {"sort": "relevance"})
    assert bad.failure.paths == {"sort": "CONFLICT"}


async def test_ones_own_posts_include_drafts(door: Door, shop: Shop, user: Person) -> None:
    word = unique("zebra")
    public = await shop.post(user)
    draft = await shop.post(user, is_published=False, content=f"About a {word}.")
    await shop.post(await shop.person(), is_published=False)

    async def listed(**values: Any) -> set[str]:
        return set((await door.call("posts.listMine", values, caller=user)).ids())

    assert await listed() == {public.id, draft.id}
    assert await listed(isPublished=True) == {public.id}
    assert await listed(isPublished=False) == {draft.id}
    assert await listed(search=word, sort="relevance") == {draft.id}


async def test_a_stranger_meets_no_draft_at_any_door(
    faces: dict[str, Door], client: httpx.AsyncClient, shop: Shop, user: Person
) -> None:
    word = unique("zebra")
    draft = await shop.post(user, content=f"About a {word}.", tags=[word])
    comment = await shop.comment(user, draft.id)
    reply = await shop.comment(user, draft.id, parentId=comment.id)
    shown = await shop.post(user, content=f"Another {word}.", tags=[word])
    for _ in range(40):
        await _like(shop, draft.id)
    await refresh_scores(shop.process, NO_JOB)
    await faces["v2"].call("posts.update", {"id": draft.id, "isPublished": False}, caller=user)
    stranger = await shop.person()
    narrow = await shop.machine(user, "posts:write:own")
    for caller in (None, stranger, await shop.person("MANAGER"), narrow):
        moderates = isinstance(caller, Person) and caller.role == "MANAGER"
        for face in faces.values():
            for values in ({"tag": word}, {"search": word}, {"author": user.id}):
                found = await face.call("posts.list", {**values, "total": True}, caller=caller)
                assert found.ids() == [shown.id]
                assert found.listed.total == 1
            popular = await face.call("posts.popular", {"first": 50}, caller=caller)
            assert draft.id not in popular.ids()
            hidden = {
                "posts.get": {"id": draft.id},
                "comments.list": {"id": draft.id},
                "comments.get": {"id": reply.id},
                "comments.replies": {"id": comment.id},
            }
            for operation, values in hidden.items():
                outcome = await face.call(operation, values, caller=caller)
                assert outcome.code.endswith("OK" if moderates else "_NOT_FOUND"), operation
            if caller is stranger:
                async with shop.unchanged():
                    for operation in ("posts.like", "posts.unlike", "comments.create"):
                        values = {"id": draft.id}
                        if operation == "comments.create":
                            values["content"] = "I saw it."
                        outcome = await face.call(operation, values, caller=caller)
                        assert outcome.code == "POST_NOT_FOUND"
        document = """query ($ids: [ID!]!, $shown: ID!) {
            nodes(ids: $ids) { id }
            post(id: $shown) { author { username posts { id } } }
        }"""
        variables = {"ids": [draft.id, comment.id, reply.id], "shown": shown.id}
        headers = caller.headers if isinstance(caller, Person) else {}
        answer = await client.post(
            "/graphql", json={"query": document, "variables": variables}, headers=headers
        )
        data = answer.json()["data"]
        assert [node is not None for node in data["nodes"]] == [moderates] * 3
        assert data["post"]["author"]["username"] == user.username
        assert [post["id"] for post in data["post"]["author"]["posts"]] == [shown.id]


async def _like(shop: Shop, post_id: str) -> None:
    person = await shop.person()
    await shop.execute(
        "INSERT INTO post_likes (post_id, user_id) VALUES ($1, $2)", post_id, person.id
    )


async def test_an_author_and_moderators_see_a_draft(door: Door, shop: Shop, user: Person) -> None:
    draft = await shop.post(user, is_published=False)
    moderator = await shop.person("MODERATOR")
    for caller in (user, moderator, await shop.machine(user, "posts:read:own")):
        assert (await door.call("posts.get", {"id": draft.id}, caller=caller)).ok["id"] == draft.id
    comment = await door.call(
        "comments.create", {"id": draft.id, "content": "Looks good."}, caller=moderator
    )
    assert (await door.call("comments.list", {"id": draft.id}, caller=user)).ids() == [
        comment.ok["id"]
    ]


async def test_only_the_author_and_admins_change_a_post(
    door: Door, shop: Shop, user: Person
) -> None:
    post = await shop.post(user)
    others = [await shop.person(role) for role in ("USER", "MODERATOR", "MANAGER")]
    async with shop.unchanged():
        for caller in others:
            values = {"id": post.id, "title": "Mine now"}
            assert (await door.call("posts.update", values, caller=caller)).code == "FORBIDDEN"
            assert (await door.call("posts.delete", {"id": post.id}, caller=caller)).code == (
                "FORBIDDEN"
            )
    admin = await shop.person("ADMIN")
    values = {"id": post.id, "title": "Put right"}
    assert (await door.call("posts.update", values, caller=admin)).ok["title"] == "Put right"
    assert (await door.call("posts.delete", {"id": post.id}, caller=admin)).ok


async def test_a_deleted_post_takes_its_comments_and_likes_along(
    door: Door, shop: Shop, user: Person
) -> None:
    post = await shop.post(user, liked=True)
    comment = await shop.comment(user, post.id)
    await shop.comment(user, post.id, parentId=comment.id)
    assert (await door.call("posts.delete", {"id": post.id}, caller=user)).ok
    for table in ("comments", "post_likes", "post_views", "post_scores"):
        assert await shop.value(f"SELECT count(*) FROM {table} WHERE post_id = $1", post.id) == 0


async def test_a_moderator_unpublishes_with_a_reason_and_can_undo_it(
    door: Door, shop: Shop, user: Person
) -> None:
    moderator = await shop.person("MODERATOR")
    post = await shop.post(user)
    values = {"id": post.id}
    taken = await door.call(
        "posts.unpublish", {**values, "reason": "It advertises."}, caller=moderator
    )
    assert (taken.ok["isPublished"], taken.ok["unpublishedReason"]) == (False, "It advertises.")
    assert {"postId": post.id} in [job["data"] for job in await shop.jobs("mail.postUnpublished")]
    row = await shop.last_audit("posts.unpublish", moderator)
    assert row
    assert (row["entity_id"], row["changed"]) == (post.id, ["isPublished", "unpublishedReason"])
    assert "advertises" not in str(row)
    async with shop.unchanged():
        for operation, more, caller in (
            ("posts.unpublish", {"reason": "Again."}, moderator),
            ("posts.update", {"isPublished": True}, user),
        ):
            refused = await door.call(operation, {**values, **more}, caller=caller)
            assert (refused.code, refused.status) == ("POST_STATUS_INVALID", 422)
    edited = await door.call("posts.update", {**values, "title": "Without ads"}, caller=user)
    assert edited.ok["unpublishedReason"] == "It advertises."
    restored = await door.call("posts.restore", values, caller=moderator)
    assert (restored.ok["isPublished"], restored.ok["unpublishedReason"]) == (True, None)
    assert (await door.call("posts.get", values)).ok["title"] == "Without ads"
    async with shop.unchanged():
        again = await door.call("posts.restore", values, caller=moderator)
    assert again.code == "POST_STATUS_INVALID"


async def test_authors_read_the_reason_in_a_mail(
    shop: Shop, user: Person, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    process = shop.process
    settings = process.settings.model_copy(update={"mail_folder": tmp_path})
    monkeypatch.setattr(process, "settings", settings)
    post, comment = await shop.unpublished(user), await shop.removed(user)
    work: list[tuple[Callable[..., Awaitable[None]], dict[str, Any]]] = [
        (mail_content.post_unpublished, {"postId": post.id}),
        (mail_content.comment_removed, {"commentId": comment.id}),
    ]
    for number, (handler, data) in enumerate(work):
        await handler(process, Job(f"01890000-0000-7000-8000-00000000000{number}", "t", data))
    mails = sorted(file.read_text() for file in tmp_path.iterdir())
    assert len(mails) == 2
    for mail in mails:
        assert user.email in mail
    assert any("It advertises." in mail and post.title in mail for mail in mails)
    assert any("It insults." in mail for mail in mails)
    await shop.execute("UPDATE posts SET unpublished_reason = NULL WHERE id = $1", post.id)
    await mail_content.post_unpublished(process, Job(NO_JOB.id, "t", {"postId": post.id}))
    assert len(list(tmp_path.iterdir())) == 2


async def test_likes_at_one_moment_over_all_doors_count_once_a_user(
    faces: dict[str, Door], shop: Shop, user: Person
) -> None:
    post = await shop.post(user)
    people = [await shop.person() for _ in range(30)]
    calls = [
        faces[name].call("posts.like", {"id": post.id}, caller=person)
        for person in people
        for name in FACES
    ]
    assert all(outcome.error is None for outcome in await asyncio.gather(*calls))
    shown = await faces["v2"].call("posts.get", {"id": post.id})
    assert shown.ok["likes"] == 30


async def test_likes_can_be_repeated_and_leave_the_version_alone(
    door: Door, shop: Shop, user: Person, other_user: Person
) -> None:
    post = await shop.post(user)
    values = {"id": post.id}
    before = await door.call("posts.get", values)
    for _ in range(2):
        liked = await door.call("posts.like", values, caller=other_user)
        assert (liked.ok["likes"], liked.ok["version"]) == (1, post.version)
    after = await door.call("posts.get", values)
    assert after.ok["likes"] == 1
    assert before.etag
    assert after.etag
    assert before.etag != after.etag
    changed = await door.call(
        "posts.update", {**values, "title": "Liked a lot"}, caller=user, if_match=before.etag
    )
    assert changed.error is None
    for _ in range(2):
        assert (await door.call("posts.unlike", values, caller=other_user)).ok == {"ok": True}
    assert (await door.call("posts.get", values)).ok["likes"] == 0


async def test_a_viewer_is_told_what_they_like(
    client: httpx.AsyncClient, shop: Shop, user: Person, other_user: Person
) -> None:
    post = await shop.post(user, liked=True)

    async def told(headers: dict[str, str]) -> tuple[Any, str]:
        document = f'{{ post(id: "{post.id}") {{ viewerHasLiked }} }}'
        answer = await client.post("/graphql", json={"query": document}, headers=headers)
        return answer.json()["data"]["post"]["viewerHasLiked"], answer.headers["x-cache"]

    assert await told({}) == (None, "BYPASS")
    assert await told(user.headers) == (True, "BYPASS")
    assert await told(other_user.headers) == (False, "BYPASS")


async def test_popular_posts_are_the_same_on_every_face_and_weigh_what_readers_do(
    faces: dict[str, Door], shop: Shop, user: Person
) -> None:
    viewed, liked, discussed = [await shop.post(user) for _ in range(3)]
    base = 1_000_000
    await shop.execute(
        "UPDATE post_views SET views = $2 WHERE post_id = ANY($1::uuid[])",
        [viewed.id, liked.id, discussed.id],
        base,
    )
    await shop.execute("UPDATE post_views SET views = views + 1 WHERE post_id = $1", viewed.id)
    await _like(shop, liked.id)
    removed = await shop.comment(user, liked.id)
    await shop.comment(user, discussed.id)
    await shop.execute(
        "UPDATE comments SET status = 'REMOVED', removed_reason = 'Why.' WHERE id = $1", removed.id
    )
    await refresh_scores(shop.process, NO_JOB)
    scores = {
        one.id: await shop.value("SELECT score FROM post_scores WHERE post_id = $1", one.id) - base
        for one in (viewed, liked, discussed)
    }
    assert scores == {viewed.id: 1, liked.id: 2, discussed.id: 3}
    for face in faces.values():
        top = await face.call("posts.popular", {"first": 3})
        assert top.ids() == [discussed.id, liked.id, viewed.id]
        assert top.listed.has_next is False
        assert len((await face.call("posts.popular", {})).ok) <= 10
        for first in (0, 51):
            refused = await face.call("posts.popular", {"first": first})
            assert list(refused.failure.paths) == ["first"]
    await shop.execute("UPDATE post_views SET views = 0")
    await refresh_scores(shop.process, NO_JOB)


async def test_writing_too_much_is_refused_by_account(
    open_site: Open,  # noqa: F811
) -> None:
    site = await open_site(quota_content=2)
    author, other = await site.shop.person(), await site.shop.person()
    door = await site.door("v2")
    raw = {"title": "A good title", "content": TEXT, "category": "HEALTH", "isPublished": True}
    post = await door.call("posts.create", raw, caller=author)
    comment = {"id": post.ok["id"], "content": "First!"}
    assert (await door.call("comments.create", comment, caller=author)).error is None
    async with site.shop.unchanged():
        for operation, values in (("posts.create", raw), ("comments.create", comment)):
            refused = await door.call(operation, values, caller=author)
            assert (refused.code, refused.failure.details["policy"]) == ("RATE_LIMITED", "content")
    # The same address, another user.
    assert (await door.call("comments.create", comment, caller=other)).error is None

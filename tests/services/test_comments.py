"""Comments: one level of replies, counted as shown, and tombstones that keep their place."""

import asyncio
from typing import Any

import pytest

from tests.faces import Door
from tests.shop import Person, Shop, uncrossed

NOWHERE = "01890000-0000-7000-8000-000000000000"


async def shown(door: Door, post_id: str) -> dict[str, Any]:
    return (await door.call("posts.get", {"id": post_id})).ok


async def test_comments_and_replies_are_listed_oldest_first_and_counted(
    door: Door, shop: Shop, user: Person, other_user: Person
) -> None:
    post = await shop.post(user)
    raw = {"id": post.id, "content": "Well <put>.\nReally."}
    first = await door.call("comments.create", raw, caller=other_user)
    assert (
        first.ok.items()
        >= {
            "postId": post.id,
            "authorId": other_user.id,
            "parentId": None,
            "content": raw["content"],
            "status": "VISIBLE",
            "removedReason": None,
            "replyCount": 0,
            "version": 1,
        }.items()
    )
    second = await shop.comment(user, post.id)
    replies = [await shop.comment(user, post.id, parentId=first.ok["id"]) for _ in range(3)]
    listed = await door.call("comments.list", {"id": post.id, "total": True})
    assert listed.ids() == [first.ok["id"], second.id]
    assert listed.listed.total == 2
    values = {"id": first.ok["id"], "first": 2}
    page = await door.call("comments.replies", values)
    assert page.ids() == [reply.id for reply in replies[:2]]
    rest = await door.call("comments.replies", {**values, "after": page.listed.end})
    assert rest.ids() == [replies[2].id]
    backward = await door.call("comments.replies", {"id": first.ok["id"], "sort": "-createdAt"})
    assert backward.ids() == [reply.id for reply in reversed(replies)]
    assert (await door.call("comments.get", {"id": first.ok["id"]})).ok["replyCount"] == 3
    assert (await shown(door, post.id))["commentCount"] == 5


async def test_a_reply_takes_no_replies_and_stays_on_its_post(
    door: Door, shop: Shop, user: Person
) -> None:
    post = await shop.post(user)
    comment = await shop.comment(user, post.id)
    reply = await shop.comment(user, post.id, parentId=comment.id)
    elsewhere = await shop.comment(user)
    gone = await shop.removed(user)
    async with shop.unchanged():
        for parent, code, status in (
            (reply.id, "COMMENT_TOO_DEEP", 422),
            (elsewhere.id, "COMMENT_NOT_FOUND", 404),
            (NOWHERE, "COMMENT_NOT_FOUND", 404),
        ):
            raw = {"id": post.id, "content": "And I.", "parentId": parent}
            outcome = await door.call("comments.create", raw, caller=user)
            assert (outcome.code, outcome.status) == (code, status)
        raw = {"id": gone.post_id, "content": "And I.", "parentId": gone.id}
        outcome = await door.call("comments.create", raw, caller=user)
        assert outcome.code == "COMMENT_NOT_FOUND"
        outcome = await door.call("comments.create", {**raw, "parentId": "x"}, caller=user)
        assert outcome.failure.paths == {"parentId": "INVALID_FORMAT"}


async def test_only_its_author_changes_and_deletes_a_comment(
    door: Door, shop: Shop, user: Person
) -> None:
    comment = await shop.comment(user)
    others = [await shop.person(role) for role in ("USER", "MODERATOR", "ADMIN")]
    async with shop.unchanged():
        for caller in others:
            raw = {"id": comment.id, "content": "Not mine."}
            assert (await door.call("comments.update", raw, caller=caller)).code == "FORBIDDEN"
            raw = {"id": comment.id}
            assert (await door.call("comments.delete", raw, caller=caller)).code == "FORBIDDEN"
    raw = {"id": comment.id, "content": "Put better."}
    changed = await door.call("comments.update", raw, caller=user)
    assert (changed.ok["content"], changed.ok["version"]) == ("Put better.", 2)
    row = await shop.last_audit("comments.update", user)
    assert row
    assert (row["entity"], row["entity_id"], row["changed"]) == ("comment", comment.id, ["content"])
    assert "better" not in str(row)
    late = await door.call("comments.delete", {"id": comment.id}, caller=user, if_match="1-0")
    assert late.code == "PRECONDITION_FAILED"


async def test_a_removed_comment_keeps_its_place_and_its_replies_and_can_come_back(
    door: Door, shop: Shop, user: Person
) -> None:
    moderator = await shop.person("MODERATOR")
    post = await shop.post(user)
    comment = await shop.comment(user, post.id, content="You fool.")
    reply = await shop.comment(user, post.id, parentId=comment.id)
    values = {"id": comment.id}
    removed = await door.call(
        "comments.remove", {**values, "reason": "It insults."}, caller=moderator
    )
    assert (removed.ok["content"], removed.ok["status"]) == (None, "REMOVED")
    for caller in (None, user, moderator):
        listed = await door.call("comments.list", {"id": post.id}, caller=caller)
        assert listed.ok[0]["content"] is None
        assert listed.ok[0]["removedReason"] == "It insults."
        assert listed.ok[0]["replyCount"] == 1
        assert (await door.call("comments.replies", values, caller=caller)).ids() == [reply.id]
    assert (await shown(door, post.id))["commentCount"] == 1
    jobs = await shop.jobs("mail.commentRemoved")
    assert {"commentId": comment.id} in [job["data"] for job in jobs]
    row = await shop.last_audit("comments.remove", moderator)
    assert row
    assert row["changed"] == ["removedReason", "status"]
    async with shop.unchanged():
        raw = {**values, "content": "You sage."}
        assert (await door.call("comments.update", raw, caller=user)).code == (
            "COMMENT_STATUS_INVALID"
        )
        raw = {**values, "reason": "Again."}
        assert (await door.call("comments.remove", raw, caller=moderator)).code == (
            "COMMENT_STATUS_INVALID"
        )
    restored = await door.call("comments.restore", values, caller=moderator)
    assert (restored.ok["content"], restored.ok["removedReason"]) == ("You fool.", None)
    assert (await shown(door, post.id))["commentCount"] == 2
    async with shop.unchanged():
        again = await door.call("comments.restore", values, caller=moderator)
    assert again.code == "COMMENT_STATUS_INVALID"


@pytest.mark.parametrize("removed", [False, True], ids=["visible", "removed"])
async def test_a_deleted_comment_with_replies_keeps_its_place_without_text_and_author(
    door: Door, shop: Shop, user: Person, removed: bool
) -> None:
    post = await shop.post(user)
    comment = await shop.comment(user, post.id)
    reply = await shop.comment(user, post.id, parentId=comment.id)
    if removed:
        moderator = await shop.person("MODERATOR")
        raw = {"id": comment.id, "reason": "It insults."}
        await door.call("comments.remove", raw, caller=moderator)
    assert (await door.call("comments.delete", {"id": comment.id}, caller=user)).ok
    [left] = (await door.call("comments.list", {"id": post.id})).ok
    assert (
        left.items()
        >= {
            "id": comment.id,
            "status": "DELETED",
            "content": None,
            "authorId": None,
            "removedReason": None,
            "replyCount": 1,
        }.items()
    )
    stored = await shop.value("SELECT content FROM comments WHERE id = $1", comment.id)
    assert stored == ""
    assert (await shown(door, post.id))["commentCount"] == 1
    async with shop.unchanged():
        again = await door.call("comments.delete", {"id": comment.id}, caller=user)
        assert again.code == "FORBIDDEN"
    assert (await door.call("comments.delete", {"id": reply.id}, caller=user)).ok
    assert (await door.call("comments.get", {"id": reply.id})).code == "COMMENT_NOT_FOUND"
    assert (await shown(door, post.id))["commentCount"] == 0


async def test_a_reply_to_a_comment_that_is_being_deleted_is_no_orphan(
    faces: dict[str, Door], shop: Shop, user: Person, other_user: Person
) -> None:
    post = await shop.post(user)
    for _ in range(5):
        comment = await shop.comment(user, post.id)
        raw = {"id": post.id, "content": "And I.", "parentId": comment.id}
        deleted, *replies = await asyncio.gather(
            faces["v2"].call("comments.delete", {"id": comment.id}, caller=user),
            *(faces["v1"].call("comments.create", raw, caller=other_user) for _ in range(4)),
        )
        assert deleted.error is None
        written = [reply.ok["id"] for reply in replies if reply.error is None]
        assert {reply.code for reply in replies} <= {"OK", "COMMENT_NOT_FOUND"}
        left = await faces["v2"].call("comments.replies", {"id": comment.id})
        if written:
            assert set(left.ids()) == set(written)
        else:
            assert left.code == "COMMENT_NOT_FOUND"


async def test_a_post_that_is_deleted_while_people_comment_leaves_nothing(
    faces: dict[str, Door], shop: Shop, user: Person, other_user: Person
) -> None:
    for _ in range(3):
        post = await shop.post(user)
        comment = await shop.comment(user, post.id)
        raw = {"id": post.id, "content": "And I.", "parentId": comment.id}
        with uncrossed():
            outcomes = await asyncio.gather(
                *(faces["v1"].call("comments.create", raw, caller=other_user) for _ in range(3)),
                faces["v2"].call("posts.delete", {"id": post.id}, caller=user),
                *(
                    faces["v2"].call("posts.like", {"id": post.id}, caller=other_user)
                    for _ in range(3)
                ),
            )
        assert {outcome.code for outcome in outcomes} <= {
            "OK",
            "POST_NOT_FOUND",
            "COMMENT_NOT_FOUND",
        }
        assert outcomes[3].error is None
        left = "SELECT count(*) FROM comments WHERE post_id = $1"
        assert await shop.value(left, post.id) == 0

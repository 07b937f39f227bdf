"""The log as callers read it: pages, cursors, who hears what, and what is gone."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.access.permissions import GRANTABLE
from services.events.keeping import keep_days
from services.events.types import EVENT_TYPES
from services.jobs.queue import Job
from services.process import new_process
from tests.cli.test_create_admin import tandem
from tests.conftest import Addresses, settings_for
from tests.event_log import read_log
from tests.faces import Door, door_named
from tests.shop import PASSWORD, Clock, Person, Shop, new_key, unique

JOB = Job("job", "a-request", {})


async def sequenced(shop: Shop) -> None:
    await shop.process.sequencer.run()


async def many(shop: Shop, person: Person, count: int = 5) -> list[str]:
    """Projects of somebody's; each tells once. Their ids."""
    made = [(await shop.project(person)).id for _ in range(count)]
    await sequenced(shop)
    return made


async def test_the_log_pages_forwards_backwards_and_by_number(door: Door, shop: Shop) -> None:
    owner = await shop.person()
    made = await many(shop, owner)
    only = {"types": ["project.created"]}

    cursors: list[str] = []

    async def page(**paging: Any) -> tuple[list[int], bool, bool]:
        outcome = await door.call("events.list", {**only, **paging}, caller=owner)
        cursors[:] = [event["cursor"] for event in outcome.ok]
        assert outcome.listed.total == (5 if "total" in paging else None) or door.name == "v1"
        found = [made.index(event["subject"]) for event in outcome.ok]
        return found, outcome.listed.has_previous, outcome.listed.has_next

    assert await page(first=2, total=True) == ([0, 1], False, True)
    assert await page(first=2, after=cursors[-1]) == ([2, 3], True, True)
    end = cursors[-1]
    assert await page(first=2, after=end) == ([4], True, False)
    assert await page(first=2, after=cursors[-1]) == ([], True, False)
    assert await page(last=2) == ([3, 4], True, False)
    assert await page(last=2, before=cursors[0]) == ([1, 2], True, True)
    assert await page(page=2, perPage=2) == ([2, 3], True, True)


async def test_a_cursor_goes_on_on_every_face_and_with_other_filters(
    faces: dict[str, Door], shop: Shop
) -> None:
    owner = await shop.person()
    made = await many(shop, owner, 3)
    for door in faces.values():
        page = await door.call("events.list", {"first": 1, "subject": made[0]}, caller=owner)
        for other in faces.values():
            values = {"after": page.ok[0]["cursor"], "types": ["project.created"]}
            rest = await other.call("events.list", values, caller=owner)
            assert [event["subject"] for event in rest.ok] == made[1:]


@pytest.mark.parametrize("cursor", ["x", "", "a.b", "%", "AAAA", "eyJ", "é"])
async def test_what_is_no_cursor_of_the_log_is_a_bad_field(
    door: Door, shop: Shop, user: Person, cursor: str
) -> None:
    for field in ("after", "before"):
        outcome = await door.call("events.list", {field: cursor}, caller=user)
        assert outcome.failure.paths == {field: "INVALID_CURSOR"}


async def test_a_cursor_of_another_list_is_a_bad_field(
    door: Door, shop: Shop, user: Person
) -> None:
    for _ in range(2):
        await shop.deposit(user, "5.00")
    page = await door.call("wallet.entries", {"first": 1}, caller=user)
    outcome = await door.call("events.list", {"after": page.listed.end}, caller=user)
    assert outcome.failure.paths == {"after": "INVALID_CURSOR"}


@pytest.mark.parametrize(
    ("values", "paths"),
    [
        ({"types": ["order.eaten"]}, {"types.0": "INVALID_CHOICE"}),
        ({"types": ["order.paid", "order.paid"]}, {"types.1": "REPEATED"}),
        ({"subject": "x"}, {"subject": "INVALID_FORMAT"}),
        ({"first": 0}, {"first": "TOO_SMALL"}),
        ({"first": 1, "page": 1}, {"page": "CONFLICT"}),
    ],
)
async def test_bad_filters_are_named(
    door: Door, user: Person, values: dict[str, Any], paths: dict[str, str]
) -> None:
    outcome = await door.call("events.list", values, caller=user)
    assert outcome.failure.paths == paths


async def test_only_managers_see_positions(faces: dict[str, Door], shop: Shop) -> None:
    people = {role: await shop.person(role) for role in ("USER", "MODERATOR", "MANAGER", "ADMIN")}
    product = await shop.product()
    await sequenced(shop)
    for role, person in people.items():
        for door in faces.values():
            [event] = await read_log(door, person, subject=product.id)
            assert (event["position"] is not None) == (role in ("MANAGER", "ADMIN"))
            if role in ("USER", "MODERATOR"):
                # Nor does a cursor show it, or the request tell who wrote.
                assert event["requestId"] is None


#: Each reader gets of an event: the whole (D), the envelope without data (E), nothing (-).
#: Readers: owner, stranger, moderator, manager, admin. Written by hand.
HEARS = {
    "order.created": "D--DD",
    "order.approved": "D--DD",
    "order.rejected": "D--DD",
    "order.paid": "D--DD",
    "order.confirmed": "D--DD",
    "order.shipped": "D--DD",
    "order.delivered": "D--DD",
    "order.cancelled": "D--DD",
    "order.expired": "D--DD",
    "order.refunded": "D--DD",
    "invoice.issued": "D--DD",
    "creditNote.issued": "D--DD",
    "wallet.credited": "D----",
    "wallet.debited": "D----",
    "deposit.succeeded": "D----",
    "deposit.failed": "D----",
    "product.created": "DDDDD",
    "product.updated": "DDDDD",
    "product.archived": "DDDDD",
    "product.updated (archived)": "---DD",
    "product.stockLow": "---DD",
    "category.created": "DDDDD",
    "category.updated": "DDDDD",
    "category.deleted": "DDDDD",
    "coupon.created": "---DD",
    "coupon.updated": "---DD",
    "post.created": "D-DDD",
    "post.published": "DDDDD",
    "post.updated": "DDDDD",
    "post.updated (draft)": "D-DDD",
    "post.unpublished": "DEDDD",
    "post.deleted": "DDDDD",
    "post.deleted (draft)": "D-DDD",
    "comment.created": "DDDDD",
    "comment.created (draft)": "D-DDD",
    "comment.updated": "DDDDD",
    "comment.deleted": "EEEEE",
    "comment.removed": "DDDDD",
    "comment.restored": "DDDDD",
    "project.created": "D---D",
    "project.updated": "D---D",
    "project.deleted": "D---D",
    "user.created": "----D",
    "user.updated": "D---D",
    "user.disabled": "----D",
    "user.deleted": "----E",
}
READERS = ("owner", "stranger", "moderator", "manager", "admin")


def test_the_table_has_every_type() -> None:
    assert {name.partition(" ")[0] for name in HEARS} == {one.name for one in EVENT_TYPES}


async def test_each_reader_hears_what_the_table_says(faces: dict[str, Door], shop: Shop) -> None:
    readers = {
        role: await shop.person("USER" if role in ("owner", "stranger") else role.upper())
        for role in READERS
    }
    subjects = await things_happen(shop, faces["v2"], readers["owner"], readers["admin"])
    await sequenced(shop)
    assert set(subjects) == set(HEARS)
    found = {}
    for name, subject in subjects.items():
        type_ = name.partition(" ")[0]
        marks = ""
        for reader in readers.values():
            heard = [
                await read_log(door, reader, types=[type_], subject=subject)
                for door in faces.values()
            ]
            assert heard[0] == heard[1] == heard[2]
            last = heard[0][-1] if heard[0] else None
            marks += "-" if last is None else "E" if last["data"] is None else "D"
        found[name] = marks
    assert found == HEARS


async def things_happen(shop: Shop, door: Door, owner: Person, admin: Person) -> dict[str, str]:
    """One event of each row of the table about the owner's things; their subjects."""
    subjects: dict[str, str] = {}

    async def by(person: Person, operation: str, **values: Any) -> Any:
        outcome = await door.call(operation, values, caller=person, key=new_key())
        assert outcome.error is None, (operation, outcome.error)
        return outcome.ok

    await _orders(shop, by, owner, admin, subjects)
    await _catalogue(shop, by, admin, subjects)
    await _content(shop, by, owner, admin, subjects)
    await _accounts(shop, by, owner, admin, subjects)
    return subjects


By = Callable[..., Awaitable[Any]]


async def _orders(
    shop: Shop, by: By, owner: Person, admin: Person, subjects: dict[str, str]
) -> None:
    await shop.deposit(owner, "90000.00")
    for name, amount in (("deposit.succeeded", "5.00"), ("deposit.failed", "9000.01")):
        subjects[name] = (await by(owner, "deposits.create", amount=amount))["id"]
    wallet = (await by(owner, "wallet.get"))["id"]
    subjects |= {"wallet.credited": wallet, "wallet.debited": wallet}
    order = await shop.order(owner, paid=True)
    for verb in ("created", "paid"):
        subjects[f"order.{verb}"] = order.id
    subjects["invoice.issued"] = (await shop.invoice(owner, order.id)).id
    for status in ("CONFIRMED", "SHIPPED", "DELIVERED"):
        await by(admin, "orders.updateStatus", id=order.id, status=status)
        subjects[f"order.{status.lower()}"] = order.id
    refund = await shop.refund(order.id, amount="1.00")
    subjects["order.refunded"] = order.id
    subjects["creditNote.issued"] = (await shop.credit_note(owner, refund.id)).id
    subjects["order.cancelled"] = (await shop.order(owner, cancelled=True)).id
    for verb in ("approve", "reject"):
        large = await shop.large_order(owner)
        await by(admin, f"approvals.{verb}", id=large.id)
        subjects["order.approved" if verb == "approve" else "order.rejected"] = large.id
    subjects["order.expired"] = (await shop.expired_order(owner)).id


async def _catalogue(shop: Shop, by: By, admin: Person, subjects: dict[str, str]) -> None:
    product = await shop.product(stock=10)
    subjects["product.created"] = product.id
    await by(admin, "products.update", id=product.id, price="3.00")
    subjects["product.updated"] = product.id
    await by(admin, "products.adjustStock", id=product.id, delta=-7)
    subjects["product.stockLow"] = product.id
    await by(admin, "products.archive", id=product.id)
    subjects["product.archived"] = product.id
    hidden = await shop.product(is_active=False)
    await by(admin, "products.update", id=hidden.id, price="3.00")
    subjects["product.updated (archived)"] = hidden.id
    shelf = await by(admin, "categories.create", slug=unique("shelf-"), name="Shelf")
    await by(admin, "categories.update", id=shelf["id"], name="Another shelf")
    await by(admin, "categories.delete", id=shelf["id"])
    for verb in ("created", "updated", "deleted"):
        subjects[f"category.{verb}"] = shelf["id"]
    coupon = await shop.coupon()
    await by(admin, "coupons.update", id=coupon.id, value="5.00")
    subjects |= {"coupon.created": coupon.id, "coupon.updated": coupon.id}


async def _content(
    shop: Shop, by: By, owner: Person, admin: Person, subjects: dict[str, str]
) -> None:
    post, gone = await shop.post(owner), await shop.post(owner)
    draft, bin_ = [await shop.post(owner, is_published=False) for _ in range(2)]
    subjects |= {"post.created": draft.id, "post.published": post.id}
    for name, id in (("post.updated", post.id), ("post.updated (draft)", draft.id)):
        await by(owner, "posts.update", id=id, title="Another title")
        subjects[name] = id
    for name, id in (("post.deleted", gone.id), ("post.deleted (draft)", bin_.id)):
        await by(owner, "posts.delete", id=id)
        subjects[name] = id
    subjects["comment.created (draft)"] = (await shop.comment(owner, draft.id)).id
    comment = await shop.comment(owner, post.id)
    await by(owner, "comments.update", id=comment.id, content="Otherwise.")
    await by(admin, "comments.remove", id=comment.id, reason="It insults.")
    await by(admin, "comments.restore", id=comment.id)
    for verb in ("created", "updated", "removed", "restored"):
        subjects[f"comment.{verb}"] = comment.id
    await by(owner, "comments.delete", id=comment.id)
    subjects["comment.deleted"] = comment.id
    await by(admin, "posts.unpublish", id=post.id, reason="It advertises.")
    subjects["post.unpublished"] = post.id
    project = await shop.project(owner)
    await by(owner, "projects.update", id=project.id, name="Another")
    await by(owner, "projects.delete", id=project.id)
    for verb in ("created", "updated", "deleted"):
        subjects[f"project.{verb}"] = project.id


async def _accounts(
    shop: Shop, by: By, owner: Person, admin: Person, subjects: dict[str, str]
) -> None:
    await by(owner, "users.updateMe", fullName="Ada King")
    subjects["user.updated"] = owner.id
    name = unique("ada")
    account = {"email": f"{name}@example.com", "username": name, "password": PASSWORD}
    made = await by(admin, "users.create", **account, fullName="Ada", role="USER")
    subjects["user.created"] = made["id"]
    await by(admin, "users.update", id=made["id"], isActive=False)
    subjects["user.disabled"] = made["id"]
    leaving = await shop.person()
    await by(leaving, "users.deleteMe", password=PASSWORD)
    subjects["user.deleted"] = leaving.id


async def test_a_key_hears_only_what_its_permissions_show(
    faces: dict[str, Door], shop: Shop
) -> None:
    manager = await shop.person("MANAGER", balance="100.00")
    stranger = await shop.person(balance="100.00")
    own, other = await shop.order(manager), await shop.order(stranger)
    await sequenced(shop)
    shown = {
        "events:read:own": [],
        "events:read:own orders:read:own": [own.id],
        "events:read:own orders:read:all": [other.id],
        "events:read:own orders:read:own orders:read:all": [own.id, other.id],
    }
    for given, subjects in shown.items():
        key = await shop.machine(manager, *given.split())
        for door in faces.values():
            heard = [
                event["subject"]
                for subject in (own.id, other.id)
                for event in await read_log(door, key, subject=subject)
            ]
            expected = [id for id in (own.id, other.id) if id in subjects]
            # A manager's own order is one of everybody's as well.
            if given.endswith("orders:read:all"):
                expected = [own.id, other.id]
            assert heard == expected, given
    assert "events:read:all" in GRANTABLE


async def test_a_role_that_was_gained_does_not_open_the_past(
    faces: dict[str, Door], shop: Shop
) -> None:
    admin, buyer = await shop.person("ADMIN"), await shop.person(balance="1000.00")
    riser = await shop.person()
    before = await shop.order(buyer)
    raise_ = {"id": riser.id, "role": "MANAGER"}
    assert (await faces["v2"].call("users.update", raise_, caller=admin)).error is None
    riser = await shop.signed_in_again(replace(riser, role="MANAGER"))
    after = await shop.order(buyer)
    await sequenced(shop)
    for door in faces.values():
        assert await read_log(door, riser, subject=before.id) == []
        assert len(await read_log(door, riser, subject=after.id)) == 1
        assert len(await read_log(door, admin, subject=before.id)) == 1


async def test_a_lost_role_closes_the_past(faces: dict[str, Door], shop: Shop) -> None:
    admin, buyer = await shop.person("ADMIN"), await shop.person(balance="1000.00")
    falling = await shop.person("MANAGER")
    order = await shop.order(buyer)
    await sequenced(shop)
    assert len(await read_log(faces["v2"], falling, subject=order.id)) == 1
    lower = {"id": falling.id, "role": "USER"}
    assert (await faces["v2"].call("users.update", lower, caller=admin)).error is None
    falling = await shop.signed_in_again(replace(falling, role="USER"))
    for door in faces.values():
        assert await read_log(door, falling, subject=order.id) == []


async def test_a_deleted_accounts_payloads_are_gone_from_outbox_and_log(
    shop: Shop, faces: Any
) -> None:
    admin, leaving = await shop.person("ADMIN"), await shop.person()
    post = await shop.post(leaving)
    await shop.comment(leaving, post.id)
    await sequenced(shop)
    project = await shop.project(leaving)  # waits in the outbox
    about = "SELECT count(*) FROM {} WHERE person_id = $1 AND data IS NOT NULL"
    assert await shop.value(about.format("events"), leaving.id) == 2
    assert await shop.value(about.format("event_outbox"), leaving.id) == 1
    positions = "SELECT count(*) FROM events WHERE person_id = $1"
    before = await shop.value(positions, leaving.id)
    done = await faces["v2"].call("users.deleteMe", {"password": PASSWORD}, caller=leaving)
    assert done.error is None
    assert await shop.value(about.format("events"), leaving.id) == 0
    assert await shop.value(about.format("event_outbox"), leaving.id) == 0
    assert await shop.value(positions, leaving.id) == before
    await sequenced(shop)
    [told] = await read_log(faces["v2"], admin, subject=project.id)
    assert told["data"] is None
    everything = "SELECT count(*) FROM events WHERE data::text LIKE '%' || $1 || '%'"
    assert await shop.value(everything, leaving.username) == 0


async def test_what_is_told_of_somebody_after_they_left_has_no_payload(shop: Shop) -> None:
    """A transaction that was under way when the account was deleted ends after it."""
    leaving = await shop.person()
    project = await shop.project(leaving)
    await shop.execute(
        "UPDATE users SET deleted_at = now(), is_active = false WHERE id = $1", leaving.id
    )
    await sequenced(shop)
    rows = await shop.rows("SELECT data FROM events WHERE subject = $1", project.id)
    assert rows == [{"data": None}]


# ── What is gone ──


@pytest.fixture
def later() -> Clock:
    """A clock that begins at noon: no day ends while a test runs."""
    clock = Clock()
    now = clock()
    noon = now.replace(hour=12, minute=0, second=0)
    clock.forward(seconds=(noon - now).total_seconds() % timedelta(days=1).total_seconds())
    return clock


@pytest.fixture
async def own_shop(
    fresh_database: str, addresses: Addresses, password_hash: str, later: Clock
) -> AsyncIterator[Shop]:
    """A shop of its own: what is gone here is nobody else's."""
    settings = settings_for(fresh_database, addresses.redis_url)
    process = new_process(settings, later)
    await process.open()
    yield Shop(process, password_hash)
    await process.close()


async def days(shop: Shop) -> list[str]:
    found = await shop.rows(
        "SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid "
        "WHERE inhparent = 'events'::regclass ORDER BY relname"
    )
    return [row["relname"].removeprefix("events_") for row in found]


async def test_a_week_of_days_is_made_ahead_and_old_days_are_dropped(
    own_shop: Shop, later: Clock
) -> None:
    shop = own_shop
    owner, door = await shop.person(), door_named("direct", own_shop, None)
    assert await days(shop) == ["default"]
    first = await many(shop, owner, 3)  # before there are days: into the default partition
    await keep_days(shop.process, JOB)
    today = later().date()
    ahead = [f"{today + timedelta(days=day):%Y%m%d}" for day in range(8)]
    assert await days(shop) == [*ahead, "default"]
    assert await shop.value("SELECT count(*) FROM events_default") == 0
    heard = await read_log(door, owner)
    assert [event["subject"] for event in heard] == first
    await keep_days(shop.process, JOB)
    assert await days(shop) == [*ahead, "default"]
    # Nothing is gone while its day is within the last seven.
    later.forward(days=7)
    await keep_days(shop.process, JOB)
    assert len(await read_log(door, await shop.signed_in_again(owner))) == 3
    later.forward(days=1)
    await keep_days(shop.process, JOB)
    assert f"{today:%Y%m%d}" not in await days(shop)
    assert await read_log(door, await shop.signed_in_again(owner)) == []


async def test_a_cursor_that_is_too_old_is_told_the_oldest_one(
    own_shop: Shop, later: Clock
) -> None:
    shop = own_shop
    owner, door = await shop.person(), door_named("direct", own_shop, None)
    await many(shop, owner, 3)
    heard = await read_log(door, owner)
    await keep_days(shop.process, JOB)
    later.forward(days=8)
    await keep_days(shop.process, JOB)
    owner = await shop.signed_in_again(owner)
    after = await many(shop, owner, 2)
    for event in heard[:2]:
        gone = await door.call("events.list", {"after": event["cursor"]}, caller=owner)
        assert (gone.code, gone.status) == ("EVENTS_GONE", 410)
        oldest = gone.failure.details["oldest"]
        rest = await door.call("events.list", {"after": oldest}, caller=owner)
        assert [found["subject"] for found in rest.ok] == after
    # Nothing came between the newest event that is gone and the oldest that is left.
    rest = await door.call("events.list", {"after": heard[2]["cursor"]}, caller=owner)
    assert [found["subject"] for found in rest.ok] == after


async def test_a_cursor_from_before_a_restore_is_gone_on_every_face(
    faces: dict[str, Door], shop: Shop
) -> None:
    owner = await shop.person()
    [project] = await many(shop, owner, 1)
    [event] = await read_log(faces["v2"], owner, subject=project)
    position = await shop.value("SELECT position FROM event_head")
    epoch = await shop.value("SELECT epoch FROM event_head")
    cursors = shop.process.log_cursors
    other = cursors.write("00000000-0000-4000-8000-000000000000", 1)
    beyond = cursors.write(epoch, position + 1000)
    for cursor in (other, beyond):
        for door in faces.values():
            for field in ("after", "before"):
                gone = await door.call("events.list", {field: cursor}, caller=owner)
                assert (gone.code, gone.status) == ("EVENTS_GONE", 410)
                assert cursors.read(gone.failure.details["oldest"]) == (epoch, 0)
    assert event["cursor"] not in (other, beyond)


async def test_a_command_ends_the_cursors_from_before_a_restore(own_shop: Shop) -> None:
    owner, door = await own_shop.person(), door_named("direct", own_shop, None)
    await many(own_shop, owner, 1)
    [event] = await read_log(door, owner)
    after = {"after": event["cursor"]}
    assert (await door.call("events.list", after, caller=owner)).ok == []
    status, said = await tandem(own_shop.process.settings, "events", "renew")
    assert status == 0, said
    gone = await door.call("events.list", after, caller=owner)
    assert gone.code == "EVENTS_GONE"
    rest = await door.call("events.list", {"after": gone.failure.details["oldest"]}, caller=owner)
    assert rest.ids() == [event["id"]]

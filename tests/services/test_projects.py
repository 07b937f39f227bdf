"""Projects: their owner's alone, with a budget within bounds and a deadline in the future."""

from datetime import timedelta
from typing import Any

import pytest

from tests.faces import Door
from tests.shop import PASSWORD, Clock, Person, Shop


async def test_a_project_shows_what_it_was_made_of(door: Door, clock: Clock, user: Person) -> None:
    due = (clock() + timedelta(days=2)).date().isoformat()  # midnight may be near
    raw = {"name": "Website", "description": "Two\nlines", "budget": 250, "deadline": due}
    made = await door.call("projects.create", raw, caller=user)
    shown = {"budget": "250.00", "deadline": due, "status": "ACTIVE", "ownerId": user.id}
    assert made.ok.items() >= {**raw, **shown, "version": 1}.items()
    got = await door.call("projects.get", {"id": made.ok["id"]}, caller=user)
    assert got.ok == made.ok
    bare = await door.call("projects.create", {"name": "Bare"}, caller=user)
    assert (bare.ok["budget"], bare.ok["deadline"], bare.ok["description"]) == (None, None, "")


async def test_a_change_leaves_what_is_absent_and_clears_what_is_null(
    door: Door, shop: Shop, user: Person
) -> None:
    project = await shop.project(user, budget="9.99", deadline="2999-12-31", description="Once.")
    raw = {"id": project.id, "budget": None, "description": None, "status": "COMPLETED"}
    changed = await door.call("projects.update", raw, caller=user)
    assert (changed.ok["budget"], changed.ok["description"]) == (None, "")
    assert (changed.ok["status"], changed.ok["deadline"]) == ("COMPLETED", "2999-12-31")
    assert changed.ok["version"] == 2
    row = await shop.last_audit("projects.update", user)
    assert row
    assert row["changed"] == ["budget", "description", "status"]
    again = await door.call("projects.update", raw, caller=user)
    assert again.ok == changed.ok


async def test_a_deadline_that_has_passed_survives_other_changes(
    door: Door, shop: Shop, clock: Clock, user: Person
) -> None:
    project = await shop.project(user, deadline="2999-12-31")
    day = (clock() - timedelta(days=3)).date()
    due = day.isoformat()
    await shop.execute("UPDATE projects SET deadline = $2 WHERE id = $1", project.id, day)
    raw: dict[str, Any] = {"id": project.id, "name": "Late"}
    changed = await door.call("projects.update", raw, caller=user)
    assert (changed.ok["deadline"], changed.ok["name"]) == (due, "Late")
    # A client that sends the whole thing back sends the old deadline as well.
    raw |= {"status": "COMPLETED", "deadline": due}
    assert (await door.call("projects.update", raw, caller=user)).ok["deadline"] == due
    past = (clock() - timedelta(days=1)).date().isoformat()
    async with shop.unchanged():
        moved = await door.call("projects.update", raw | {"deadline": past}, caller=user)
    assert moved.failure.paths == {"deadline": "TOO_SMALL"}


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("deadline", "today", "TOO_SMALL"),
        ("deadline", "yesterday", "TOO_SMALL"),
        ("deadline", "3000-01-01", "TOO_LARGE"),
        ("deadline", "2027-02-30", "INVALID_FORMAT"),
        ("deadline", "20270230", "INVALID_FORMAT"),
        ("deadline", "2027-W05", "INVALID_FORMAT"),
        ("deadline", "2999-01-31T12:00:00Z", "INVALID_FORMAT"),
        ("deadline", 5, "INVALID_TYPE"),
        ("budget", "0", "TOO_SMALL"),
        ("budget", "-0.01", "INVALID_FORMAT"),
        ("budget", "0.001", "INVALID_FORMAT"),
        ("budget", "1000000000", "TOO_LARGE"),
        ("budget", -1_000_000_000, "TOO_SMALL"),
        ("name", "", "TOO_SHORT"),
        ("name", "n" * 201, "TOO_LONG"),
        ("description", "d" * 5001, "TOO_LONG"),
        ("status", "LOST", "INVALID_CHOICE"),
    ],
)
async def test_what_no_project_may_have_is_refused(
    door: Door, shop: Shop, clock: Clock, user: Person, field: str, value: Any, code: str
) -> None:
    days = {"today": 0, "yesterday": -1}
    if value in days:
        value = (clock() + timedelta(days=days[value])).date().isoformat()
    async with shop.unchanged():
        outcome = await door.call("projects.create", {"name": "N", field: value}, caller=user)
    assert outcome.failure.paths == {field: code}


async def test_the_largest_budget_and_the_longest_texts_are_taken(door: Door, user: Person) -> None:
    raw = {"name": "n" * 200, "description": "d" * 5000, "budget": "999999999.99"}
    made = await door.call("projects.create", raw, caller=user)
    assert made.ok.items() >= raw.items()


async def test_another_users_project_is_not_there(
    door: Door, shop: Shop, user: Person, other_user: Person
) -> None:
    project, manager = await shop.project(other_user), await shop.person("MANAGER")
    async with shop.unchanged():
        for operation in ("projects.get", "projects.update", "projects.delete"):
            values = {"id": project.id}
            if operation == "projects.update":
                values["name"] = "Mine"
            for caller in (user, manager):
                outcome = await door.call(operation, values, caller=caller)
                assert (outcome.code, outcome.status) == ("PROJECT_NOT_FOUND", 404)
    listed = await door.call("projects.list", {"ownerId": other_user.id}, caller=user)
    assert listed.ids() == []


async def test_admins_see_all_projects_and_change_none(
    door: Door, shop: Shop, user: Person
) -> None:
    admin = await shop.person("ADMIN")
    project = await shop.project(user)
    await shop.project(admin)
    listed = await door.call("projects.list", {"ownerId": user.id}, caller=admin)
    assert listed.ids() == [project.id]
    async with shop.unchanged():
        values = {"id": project.id, "name": "Mine"}
        assert (await door.call("projects.update", values, caller=admin)).code == "FORBIDDEN"
    narrow = await shop.machine(admin, "projects:read:own")
    hidden = await door.call("projects.get", {"id": project.id}, caller=narrow)
    assert hidden.code == "PROJECT_NOT_FOUND"


async def test_projects_sort_and_page_by_deadline_those_without_one_last(
    door: Door, shop: Shop, user: Person
) -> None:
    late = (await shop.project(user, name="C", deadline="2999-12-31")).id
    none = [(await shop.project(user, name=name)).id for name in ("B", "D")]
    soon = (await shop.project(user, name="A", deadline="2999-01-01", status="ARCHIVED")).id
    expected = [soon, late, *sorted(none)]
    found: list[str] = []
    values: dict[str, Any] = {"sort": "deadline", "first": 1}
    for _ in expected:
        page = await door.call("projects.list", values, caller=user)
        found += page.ids()
        values["after"] = page.listed.end
    assert found == expected
    backward = await door.call("projects.list", {"sort": "-deadline", "first": 4}, caller=user)
    assert backward.ids() == expected[::-1]
    named = await door.call("projects.list", {"sort": "name"}, caller=user)
    assert [item["name"] for item in named.ok] == ["A", "B", "C", "D"]
    filtered = await door.call("projects.list", {"status": "ARCHIVED", "total": True}, caller=user)
    assert (filtered.ids(), filtered.listed.total) == ([soon], 1)


async def test_a_deleted_project_is_gone(door: Door, shop: Shop, user: Person) -> None:
    project = await shop.project(user)
    values = {"id": project.id}
    async with shop.unchanged():
        late = await door.call("projects.delete", values, caller=user, if_match="2-00000000")
    assert late.code == "PRECONDITION_FAILED"
    assert (await door.call("projects.delete", values, caller=user)).ok == {"ok": True}
    assert (await door.call("projects.get", values, caller=user)).code == "PROJECT_NOT_FOUND"


async def test_projects_go_with_their_owners_account(
    door: Door, shop: Shop, user: Person, other_user: Person
) -> None:
    mine, others = await shop.project(user), await shop.project(other_user)
    assert (await door.call("users.deleteMe", {"password": PASSWORD}, caller=user)).ok
    left = await shop.rows(
        "SELECT id FROM projects WHERE id = ANY($1::uuid[])", [mine.id, others.id]
    )
    assert [str(row["id"]) for row in left] == [others.id]

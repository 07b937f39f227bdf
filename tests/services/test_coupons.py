"""Coupons: made, changed, taken out of use, and asked about."""

from datetime import timedelta
from typing import Any

import pytest

from tests.faces import Door
from tests.shop import Clock, Person, Shop, unique

UNKNOWN = "01890000-0000-7000-8000-000000000000"


def at(shop: Shop, **later: float) -> str:
    """A time from now, as clients write it."""
    return (shop.process.clock() + timedelta(**later)).isoformat().replace("+00:00", "Z")


async def asked(door: Door, caller: Person, code: str, subtotal: str = "20.00") -> Any:
    return await door.call("coupons.check", {"code": code, "subtotal": subtotal}, caller=caller)


async def test_a_coupon_keeps_what_it_was_made_with(
    door: Door, shop: Shop, manager: Person
) -> None:
    raw = {
        "code": unique("Sommer-"),
        "kind": "FIXED",
        "value": "5.00",
        "description": "For the summer sale.",
        "startsAt": "2026-07-01T00:00:00Z",
        "endsAt": "2027-07-01T00:00:00Z",
        "minimumOrder": "20.00",
        "usageLimit": 100,
        "perUserLimit": 1,
    }
    coupon = (await door.call("coupons.create", raw, caller=manager)).ok
    assert {name: coupon[name] for name in raw} == raw
    assert (coupon["currency"], coupon["isActive"], coupon["version"]) == ("EUR", True, 1)
    assert coupon["redeemed"] == 0
    found = (await door.call("coupons.get", {"id": coupon["id"]}, caller=manager)).ok
    assert found == coupon


async def test_a_coupon_needs_no_more_than_a_code_and_what_it_takes_off(
    door: Door, manager: Person
) -> None:
    raw = {"code": unique("C"), "kind": "PERCENT", "value": "12.50"}
    coupon = (await door.call("coupons.create", raw, caller=manager)).ok
    bounds = ("description", "startsAt", "endsAt", "minimumOrder", "usageLimit", "perUserLimit")
    assert [coupon[name] for name in bounds] == [None] * 6


@pytest.mark.parametrize(
    ("changes", "paths"),
    [
        (
            {"code": "10 %", "value": "0", "description": "", "minimumOrder": "0"}
            | {"usageLimit": 0, "perUserLimit": 1_000_001},
            {
                "code": "INVALID_FORMAT",
                "value": "TOO_SMALL",
                "description": "TOO_SHORT",
                "minimumOrder": "TOO_SMALL",
                "usageLimit": "TOO_SMALL",
                "perUserLimit": "TOO_LARGE",
            },
        ),
        ({"code": "ab"}, {"code": "INVALID_FORMAT"}),
        ({"code": "a" * 41}, {"code": "INVALID_FORMAT"}),
        ({"code": "Übergrösse"}, {"code": "INVALID_FORMAT"}),
        ({"value": "100.01"}, {"value": "TOO_LARGE"}),
        ({"value": "1.001"}, {"value": "INVALID_FORMAT"}),
        (
            {"startsAt": "2026-07-01T00:00:00Z", "endsAt": "2026-07-01T00:00:00Z"},
            {"endsAt": "CONFLICT"},
        ),
    ],
)
async def test_a_senseless_coupon_is_refused(
    door: Door, shop: Shop, manager: Person, changes: dict[str, Any], paths: dict[str, str]
) -> None:
    raw = {"code": unique("C"), "kind": "PERCENT", "value": "10.00"} | changes
    coupon = await shop.coupon()
    async with shop.unchanged():
        made = (await door.call("coupons.create", raw, caller=manager)).failure
        changed = await door.call("coupons.update", {"id": coupon.id, **changes}, caller=manager)
    assert (made.code, made.paths) == ("VALIDATION_FAILED", paths)
    assert (changed.code, changed.failure.paths) == ("VALIDATION_FAILED", paths)


async def test_a_patch_is_judged_by_what_the_coupon_becomes(
    door: Door, shop: Shop, manager: Person
) -> None:
    amount = await shop.coupon("150.00", "FIXED", startsAt=at(shop, days=1))
    for changes, paths in (
        ({"kind": "PERCENT"}, {"value": "TOO_LARGE"}),
        ({"endsAt": at(shop)}, {"endsAt": "CONFLICT"}),
        (
            {"kind": "PERCENT", "endsAt": at(shop)},
            {"value": "TOO_LARGE", "endsAt": "CONFLICT"},
        ),
    ):
        async with shop.unchanged():
            raw = {"id": amount.id, **changes}
            failure = (await door.call("coupons.update", raw, caller=manager)).failure
        assert (failure.code, failure.paths) == ("VALIDATION_FAILED", paths)
    raw = {"id": amount.id, "kind": "PERCENT", "value": "100.00", "startsAt": None}
    changed = (await door.call("coupons.update", raw, caller=manager)).ok
    assert (changed["kind"], changed["value"], changed["startsAt"]) == ("PERCENT", "100.00", None)


async def test_a_code_is_taken_whatever_its_case(door: Door, shop: Shop, manager: Person) -> None:
    first, second = await shop.coupon(), await shop.coupon()
    raw = {"code": first.code.swapcase(), "kind": "FIXED", "value": "1.00"}
    async with shop.unchanged():
        made = await door.call("coupons.create", raw, caller=manager)
        changed = await door.call(
            "coupons.update", {"id": second.id, "code": first.code.swapcase()}, caller=manager
        )
    assert (made.code, made.status) == ("COUPON_CODE_TAKEN", 409)
    assert (changed.code, changed.status) == ("COUPON_CODE_TAKEN", 409)
    # Its own code may be written in another case.
    raw = {"id": first.id, "code": first.code.swapcase()}
    assert (await door.call("coupons.update", raw, caller=manager)).ok["code"] == raw["code"]


async def test_a_change_leaves_what_is_absent_and_clears_what_is_null(
    door: Door, shop: Shop, manager: Person
) -> None:
    coupon = await shop.coupon(usageLimit=5, minimumOrder="9.00", description="Once.")
    raw = {"id": coupon.id, "usageLimit": None, "value": "20.00"}
    changed = await door.call("coupons.update", raw, caller=manager)
    assert (changed.ok["usageLimit"], changed.ok["value"]) == (None, "20.00")
    assert (changed.ok["minimumOrder"], changed.ok["description"]) == ("9.00", "Once.")
    assert changed.ok["version"] == 2
    row = await shop.last_audit("coupons.update", manager)
    assert row
    assert (row["entity"], row["entity_id"]) == ("coupon", coupon.id)
    assert row["changed"] == ["usageLimit", "value"]
    again = await door.call("coupons.update", raw, caller=manager)
    assert again.ok == changed.ok
    raw = {"id": coupon.id, "value": "30.00"}
    async with shop.unchanged():
        late = await door.call("coupons.update", raw, caller=manager, if_match="1.0")
    assert (late.code, late.status) == ("PRECONDITION_FAILED", 412)


async def test_every_time_that_is_taken_can_be_read_again(
    door: Door, shop: Shop, manager: Person
) -> None:
    coupon = await shop.coupon()
    for times in (
        {"startsAt": "1900-01-01T00:00:00Z", "endsAt": "2999-12-31T23:59:59Z"},
        {"startsAt": "1900-01-01T12:00:00+12:00", "endsAt": "2999-12-31t23:59:59.5z"},
        {"startsAt": "2016-12-31T23:59:60Z"},
    ):
        changed = await door.call("coupons.update", {"id": coupon.id, **times}, caller=manager)
        assert changed.error is None
        got = await door.call("coupons.get", {"id": coupon.id}, caller=manager)
        [listed] = [
            one
            for one in (await door.call("coupons.list", {"first": 100}, caller=manager)).ok
            if one["id"] == coupon.id
        ]
        assert got.ok == listed == changed.ok
        assert got.ok["startsAt"] in ("1900-01-01T00:00:00Z", "2017-01-01T00:00:00Z")
        assert got.ok["endsAt"].startswith("2999-12-31T23:59:59")
        assert got.ok["endsAt"].endswith("Z")
    for code, moments in {
        "TOO_SMALL": (
            "0001-01-01T00:00:00Z",
            "0001-01-01T00:00:00+10:00",
            "1899-12-31T23:59:59.999999Z",
            "1900-01-01T00:59:59+01:00",
        ),
        "TOO_LARGE": (
            "3000-01-01T00:00:00Z",
            "2999-12-31T23:59:59-01:00",
            "9999-12-31T23:59:59-10:00",
        ),
        "INVALID_FORMAT": ("10000-01-01T00:00:00Z", "0000-01-01T00:00:00Z"),
    }.items():
        for moment in moments:
            raw: dict[str, Any] = {"id": coupon.id, "startsAt": moment}
            async with shop.unchanged():
                outcome = await door.call("coupons.update", raw, caller=manager)
                assert outcome.failure.paths == {"startsAt": code}, moment
                raw = {"from": moment}
                outcome = await door.call("orders.listAll", raw, caller=manager)
                assert outcome.failure.paths == {"from": code}, moment
    outcome = await door.call("orders.listAll", {"from": "2026-01-01t00:00:00z"}, caller=manager)
    assert outcome.error is None


async def test_a_deactivated_coupon_stays_and_takes_nothing_off(
    door: Door, shop: Shop, manager: Person, user: Person
) -> None:
    coupon = await shop.coupon()
    done = (await door.call("coupons.deactivate", {"id": coupon.id}, caller=manager)).ok
    assert (done["isActive"], done["version"]) == (False, 2)
    # Doing it again changes nothing.
    assert (await door.call("coupons.deactivate", {"id": coupon.id}, caller=manager)).ok == done
    outcome = await asked(door, user, coupon.code)
    assert (outcome.code, outcome.failure.details) == ("COUPON_INVALID", {"reason": "INACTIVE"})
    raw = {"id": coupon.id, "isActive": True}
    assert (await door.call("coupons.update", raw, caller=manager)).ok["isActive"] is True
    assert (await asked(door, user, coupon.code)).ok["discount"] == "2.00"


async def test_coupons_are_listed_newest_first_and_found_by_code_and_use(
    door: Door, shop: Shop, manager: Person
) -> None:
    coupons = [await shop.coupon() for _ in range(3)]
    await door.call("coupons.deactivate", {"id": coupons[1].id}, caller=manager)
    ids = (await door.call("coupons.list", {"first": 100}, caller=manager)).ids()
    assert [id for id in ids if id in {c.id for c in coupons}] == [c.id for c in coupons[::-1]]
    for active, found in ((True, {coupons[0].id, coupons[2].id}), (False, {coupons[1].id})):
        raw = {"isActive": active, "first": 100}
        ids = (await door.call("coupons.list", raw, caller=manager)).ids()
        assert {coupon.id for coupon in coupons} & set(ids) == found
    raw = {"code": coupons[0].code.swapcase()}
    assert (await door.call("coupons.list", raw, caller=manager)).ids() == [coupons[0].id]


@pytest.mark.parametrize("id", [UNKNOWN, "nonsense"])
async def test_what_is_no_coupon_is_not_found(
    door: Door, shop: Shop, manager: Person, id: str
) -> None:
    async with shop.unchanged():
        for operation, more in (("get", {}), ("update", {"value": "1"}), ("deactivate", {})):
            raw = {"id": id, **more}
            outcome = await door.call(f"coupons.{operation}", raw, caller=manager)
            assert (outcome.code, outcome.status) == ("COUPON_NOT_FOUND", 404)


async def test_node_shows_a_coupon_to_managers_alone(
    shop: Shop, client: Any, manager: Person, user: Person
) -> None:
    coupon = await shop.coupon()
    document = f'{{ node(id: "{coupon.id}") {{ id ... on Coupon {{ code value kind }} }} }}'
    shown = {"id": coupon.id, "code": coupon.code, "value": "10.00", "kind": "PERCENT"}
    for caller, expected in ((manager, shown), (user, None)):
        response = await client.post("/graphql", json={"query": document}, headers=caller.headers)
        assert response.json()["data"]["node"] == expected


@pytest.mark.parametrize(
    ("kind", "value", "subtotal", "discount", "total"),
    [
        ("PERCENT", "10.00", "20.00", "2.00", "18.00"),
        ("PERCENT", "10.00", "0.05", "0.01", "0.04"),  # half a cent goes up
        ("PERCENT", "12.50", "19.99", "2.50", "17.49"),
        ("PERCENT", "33.33", "999999999.99", "333300000.00", "666699999.99"),
        ("PERCENT", "100.00", "20.00", "19.99", "0.01"),  # somebody who pays nothing pays a cent
        ("FIXED", "5.00", "20.00", "5.00", "15.00"),
        ("FIXED", "5.00", "5.00", "4.99", "0.01"),
        ("FIXED", "5.00", "0.02", "0.01", "0.01"),
    ],
)
async def test_a_coupon_takes_off_what_it_says_to_the_cent(
    door: Door,
    shop: Shop,
    user: Person,
    kind: str,
    value: str,
    subtotal: str,
    discount: str,
    total: str,
) -> None:
    coupon = await shop.coupon(value, kind)
    async with shop.unchanged():
        offer = (await asked(door, user, coupon.code.swapcase(), subtotal)).ok
    assert offer == {
        "code": coupon.code,
        "subtotal": subtotal,
        "discount": discount,
        "total": total,
        "currency": "EUR",
    }


async def test_why_a_coupon_cannot_be_redeemed_is_told(
    door: Door, shop: Shop, user: Person
) -> None:
    early = await shop.coupon(startsAt=at(shop, hours=1))
    dear = await shop.coupon(minimumOrder="20.01")
    small = await shop.coupon("1.00")
    cases = (
        (unique("C"), "20.00", {"reason": "UNKNOWN"}),
        ("10 % für alle", "20.00", {"reason": "UNKNOWN"}),
        (early.code, "20.00", {"reason": "NOT_STARTED"}),
        (
            dear.code,
            "20.00",
            {
                "reason": "MINIMUM_NOT_REACHED",
                "minimumOrder": "20.01",
                "missing": "0.01",
                "currency": "EUR",
            },
        ),
        (small.code, "0.49", {"reason": "NOTHING_OFF"}),
    )
    for code, subtotal, details in cases:
        outcome = await asked(door, user, code, subtotal)
        assert (outcome.code, outcome.status) == ("COUPON_INVALID", 422)
        assert outcome.failure.details == details
    assert (await asked(door, user, dear.code, "20.01")).ok["discount"] == "2.00"


async def test_a_coupon_works_from_its_start_until_its_end(
    door: Door, shop: Shop, user: Person, clock: Clock
) -> None:
    coupon = await shop.coupon(startsAt=at(shop, minutes=5), endsAt=at(shop, minutes=10))
    assert (await asked(door, user, coupon.code)).failure.details == {"reason": "NOT_STARTED"}
    clock.forward(minutes=5)
    assert (await asked(door, user, coupon.code)).ok["discount"] == "2.00"
    clock.forward(minutes=5)
    outcome = await asked(door, user, coupon.code)
    assert (outcome.code, outcome.status) == ("COUPON_EXPIRED", 422)


async def test_a_coupon_that_was_redeemed_can_only_be_ended(
    door: Door, shop: Shop, manager: Person
) -> None:
    buyer = await shop.person(balance="100.00")
    coupon = await shop.coupon(endsAt=at(shop, days=9), usageLimit=5)
    await shop.redeem(coupon, buyer)
    frozen = {
        "code": unique("C"),
        "kind": "FIXED",
        "value": "9.00",
        "description": "Other words.",
        "startsAt": at(shop, days=1),
        "endsAt": at(shop, days=10),
        "minimumOrder": "1.00",
        "usageLimit": 6,
        "perUserLimit": 3,
    }
    for changes in ({name: value} for name, value in frozen.items()):
        async with shop.unchanged():
            raw = {"id": coupon.id, **changes}
            outcome = await door.call("coupons.update", raw, caller=manager)
        assert (outcome.code, outcome.status) == ("COUPON_FROZEN", 422)
        assert outcome.failure.paths == dict.fromkeys(changes, "FROZEN")
    async with shop.unchanged():
        raw = {"id": coupon.id, **frozen}
        failure = (await door.call("coupons.update", raw, caller=manager)).failure
        assert set(failure.paths) == set(frozen)
        raw = {"id": coupon.id, "endsAt": None}
        assert (await door.call("coupons.update", raw, caller=manager)).code == "COUPON_FROZEN"
    raw = {"id": coupon.id, "endsAt": at(shop, days=1), "value": "10.00"}  # the value it has
    assert (await door.call("coupons.update", raw, caller=manager)).ok["endsAt"] == raw["endsAt"]
    raw = {"id": coupon.id, "isActive": False}
    assert (await door.call("coupons.update", raw, caller=manager)).ok["isActive"] is False
    async with shop.unchanged():
        raw = {"id": coupon.id, "isActive": True}
        assert (await door.call("coupons.update", raw, caller=manager)).code == "COUPON_FROZEN"


async def test_a_coupon_without_an_end_can_be_given_one_after_its_use(
    door: Door, shop: Shop, manager: Person
) -> None:
    coupon = await shop.coupon()
    await shop.redeem(coupon, await shop.person(balance="100.00"))
    raw = {"id": coupon.id, "endsAt": at(shop, days=1)}
    assert (await door.call("coupons.update", raw, caller=manager)).ok["endsAt"] == raw["endsAt"]


async def test_limits_count_all_orders_and_those_of_one_user(
    door: Door, shop: Shop, manager: Person
) -> None:
    first, second = [await shop.person(balance="100.00") for _ in range(2)]
    coupon = await shop.coupon(usageLimit=3, perUserLimit=2)
    for _ in range(2):
        assert (await asked(door, first, coupon.code)).ok
        await shop.redeem(coupon, first)
    outcome = await asked(door, first, coupon.code)
    assert (outcome.code, outcome.status) == ("COUPON_EXHAUSTED", 422)
    assert outcome.failure.details == {"limit": "USER"}
    assert (await asked(door, second, coupon.code)).ok
    await shop.redeem(coupon, second)
    for person in (first, second):
        failure = (await asked(door, person, coupon.code)).failure
        assert (failure.code, failure.details) == ("COUPON_EXHAUSTED", {"limit": "ALL"})
    found = await door.call("coupons.get", {"id": coupon.id}, caller=manager)
    assert (found.ok["redeemed"], found.ok["version"]) == (3, 1)

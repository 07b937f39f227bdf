"""Names: what is seen of them, what is hidden in them, and the full name made of two."""

import unicodedata

import pytest

from tests.faces import Door
from tests.shop import PASSWORD, Person, Shop, unique

UNFIT = {
    "zero width": "\u200b",
    "zero width inside": "A\u200bda",
    "zero width at the end": "Ada\u200b",
    "joiner between Latin letters": "A\u200dda",
    "joiner at the end": "Ada\u200d",
    "non-joiner at the start": "\u200cعلی",
    "two joiners": "علی\u200c\u200cرضا",
    "word joiner": "Ada\u2060",
    "byte order mark": "\ufeffAda",
    "soft hyphen": "A\u00adda",
    "right to left override": "\u202eadA",
    "embedding": "\u202aAda\u202c",
    "isolate": "\u2067Ada\u2069",
    "direction mark": "Ada\u200f",
    "Arabic letter mark": "Ada\u061c",
    "tags alone": "\U000e0041\U000e0064",
    "tags after a letter": "Ada\U000e0041\U000e007f",
    "selector after a letter": "Ada\ufe0f",
    "combining alone": "\u0301\u0302",
    "grapheme joiner": "A\u034fda",
    "Hangul filler": "\u3164",
    "half-width Hangul filler": "\uffa0",
    "blank of braille": "\u2800\u2800",
    "line separator": "Ada\u2028Lovelace",
    "control": "Ada\u0085",
}
FIT = (
    "Ada Lovelace",
    "Jose\u0301 O’Brien-Núñez",
    "علی‌رضا",  # Persian, with a non-joiner
    "می‌خواهم",
    "ക്‍",  # Malayalam: a virama and a joiner at the end
    "श्‍री",
    "👩‍💻 Ada",
    "👨‍👩‍👧‍👦",
    "🏳️‍🌈",
    "❤️",
    "1️⃣",
    "👍🏽",
    "🏴󠁧󠁢󠁥󠁮󠁧󠁿",  # England: tags
    "葛󠄀城",  # an ideograph with a selector
    "김철수",
    "محمد",
    "李\u3000雷",
    "X Æ A-12",
)


def account(**more: object) -> dict[str, object]:
    name = unique("ada")
    return {
        "email": f"{name}@example.com",
        "username": name,
        "password": PASSWORD,
        "fullName": "Ada Lovelace",
        **more,
    }


@pytest.mark.parametrize("name", UNFIT.values(), ids=UNFIT)
async def test_a_name_that_hides_something_is_refused(door: Door, shop: Shop, name: str) -> None:
    ada, admin, manager = [await shop.person(role) for role in ("USER", "ADMIN", "MANAGER")]
    shelf, product = await shop.shelf(), await shop.product()
    address = {"name": name, "line1": name, "line2": name, "city": name, "postalCode": name}
    address |= {"country": "GB"}
    names = {"fullName": name, "firstName": name, "lastName": name}
    in_profile = {"firstName": name, "lastName": name}
    calls = (
        ("auth.register", account(**names), None, names),
        ("auth.register", account(profile=in_profile), None, in_profile),
        ("users.create", account(role="USER", **names), admin, names),
        ("users.updateMe", names, ada, names),
        ("users.updateMe", {"profile": in_profile}, ada, in_profile),
        ("users.update", {"id": ada.id, **names}, admin, names),
        ("apiKeys.create", {"name": name, "permissions": ["orders:read:own"]}, ada, ["name"]),
        ("categories.create", {"name": name, "slug": unique("s")}, manager, ["name"]),
        (
            "products.create",
            {"name": f"Lamp{name}", "price": "1.00", "categoryId": shelf, "tags": [name]},
            manager,
            ["name", "tags.0"],
        ),
        (
            "orders.create",
            {"lines": [{"productId": product.id, "quantity": 1}], "shippingAddress": address},
            ada,
            ["name", "line1", "line2", "city", "postalCode"],
        ),
    )
    async with shop.unchanged():
        for operation, values, caller, fields in calls:
            failure = (await door.call(operation, values, caller=caller)).failure
            assert (failure.code, failure.status) == ("VALIDATION_FAILED", 400)
            expected = set(fields)
            if name.startswith("\u0301"):  # it is seen after "Lamp"
                expected -= {"name"} if operation == "products.create" else set()
            found = {path.split(".", 1)[-1] for path in failure.paths}
            assert found >= {field.split(".", 1)[-1] for field in expected}, operation


@pytest.mark.parametrize("text", ["\u202eesrever", "\u200b", "\u2800"])
async def test_a_longer_text_does_not_override_the_direction_either(
    door: Door, shop: Shop, user: Person, text: str
) -> None:
    async with shop.unchanged():
        outcome = await door.call("users.updateMe", {"bio": text}, caller=user)
    assert outcome.failure.paths == {"bio": "INVALID_FORMAT"}
    fine = "Two lines,\n\u2067שלום\u2069 and\u200f marks."
    assert (await door.call("users.updateMe", {"bio": fine}, caller=user)).ok["profile"]["bio"]


@pytest.mark.parametrize("name", FIT)
async def test_the_names_of_the_world_stay_as_they_are(door: Door, name: str) -> None:
    user = (await door.call("auth.register", account(fullName=name, firstName=name))).ok["user"]
    written = unicodedata.normalize("NFC", name)
    assert (user["fullName"], user["profile"]["firstName"]) == (written, written)


# A full name made of two


@pytest.mark.parametrize(
    ("given", "full_name"),
    [
        ({"firstName": "Ada", "lastName": "Lovelace"}, "Ada Lovelace"),
        ({"firstName": "Ada"}, "Ada"),
        ({"lastName": "Lovelace", "firstName": None}, "Lovelace"),
        ({"profile": {"firstName": "Ada", "lastName": "Lovelace"}}, "Ada Lovelace"),
        ({"profile": {"firstName": "Ada"}, "lastName": "Lovelace"}, "Ada Lovelace"),
        ({"profile": {"firstName": "Ada"}, "fullName": "Countess"}, "Countess"),
        ({"profile": {"firstName": "Ada"}, "firstName": "Ada"}, "Ada"),
        ({"profile": None, "fullName": "Ada"}, "Ada"),
        ({"fullName": None, "firstName": " Jose\u0301 "}, "José"),
    ],
)
async def test_a_full_name_is_made_of_the_first_and_the_last(
    door: Door, shop: Shop, given: dict[str, object], full_name: str
) -> None:
    admin = await shop.person("ADMIN")
    for operation, more, caller in (
        ("auth.register", {}, None),
        ("users.create", {"role": "USER"}, admin),
    ):
        asked = {**account(), **more}
        del asked["fullName"]
        made = (await door.call(operation, asked | given, caller=caller)).ok
        assert made.get("user", made)["fullName"] == full_name


async def test_a_profile_is_stored_whole(door: Door) -> None:
    profile = {
        "firstName": "Ada",
        "lastName": "Lovelace",
        "avatar": "https://example.com/ada.png",
        "bio": "Counts.",
    }
    asked = account(profile=profile)
    del asked["fullName"]
    user = (await door.call("auth.register", asked)).ok["user"]
    assert user["fullName"] == "Ada Lovelace"
    assert user["profile"] == {**profile, "imageVariants": []}


@pytest.mark.parametrize(
    ("given", "paths"),
    [
        ({}, {"fullName": "REQUIRED"}),
        ({"profile": {}}, {"fullName": "REQUIRED"}),
        ({"profile": {"avatar": None}}, {"fullName": "REQUIRED"}),
        ({"firstName": "x" * 60, "lastName": "y" * 60}, {"fullName": "TOO_LONG"}),
        ({"firstName": "x" * 101}, {"firstName": "TOO_LONG"}),
        (
            {"profile": {"firstName": "Ada"}, "firstName": "Ben"},
            {"profile.firstName": "CONFLICT"},
        ),
        ({"profile": {"firstName": "x" * 101}}, {"profile.firstName": "TOO_LONG"}),
        ({"email": "nonsense"}, {"email": "INVALID_FORMAT", "fullName": "REQUIRED"}),
    ],
)
async def test_an_account_without_a_name_is_refused(
    door: Door, shop: Shop, given: dict[str, object], paths: dict[str, str]
) -> None:
    asked = account()
    del asked["fullName"]
    async with shop.unchanged():
        failure = (await door.call("auth.register", asked | given)).failure
    assert (failure.code, failure.paths) == ("VALIDATION_FAILED", paths)


async def test_a_derived_full_name_follows_its_parts_and_a_given_one_stays(door: Door) -> None:
    asked = account(firstName="Ada", lastName="Byron")
    del asked["fullName"]
    tokens = (await door.call("auth.register", asked)).ok
    caller = tokens["accessToken"]
    for change, full_name in (
        ({"profile": {"lastName": "Lovelace"}}, "Ada Lovelace"),
        ({"firstName": None}, "Lovelace"),
        ({"firstName": "Ada", "fullName": "Countess"}, "Countess"),
        ({"lastName": "King"}, "Countess"),
        ({"profile": {"firstName": None, "lastName": None}}, "Countess"),
    ):
        changed = (await door.call("users.updateMe", change, caller=caller)).ok
        assert changed["fullName"] == full_name
    assert changed["profile"]["lastName"] is None


async def test_a_profile_of_a_patch_changes_what_it_gives(
    door: Door, shop: Shop, user: Person
) -> None:
    asked = {"profile": {"bio": "Mine.", "firstName": "Grace"}, "lastName": "Hopper"}
    changed = (await door.call("users.updateMe", asked, caller=user)).ok
    assert changed["profile"] == {
        "firstName": "Grace",
        "lastName": "Hopper",
        "avatar": None,
        "imageVariants": [],
        "bio": "Mine.",
    }
    async with shop.unchanged():
        for bad, paths in (
            ({"profile": None}, {"profile": "REQUIRED"}),
            ({"profile": {"bio": "A"}, "bio": "B"}, {"profile.bio": "CONFLICT"}),
        ):
            failure = (await door.call("users.updateMe", bad, caller=user)).failure
            assert (failure.code, failure.paths) == ("VALIDATION_FAILED", paths)

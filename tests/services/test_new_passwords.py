"""New passwords: the common ones, those that tell the account, and the spellings that are one."""

import unicodedata
from typing import Any, Literal, get_args

import pytest
from pwdlib.hashers.argon2 import Argon2Hasher

from persistence.mail_tokens import Purpose
from services.access import passwords as module
from tests.faces import Door
from tests.shop import PASSWORD, Person, Shop, unique

COMMON = (
    "password",
    "Password",
    "PASSWORD",
    "passwort",
    "12345678",
    "1234567890",
    "87654321",
    "11111111",
    "aaaaaaaa",
    "abcdefgh",
    "abcd1234",
    "1q2w3e4r",
    "1qaz2wsx",
    "qwertyuiop",
    "qwertzuiop",
    "qwerasdf",
    "йцукенгш",
    "iloveyou",
    "password1",
    "Password123!",
    "password12345678",
    "2024password",
    "p@ssw0rd",
    "Pa$$w0rd!",
    "drowssap",
    "passwordpassword",
    "abcabcabc",
    "sunshine",
    "Summer2024!",
    "Welcome1",
    "monkey123456",
    "letmein!!",
    "adminadmin",
    "pass-word",
    "        ",
    "********",
    "\uff50\uff41\uff53\uff53\uff57\uff4f\uff52\uff44",
    "\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18",
)
UNCOMMON = (
    "correct horse battery",
    "tandem-test-1",
    "kx7-plover-anvil",
    "Xk9#mQ2v",
    "tr0ub4dor&3",
    "Zebra!Quilt7",
    "правильная лошадь",
    "鳥は空を飛んでいる",
    "x" * 64 + "correct horse" + "y" * 50,
)
#: A password, and the email and the username that it tells.
TELLING = (
    ("ada.lovelace@example.com", "ada.lovelace@example.com", "countess"),
    ("ada.lovelace", "ada.lovelace@example.com", "countess"),
    ("AdaLovelace", "ada.lovelace@example.com", "countess"),
    ("lovelace.ada", "ada.lovelace@example.com", "countess"),
    ("Ada_Lovelace_2024", "ada.lovelace@example.com", "countess"),
    ("ecalevol.ada", "ada.lovelace@example.com", "countess"),
    ("l0vel@ce1815", "ada.lovelace@example.com", "countess"),
    ("lovelacee", "lovelace@example.com", "countess"),
    ("lovelace", "ada+lovelace@example.com", "countess"),
    ("countess1", "ada@example.com", "countess"),
    ("ssetnuoc", "ada@example.com", "countess"),
    ("COUNTESS!!", "ada@example.com", "countess"),
    ("12345678countess", "ada@example.com", "countess"),
    ("countesscountess", "ada@example.com", "countess"),
    ("grace-hopper", "ada@example.com", "grace.hopper"),
    ("ada12345678", "ada@example.com", "countess"),
    ("ada@example", "ada@example.com", "countess"),
    ("example.com", "ada@example.com", "countess"),
    ("münchen1", "ada@münchen.example", "countess"),
)


def account(password: str, **more: str) -> dict[str, str]:
    name = unique("ada")
    return {
        "email": f"{name}@example.com",
        "username": name,
        "password": password,
        "fullName": "Ada",
        **more,
    }


async def setting(shop: Shop, user: Person, password: str) -> list[tuple[str, Any, Any, str]]:
    """Every call that sets a password, who calls, and the field of the password."""
    token = await shop.mailed(user, Purpose.RESET_PASSWORD)
    change = {"currentPassword": PASSWORD, "newPassword": password}
    admin = await shop.person("ADMIN")
    return [
        ("auth.register", account(password), None, "password"),
        ("users.create", account(password) | {"role": "USER"}, admin, "password"),
        ("users.changePassword", change, user, "newPassword"),
        ("auth.resetPassword", {"token": token, "newPassword": password}, None, "newPassword"),
    ]


@pytest.mark.parametrize("password", COMMON)
async def test_a_common_password_is_refused(
    door: Door, shop: Shop, user: Person, password: str
) -> None:
    calls = await setting(shop, user, password)
    async with shop.unchanged():
        for operation, values, caller, field in calls:
            failure = (await door.call(operation, values, caller=caller)).failure
            assert (failure.code, failure.status) == ("VALIDATION_FAILED", 400), operation
            assert failure.paths == {field: "TOO_COMMON"}, operation


@pytest.mark.parametrize("password", UNCOMMON)
async def test_another_password_is_taken(
    door: Door, shop: Shop, user: Person, password: str
) -> None:
    for operation, values, caller, _ in await setting(shop, user, password):
        current = values.get("currentPassword")
        assert (await door.call(operation, values, caller=caller)).error is None, operation
        if current:
            login = {"email": user.email, "password": password}
            assert (await door.call("auth.login", login)).ok


@pytest.mark.parametrize(("password", "email", "username"), TELLING)
async def test_a_password_that_tells_the_account_is_refused(
    door: Door, shop: Shop, user: Person, password: str, email: str, username: str
) -> None:
    await shop.execute("DELETE FROM mail_tokens WHERE user_id = $1", user.id)
    # Another test may have left an account with these names.
    await shop.execute(
        "UPDATE users SET email = id || '@example.com', username = left(md5(id::text), 20) "
        "WHERE lower(email) = lower($1) OR lower(username) = lower($2)",
        email,
        username,
    )
    await shop.execute(
        "UPDATE users SET email = $2, username = $3 WHERE id = $1", user.id, email, username
    )
    calls = await setting(shop, user, password)
    try:
        async with shop.unchanged():
            for operation, values, caller, field in calls:
                if field == "password":
                    values |= {"email": email, "username": username}
                failure = (await door.call(operation, values, caller=caller)).failure
                assert (failure.code, failure.status) == ("VALIDATION_FAILED", 400), operation
                assert failure.paths == {field: "TOO_COMMON"}, operation
    finally:  # the next test may use these names
        await shop.execute(
            "UPDATE users SET email = $2, username = $3 WHERE id = $1",
            user.id,
            user.email,
            user.username,
        )


@pytest.mark.parametrize(
    "password", ["canada-river-7", "a decade of otters", "example of a sentence", "kx7-ada-plover"]
)
async def test_a_password_may_hold_a_short_word_of_the_account(door: Door, password: str) -> None:
    asked = account(password, email=f"ada+{unique()}@example.com")
    assert (await door.call("auth.register", asked)).ok


async def test_the_first_wrong_thing_of_a_password_answers(
    door: Door, shop: Shop, user: Person
) -> None:
    """A wrong current password is told before the new one is held against the account."""
    async with shop.unchanged():
        asked = {"currentPassword": "not-the-password", "newPassword": user.username}
        outcome = await door.call("users.changePassword", asked, caller=user)
        assert outcome.code == "INVALID_CREDENTIALS"
        asked = {"token": "tdp_nothing", "newPassword": user.username}
        assert (await door.call("auth.resetPassword", asked)).code == "TOKEN_INVALID"
        asked = account("password", email="nonsense", username="a!")
        failure = (await door.call("auth.register", asked)).failure
    assert failure.paths == {
        "email": "INVALID_FORMAT",
        "username": "TOO_SHORT",
        "password": "TOO_COMMON",
    }


# Spellings

TYPED = "Käse-Ærø ﬁnch Å1"
Form = Literal["NFC", "NFD", "NFKC", "NFKD"]
FORMS: tuple[Form, ...] = get_args(Form)


@pytest.mark.parametrize("form", FORMS)
async def test_a_password_signs_in_however_a_keyboard_writes_it(door: Door, form: Form) -> None:
    asked = account(unicodedata.normalize(form, TYPED))
    assert (await door.call("auth.register", asked)).ok
    for other in FORMS:
        login = {"email": asked["email"], "password": unicodedata.normalize(other, TYPED)}
        assert (await door.call("auth.login", login)).ok
    login = {"email": asked["email"], "password": TYPED.replace("ä", "a")}
    assert (await door.call("auth.login", login)).code == "INVALID_CREDENTIALS"


async def test_characters_of_a_password_are_counted_as_they_are_stored(
    door: Door, shop: Shop
) -> None:
    seven = unicodedata.normalize("NFD", "äöüéñçå")
    assert len(seven) > 8
    async with shop.unchanged():
        failure = (await door.call("auth.register", account(seven))).failure
    assert failure.paths == {"password": "TOO_SHORT"}
    for password in (unicodedata.normalize("NFD", "äöü-éñç " * 16), "ﬃ7ﬄ9ﬁ"):
        asked = account(password)
        assert (await door.call("auth.register", asked)).ok
        login = {"email": asked["email"], "password": password}
        assert (await door.call("auth.login", login)).ok


@pytest.mark.parametrize("form", FORMS)
async def test_a_hash_from_before_verifies_what_was_typed_and_is_made_anew(
    door: Door, shop: Shop, user: Person, form: Form
) -> None:
    typed = unicodedata.normalize(form, TYPED)
    hash = Argon2Hasher(time_cost=2, memory_cost=19_456, parallelism=1).hash(typed)
    await shop.execute("UPDATE users SET password_hash = $2 WHERE id = $1", user.id, hash)
    login = {"email": user.email, "password": typed}
    assert (await door.call("auth.login", login)).ok
    for other in FORMS:
        login["password"] = unicodedata.normalize(other, TYPED)
        assert (await door.call("auth.login", login)).ok
    changed = {"currentPassword": typed, "newPassword": "kx7-plover-anvil"}
    assert (await door.call("users.changePassword", changed, caller=user)).ok


async def test_an_unknown_account_takes_the_work_of_both_spellings(
    door: Door, shop: Shop, user: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    verify = module._ARGON2.verify

    def counted(password: str, hash: str) -> bool:
        done.append(hash)
        return verify(password, hash)

    monkeypatch.setattr(module._ARGON2, "verify", counted)
    for password, work in ((TYPED, 2), (unicodedata.normalize("NFKC", TYPED), 1)):
        for email in (user.email, f"{unique()}@example.com"):
            done.clear()
            outcome = await door.call("auth.login", {"email": email, "password": password})
            assert outcome.code == "INVALID_CREDENTIALS"
            assert len(done) == work

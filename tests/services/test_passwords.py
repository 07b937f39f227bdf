"""Password hashes: which are taken, which are made anew, and what the work tells: nothing."""

import asyncio
import re
from typing import Any

import bcrypt
import httpx
import pytest
from argon2.exceptions import VerifyMismatchError
from argon2.low_level import verify_secret
from pwdlib.hashers.argon2 import Argon2Hasher

from services.access import passwords as module
from services.access.passwords import Passwords
from services.process import Process
from tests.faces import DOCUMENTS, Door, written
from tests.shop import PASSWORD, Person, Shop, unique

#: Few, as the hashes here need not be strong.
ROUNDS = 5
TODAY = "$argon2id$v=19$m=19456,t=2,p=1$"
LONG = "a long password that goes on after the seventy-second byte, where bcrypt ends its reading"


def bcrypt_hash(password: str, prefix: str = "2b") -> str:
    """As an older system stored it, which cut the password off itself."""
    salt = bcrypt.gensalt(ROUNDS, b"2b")
    made = bcrypt.hashpw(password.encode()[:72], salt).decode()
    return f"${prefix}${made[4:]}"


OLD = {
    "bcrypt 2a": lambda: bcrypt_hash(PASSWORD, "2a"),
    "bcrypt 2b": lambda: bcrypt_hash(PASSWORD, "2b"),
    "bcrypt 2y": lambda: bcrypt_hash(PASSWORD, "2y"),
    "argon2id with less memory": lambda: Argon2Hasher(2, 8192, 1).hash(PASSWORD),
    "argon2id with fewer passes": lambda: Argon2Hasher(1, 19_456, 1).hash(PASSWORD),
    "argon2i": lambda: Argon2Hasher(2, 19_456, 1, type=module.Type.I).hash(PASSWORD),
}


async def stored(shop: Shop, person: Person) -> str:
    """The hash that is kept."""
    return await shop.value("SELECT password_hash FROM users WHERE id = $1", person.id)


async def store(shop: Shop, person: Person, hash: str) -> None:
    """Give an account a hash."""
    await shop.execute("UPDATE users SET password_hash = $2 WHERE id = $1", person.id, hash)


def login(person: Person, password: str = PASSWORD) -> dict[str, str]:
    """What signs somebody in."""
    return {"email": person.email, "password": password}


@pytest.mark.parametrize("kind", OLD)
async def test_an_old_hash_signs_in_and_is_made_anew(
    door: Door, shop: Shop, user: Person, kind: str
) -> None:
    old = OLD[kind]()
    await store(shop, user, old)
    async with shop.unchanged():
        outcome = await door.call("auth.login", login(user, "wrong-password"))
    assert outcome.code == "INVALID_CREDENTIALS"
    tokens = (await door.call("auth.login", login(user))).ok
    assert tokens["user"]["version"] == 1  # the password is the same one
    new = await stored(shop, user)
    assert new.startswith(TODAY)
    assert (await door.call("auth.login", login(user))).ok
    assert await stored(shop, user) == new


async def test_a_hash_of_today_or_stronger_stays(door: Door, shop: Shop, user: Person) -> None:
    for hash in (await stored(shop, user), Argon2Hasher(3, 32_768, 1).hash(PASSWORD)):
        await store(shop, user, hash)
        assert (await door.call("auth.login", login(user))).ok
        assert await stored(shop, user) == hash


async def test_an_old_hash_of_a_long_password_signs_in(
    door: Door, shop: Shop, user: Person
) -> None:
    """bcrypt knows its first 72 bytes; the new hash knows all of it."""
    await store(shop, user, bcrypt_hash(LONG))
    assert (await door.call("auth.login", login(user, LONG))).ok
    assert (await door.call("auth.login", login(user, LONG[:-1]))).code == "INVALID_CREDENTIALS"
    umlauts = "ü" * 100
    await store(shop, user, bcrypt_hash(umlauts))
    assert (await door.call("auth.login", login(user, umlauts))).ok


@pytest.mark.parametrize(
    "hash",
    [
        "",
        "$2b$31$" + "." * 53,  # would take days
        "$2b$03$" + "." * 53,
        "$2x$05$" + "." * 53,
        "$2b$05$short",
        "$2b$05$" + "." * 53 + "\n",
        "$argon2id$v=19$m=8",
        "$old$hash",
    ],
)
async def test_what_is_no_hash_of_ours_matches_nothing(
    door: Door, shop: Shop, user: Person, hash: str
) -> None:
    await store(shop, user, hash)
    async with shop.unchanged():
        assert (await door.call("auth.login", login(user))).code == "INVALID_CREDENTIALS"


async def test_ten_first_sign_ins_at_once_all_go_well(door: Door, shop: Shop, user: Person) -> None:
    await store(shop, user, bcrypt_hash(PASSWORD))
    outcomes = await asyncio.gather(*(door.call("auth.login", login(user)) for _ in range(10)))
    assert [outcome.code for outcome in outcomes] == ["OK"] * 10
    assert (await stored(shop, user)).startswith(TODAY)


async def test_a_closed_account_keeps_its_old_hash(door: Door, shop: Shop) -> None:
    closed = await shop.person(is_active=False)
    await store(shop, closed, bcrypt_hash(PASSWORD))
    async with shop.unchanged():
        assert (await door.call("auth.login", login(closed))).code == "ACCOUNT_DISABLED"


# What a sign-in takes


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """The hashes that were computed: what was done, with which algorithm and parameters."""
    done: list[tuple[str, str]] = []

    def counted(hasher: Any, name: str) -> None:
        method = getattr(hasher, name)

        def call(password: str, *hash: str) -> Any:
            result = method(password, *hash)
            kind = re.match(r"\$2.\$\d\d|\$argon2.*?(?=\$[^$]*\$[^$]*$)", (*hash, result)[0])
            assert kind
            done.append((name, kind[0]))
            return result

        monkeypatch.setattr(hasher, name, call)

    for hasher in (module._ARGON2, module._BCRYPT):
        counted(hasher, "verify")
        counted(hasher, "hash")
    return done


ONE = [("verify", TODAY[:-1])]


async def test_no_account_and_a_wrong_password_take_the_same_work(
    door: Door, shop: Shop, user: Person, work: list[tuple[str, str]]
) -> None:
    closed = await shop.person(is_active=False)
    nobody = {"email": f"{unique()}@example.com", "password": PASSWORD}
    for asked in (nobody, login(user, "wrong-password"), login(closed, "wrong-password")):
        work.clear()
        assert (await door.call("auth.login", asked)).code == "INVALID_CREDENTIALS"
        assert work == ONE
    work.clear()
    assert (await door.call("auth.login", login(user))).ok
    assert work == ONE


def test_the_hash_of_nobody_is_computed_and_refused() -> None:
    # A hash that cannot be read is refused at once, and that time would tell of no account.
    with pytest.raises(VerifyMismatchError):
        verify_secret(module._NOBODY.encode(), b"any password", module.Type.ID)
    assert module._NOBODY.startswith(TODAY)


async def test_while_bcrypt_hashes_are_about_every_sign_in_does_their_work(
    shop: Shop, work: list[tuple[str, str]]
) -> None:
    passwords = Passwords(1, ROUNDS)
    both = [("verify", f"$2b${ROUNDS:02}"), *ONE]
    for hash in (None, "", shop.password_hash, bcrypt_hash("another"), "$old$hash"):
        work.clear()
        assert await passwords.verify_and_update("wrong-password", hash) == (False, None)
        assert work == both
    work.clear()
    right, new = await passwords.verify_and_update(PASSWORD, bcrypt_hash(PASSWORD))
    assert right
    assert new is not None
    assert work == [both[0], ("hash", TODAY[:-1])]  # making a hash is the work of verifying one


async def test_no_account_and_a_wrong_password_answer_with_the_same_bytes(
    client: httpx.AsyncClient, shop: Shop, user: Person
) -> None:
    closed = await shop.person(is_active=False)
    nobody = f"{unique()}@example.com"
    text, _ = written(DOCUMENTS["auth.login"], {"email": "", "password": ""}, None, None)
    for path in ("/graphql", "/api/v1/auth/login", "/api/v2/auth/login", "/api/auth/login"):
        answers = []
        for email in (user.email, nobody, closed.email):
            body: dict[str, Any] = {"email": email, "password": "wrong-password"}
            if path == "/graphql":
                body = {"query": text, "variables": {"input": body}}
            answer = await client.post(path, json=body, headers={"X-Request-Id": "the-same"})
            assert b"INVALID_CREDENTIALS" in answer.content
            kept = re.sub(rb'"timestamp":"[^"]*"', b"", answer.content)
            answers.append((answer.status_code, answer.headers["content-type"], kept))
        assert answers[0] == answers[1] == answers[2]


async def test_the_setting_reaches_the_passwords(process: Process) -> None:
    from services.process import new_process

    settings = process.settings.model_copy(update={"bcrypt_rounds": ROUNDS})
    assert new_process(settings).passwords._stand_in == f"$2b$05${'.' * 53}"

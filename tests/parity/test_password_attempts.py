"""Attempts on passwords: they are few, and they lock nobody out of their own account."""

import asyncio
import itertools
import re
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from services.access.passwords import Passwords
from services.catalogue import BY_NAME
from services.quota.quota import Policy
from services.settings.settings import Settings
from tests.exchanges import http_client
from tests.faces import DOORS, FACES, Outcome, door_named
from tests.servers import serving
from tests.shop import PASSWORD, Person, Shop, good_call, new_key, unique
from tests.sites import HERE, THERE, Open, Site

WRONG = "not-the-one"
#: Small budgets, so that a test computes few hashes: for a place and account, a place, an account.
SMALL = {"quota_login": 3, "quota_login_place": 6, "quota_login_account": 5}


def limits(outcome: Outcome) -> tuple[str, int]:
    """The budget that refused a call."""
    assert (outcome.code, outcome.status) == ("RATE_LIMITED", 429)
    details = outcome.failure.details
    assert details["windowSeconds"] == 900
    return details["policy"], details["limit"]


async def wrong(site: Site, times: int, email: str, address: str = HERE) -> None:
    """Try wrong passwords, on one face after the other."""
    for number in range(times):
        outcome = await site.attempt(FACES[number % 3], address, email, WRONG)
        assert outcome.code == "INVALID_CREDENTIALS"


async def left(site: Site, email: str, address: str = HERE) -> tuple[int, int, int]:
    """The units left: for place and account together, for the place, and for the account."""
    quota = site.shop.process.quota
    place, account = quota.place(ip_address(address)), quota.account(email)
    return (
        await site.left(Policy.LOGIN, f"{place}:{account}"),
        await site.left(Policy.LOGIN_PLACE, place),
        await site.left(Policy.LOGIN_ACCOUNT, account),
    )


# ── three budgets


@pytest.mark.parametrize("known", [True, False], ids=["known", "unknown"])
async def test_a_place_tries_ten_passwords_of_an_account(open_site: Open, known: bool) -> None:
    site = await open_site(quota_anonymous=1000)
    email = (await site.shop.person()).email if known else f"{unique()}@example.com"
    # As many spellings as the input takes for the same email.
    spelled = [email, email.upper(), f"  {email}", f"{email}{' ' * 300}", email.title()]
    for number in range(10):
        outcome = await site.attempt(FACES[number % 3], HERE, spelled[number % 5], WRONG)
        assert outcome.code == "INVALID_CREDENTIALS"
    assert await left(site, email) == (0, 90, 90)
    for face, one in itertools.product(FACES, spelled):
        async with site.shop.unchanged():
            outcome = await site.attempt(face, HERE, one, PASSWORD)
        assert limits(outcome) == ("login", 10)
        assert outcome.failure.details["retryAfterSeconds"] == 90
        assert outcome.headers["RateLimit"] == '"login";r=0;t=90'
        assert outcome.headers["X-RateLimit-Reset"] == "90"
    # Nobody else is locked out: neither another account here, nor this account elsewhere.
    other = await site.shop.person()
    site.clock.forward(89)
    assert (await site.attempt("v2", HERE, other.email, PASSWORD)).error is None
    assert (await site.attempt("v2", HERE, email, PASSWORD)).code == "RATE_LIMITED"
    expected = "OK" if known else "INVALID_CREDENTIALS"
    assert (await site.attempt("graphql", THERE, email, PASSWORD)).code == expected
    site.clock.forward(1)
    assert (await site.attempt("v2", HERE, email, PASSWORD)).code == expected


async def test_a_place_tries_a_hundred_passwords_of_all_accounts(open_site: Open) -> None:
    default = await open_site()
    assert await left(default, "nobody@example.com") == (10, 100, 100)
    site = await open_site(**SMALL)
    for _ in range(6):
        await wrong(site, 1, f"{unique()}@example.com")
    person = await site.shop.person()
    for face in FACES:
        async with site.shop.unchanged():
            outcome = await site.attempt(face, HERE, person.email, PASSWORD)
        assert limits(outcome) == ("login-place", 6)
    # A call that the place's budget refused was not counted at the account.
    assert await left(site, person.email) == (3, 0, 5)
    assert (await site.attempt("v1", THERE, person.email, PASSWORD)).error is None


@pytest.mark.parametrize("known", [True, False], ids=["known", "unknown"])
async def test_strangers_lock_an_owner_out_of_no_place_that_the_account_knows(
    open_site: Open, known: bool
) -> None:
    site = await open_site(**SMALL)
    email = (await site.shop.person()).email if known else f"{unique()}@example.com"
    if known:
        assert (await site.attempt("v2", HERE, email, PASSWORD)).error is None
    for number in range(5):
        await wrong(site, 1, email, f"203.0.113.{number}")
    for number, face in enumerate(FACES, 5):
        async with site.shop.unchanged():
            outcome = await site.attempt(face, f"203.0.113.{number}", email, PASSWORD)
        assert limits(outcome) == ("login-account", 5)
    at_home = "OK" if known else "RATE_LIMITED"
    for face in FACES:
        assert (await site.attempt(face, HERE, email, PASSWORD)).code == at_home
    if known:
        # There the account's budget is left alone; the other two hold.
        site.clock.forward(900)
        await wrong(site, 3, email)
        assert await left(site, email) == (0, 3, 5)
        assert limits(await site.attempt("v2", HERE, email, PASSWORD)) == ("login", 3)


async def test_a_place_is_known_for_ninety_days_by_a_session_that_began_there(
    open_site: Open,
) -> None:
    site = await open_site(**SMALL)
    place, neighbour, beside = "2001:db8::1", "2001:db8::ffff", "2001:db8:0:1::1"
    values, _ = await good_call(site.shop, "auth.register", await site.shop.person())
    registered = await (await site.door("graphql", place)).call("auth.register", values)
    assert registered.error is None
    email, other = values["email"], await site.shop.person()

    async def charged(address: str, email: str = email) -> bool:
        """Is a wrong password charged to the account?"""
        site.clock.forward(900)
        await wrong(site, 1, email, address)
        return (await left(site, email, address))[2] < 5

    assert not await charged(place)
    assert not await charged(neighbour)
    assert await charged(beside)
    assert await charged(place, other.email)
    # A session counts from its beginning, also when it has ended.
    await site.shop.execute("UPDATE sessions SET revoked_at = now() WHERE user_agent IS NULL")
    stored = await site.shop.rows(
        "SELECT place FROM sessions JOIN users ON users.id = user_id WHERE email = $1", email
    )
    [[hidden]] = [one.values() for one in stored]
    assert len(hidden) == 16
    site.clock.forward(89 * 86_400)
    assert not await charged(place)
    site.clock.forward(86_400)
    assert await charged(place)


# ── a right password


@pytest.mark.parametrize("face", FACES)
async def test_a_right_password_gives_back_what_it_took_and_resets_nothing(
    site: Site, face: str
) -> None:
    person = await site.shop.person()
    await wrong(site, 9, person.email)
    before, paid = await left(site, person.email), await site.anonymous()
    assert before == (1, 91, 91)
    for _ in range(3):
        outcome = await site.attempt(face, HERE, person.email, PASSWORD)
        assert outcome.error is None
        assert outcome.headers["RateLimit"] == '"login";r=1;t=810'
    assert (await left(site, person.email), await site.anonymous()) == (before, paid)
    await wrong(site, 1, person.email)
    assert limits(await site.attempt(face, HERE, person.email, PASSWORD)) == ("login", 10)


async def test_a_disabled_account_pays_as_any_other(site: Site) -> None:
    person = await site.shop.person(is_active=False)
    for face in FACES:
        outcome = await site.attempt(face, HERE, person.email, PASSWORD)
        assert outcome.code == "ACCOUNT_DISABLED"
    assert await left(site, person.email) == (10, 100, 100)


async def test_many_people_behind_one_address_sign_in(open_site: Open) -> None:
    site = await open_site(quota_anonymous=10, quota_login_place=3)
    people = [await site.shop.person() for _ in range(15)]
    for number, person in enumerate(people):
        outcome = await site.attempt(FACES[number % 3], HERE, person.email, PASSWORD)
        assert outcome.error is None
    assert await site.anonymous() == 10


async def test_a_document_gives_back_what_its_right_passwords_cost(site: Site) -> None:
    person = await site.shop.person()

    def login(password: str) -> str:
        given = f'{{email: "{person.email}", password: "{password}"}}'
        return f"login(input: {given}) {{ tokenType }}"

    fields = " ".join(f"a{number}: {login(WRONG)}" for number in range(8))
    document = f"mutation {{ {fields} b: {login(PASSWORD)} c: {login(PASSWORD)} }}"
    client = await site.client()
    response = await client.post("/graphql", json={"query": document})
    assert len(response.json()["errors"]) == 8
    assert await left(site, person.email) == (2, 92, 92)
    assert await site.anonymous() == 100 - 8 * BY_NAME["auth.login"].cost
    # A caller who pays for the document pays for all of it.
    document = f"mutation {{ me: logoutEverywhere {{ ok }} b: {login(PASSWORD)} }}"
    before = await site.own(person)
    response = await client.post("/graphql", json={"query": document}, headers=person.headers)
    assert "errors" not in response.json()
    cost = BY_NAME["auth.login"].cost + BY_NAME["auth.logoutEverywhere"].cost
    assert before - await site.own(person) == cost
    assert await site.anonymous() == 100 - 8 * BY_NAME["auth.login"].cost


async def test_attempts_inside_one_document_count_each(site: Site) -> None:
    email = f"{unique()}@example.com"
    one = f'login(input: {{email: "{email}", password: "{WRONG}"}}) {{ tokenType }}'
    fields = " ".join(f"a{number}: {one}" for number in range(12))
    response = await (await site.client()).post(
        "/graphql", json={"query": f"mutation {{ {fields} }}"}
    )
    codes = [error["extensions"]["code"] for error in response.json()["errors"]]
    assert codes == ["INVALID_CREDENTIALS"] * 10 + ["RATE_LIMITED"] * 2
    assert response.headers["RateLimit-Policy"] == '"login";q=10;w=900'
    assert response.headers["X-RateLimit-Remaining"] == "0"
    assert await site.anonymous() == 100 - 12 * BY_NAME["auth.login"].cost


async def test_an_attempt_that_was_refused_costs_its_address_the_same_on_every_face(
    open_site: Open,
) -> None:
    site = await open_site(quota_login=1)
    person = await site.shop.person()
    await wrong(site, 1, person.email)
    for face in FACES:
        before = await site.anonymous()
        outcome = await site.attempt(face, HERE, person.email, PASSWORD)
        assert outcome.code == "RATE_LIMITED"
        assert before - await site.anonymous() == BY_NAME["auth.login"].cost
        assert outcome.headers["RateLimit-Policy"] == '"login";q=1;w=900'


# ── whoever is signed in


SIGNED_IN: dict[str, dict[str, str]] = {
    "users.changePassword": {"currentPassword": "", "newPassword": PASSWORD},
    "users.updateMe": {"currentPassword": "", "bio": "Mine."},
    "users.deleteMe": {"password": ""},
}


def given(operation: str, password: str) -> dict[str, str]:
    """The input of an operation that asks for the caller's password."""
    values = {name: value or password for name, value in SIGNED_IN[operation].items()}
    return values | ({"email": f"{unique()}@example.com"} if operation == "users.updateMe" else {})


async def test_every_door_of_an_account_spends_the_same_budgets(open_site: Open) -> None:
    site = await open_site(quota_mail=1000)
    person = await site.shop.person()
    await wrong(site, 4, person.email)
    for number, operation in zip(range(6), itertools.cycle(SIGNED_IN), strict=False):
        door = await site.door(FACES[number % 3])
        outcome = await door.call(operation, given(operation, WRONG), caller=person)
        assert outcome.code == "INVALID_CREDENTIALS"
    assert await left(site, person.email) == (0, 90, 90)
    for face, operation in itertools.product(FACES, SIGNED_IN):
        async with site.shop.unchanged():
            door = await site.door(face)
            outcome = await door.call(operation, given(operation, PASSWORD), caller=person)
        assert limits(outcome) == ("login", 10)
    # Where no password is looked at, none is guessed.
    door = await site.door("v2")
    outcome = await door.call(
        "users.updateMe", {"bio": "Mine.", "currentPassword": WRONG}, caller=person
    )
    assert outcome.error is None


@pytest.mark.parametrize("operation", SIGNED_IN)
async def test_a_right_password_of_who_is_signed_in_costs_nothing(
    open_site: Open, operation: str
) -> None:
    site = await open_site(quota_mail=1000)
    for face in FACES:
        person = await site.shop.person()
        await wrong(site, 2, person.email)
        before, paid = await left(site, person.email), await site.anonymous()
        door = await site.door(face)
        outcome = await door.call(operation, given(operation, PASSWORD), caller=person)
        assert outcome.error is None
        assert (await left(site, person.email), await site.anonymous()) == (before, paid)


async def test_budgets_do_not_tell_a_right_password_from_a_wrong_one_that_nobody_logged(
    open_site: Open,
) -> None:
    """Under a key that was used before, no attempt is in the audit log."""
    site = await open_site(quota_mail=1000)
    person, key, used = await site.shop.person(), new_key(), new_key()
    door = await site.door("v2")
    changed = given("users.updateMe", PASSWORD)
    assert (await door.call("users.updateMe", {"bio": "Mine."}, caller=person, key=key)).ok
    assert (await door.call("users.updateMe", changed, caller=person, key=used)).ok
    for number, password in enumerate((WRONG, PASSWORD), 1):
        asked = given("users.updateMe", password)
        async with site.shop.unchanged():
            outcome = await door.call("users.updateMe", asked, caller=person, key=key)
            assert outcome.code == "IDEMPOTENCY_KEY_REUSED"
            asked = {**changed, "currentPassword": password}
            outcome = await door.call("users.updateMe", asked, caller=person, key=used)
            assert outcome.replayed
        assert await left(site, person.email) == tuple(n - 2 * number for n in (10, 100, 100))


# ── what is the same for all


class Counted(Passwords):
    """Passwords, and how many were looked at."""

    looks = 0

    async def verify_and_update(self, password: str, hash: str | None) -> tuple[bool, str | None]:
        """Count and verify."""
        self.looks += 1
        return await super().verify_and_update(password, hash)


def counted(site: Site) -> Counted:
    """Count the passwords that a site looks at."""
    site.shop.process.passwords = passwords = Counted(2)
    return passwords


async def test_an_unknown_account_takes_the_same_work(open_site: Open) -> None:
    site = await open_site(**SMALL)
    person, passwords = await site.shop.person(), counted(site)
    assert (await site.attempt("v2", THERE, person.email, PASSWORD)).error is None
    work = []
    for email, address in (
        (person.email, HERE),
        (person.email, THERE),
        (f"{unique()}@example.com", HERE),
    ):
        for face in FACES:
            passwords.looks = 0
            outcome = await site.attempt(face, address, email, WRONG)
            assert outcome.code == "INVALID_CREDENTIALS"
            statements = outcome.headers["Server-Timing"].split("desc=")[1]
            work.append((passwords.looks, statements))
    assert {looks for looks, _ in work} == {1}
    assert len(set(work)) == 1
    refused = []
    for email in (person.email, f"{unique()}@example.com"):
        for face in FACES:
            passwords.looks = 0
            outcome = await site.attempt(face, HERE, email, WRONG)
            refused.append((outcome.code, passwords.looks, outcome.headers["Server-Timing"][-14:]))
    assert len(set(refused)) == 1
    assert refused[0][:2] == ("RATE_LIMITED", 0)


@pytest.mark.parametrize("letter", ["I", "İ", "Σ", "ẞ", "K", "Å", "Ǆ", "ı", "Ω"])
async def test_letters_that_name_the_same_account_are_counted_as_one(
    site: Site, letter: str
) -> None:
    """Accounts are looked up by what PostgreSQL makes of an email's letters."""
    lowered = await site.shop.value("SELECT lower(normalize($1, NFC))", f"a{letter}@example.com")
    account = site.shop.process.quota.account
    assert account(f"a{letter}@example.com") == account(lowered)


async def test_redis_holds_no_address_and_no_email(site: Site) -> None:
    person, v6 = await site.shop.person(), "2001:db8:77::1"
    for address in (HERE, v6):
        await wrong(site, 1, person.email, address)
        client = await site.client(address)
        await client.get("/api/v2/me", headers=person.headers)
        await client.get("/api/v2/me", headers={"Authorization": "Bearer rubbish-token"})
        door = await site.door("v2", address)
        await door.call("auth.requestPasswordReset", {"email": person.email})
        await door.call("auth.refresh", {"refreshToken": person.refresh_token})
    redis, prefix = site.shop.process.redis, site.shop.process.settings.redis_prefix
    keys = [key.decode() async for key in redis.scan_iter(f"{prefix}:*")]
    address, account = r"address:[0-9a-f]{32}", r"account:[0-9a-f]{32}"
    patterns = {
        f"anonymous:{address}": 2,
        f"signed-in:user:{person.id}": 1,
        f"signed-in:session:{person.session_id}": 1,
        f"login:{address}:{account}": 2,
        f"login-place:{address}": 2,
        f"login-account:{account}": 1,
        f"mail:{address}": 2,
        f"mail:{account}": 1,
    }
    for pattern, times in patterns.items():
        found = [key for key in keys if re.fullmatch(f"{prefix}:quota:{pattern}", key)]
        assert len(found) == times, pattern
    assert len(keys) == sum(patterns.values())
    values: list[Any] = await redis.mget(keys)
    assert all(re.fullmatch(rb"\d{16}", value) for value in values)


async def test_without_redis_the_process_keeps_the_budgets(open_site: Open) -> None:
    site = await open_site(redis_url="redis://127.0.0.1:1/0", **SMALL)
    person = await site.shop.person()
    for _ in range(5):
        assert (await site.attempt("v2", HERE, person.email, PASSWORD)).error is None
    await wrong(site, 3, person.email)
    assert limits(await site.attempt("graphql", HERE, person.email, PASSWORD)) == ("login", 3)
    assert (await site.attempt("v1", THERE, person.email, PASSWORD)).error is None


# ── many at one moment


async def flood(
    shop: Shop, settings: Settings, folder: Path, attempts: list[tuple[str, str]], places: int
) -> list[str]:
    """The codes of attempts (email and password) at one moment, from so many places.

    Two processes serve them, on every face. Time stands.
    """
    clock = folder / "clock"
    clock.write_text(datetime.now(UTC).isoformat())
    more = {
        "TANDEM_REDIS_PREFIX": unique("flood-"),
        "TANDEM_QUOTA_FACTOR": "1",
        "TANDEM_QUOTA_ANONYMOUS": "100000",
        "TANDEM_TRUSTED_PROXIES": "127.0.0.0/8",
        "TANDEM_REDIS_SECONDS": "30",
        # All that the budgets let through wait for their turn.
        "TANDEM_POOL_WAIT_SECONDS": "60",
    }
    with (
        serving(settings, folder / "first.log", clock, **more) as first,
        serving(settings, folder / "second.log", clock, **more) as second,
    ):
        async with (
            http_client(base_url=first.url, timeout=120) as one,
            http_client(base_url=second.url, timeout=120) as other,
        ):
            ways = itertools.cycle(itertools.product((one, other), FACES))

            async def attempt(number: int, email: str, password: str) -> str:
                client, face = next(ways)
                door = door_named(face, shop, client)
                place = number % places
                source = {"X-Forwarded-For": f"198.18.{place // 250}.{place % 250}"}
                values = {"email": email, "password": password}
                return (await door.call("auth.login", values, headers=source)).code

            calls = [attempt(number, *each) for number, each in enumerate(attempts)]
            return await asyncio.gather(*calls)


@pytest.mark.parametrize("times", [60, pytest.param(1000, marks=pytest.mark.thorough)])
async def test_a_flood_from_one_place_gets_no_more_tries_than_the_budget_holds(
    shop: Shop, user: Person, settings: Settings, tmp_path: Path, times: int
) -> None:
    attempts = [(user.email, WRONG)] * times
    attempts[times // 2] = (user.email, PASSWORD)
    codes = await flood(shop, settings, tmp_path, attempts, 1)
    tried = codes.count("INVALID_CREDENTIALS") + codes.count("UNAVAILABLE")
    # The right one may be among those that are let in; then it takes no unit from the others.
    assert (tried, codes.count("OK")) in ((10, 0), (10, 1), (9, 1))
    assert tried + codes.count("OK") + codes.count("RATE_LIMITED") == times


@pytest.mark.thorough
@pytest.mark.parametrize("known", [True, False], ids=["known", "unknown"])
async def test_a_flood_from_everywhere_gets_a_hundred_tries(
    shop: Shop, user: Person, settings: Settings, tmp_path: Path, known: bool
) -> None:
    email = user.email if known else f"{unique()}@example.com"
    codes = await flood(shop, settings, tmp_path, [(email, WRONG)] * 1000, 1000)
    tried = codes.count("INVALID_CREDENTIALS") + codes.count("UNAVAILABLE")
    assert tried == 100
    assert codes.count("RATE_LIMITED") == 900


# ── refreshing


@pytest.mark.parametrize("face", FACES)
async def test_a_refresh_is_paid_by_its_session(open_site: Open, face: str) -> None:
    site = await open_site(quota_anonymous=5)
    person = await site.shop.person()
    door = await site.door(face)
    cost = BY_NAME["auth.refresh"].cost

    async def refresh(token: str) -> Outcome:
        return await door.call("auth.refresh", {"refreshToken": token})

    # The address pays for any other token, until nothing is left of it.
    for number, token in enumerate((f"tdr_{'x' * 43}", "rubbish", f"tdr_{'y' * 43}")):
        outcome = await refresh(token)
        assert outcome.code == ("RATE_LIMITED" if number == 2 else "REFRESH_TOKEN_INVALID")
    while await site.anonymous():
        await (await site.client()).get("/api/v2/categories")
    session = f"session:{person.session_id}"
    token = person.refresh_token
    for number in range(1, 4):
        outcome = await refresh(token)
        assert outcome.error is None
        assert 1000 - await site.left(Policy.SIGNED_IN, session) in (
            number * cost,
            number * cost + 1,
        )
        token = outcome.value["refreshToken"]
    # A spent token names its session as well.
    assert (await refresh(person.refresh_token)).code == "REFRESH_TOKEN_USED"
    assert await site.own(person) == 1000
    await site.shop.revoke(person)
    async with site.shop.unchanged():
        assert (await refresh(token)).code == "RATE_LIMITED"


@pytest.mark.parametrize("face", FACES)
async def test_a_session_refreshes_as_often_as_its_budget_allows(
    open_site: Open, face: str
) -> None:
    site = await open_site(quota_signed_in=4)
    person = await site.shop.person()
    door, token = await site.door(face), person.refresh_token
    for _ in range(2):
        outcome = await door.call("auth.refresh", {"refreshToken": token})
        token = outcome.ok["refreshToken"]
    async with site.shop.unchanged():
        outcome = await door.call("auth.refresh", {"refreshToken": token})
    assert limits(outcome) == ("signed-in", 4)
    assert await site.anonymous() == 100
    again = await site.shop.signed_in_again(person)
    assert (await door.call("auth.refresh", {"refreshToken": again.refresh_token})).error is None


async def test_a_document_is_paid_by_the_session_only_where_it_refreshes_alone(
    site: Site,
) -> None:
    person, client = await site.shop.person(), await site.client()
    session = f"session:{person.session_id}"
    one = "refreshToken(input: {refreshToken: $token}) { expiresIn }"
    variables = {"token": person.refresh_token}
    both = f"mutation ($token: String!) {{ a: {one} b: {one} }}"
    await client.post("/graphql", json={"query": both, "variables": variables})
    assert await site.left(Policy.SIGNED_IN, session) == 1000
    assert await site.anonymous() == 100 - 2 * BY_NAME["auth.refresh"].cost
    other = await site.shop.signed_in_again(person)
    default = f'mutation ($input: RefreshInput! = {{refreshToken: "{other.refresh_token}"}})'
    alone = f"{default} {{ refreshToken(input: $input) {{ expiresIn }} }}"
    response = await client.post("/graphql", json={"query": alone})
    assert "errors" not in response.json()
    assert await site.left(Policy.SIGNED_IN, f"session:{other.session_id}") == 998


@pytest.mark.parametrize("name", DOORS)
async def test_a_direct_call_is_limited_by_its_account(open_site: Open, name: str) -> None:
    site = await open_site(**SMALL)
    person = await site.shop.person()
    door = await site.door(name)
    codes = [
        (await door.call("auth.login", {"email": person.email, "password": WRONG})).code
        for _ in range(6)
    ]
    allowed = 5 if name == "direct" else 3
    assert codes == ["INVALID_CREDENTIALS"] * allowed + ["RATE_LIMITED"] * (6 - allowed)

"""P7: one budget, whichever face, process or address it is spent at."""

import asyncio
import itertools
import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.access.api_keys import new_secret
from services.access.tokens import hashed
from services.catalogue import BY_NAME
from services.ids import new_id
from services.quota.quota import Policy
from services.settings.settings import Settings
from tests.commands import running as command
from tests.exchanges import http_client
from tests.faces import DOCUMENTS, DOORS, FACES, Outcome
from tests.servers import serving
from tests.shop import PASSWORD, Person, Shop, good_call, new_key, unique
from tests.sites import HERE, THERE, Open, Site
from tests.worker.work import free_port

START_SECONDS = 120
HEADERS = (
    "RateLimit-Policy",
    "RateLimit",
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
)
PATHS = {"graphql": "/graphql", "v1": "/api/v1/me", "v2": "/api/v2/me"}
#: Operations that take no notice of a token.
DEAF = (
    "auth.register",
    "auth.login",
    "auth.refresh",
    "auth.logout",
    "auth.requestPasswordReset",
    "auth.resetPassword",
    "auth.verifyEmail",
)


def told(response: httpx.Response) -> dict[str, str | None]:
    """What an answer says of the quota."""
    return {name: response.headers.get(name) for name in (*HEADERS, "Retry-After")}


async def me(client: httpx.AsyncClient, face: str, token: str | None = None) -> httpx.Response:
    """The cheapest call, on a face."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    if face == "graphql":
        return await client.post(PATHS[face], json={"query": "{ me { id } }"}, headers=headers)
    return await client.get(PATHS[face], headers=headers)


def code_of(response: httpx.Response) -> str:
    """OK, or the error's code, in whichever shape."""
    body = response.json()
    if "errors" in body:
        return body["errors"][0]["extensions"]["code"]
    error = body.get("error") or body
    return error.get("code", "OK")


# ── two processes, both faces


async def test_two_processes_and_both_faces_spend_one_budget_to_the_last_unit(
    shop: Shop, user: Person, settings: Settings, tmp_path: Path
) -> None:
    clock, now = tmp_path / "clock", datetime.now(UTC)

    def at(seconds: float) -> None:
        (tmp_path / "next").write_text((now + timedelta(seconds=seconds)).isoformat())
        (tmp_path / "next").replace(clock)

    at(0)
    given = {
        "TANDEM_REDIS_PREFIX": unique("quota-"),
        "TANDEM_QUOTA_FACTOR": "1",
        "TANDEM_QUOTA_SIGNED_IN": "40",
        "TANDEM_REDIS_SECONDS": "30",
    }
    with (
        serving(settings, tmp_path / "first.log", clock, **given) as first,
        serving(settings, tmp_path / "second.log", clock, **given) as second,
    ):
        async with (
            http_client(base_url=first.url, timeout=30) as one,
            http_client(base_url=second.url, timeout=30) as other,
        ):
            ways = list(itertools.product((one, other), FACES))
            calls = [me(client, face, user.token) for client, face in ways * 15]
            codes = [code_of(response) for response in await asyncio.gather(*calls)]
            assert codes.count("OK") == 40
            assert codes.count("RATE_LIMITED") == 50

            async def all_ways() -> list[httpx.Response]:
                return [await me(client, face, user.token) for client, face in ways]

            refused = await all_ways()
            assert {response.status_code for response in refused} == {429}
            assert {code_of(response) for response in refused} == {"RATE_LIMITED"}
            [said] = {json.dumps(told(response)) for response in refused}
            assert json.loads(said) == {
                "RateLimit-Policy": '"signed-in";q=40;w=900',
                "RateLimit": '"signed-in";r=0;t=23',  # a unit comes back in 22.5 s
                "X-RateLimit-Limit": "40",
                "X-RateLimit-Remaining": "0",
                "X-RateLimit-Reset": "23",
                "Retry-After": "23",
            }
            details = {
                "policy": "signed-in",
                "limit": 40,
                "windowSeconds": 900,
                "retryAfterSeconds": 23,
            }
            for response, (_, face) in zip(refused, ways, strict=True):
                body = response.json()
                found = {
                    "graphql": lambda body: body["errors"][0]["extensions"]["details"],
                    "v1": lambda body: body["error"]["details"],
                    "v2": lambda body: body["details"],
                }[face](body)
                assert found == details
                assert "data" not in body or body["data"] is None
            at(22)
            assert {response.status_code for response in await all_ways()} == {429}
            at(23)
            statuses = [response.status_code for response in await all_ways()]
            assert sorted(statuses) == [200, 429, 429, 429, 429, 429]
            # uvicorn, too, leaves it to us whom to believe.
            left = [
                (await one.get("/api/v2/categories", headers={"X-Forwarded-For": address})).headers[
                    "X-RateLimit-Remaining"
                ]
                for address in ("192.0.2.1", "192.0.2.2", "192.0.2.3")
            ]
            assert left == ["99", "98", "97"]


# ── what it costs


@pytest.mark.parametrize("operation", BY_NAME)
async def test_an_operation_costs_the_same_on_every_face(site: Site, operation: str) -> None:
    declared = BY_NAME[operation]
    for name in DOORS:
        # Whoever has money cannot delete their account.
        balance = None if operation == "users.deleteMe" else "1000.00"
        owner = await site.shop.person("ADMIN", balance=balance)
        values, key = await good_call(site.shop, operation, owner)
        door, address = await site.door(name, HERE), await site.anonymous()
        before = await site.own(owner)
        outcome = await door.call(operation, values, caller=owner, key=key)
        assert outcome.error is None
        expected = declared.cost
        if name == "graphql" and DOCUMENTS[operation].under:
            expected += {"wallet": 1, "order": 1, "me": 1, "invoice": 1, "post": 1, "comment": 1}[
                DOCUMENTS[operation].under or ""
            ]
        paid = before - await site.own(owner), address - await site.anonymous()
        if operation not in DEAF:
            assert paid == (expected, 0), name
        elif name != "direct":
            # A right password costs nothing, and a refresh is paid by its session.
            free = operation in ("auth.login", "auth.refresh")
            assert paid == (0, 0 if free else expected), name


@pytest.mark.parametrize(
    ("values", "cost"),
    [({}, 1), ({"first": 99}, 1), ({"first": 100}, 2), ({"perPage": 100, "page": 1}, 2)],
)
async def test_a_list_costs_its_rows_as_well(site: Site, values: dict[str, Any], cost: int) -> None:
    for name in DOORS:
        person = await site.shop.person()
        door = await site.door(name)
        assert (await door.call("products.list", values, caller=person)).error is None
        assert 1000 - await site.own(person) == cost, name


async def test_a_size_that_is_refused_costs_as_much_as_the_largest(site: Site) -> None:
    for name in DOORS:
        person = await site.shop.person()
        door = await site.door(name)
        outcome = await door.call("products.list", {"first": 1_000_000}, caller=person)
        assert outcome.code == "VALIDATION_FAILED"
        assert 1000 - await site.own(person) == 2, name


async def test_a_document_costs_the_sum_of_its_operations_and_is_charged_once(
    site: Site,
) -> None:
    person = await site.shop.person(balance="100.00")
    order = await site.shop.order(person)
    before = await site.own(person)
    query = """query ($id: ID!) {
        me { id } a: products(first: 1) { nodes { id } } b: products(first: 2) { nodes { id } }
        wallet { id } order(id: $id) { id history { nodes { id } } }
    }"""
    response = await (await site.client()).post(
        "/graphql", json={"query": query, "variables": {"id": order.id}}, headers=person.headers
    )
    assert "errors" not in response.json()
    names = ("users.me", "products.list", "products.list", "wallet.get", "orders.get")
    cost = sum(BY_NAME[name].cost for name in (*names, "orders.history"))
    assert before - await site.own(person) == cost
    assert response.headers["X-RateLimit-Remaining"] == str(before - cost)


async def test_a_document_that_costs_too_much_runs_nothing_and_spends_nothing(
    open_site: Open,
) -> None:
    site = await open_site(quota_signed_in=100)
    person = await site.shop.person(balance="100.00")
    product = await site.shop.product()
    client = await site.client()
    while await site.own(person) > 3:
        await me(client, "v2", person.token)
    one = f'createOrder(input: {{lines: [{{productId: "{product.id}", quantity: 1}}]}}) {{ id }}'
    document = {"query": f"mutation {{ a: {one} b: {one} c: {one} d: {one} }}"}
    async with site.shop.unchanged():
        refused = await client.post("/graphql", json=document, headers=person.headers)
    assert refused.status_code == 429
    assert code_of(refused) == "RATE_LIMITED"
    assert set(refused.json()) == {"errors"}
    assert len(refused.json()["errors"]) == 1
    assert await site.own(person) == 3
    # What is told of the wait is true for this document.
    site.clock.forward(int(refused.headers["Retry-After"]))
    accepted = await client.post("/graphql", json=document, headers=person.headers)
    assert "errors" not in accepted.json()


async def test_a_document_dearer_than_the_whole_budget_takes_the_whole_budget(
    open_site: Open,
) -> None:
    site = await open_site(quota_signed_in=3, quota_signed_in_seconds=300)
    person, client = await site.shop.person(), await site.client()
    fields = " ".join(f"a{number}: me {{ id }}" for number in range(10))
    ask: dict[str, Any] = {"json": {"query": f"{{ {fields} }}"}, "headers": person.headers}
    response = await client.post("/graphql", **ask)
    assert "errors" not in response.json()
    assert response.headers["X-RateLimit-Remaining"] == "0"
    refused = await client.post("/graphql", **ask)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "300")
    site.clock.forward(299)
    assert (await client.post("/graphql", **ask)).status_code == 429
    site.clock.forward(1)
    assert (await client.post("/graphql", **ask)).status_code == 200


async def test_a_replay_costs_as_much_as_the_first_call(site: Site) -> None:
    for name in DOORS:
        person, key = await site.shop.person(), new_key()
        door = await site.door(name)
        for times in (1, 2):
            outcome = await door.call("deposits.create", {"amount": "1.00"}, caller=person, key=key)
            assert outcome.replayed is (times == 2)
            assert 1000 - await site.own(person) == times * BY_NAME["deposits.create"].cost


@pytest.mark.parametrize("name", DOORS)
async def test_a_spent_budget_refuses_a_write_and_nothing_changes(
    open_site: Open, name: str
) -> None:
    site = await open_site(quota_signed_in=30)
    person = await site.shop.person(balance="100.00")
    order = await site.shop.order(person)
    while await site.own(person):
        await me(await site.client(), "v2", person.token)
    door = await site.door(name)
    async with site.shop.unchanged():
        outcome = await door.call("orders.pay", {"id": order.id}, caller=person, key=new_key())
    assert (outcome.code, outcome.status) == ("RATE_LIMITED", 429)
    assert outcome.failure.details["policy"] == "signed-in"


async def test_an_api_key_has_a_budget_of_its_own(site: Site) -> None:
    person, now = await site.shop.person(), site.clock()
    (secret, prefix), key_id = new_secret(), new_id(now)
    await site.shop.execute(
        "INSERT INTO api_keys (id, user_id, name, prefix, hash, permissions, created_at, "
        "expires_at) VALUES ($1, $2, 'till', $3, $4, '{account:read:own}', $5, $6)",
        key_id,
        person.id,
        prefix,
        hashed(secret),
        now,
        now + timedelta(days=1),
    )
    for door in await site.doors():
        assert (await door.call("users.me", caller=secret)).error is None
    assert await site.left(Policy.SIGNED_IN, f"key:{key_id}") == 997
    assert await site.own(person) == 1000


async def test_a_call_of_our_own_is_not_charged(site: Site) -> None:
    request = site.shop.request()
    await BY_NAME["categories.list"](request)
    assert request.allowance is None
    person = await site.shop.person()
    request = site.shop.request(person)
    await BY_NAME["categories.list"](request)
    assert request.allowance is not None
    assert await site.own(person) == 999


# ── what comes first


@pytest.mark.parametrize("face", FACES)
async def test_the_quota_comes_after_the_form_and_before_role_and_input(
    open_site: Open, face: str
) -> None:
    site = await open_site(quota_signed_in=1, quota_anonymous=1)
    person, client = await site.shop.person(), await site.client()
    door = await site.door(face)
    assert (await door.call("users.me", caller=person)).error is None
    assert (await door.call("categories.list")).error is None
    forbidden = await door.call("audit.list", caller=person)
    invalid = await door.call("products.list", {"first": 0}, caller=person)
    nobody = await door.call("users.me")
    no_key = await door.call("deposits.create", {"amount": "0"}, caller=person)
    assert {one.code for one in (forbidden, invalid, nobody, no_key)} == {"RATE_LIMITED"}
    path = "/graphql" if face == "graphql" else f"/api/{face}/auth/login"
    malformed = await client.post(path, content=b"{", headers={"Content-Type": "application/json"})
    assert (malformed.status_code, code_of(malformed)) == (400, "MALFORMED_REQUEST")
    assert malformed.headers["X-RateLimit-Remaining"] == "0"
    assert "Retry-After" not in malformed.headers


@pytest.mark.parametrize("kind", ["rubbish", "expired", "revoked"])
async def test_a_failed_verification_counts_against_the_address(open_site: Open, kind: str) -> None:
    site = await open_site(quota_anonymous=6)
    person, good = await site.shop.person(), await site.shop.person()
    token = {"rubbish": "rubbish", "expired": person.token, "revoked": person.token}[kind]
    if kind == "expired":
        site.clock.forward(1000)
        good = await site.shop.person()
    if kind == "revoked":
        await site.shop.revoke(person)
    code = {
        "rubbish": "UNAUTHENTICATED",
        "expired": "TOKEN_EXPIRED",
        "revoked": "TOKEN_REVOKED",
    }[kind]
    for left, door in zip(range(5, -1, -1), 2 * await site.doors(), strict=True):
        outcome = await door.call("products.list", caller=token)
        assert (outcome.code, outcome.status) == (code, 401)
        assert await site.anonymous() == left
    for door in await site.doors():
        outcome = await door.call("products.list", caller=token)
        assert (outcome.code, outcome.status) == ("RATE_LIMITED", 429)
        assert (await door.call("products.list")).code == "RATE_LIMITED"
        # Somebody with a valid token does not pay for it, nor does another address.
        assert (await door.call("products.list", caller=good)).error is None
    for door in await site.doors(THERE):
        assert (await door.call("products.list")).error is None
    assert await site.own(person) == 1000


# ── guessing and flooding


async def test_a_new_email_is_asked_for_five_times_an_hour(site: Site) -> None:
    person = await site.shop.person()

    async def ask(number: int, **values: str) -> Outcome:
        door = await site.door(FACES[number % 3], f"192.0.2.{number}")
        return await door.call("users.updateMe", values, caller=person)

    def another() -> dict[str, str]:
        return {"email": f"{unique()}@example.com", "currentPassword": PASSWORD}

    for number in range(5):
        assert (await ask(number, **another())).error is None
    for number in range(5, 8):
        async with site.shop.unchanged():
            outcome = await ask(number, **another())
        assert (outcome.code, outcome.failure.details["policy"]) == ("RATE_LIMITED", "mail")
        assert (await ask(number, bio=f"Number {number}")).error is None


async def test_an_address_registers_ten_accounts_an_hour(open_site: Open) -> None:
    site = await open_site(quota_anonymous=1000)

    async def register(face: str, address: str) -> Outcome:
        values, _ = await good_call(site.shop, "auth.register", await site.shop.person())
        return await (await site.door(face, address)).call("auth.register", values)

    for number in range(10):
        assert (await register(FACES[number % 3], HERE)).error is None
    for face in FACES:
        async with site.shop.unchanged():
            values, _ = await good_call(site.shop, "auth.register", None)  # type: ignore[arg-type]
            outcome = await (await site.door(face)).call("auth.register", values)
        assert outcome.failure.details["policy"] == "register"
        assert outcome.failure.details["windowSeconds"] == 3600
    assert (await register("v2", THERE)).error is None


@pytest.mark.parametrize("operation", ["auth.requestPasswordReset", "auth.resendVerification"])
async def test_an_account_is_mailed_five_times_an_hour_from_whatever_addresses(
    site: Site, operation: str
) -> None:
    person = await site.shop.person()
    spelled = (person.email, person.email.upper())

    async def ask(face: str, number: int) -> Outcome:
        values = {"email": spelled[number % 2]} if operation.endswith("Reset") else {}
        door = await site.door(face, f"192.0.2.{number}")
        return await door.call(operation, values, caller=person)

    for number in range(5):
        assert (await ask(FACES[number % 3], number)).error is None
    for number, face in enumerate(FACES, start=5):
        async with site.shop.unchanged():
            outcome = await ask(face, number)
        assert (outcome.code, outcome.status) == ("RATE_LIMITED", 429)
        assert outcome.failure.details["policy"] == "mail"
        assert outcome.failure.details["windowSeconds"] == 3600


async def test_an_address_asks_for_five_mails_an_hour(site: Site) -> None:
    async def ask(address: str = HERE) -> Outcome:
        door = await site.door("v1", address)
        return await door.call("auth.requestPasswordReset", {"email": f"{unique()}@example.com"})

    for _ in range(5):
        assert (await ask()).error is None
    assert (await ask()).code == "RATE_LIMITED"
    assert (await ask(THERE)).error is None


# ── where it came from


async def test_an_exempt_address_is_neither_counted_nor_told(open_site: Open) -> None:
    site = await open_site(
        quota_exempt="192.0.2.0/24, 2001:db8::/32",
        quota_anonymous=1,
        quota_signed_in=1,
        quota_login=1,
    )
    person = await site.shop.person()
    for address in (HERE, "2001:db8::1", "::ffff:192.0.2.9"):
        client = await site.client(address)
        for _ in range(2):
            for face in FACES:
                response = await me(client, face, person.token)
                assert response.status_code == 200
                assert set(told(response).values()) == {None}
                assert (await site.attempt(face, address, person.email, "no-no-no")).code == (
                    "INVALID_CREDENTIALS"
                )
                nowhere = await client.get("/api/v2/nowhere")
                assert set(told(nowhere).values()) == {None}
    assert await site.own(person) == 1
    assert (await me(await site.client(THERE), "v2", person.token)).status_code == 200
    assert (await me(await site.client(THERE), "v2", person.token)).status_code == 429


async def test_only_a_trusted_proxy_says_for_whom_it_calls(open_site: Open) -> None:
    site = await open_site(trusted_proxies="10.0.0.0/8", quota_anonymous=3)
    proxy, stranger = await site.client("10.0.0.1"), await site.client("203.0.113.5")

    async def status(client: httpx.AsyncClient, forwarded: str) -> tuple[int, str]:
        response = await client.get("/api/v2/categories", headers={"X-Forwarded-For": forwarded})
        return response.status_code, response.headers["X-RateLimit-Remaining"]

    # Whatever the caller wrote itself stands left of what the proxy appended.
    found = [await status(proxy, f"192.0.2.{number}, 198.51.100.7") for number in range(4)]
    assert found == [(200, "2"), (200, "1"), (200, "0"), (429, "0")]
    assert await status(proxy, "198.51.100.8") == (200, "2")
    found = [await status(stranger, f"192.0.2.{number}") for number in range(4)]
    assert found == [(200, "2"), (200, "1"), (200, "0"), (429, "0")]


async def test_an_ipv6_network_shares_one_budget(open_site: Open) -> None:
    site = await open_site(quota_anonymous=2)
    statuses = [
        (await (await site.client(address)).get("/api/v2/categories")).status_code
        for address in ("2001:db8::1", "2001:db8::2:3", "2001:db8::4", "2001:db8:0:1::1")
    ]
    assert statuses == [200, 200, 429, 200]


# ── what answers say

JSON = {"Content-Type": "application/json"}
LOGIN = b'{"email": "nobody@example.com", "password": "not-the-one"}'
LARGE = {**JSON, "Content-Length": str(2**21)}
#: Method, path within a version, headers, body, and the status.
REST_CALLS: dict[str, tuple[str, str, dict[str, str], bytes, int]] = {
    "success": ("GET", "/products?first=1", {}, b"", 200),
    "head": ("HEAD", "/products?first=1", {}, b"", 200),
    "bad input": ("GET", "/products?minPrice=-1", {}, b"", 400),
    "no entity": ("GET", "/products/nonsense", {}, b"", 404),
    "no token": ("GET", "/me", {}, b"", 401),
    "bad token": ("GET", "/me", {"Authorization": "Bearer rubbish"}, b"", 401),
    "no route": ("GET", "/nowhere", {}, b"", 404),
    "no route, head": ("HEAD", "/nowhere", {}, b"", 404),
    "no method": ("DELETE", "/products", {}, b"", 405),
    "no json": ("POST", "/auth/login", JSON, b"{", 400),
    "no object": ("POST", "/auth/login", JSON, b"[]", 400),
    "form": ("POST", "/auth/login", {"Content-Type": "text/plain"}, LOGIN, 415),
    "no media": ("GET", "/products", {"Accept": "text/xml"}, b"", 406),
    "too large": ("POST", "/auth/login", LARGE, b"x", 413),
}
QUERY = b'{"query": "{ categories { nodes { id } } }"}'
BAD_INPUT = b'{"query": "{ products(minPrice: \\"-1\\") { totalCount } }"}'
GRAPHQL_CALLS: dict[str, tuple[str, str, dict[str, str], bytes, int]] = {
    "success": ("POST", "", JSON, QUERY, 200),
    "get": ("GET", "?query={categories{nodes{id}}}", {}, b"", 200),
    "head": ("HEAD", "?query={categories{nodes{id}}}", {}, b"", 200),
    "typename": ("POST", "", JSON, b'{"query": "{ __typename }"}', 200),
    "bad input": (
        "POST",
        "",
        JSON,
        b'{"query": "{ products(minPrice: \\"-1\\") { totalCount } }"}',
        200,
    ),
    "no token": ("POST", "", JSON, b'{"query": "{ me { id } }"}', 200),
    "bad token": ("POST", "", {**JSON, "Authorization": "Bearer rubbish"}, QUERY, 401),
    "syntax": ("POST", "", JSON, b'{"query": "{"}', 200),
    "no field": ("POST", "", JSON, b'{"query": "{ nothing }"}', 200),
    "no query": ("POST", "", JSON, b"{}", 400),
    "no json": ("POST", "", JSON, b"{", 400),
    "mutation by get": ("GET", "?query=mutation{logout(input:{refreshToken:1}){ok}}", {}, b"", 405),
    "form": ("POST", "", {"Content-Type": "text/plain"}, QUERY, 415),
    "no media": ("POST", "", {**JSON, "Accept": "text/xml"}, QUERY, 406),
    "no method": ("PUT", "", JSON, QUERY, 405),
    "too large": ("POST", "", LARGE, b"x", 413),
}
CALLS = [
    *[(f"/api/{name}", *call) for name in ("v1/", "v2/", "") for call in REST_CALLS.values()],
    *[("/graphql", *call) for call in GRAPHQL_CALLS.values()],
]


@pytest.fixture(scope="module")
def addresses_to_use() -> Any:
    return itertools.count(1)


async def test_every_answer_of_both_faces_says_what_is_left(site: Site) -> None:
    """Success or not, reached or not: each costs its address one unit and says so."""
    for number, (base, method, path, headers, body, status) in enumerate(CALLS, 1):
        address = f"192.0.2.{number}"
        url = base.rstrip("/") + path
        response = await (await site.client(address)).request(
            method, url, headers=headers, content=body
        )
        where = f"{method} {url} {headers}"
        assert response.status_code == status, where
        assert told(response) == {
            "RateLimit-Policy": '"anonymous";q=100;w=900',
            "RateLimit": '"anonymous";r=99;t=9',
            "X-RateLimit-Limit": "100",
            "X-RateLimit-Remaining": "99",
            "X-RateLimit-Reset": "9",
            "Retry-After": None,
        }, where
        assert await site.anonymous(address) == 99, where


async def test_a_spent_address_has_no_new_document_read(open_site: Open, shop: Shop) -> None:
    """A document that cannot be read shows that it was not looked at."""
    site = await open_site(quota_anonymous=3)
    client = await site.client()

    async def ask(document: str, **headers: str) -> httpx.Response:
        return await client.post("/graphql", json={"query": document}, headers=headers)

    for number in range(3):
        assert (await ask(f"{{ unread{number} (")).status_code == 200
    refused = await ask("{ unread3 (")
    assert refused.status_code == 429
    assert refused.json()["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
    assert refused.headers["Retry-After"] == "300"
    person = await site.shop.person()
    assert (await ask("{ unread4 (", **person.headers)).status_code == 200
    site.clock.forward(300)
    assert (await ask("{ unread5 (")).status_code == 200


async def test_documents_that_cannot_be_run_spend_their_senders_budget(
    open_site: Open, shop: Shop
) -> None:
    site = await open_site(quota_signed_in=4)
    client, person = await site.client(), await site.shop.person()
    documents = ["{ unread (", "{ me { nonsense } }", "{ me { nonsense } }"]
    documents.append("{ " + "__typename " * 5_000 + "}")

    async def ask(document: str) -> httpx.Response:
        return await client.post("/graphql", json={"query": document}, headers=person.headers)

    for spent, document in enumerate(documents, 1):
        answer = await ask(document)
        assert answer.status_code == 200
        assert f'"signed-in";r={4 - spent};' in answer.headers["RateLimit"], document
    for document in ("{ me { nonsense } }", "{ unread again ("):
        answer = await ask(document)
        assert answer.status_code == 429
        assert answer.json()["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
    assert (await client.get("/api/v2/categories")).headers["X-RateLimit-Remaining"] == "99"


@pytest.mark.parametrize("base", ["/api/v1", "/api/v2", "/api"])
async def test_an_answer_without_a_body_says_what_is_left(site: Site, base: str) -> None:
    client, product = await site.client(), await site.shop.product()
    first = await client.get(f"{base}/products/{product.id}")
    tag = {"If-None-Match": first.headers["ETag"]}
    second = await client.get(f"{base}/products/{product.id}", headers=tag)
    assert second.status_code == 304
    assert second.headers["RateLimit"] == '"anonymous";r=98;t=18'


async def test_answers_name_the_budget_that_will_be_felt_first(site: Site) -> None:
    person, client = await site.shop.person(), await site.client()
    signed_in = await me(client, "v2", person.token)
    assert signed_in.headers["RateLimit-Policy"] == '"signed-in";q=1000;w=900'
    assert signed_in.headers["RateLimit"] == '"signed-in";r=999;t=1'
    for face, shown in zip(FACES, ("r=9;t=90", "r=8;t=180", "r=7;t=270"), strict=True):
        outcome = await site.attempt(face, HERE, person.email, "not-the-one")
        assert outcome.headers["RateLimit-Policy"] == '"login";q=10;w=900'
        assert outcome.headers["RateLimit"] == f'"login";{shown}'


async def test_a_preflight_says_what_is_left_and_takes_nothing(site: Site) -> None:
    client = await site.client()
    asking = {"Origin": "http://localhost:3000", "Access-Control-Request-Method": "POST"}
    for path in ("/graphql", "/api/v1/products", "/api/v2/products"):
        response = await client.options(path, headers=asking)
        assert response.status_code == 200
        assert response.headers["RateLimit"] == '"anonymous";r=100;t=0'
    response = await client.get("/api/v2/products", headers={"Origin": asking["Origin"]})
    exposed = {
        name.strip() for name in response.headers["Access-Control-Expose-Headers"].split(",")
    }
    assert {*HEADERS, "Retry-After"} <= exposed


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/docs",
        "/operations",
        "/errors",
        "/errors/RATE_LIMITED",
        "/health",
        "/health/live",
        "/health/ready",
        "/openapi-v1.json",
        "/openapi-v2.json",
        "/graphql",
        "/graphql/schema.graphql",
        "/.well-known/jwks.json",
        "/nowhere",
    ],
)
async def test_what_is_no_face_is_neither_charged_nor_told(site: Site, path: str) -> None:
    response = await (await site.client()).get(path, headers={"Accept": "text/html"})
    assert set(told(response).values()) == {None}
    assert await site.anonymous() == 100


# ── Redis away


async def test_without_redis_both_faces_share_what_the_process_may_grant(open_site: Open) -> None:
    site = await open_site(redis_url="redis://127.0.0.1:1/0", processes=4, quota_anonymous=24)
    client = await site.client()
    statuses = []
    for _ in range(4):
        statuses.append((await client.get("/api/v2/categories")).status_code)
        statuses.append((await client.post("/graphql", content=QUERY, headers=JSON)).status_code)
    assert statuses == [200] * 6 + [429] * 2
    refused = await client.get("/api/v1/categories")
    assert refused.headers["Retry-After"] == "150"  # 900 s / 24, times four
    site.clock.forward(149)
    assert (await client.get("/api/v2/categories")).status_code == 429
    site.clock.forward(1)
    assert (await client.get("/api/v2/categories")).status_code == 200


async def test_the_workers_of_a_server_know_how_many_they_are(
    settings: Settings, tmp_path: Path
) -> None:
    port = free_port()
    words = ["serve", "--no-demo", "--no-worker", "--workers", "2", "--port", str(port)]
    given = {
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "TANDEM_QUOTA_FACTOR": "1",
        "TANDEM_QUOTA_ANONYMOUS": "20",
        "TANDEM_QUOTA_ANONYMOUS_SECONDS": "86400",
        "TANDEM_POOL_WAIT_SECONDS": "30",
    }
    with command(tmp_path / "log", settings, *words, **given):

        async def call(path: str = "/api/v2/categories") -> int:
            async with http_client(base_url=f"http://127.0.0.1:{port}", timeout=30) as new:
                return (await new.get(path)).status_code

        async with asyncio.timeout(START_SECONDS):
            while True:
                with suppress(httpx.HTTPError):
                    await call("/health/live")
                    break
                await asyncio.sleep(0.1)
        # Each call has a connection of its own, which either worker may take.
        statuses = await asyncio.gather(*[call() for _ in range(80)])
    assert 10 <= statuses.count(200) <= 20
    assert statuses.count(429) == 80 - statuses.count(200)


# ── settings


def test_development_allows_a_hundred_times_as_much(settings: Settings) -> None:
    units = {}
    for environment in ("production", "development", "test"):
        one = settings.model_copy(update={"environment": environment})
        units[environment] = one.budget_factor
    assert units == {"production": 1, "development": 100, "test": 1_000_000}
    assert settings.model_copy(update={"quota_factor": 7}).budget_factor == 7

"""What REST writes on the wire: dialects, envelopes, pages, headers, refusals of form."""

import re
from typing import Any

import httpx
import pytest
from httpx import Response

from api.rest.routes import ADDRESSES
from api.rest.v1 import FLAT_USERS
from api.rest.versions import DIALECTS, dialect_of
from services.errors.common import RateLimited
from services.errors.products import ProductNotFound
from tests import faces
from tests.shop import PASSWORD, Person, Shop, new_key, unique

V1, V2 = "/api/v1", "/api/v2"
UNKNOWN = "00000000-0000-7000-8000-00000000dead"


def codes(response: Response) -> dict[str, str]:
    """Field path to field code of a refusal in either dialect."""
    body = response.json()
    fields = body["fields"] if "fields" in body else body["error"]["details"].get("fields", [])
    return {item["field"]: item["code"] for item in fields}


def links(response: Response) -> dict[str, str]:
    """The addresses of a Link header by their relation."""
    found = re.findall(r'<([^>]*)>; rel="(\w+)"', response.headers["link"])
    return {rel: address for address, rel in found}


def test_every_operation_has_the_address_written_by_hand() -> None:
    by_hand = {name: (address.method, address.path) for name, address in faces.ADDRESSES.items()}
    assert by_hand == ADDRESSES


# Representations


async def test_v2_answers_the_bare_resource_and_v1_an_envelope(
    client: httpx.AsyncClient, shop: Shop
) -> None:
    product = await shop.product("19.99")
    bare = (await client.get(f"{V2}/products/{product.id}")).json()
    wrapped = (await client.get(f"{V1}/products/{product.id}")).json()
    assert bare["price"] == "19.99"
    assert wrapped["data"] == bare
    assert (wrapped["success"], wrapped["error"]) == (True, None)
    assert set(wrapped) == {"success", "data", "error", "requestId", "timestamp"}
    assert wrapped["timestamp"].endswith("Z")


async def test_an_address_without_a_version_answers_as_v1(
    client: httpx.AsyncClient, user: Person
) -> None:
    plain = await client.get("/api/me", headers=user.headers)
    v1 = await client.get(f"{V1}/me", headers=user.headers)
    assert plain.json()["data"] == v1.json()["data"]


async def test_v1_writes_users_flat_and_says_that_it_is_deprecated(
    client: httpx.AsyncClient, user: Person
) -> None:
    old = await client.get(f"{V1}/me", headers=user.headers)
    new = await client.get(f"{V2}/me", headers=user.headers)
    flat = {**new.json(), **new.json()["profile"]}
    del flat["profile"]
    assert old.json()["data"] == flat
    for name, value in FLAT_USERS.headers.items():
        assert old.headers[name] == value
        assert name not in new.headers


async def test_v1_writes_the_user_beside_tokens_flat(
    client: httpx.AsyncClient, user: Person
) -> None:
    given = {"email": user.email, "password": PASSWORD}
    old = await client.post(f"{V1}/auth/login", json=given)
    new = await client.post(f"{V2}/auth/login", json=given)
    assert "firstName" in old.json()["data"]["user"]
    assert "profile" in new.json()["user"]
    assert "Deprecation" in old.headers
    assert {old.headers["cache-control"], new.headers["cache-control"]} == {"no-store"}


async def test_fields_trim_a_resource_and_the_items_of_a_list(
    client: httpx.AsyncClient, shop: Shop, user: Person
) -> None:
    product = await shop.product("19.99")
    one = await client.get(f"{V2}/products/{product.id}?fields=id,price")
    assert one.json() == {"id": product.id, "price": "19.99"}
    many = await client.get(f"{V1}/products?fields=id&perPage=1")
    assert set(many.json()["data"][0]) == {"id"}
    flat = await client.get(f"{V1}/me?fields=firstName", headers=user.headers)
    assert set(flat.json()["data"]) == {"firstName"}
    other = await shop.person()
    for seen, shown in ((user, {"username", "email"}), (other, {"username"})):
        path = f"{V2}/users/{seen.id}?fields=username,email"
        assert set((await client.get(path, headers=user.headers)).json()) == shown


async def test_a_tag_is_the_same_whatever_dialect_or_trim(
    client: httpx.AsyncClient, shop: Shop
) -> None:
    product = await shop.product()
    paths = (f"{V1}/products/{product.id}", f"{V2}/products/{product.id}?fields=id")
    tags = {(await client.get(path)).headers["etag"] for path in paths}
    assert len(tags) == 1


# Pages


async def test_a_v1_page_is_always_counted(
    client: httpx.AsyncClient, shop: Shop, user: Person
) -> None:
    for _ in range(3):
        await shop.deposit(user, "1.00")
    response = await client.get(f"{V1}/wallet/entries?perPage=2&page=2", headers=user.headers)
    meta = response.json()["meta"]
    assert {name: value for name, value in meta.items() if "Cursor" not in name} == {
        "page": 2,
        "perPage": 2,
        "total": 3,
        "totalPages": 2,
        "hasNextPage": False,
        "hasPrevPage": True,
    }
    assert meta["nextCursor"] is None
    assert meta["prevCursor"]


async def test_a_v1_list_of_one_page_tells_of_no_other(client: httpx.AsyncClient) -> None:
    meta = (await client.get(f"{V1}/event-types?limit=2")).json()["meta"]
    assert meta["total"] > meta["perPage"] == 2
    assert (meta["totalPages"], meta["hasNextPage"]) == (1, False)


async def test_v2_links_lead_through_a_list_both_ways(
    client: httpx.AsyncClient, shop: Shop, user: Person
) -> None:
    for amount in ("1.00", "2.00", "3.00"):
        await shop.deposit(user, amount)
    first = await client.get(f"{V2}/wallet/entries?first=2&fields=amount", headers=user.headers)
    assert first.json()["totalCount"] is None
    assert set(links(first)) == {"first", "next"}
    assert links(first)["next"].startswith("http://localhost:8000/api/v2/wallet/entries?fields=")
    second = await client.get(links(first)["next"], headers=user.headers)
    assert second.json()["items"] == [{"amount": "1.00"}]
    assert set(links(second)) == {"first", "prev"}
    back = await client.get(links(second)["prev"], headers=user.headers)
    assert back.json()["items"] == first.json()["items"]


async def test_v2_links_of_numbered_pages_name_the_last_when_counted(
    client: httpx.AsyncClient, shop: Shop, user: Person
) -> None:
    for _ in range(3):
        await shop.deposit(user, "1.00")
    path = f"{V2}/wallet/entries?page=1&perPage=2"
    assert set(links(await client.get(path, headers=user.headers))) == {"first", "next"}
    counted = await client.get(path + "&total=true", headers=user.headers)
    last = await client.get(links(counted)["last"], headers=user.headers)
    assert counted.json()["totalCount"] == 3
    assert len(last.json()["items"]) == 1
    assert set(links(last)) == {"first", "prev", "last"}


@pytest.mark.parametrize("size", ["perPage", "first"])
async def test_a_list_by_relevance_has_links(
    client: httpx.AsyncClient, shop: Shop, size: str
) -> None:
    word = unique("walnut")
    for _ in range(2):
        await shop.product(description=word)
    response = await client.get(f"{V2}/products?search={word}&{size}=1")
    following = await client.get(links(response)["next"])
    assert following.json()["items"] != response.json()["items"]
    assert len(following.json()["items"]) == 1


# Older spellings of v1


async def test_v1_continues_from_its_own_cursor_with_the_older_spelling(
    client: httpx.AsyncClient, shop: Shop
) -> None:
    for _ in range(3):
        await shop.product()
    first = (await client.get(f"{V1}/products?limit=2&order=asc&sort=price")).json()
    cursor = first["meta"]["nextCursor"]
    older = f"{V1}/products?limit=2&order=asc&sort=price&after={cursor}"
    newer = f"{V1}/products?first=2&sort=price&after={cursor}"
    found = [(await client.get(path)).json()["data"] for path in (older, newer)]
    assert found[0] == found[1] != first["data"]
    clash = await client.get(f"{V1}/products?limit=2&first=2&after={cursor}")
    assert codes(clash) == {"limit": "CONFLICT"}


async def test_v1_takes_limit_order_and_snake_case_sorts(client: httpx.AsyncClient) -> None:
    old = await client.get(f"{V1}/products?limit=2&sort=created_at&order=desc")
    new = await client.get(f"{V1}/products?perPage=2&sort=-createdAt")
    assert old.json()["data"] == new.json()["data"]
    assert old.json()["meta"] == new.json()["meta"]
    backwards = await client.get(f"{V1}/categories?order=desc")
    assert (
        backwards.json()["data"] == (await client.get(f"{V1}/categories?sort=-name")).json()["data"]
    )
    searched = await client.get(f"{V1}/products?search=lamp&order=asc")
    oldest = await client.get(f"{V1}/products?search=lamp&sort=createdAt")
    assert searched.json()["data"] == oldest.json()["data"]


async def test_v1_names_a_bad_field_as_it_was_spelled(client: httpx.AsyncClient) -> None:
    response = await client.get(f"{V1}/products?limit=many&order=up")
    assert codes(response) == {"limit": "INVALID_TYPE", "order": "INVALID_CHOICE"}


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=1&perPage=1", "limit"),
        ("sort=-price&order=asc", "order"),
        ("sort=relevance&search=x&order=desc", "order"),
    ],
)
async def test_v1_refuses_the_old_and_the_new_spelling_together(
    client: httpx.AsyncClient, query: str, field: str
) -> None:
    assert codes(await client.get(f"{V1}/products?{query}")) == {field: "CONFLICT"}


async def test_v2_knows_no_older_spellings(client: httpx.AsyncClient, user: Person) -> None:
    listed = await client.get(f"{V2}/products?limit=1&order=asc")
    assert codes(listed) == {"limit": "UNKNOWN_FIELD", "order": "UNKNOWN_FIELD"}
    order = {"productId": UNKNOWN, "quantity": 1}
    placed = await client.post(f"{V2}/orders", json=order, headers=user.headers)
    assert codes(placed) == {
        "lines": "REQUIRED",
        "productId": "UNKNOWN_FIELD",
        "quantity": "UNKNOWN_FIELD",
    }


async def test_v1_takes_an_order_of_one_line(client: httpx.AsyncClient, shop: Shop) -> None:
    buyer = await shop.person(balance="100.00")
    product = await shop.product("19.99", stock=5)
    order = {"productId": product.id, "quantity": 2}
    response = await client.post(f"{V1}/orders", json=order, headers=buyer.headers)
    assert response.status_code == 201
    assert response.json()["data"]["total"] == "39.98"
    order["quantity"] = 4
    refused = await client.post(f"{V1}/orders", json=order, headers=buyer.headers)
    assert refused.status_code == 422
    assert codes(refused) == {"quantity": "OUT_OF_STOCK"}


# Refusals


async def test_what_is_wrong_with_a_query_comes_all_at_once(client: httpx.AsyncClient) -> None:
    query = "first=1&first=2&colour=red&fields=id,colour&minPrice=much"
    response = await client.get(f"{V2}/products?{query}")
    assert response.status_code == 400
    assert codes(response) == {
        "first": "REPEATED",
        "colour": "UNKNOWN_FIELD",
        "fields": "INVALID_CHOICE",
        "minPrice": "INVALID_FORMAT",
    }


async def test_a_token_is_asked_for_before_the_query_is_judged(client: httpx.AsyncClient) -> None:
    response = await client.get(f"{V2}/orders?colour=red")
    assert response.json()["code"] == "UNAUTHENTICATED"


async def test_a_write_takes_no_query_and_no_id_in_its_body(
    client: httpx.AsyncClient, shop: Shop, user: Person
) -> None:
    path = f"{V2}/orders/{UNKNOWN}/cancel?reason=late"
    async with shop.unchanged():
        response = await client.post(path, json={"id": UNKNOWN}, headers=user.headers)
    assert codes(response) == {"reason": "UNKNOWN_FIELD", "id": "UNKNOWN_FIELD"}


@pytest.mark.parametrize(
    ("body", "media", "code", "status"),
    [
        (b"[]", "application/json", "MALFORMED_REQUEST", 400),
        (b"null", "application/json", "MALFORMED_REQUEST", 400),
        (b"", "application/json", "MALFORMED_REQUEST", 400),
        (b'{"lines": NaN}', "application/json", "MALFORMED_REQUEST", 400),
        (b'{"lines":1,"lines":2}', "application/json", "MALFORMED_REQUEST", 400),
        (b"lines=1", "application/x-www-form-urlencoded", "UNSUPPORTED_MEDIA_TYPE", 415),
        (b"{}", "text/plain", "UNSUPPORTED_MEDIA_TYPE", 415),
        (b"{}", "application/json; charset=utf-16", "UNSUPPORTED_MEDIA_TYPE", 415),
    ],
)
async def test_a_body_that_is_no_json_object_is_refused(
    client: httpx.AsyncClient, user: Person, body: bytes, media: str, code: str, status: int
) -> None:
    headers = {**user.headers, "Content-Type": media}
    response = await client.post(f"{V2}/orders", content=body, headers=headers)
    assert (response.json()["code"], response.status_code) == (code, status)


async def test_a_body_that_may_say_nothing_may_be_left_out(
    client: httpx.AsyncClient, shop: Shop
) -> None:
    buyer = await shop.person(balance="100.00")
    order = await shop.order(buyer)
    headers = {**buyer.headers, "Idempotency-Key": new_key()}
    paid = await client.post(f"{V2}/orders/{order.id}/pay", headers=headers)
    assert paid.status_code == 201
    cancelled = await client.post(f"{V2}/orders/{order.id}/cancel", headers=buyer.headers)
    assert cancelled.json()["status"] == "CANCELLED"


async def test_a_body_where_none_is_taken_is_refused(client: httpx.AsyncClient, shop: Shop) -> None:
    buyer = await shop.person(balance="100.00")
    order = await shop.order(buyer)
    headers = {**buyer.headers, "Idempotency-Key": new_key()}
    async with shop.unchanged():
        response = await client.post(
            f"{V2}/orders/{order.id}/pay", json={"amount": "1.00"}, headers=headers
        )
    assert codes(response) == {"amount": "UNKNOWN_FIELD"}


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("*/*", 200),
        ("application/*", 200),
        ("text/html, application/json;q=0.1", 200),
        ("application/problem+json", 200),
        ("text/html", 406),
        ("application/json;q=0, */*", 406),
        ("*/*;q=0", 406),
    ],
)
async def test_json_must_be_acceptable(client: httpx.AsyncClient, accept: str, status: int) -> None:
    response = await client.get(f"{V2}/categories", headers={"Accept": accept})
    assert response.status_code == status


@pytest.mark.parametrize(
    ("path", "media"),
    [("/events", "text/event-stream"), ("/admin/transactions/export", "application/x-ndjson")],
)
async def test_a_stream_and_a_file_say_what_must_be_acceptable(
    client: httpx.AsyncClient, path: str, media: str
) -> None:
    response = await client.get(V2 + path, headers={"Accept": "text/html"})
    assert response.status_code == 406
    assert media in response.json()["detail"]


@pytest.mark.parametrize("query", ["search=%ff", "&".join(f"p{n}=1" for n in range(101))])
async def test_a_query_that_cannot_be_read_is_malformed(
    client: httpx.AsyncClient, query: str
) -> None:
    response = await client.get(f"{V2}/products?{query}")
    assert response.json()["code"] == "MALFORMED_REQUEST"


# Errors


async def test_v2_errors_are_problems(client: httpx.AsyncClient) -> None:
    response = await client.get(f"{V2}/products/no%20such")
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert body.pop("requestId") == response.headers["x-request-id"]
    assert body == {
        "type": "http://localhost:8000/errors/PRODUCT_NOT_FOUND",
        "title": ProductNotFound.title,
        "status": 404,
        "detail": ProductNotFound.title,
        "instance": "/api/v2/products/no%20such",
        "code": "PRODUCT_NOT_FOUND",
        "fields": [],
        "details": {},
    }


async def test_v1_errors_are_envelopes(client: httpx.AsyncClient) -> None:
    response = await client.get(f"{V1}/products/{UNKNOWN}")
    assert response.headers["content-type"] == "application/json"
    body = response.json()
    assert (body["success"], body["data"]) == (False, None)
    assert body["error"] == {
        "code": "PRODUCT_NOT_FOUND",
        "message": ProductNotFound.title,
        "details": {},
    }


@pytest.mark.parametrize(
    ("headers", "challenge"),
    [
        ({}, "Bearer"),
        ({"Authorization": "Bearer nonsense"}, 'Bearer error="invalid_token"'),
        ({"Authorization": "Basic abc"}, 'Bearer error="invalid_token"'),
    ],
)
async def test_a_401_says_how_to_authenticate(
    client: httpx.AsyncClient, headers: dict[str, str], challenge: str
) -> None:
    response = await client.get(f"{V2}/me", headers=headers)
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == challenge


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/api/v2", "v2"),
        ("/api/v2/orders", "v2"),
        ("/api/v1/orders", "v1"),
        ("/api/orders", "v1"),
        ("/api/v20", "v1"),
        ("/orders", "v2"),
        ("/", "v2"),
    ],
)
def test_an_address_has_a_dialect(path: str, name: str) -> None:
    assert dialect_of(path).name == name


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
def test_a_spent_budget_says_when_to_come_back(dialect: Any) -> None:
    error = RateLimited(details={"retryAfterSeconds": 30})
    response = dialect.error(error, "r", "/api/v2/orders", "http://localhost:8000")
    assert response.headers["Retry-After"] == "30"


# Headers


@pytest.mark.parametrize("version", [V1, V2])
async def test_what_was_made_is_found_at_its_location(
    client: httpx.AsyncClient, shop: Shop, version: str
) -> None:
    buyer = await shop.person(balance="100.00")
    product = await shop.product()
    keyed = {**buyer.headers, "Idempotency-Key": new_key()}
    line = {"productId": product.id, "quantity": 1}
    order = await client.post(f"{version}/orders", json={"lines": [line]}, headers=buyer.headers)
    place = order.headers["location"]
    for response in (
        order,
        await client.post(f"{place}/pay", headers=keyed),
        await client.post(f"{version}/wallet/deposits", json={"amount": 1}, headers=keyed),
    ):
        assert response.status_code == 201
        assert response.headers["location"].startswith(version + "/")
        found = await client.get(response.headers["location"], headers=buyer.headers)
        assert found.status_code == 200


async def test_a_location_without_a_version_is_v1s(client: httpx.AsyncClient) -> None:
    name = unique("ada")
    response = await client.post(
        "/api/auth/register",
        json={
            "email": f"{name}@example.com",
            "username": name,
            "password": PASSWORD,
            "fullName": "Ada",
        },
    )
    assert response.status_code == 201
    assert response.headers["location"] == "/api/v1/me"


async def test_a_known_tag_is_answered_304_and_an_old_one_in_full(
    client: httpx.AsyncClient, shop: Shop
) -> None:
    buyer = await shop.person(balance="100.00")
    order = await shop.order(buyer)
    path = f"{V2}/orders/{order.id}"
    tag = (await client.get(path, headers=buyer.headers)).headers["etag"]
    assert re.fullmatch(r'"\d+-[0-9a-f]{8}\.[0-9a-f]{16}"', tag)
    known = {**buyer.headers, "If-None-Match": f'"x", {tag}'}
    same = await client.get(path, headers=known)
    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
    cancelled = await client.post(f"{path}/cancel", headers={**buyer.headers, "If-Match": tag})
    changed = await client.get(path, headers=known)
    assert changed.status_code == 200
    assert changed.headers["etag"] == cancelled.headers["etag"] != tag


async def test_if_match_acts_only_on_the_version_it_names(
    client: httpx.AsyncClient, shop: Shop
) -> None:
    buyer = await shop.person(balance="100.00")
    order = await shop.order(buyer)
    headers = {**buyer.headers, "If-Match": '"99.abc"'}
    async with shop.unchanged():
        response = await client.post(f"{V2}/orders/{order.id}/cancel", headers=headers)
        assert response.json()["code"] == "PRECONDITION_FAILED"


async def test_a_replay_says_so(client: httpx.AsyncClient, user: Person) -> None:
    headers = {**user.headers, "Idempotency-Key": new_key()}
    path = f"{V2}/wallet/deposits"
    first = await client.post(path, json={"amount": "5.00"}, headers=headers)
    again = await client.post(path, json={"amount": "5.00"}, headers=headers)
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["location"] == first.headers["location"]


async def test_two_keys_are_none(client: httpx.AsyncClient, user: Person) -> None:
    headers = [("Idempotency-Key", new_key()), ("Idempotency-Key", new_key())]
    response = await client.post(
        f"{V2}/wallet/deposits",
        json={"amount": "5.00"},
        headers=[*user.headers.items(), *headers],
    )
    assert codes(response) == {"idempotencyKey": "INVALID_FORMAT"}


@pytest.mark.parametrize(
    ("path", "signed_in", "cache", "control"),
    [
        ("/products?search=anybody", False, "MISS", "no-cache"),
        ("/products?search=somebody", True, "MISS", "private, no-cache"),
        ("/wallet", True, "BYPASS", "private, no-cache"),
    ],
)
async def test_an_answer_says_who_may_keep_it(
    client: httpx.AsyncClient, user: Person, path: str, signed_in: bool, cache: str, control: str
) -> None:
    response = await client.get(V2 + path, headers=user.headers if signed_in else {})
    assert response.headers["x-cache"] == cache
    assert response.headers["cache-control"] == control


async def test_the_database_s_share_of_the_time_is_told(client: httpx.AsyncClient) -> None:
    response = await client.get(f"{V2}/products?search=nobody")
    assert re.fullmatch(r'db;dur=\d+\.\d;desc="1 statement"', response.headers["server-timing"])


async def test_head_mirrors_get(client: httpx.AsyncClient, shop: Shop) -> None:
    product = await shop.product()
    got = await client.get(f"{V2}/products/{product.id}")
    head = await client.head(f"{V2}/products/{product.id}")
    assert head.content == b""
    for name in ("etag", "content-length", "content-type"):
        assert head.headers[name] == got.headers[name]

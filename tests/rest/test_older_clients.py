"""What older clients of v1 send: other names, other addresses."""

from typing import Any

import httpx
import pytest

from tests.shop import PASSWORD, Person, Shop, unique

V1, V2 = "/api/v1", "/api/v2"


def account(**more: object) -> dict[str, Any]:
    name = unique("ada")
    return {
        "username": name,
        "email": f"{name}@example.com",
        "password": PASSWORD,
        "profile": {"firstName": "Ada", "lastName": "Lovelace"},
        **more,
    }


# Addresses


async def test_register_and_login_have_aliases_that_answer_as_v1(
    client: httpx.AsyncClient,
) -> None:
    asked = account()
    made = await client.post("/api/register", json=asked)
    assert (made.status_code, made.headers["location"]) == (201, "/api/v1/me")
    body = made.json()
    assert (body["success"], body["data"]["user"]["fullName"]) == (True, "Ada Lovelace")
    again = await client.post("/api/register", json=asked)
    assert (again.status_code, again.json()["error"]["code"]) == (409, "EMAIL_TAKEN")
    login = {"email": asked["email"], "password": PASSWORD}
    for path in ("/api/login", f"{V1}/auth/login"):
        answer = await client.post(path, json=login)
        assert answer.status_code == 200
        assert answer.json()["data"]["user"]["id"] == body["data"]["user"]["id"]
    wrong = await client.post("/api/login", json=login | {"password": "not-the-one"})
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (401, "INVALID_CREDENTIALS")


async def test_the_alias_of_users_is_the_list_of_admins(
    client: httpx.AsyncClient, shop: Shop, user: Person
) -> None:
    admin = await shop.person("ADMIN")
    alias = await client.get("/api/users?limit=2", headers=admin.headers)
    listed = await client.get(f"{V1}/admin/users?limit=2", headers=admin.headers)
    assert alias.status_code == 200
    assert (alias.json()["data"], alias.json()["meta"]) == (
        listed.json()["data"],
        listed.json()["meta"],
    )
    assert (await client.get("/api/users", headers=user.headers)).status_code == 403
    assert (await client.get("/api/users")).status_code == 401
    one = await client.get(f"/api/users/{user.id}", headers=admin.headers)
    assert one.json()["data"]["id"] == user.id


async def test_health_has_an_alias_in_v1s_envelope(client: httpx.AsyncClient) -> None:
    answer, plain = await client.get("/api/health"), (await client.get("/health")).json()
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    body = answer.json()
    assert set(body) == {"success", "data", "error", "requestId", "timestamp"}
    assert (body["success"], body["error"]) == (True, None)
    for said in (body["data"], plain):
        assert said.pop("uptimeSeconds") >= 0
    assert body["data"] == plain
    assert (await client.head("/api/health")).status_code == 200


@pytest.mark.parametrize(
    ("path", "allow"),
    [
        ("/api/register", "OPTIONS, POST"),
        ("/api/login", "OPTIONS, POST"),
        ("/api/users", "GET, HEAD, OPTIONS"),
        ("/api/health", "GET, HEAD, OPTIONS"),
    ],
)
async def test_an_alias_names_its_methods(client: httpx.AsyncClient, path: str, allow: str) -> None:
    answer = await client.put(path, json={})
    assert (answer.status_code, answer.headers["allow"]) == (405, allow)
    assert answer.json()["error"]["code"] == "METHOD_NOT_ALLOWED"
    for version in ("v1", "v2"):
        assert (await client.get(path.replace("/api/", f"/api/{version}/"))).status_code == 404


# Names


@pytest.mark.parametrize(
    ("path", "written", "meant"),
    [
        ("/products", "offset", "page"),
        ("/products", "skip", "page"),
        ("/products", "pageSize", "perPage"),
        ("/products", "page_size", "perPage"),
        ("/products", "per-page", "perPage"),
        ("/products", "PerPage", "perPage"),
        ("/products", "q", "search"),
        ("/products", "query", "search"),
        ("/products", "sortBy", "sort"),
        ("/products", "sort_by", "sort"),
        ("/products", "orderBy", "sort"),
        ("/products", "min_price", "minPrice"),
        ("/products", "max_price", "maxPrice"),
        ("/products", "minprice", "minPrice"),
        ("/products", "category_id", "category"),
        ("/products", "in_stock", "inStock"),
        ("/products", "cursor", "after"),
        ("/products", "serach", "search"),
        ("/categories", "page_number", "page"),
        ("/orders", "start_date", "from"),
        ("/orders", "status[]", "status"),
        ("/orders", "state", "status"),
    ],
)
async def test_an_unknown_parameter_is_refused_with_the_right_name(
    client: httpx.AsyncClient, user: Person, path: str, written: str, meant: str
) -> None:
    for prefix in (V1, "/api"):
        answer = await client.get(f"{prefix}{path}", params={written: "1"}, headers=user.headers)
        assert answer.status_code == 400
        error = answer.json()["error"]
        assert error["code"] == "VALIDATION_FAILED"
        [field] = error["details"]["fields"]
        assert (field["field"], field["code"]) == (written, "UNKNOWN_FIELD")
        if path == "/products" and meant == "category":
            assert "Use category" in field["message"]
        else:
            assert field["message"].endswith(f" Use {meant}.")
        assert field["message"] in error["message"]


@pytest.mark.parametrize(
    ("body", "written", "meant"),
    [
        ({"product_id": "x", "quantity": 1}, "product_id", "productId"),
        ({"items": []}, "items", "lines"),
        ({"items[]": []}, "items[]", "lines"),
        ({"order_items": []}, "order_items", "lines"),
        ({"coupon_code": "A"}, "coupon_code", "couponCode"),
        ({"coupon": "A"}, "coupon", "couponCode"),
        ({"shipping_address": {}}, "shipping_address", "shippingAddress"),
        ({"address": {}}, "address", "shippingAddress"),
        ({"lines": [{"product_id": "x"}]}, "lines.0.product_id", "productId"),
        ({"lines": [{"qty": 1}]}, "lines.0.qty", "quantity"),
        ({"shippingAddress": {"zip": "1"}}, "shippingAddress.zip", "postalCode"),
    ],
)
async def test_an_unknown_name_of_an_order_is_refused_with_the_right_one(
    client: httpx.AsyncClient,
    shop: Shop,
    user: Person,
    body: dict[str, Any],
    written: str,
    meant: str,
) -> None:
    async with shop.unchanged():
        answer = await client.post(f"{V1}/orders", json=body, headers=user.headers)
    assert answer.status_code == 400
    error = answer.json()["error"]
    [field] = [each for each in error["details"]["fields"] if each["code"] == "UNKNOWN_FIELD"]
    assert field["field"] == written
    assert meant in field["message"]
    assert f"{written}: {field['message']}" in error["message"]


async def test_a_name_that_nothing_resembles_is_only_refused(client: httpx.AsyncClient) -> None:
    answer = await client.get(f"{V1}/products?zebra=1")
    [field] = answer.json()["error"]["details"]["fields"]
    assert field["message"] == "There is no such field."


async def test_per_page_is_taken_by_v1_alone(client: httpx.AsyncClient, shop: Shop) -> None:
    tag = unique("tag")
    for _ in range(3):
        await shop.product(tags=[tag])
    path = f"{V1}/products?tag={tag}"
    page = (await client.get(f"{path}&per_page=2")).json()
    assert (len(page["data"]), page["meta"]["perPage"], page["meta"]["page"]) == (2, 2, 1)
    second = (await client.get(f"{path}&per_page=2&page=2")).json()
    assert (len(second["data"]), second["meta"]["page"]) == (1, 2)
    after = page["meta"]["nextCursor"]
    rest = (await client.get(f"{path}&per_page=2&after={after}")).json()
    assert rest["data"] == second["data"]
    for wrong, paths in (
        ("per_page=101", {"per_page": "TOO_LARGE"}),
        ("per_page=two", {"per_page": "INVALID_TYPE"}),
        ("per_page=2&perPage=2", {"per_page": "CONFLICT"}),
        ("per_page=2&limit=2", {"per_page": "CONFLICT"}),
    ):
        error = (await client.get(f"{path}&{wrong}")).json()["error"]
        assert {each["field"]: each["code"] for each in error["details"]["fields"]} == paths
    answer = await client.get(f"{V2}/products?per_page=2")
    [field] = answer.json()["fields"]
    assert (field["code"], field["message"][-12:]) == ("UNKNOWN_FIELD", "Use perPage.")


async def test_a_list_of_one_page_takes_the_older_name_of_its_size(
    client: httpx.AsyncClient, shop: Shop, user: Person
) -> None:
    for _ in range(3):
        await shop.post(user)
    found = await client.get(f"{V1}/posts/popular?limit=2")
    assert len(found.json()["data"]) == 2
    assert found.json()["meta"]["perPage"] == 2
    twice = await client.get(f"{V1}/posts/popular?limit=2&first=2")
    assert twice.json()["error"]["details"]["fields"][0]["code"] == "CONFLICT"

"""P3: every face refuses the same bad values by the same fields, after the same other refusals.

GraphQL takes values in variables and as literals in the document; both are doors here.
"""

import json
import re
from typing import Any

import httpx
import pytest

from services.catalogue import BY_NAME
from services.ids import NOWHERE
from tests.faces import ADDRESSES, FACES, Door, GraphQL, door_named
from tests.shop import Person, Shop

#: The names that a GraphQL document can hold.
NAMES = re.compile(r"[_A-Za-z][_0-9A-Za-z]*")


class Literals(GraphQL):
    """GraphQL with every value written into the document."""

    def asked(self, text: str, variables: dict[str, Any]) -> dict[str, Any]:
        """The body of a request whose document has no variables."""
        kind, body = text.split(maxsplit=1)[0], text[text.index("{") :]
        return {"query": kind + re.sub(r"\$(\w+)", lambda it: literal(variables[it[1]]), body)}


def literal(value: Any) -> str:
    """A value as GraphQL writes it."""
    match value:
        case dict():
            inside = [f"{name}: {literal(item)}" for name, item in value.items()]
            return "{" + ", ".join(inside) + "}"
        case list():
            return f"[{', '.join(map(literal, value))}]"
        case _:
            return json.dumps(value)


DOORS = (*FACES, "literals")
JSON = {"Content-Type": "application/json"}


@pytest.fixture(params=DOORS)
def door(request: pytest.FixtureRequest, shop: Shop, client: httpx.AsyncClient) -> Door:
    """Each face in turn."""
    if request.param == "literals":
        return Literals(client)
    return door_named(request.param, shop, client)


async def machine(shop: Shop, who: str | None) -> Person | str | None:
    """A caller: of a role, with an API key of some permissions, with a bad token, or nobody."""
    if who is None or who == "nonsense":
        return who
    if ":" in who:
        return await shop.machine(await shop.person("ADMIN"), *who.split())
    return await shop.person(who)


#: A call whose values are of a wrong type, who makes it, and what is told before that.
BEFORE_TYPES: list[tuple[str, dict[str, Any], str | None, str]] = [
    ("categories.create", {"slug": [], "name": "Books"}, None, "UNAUTHENTICATED"),
    ("categories.create", {"slug": [], "name": "Books"}, "nonsense", "UNAUTHENTICATED"),
    ("categories.create", {"slug": [], "name": "Books"}, "USER", "FORBIDDEN"),
    ("categories.create", {"slug": [], "name": "Books"}, "MANAGER", "VALIDATION_FAILED"),
    ("categories.create", {"slug": {}, "name": "Books"}, "orders:read:own", "FORBIDDEN"),
    ("deposits.create", {"amount": []}, None, "UNAUTHENTICATED"),
    ("deposits.create", {"amount": []}, "USER", "IDEMPOTENCY_KEY_REQUIRED"),
    ("apiKeys.list", {"first": "x"}, None, "UNAUTHENTICATED"),
    ("apiKeys.list", {"first": "x"}, "account:read:own", "FORBIDDEN"),
    ("apiKeys.list", {"first": "x"}, "USER", "VALIDATION_FAILED"),
    ("sessions.list", {"first": "x"}, "account:read:own", "FORBIDDEN"),
    ("refunds.list", {"id": NOWHERE, "first": "x"}, "orders:read:own", "FORBIDDEN"),
    ("refunds.list", {"id": NOWHERE, "first": "x"}, "refunds:read:own", "FORBIDDEN"),
    ("orders.history", {"id": NOWHERE, "first": "x"}, "wallet:read:own", "FORBIDDEN"),
    ("wallet.entries", {"first": "x"}, "deposits:read:own", "FORBIDDEN"),
    ("invoices.get", {"id": NOWHERE, "surprise": "x"}, "wallet:read:own", "FORBIDDEN"),
]


@pytest.mark.parametrize(
    ("operation", "values", "who", "code"),
    BEFORE_TYPES,
    ids=[f"{case[0]}-{case[2]}" for case in BEFORE_TYPES],
)
async def test_token_permission_and_key_come_before_types(
    door: Door, shop: Shop, operation: str, values: dict[str, Any], who: str | None, code: str
) -> None:
    caller = await machine(shop, who)
    async with shop.unchanged():
        outcome = await door.call(operation, values, caller=caller)
    assert outcome.code == code


#: A call by somebody of the role, and its bad fields: all of them, whatever is wrong with each.
BAD_FIELDS: dict[str, tuple[str, dict[str, Any], str | None, dict[str, str]]] = {
    "a list for text": (
        "categories.create",
        {"slug": [], "name": "Books"},
        "MANAGER",
        {"slug": "INVALID_TYPE"},
    ),
    "an object for text": (
        "categories.create",
        {"slug": "books", "name": {"a": 1}},
        "MANAGER",
        {"name": "INVALID_TYPE"},
    ),
    "a type and a form": (
        "auth.login",
        {"email": 5, "password": "short"},
        None,
        {"email": "INVALID_TYPE", "password": "TOO_SHORT"},
    ),
    "a type, a form and nothing": (
        "auth.register",
        {"email": True, "username": "a b", "fullName": None},
        None,
        {
            "email": "INVALID_TYPE",
            "username": "INVALID_FORMAT",
            "fullName": "REQUIRED",
            "password": "REQUIRED",
        },
    ),
    "inside a list": (
        "orders.create",
        {"lines": [{"productId": "x", "quantity": "2"}, {"quantity": 0, "more": 1}]},
        "USER",
        {
            "lines.0.productId": "INVALID_FORMAT",
            "lines.0.quantity": "INVALID_TYPE",
            "lines.1.productId": "REQUIRED",
            "lines.1.quantity": "TOO_SMALL",
            "lines.1.more": "UNKNOWN_FIELD",
        },
    ),
    "nothing in a list": (
        "orders.create",
        {"lines": [None], "couponCode": ""},
        "USER",
        {"lines.0": "REQUIRED", "couponCode": "TOO_SHORT"},
    ),
    "an object for a list": (
        "orders.create",
        {"lines": {"quantity": 1}, "surprise": 1},
        "USER",
        {"lines": "INVALID_TYPE", "surprise": "UNKNOWN_FIELD"},
    ),
    "in a query string": (
        "products.list",
        {"first": "x", "minPrice": "cheap", "inStock": "maybe", "search": ""},
        None,
        {
            "first": "INVALID_TYPE",
            "minPrice": "INVALID_FORMAT",
            "inStock": "INVALID_TYPE",
            "search": "TOO_SHORT",
        },
    ),
    "in a list of a thing": (
        "wallet.entries",
        {"first": "x", "last": 0},
        "USER",
        {"first": "INVALID_TYPE", "last": "TOO_SMALL"},
    ),
    "in a patch": (
        "users.updateMe",
        {"fullName": 5, "bio": "\u0001", "surprise": 1},
        "USER",
        {"fullName": "INVALID_TYPE", "bio": "INVALID_FORMAT", "surprise": "UNKNOWN_FIELD"},
    ),
    "a digit too many": ("products.list", {"first": 10**17}, None, {"first": "TOO_LARGE"}),
    "19 digits": ("products.list", {"first": 10**18}, None, {"first": "TOO_LARGE"}),
    "19 digits below zero": ("products.list", {"first": -(10**18)}, None, {"first": "TOO_SMALL"}),
    "4,000 digits": ("products.list", {"first": 10**4000}, None, {"first": "TOO_LARGE"}),
    "a page of 4,000 digits": ("products.list", {"page": 10**4000}, None, {"page": "TOO_LARGE"}),
    "4,000 digits in a body": (
        "orders.create",
        {"lines": [{"productId": NOWHERE, "quantity": 10**4000}]},
        "USER",
        {"lines.0.quantity": "TOO_LARGE"},
    ),
    "an exponent in a body": (
        "products.create",
        {"name": "Lamp", "categoryId": NOWHERE, "price": 1e300, "metadata": {"a": 1e300}},
        "MANAGER",
        {"price": "TOO_LARGE", "metadata": "TOO_LARGE"},
    ),
    "an amount of 4,000 digits": (
        "products.list",
        {"minPrice": "9" * 4000},
        None,
        {"minPrice": "TOO_LARGE"},
    ),
    "names that nobody knows": (
        "categories.create",
        {"slug": "books", "name": "Books", "a-b": 1, "": 1, "a.b": 1, "x y": [], "c": None},
        "MANAGER",
        dict.fromkeys(("a-b", "", "a.b", "x y", "c"), "UNKNOWN_FIELD"),
    ),
    "names that nobody knows, inside": (
        "orders.create",
        {"lines": [{"productId": NOWHERE, "quantity": 1, "a-b": 1, "": 1, "'": 1}]},
        "USER",
        {f"lines.0.{name}": "UNKNOWN_FIELD" for name in ("a-b", "", "'")},
    ),
}


@pytest.mark.parametrize("case", BAD_FIELDS)
async def test_all_bad_fields_are_told_at_once(
    shop: Shop, client: httpx.AsyncClient, case: str
) -> None:
    operation, values, who, expected = BAD_FIELDS[case]
    caller = await machine(shop, who)
    messages = {}
    for name in DOORS:
        door = Literals(client) if name == "literals" else door_named(name, shop, client)
        if name == "literals" and not all(map(NAMES.fullmatch, named_in(values))):
            continue
        async with shop.unchanged():
            outcome = await door.call(operation, values, caller=caller)
        assert (outcome.code, outcome.status) == ("VALIDATION_FAILED", 400), name
        assert outcome.failure.paths == expected, name
        assert len(outcome.failure.fields) == len(expected), name
        messages[name] = set(outcome.failure.fields)
    assert messages["v1"] == messages["v2"] == messages["graphql"]
    assert messages.get("literals", messages["v2"]) == messages["v2"]


def named_in(value: Any) -> list[str]:
    """Every name in a value."""
    match value:
        case dict():
            return [*value, *(name for item in value.values() for name in named_in(item))]
        case list():
            return [name for item in value for name in named_in(item)]
        case _:
            return []


async def test_the_calls_of_a_document_tell_their_bad_fields_together(
    client: httpx.AsyncClient, shop: Shop, user: Person
) -> None:
    document = """query ($first: Int) {
        products(first: $first, minPrice: "cheap") { totalCount }
        me { id ...Keys }
        users(first: "x") { totalCount }
    }
    fragment Keys on User { apiKeys(first: [], last: 0) { totalCount } }"""
    asked = {"query": document, "variables": {"first": 10**30}}
    said = (await client.post("/graphql", json=asked, headers=user.headers)).json()
    [error] = said["errors"]
    fields = [(one["field"], one["code"]) for one in error["extensions"]["fields"]]
    # A call that the caller may not make is left out, while others have something to put right.
    assert fields == [
        ("first", "TOO_LARGE"),
        ("minPrice", "INVALID_FORMAT"),
        ("first", "INVALID_TYPE"),
        ("last", "TOO_SMALL"),
    ]


async def test_an_unknown_argument_beside_an_input_is_an_unknown_parameter_beside_a_body(
    client: httpx.AsyncClient, shop: Shop
) -> None:
    person = await shop.person()
    fields = {"": "REQUIRED", "more": "UNKNOWN_FIELD"}
    for version in ("v1", "v2"):
        path = f"/api/{version}/projects/{NOWHERE}?more=1"
        said = (await client.patch(path, json={}, headers=person.headers)).json()
        bad = said["fields"] if version == "v2" else said["error"]["details"]["fields"]
        assert {one["field"]: one["code"] for one in bad} == fields, version
    text = f'mutation {{ updateProject(id: "{NOWHERE}", input: {{}}, more: 1) {{ id }} }}'
    said = (await client.post("/graphql", json={"query": text}, headers=person.headers)).json()
    [error] = said["errors"]
    assert {one["field"]: one["code"] for one in error["extensions"]["fields"]} == fields


async def test_an_unknown_argument_named_input_is_one_like_any_other(
    client: httpx.AsyncClient,
) -> None:
    # Pages that contradict one another are looked at once everything has a known name.
    path = "/api/v2/products?input=1&first=1&page=2"
    [fault] = (await client.get(path)).json()["fields"]
    text = "{ products(input: 1, first: 1, page: 2) { totalCount } }"
    [error] = (await client.post("/graphql", json={"query": text})).json()["errors"]
    assert error["extensions"]["fields"] == [fault]
    assert (fault["field"], fault["code"]) == ("input", "UNKNOWN_FIELD")


@pytest.mark.parametrize(
    ("values", "fields"),
    [
        ("", {"email": "REQUIRED", "password": "REQUIRED"}),
        ("(input: null)", {"email": "REQUIRED", "password": "REQUIRED"}),
        ("(input: {})", {"email": "REQUIRED", "password": "REQUIRED"}),
        ("(input: 5)", {"input": "INVALID_TYPE", "email": "REQUIRED", "password": "REQUIRED"}),
        ("(input: [])", {"input": "INVALID_TYPE", "email": "REQUIRED", "password": "REQUIRED"}),
    ],
)
async def test_an_input_that_is_missing_is_an_empty_one(
    client: httpx.AsyncClient, values: str, fields: dict[str, str]
) -> None:
    asked = {"query": f"mutation {{ login{values} {{ tokenType }} }}"}
    [error] = (await client.post("/graphql", json=asked)).json()["errors"]
    assert {one["field"]: one["code"] for one in error["extensions"]["fields"]} == fields


READS = [name for name, it in BY_NAME.items() if not it.writes and not it.body]


@pytest.mark.parametrize("operation", READS)
async def test_a_null_argument_of_a_read_is_left_out(
    client: httpx.AsyncClient, shop: Shop, operation: str
) -> None:
    admin = await shop.person("ADMIN")
    needed = {"id": NOWHERE, "from": "2026-01-01T00:00:00Z", "to": "2026-02-01T00:00:00Z"}
    names = set(BY_NAME[operation].input.model_json_schema()["properties"]) - {"total"}
    nulls = {name: needed.get(name) for name in names}
    if "{id}" in ADDRESSES[operation].path:
        nulls["id"] = NOWHERE
    given = {name: value for name, value in nulls.items() if value is not None}
    expected = (await door_named("v2", shop, client).call(operation, given, caller=admin)).code
    for door in (door_named("graphql", shop, client), Literals(client)):
        assert (await door.call(operation, nulls, caller=admin)).code == expected, door


# ── the differences that docs/differences.md lists


async def test_a_thing_that_is_not_there_comes_before_a_bound_in_its_nested_list(
    faces: dict[str, Door], shop: Shop, user: Person
) -> None:
    codes = {
        name: [
            (await door.call("orders.history", {"id": NOWHERE, "first": first}, caller=user)).code
            for first in (0, "x")
        ]
        for name, door in faces.items()
    }
    refused = ["VALIDATION_FAILED", "VALIDATION_FAILED"]
    assert codes == {
        "v1": refused,
        "v2": refused,
        "graphql": ["ORDER_NOT_FOUND", "VALIDATION_FAILED"],
    }


async def test_graphql_takes_one_value_for_a_list_and_a_number_for_an_id(
    faces: dict[str, Door], shop: Shop
) -> None:
    manager = await shop.person("MANAGER")
    good = {"name": "Lamp", "categoryId": await shop.category(), "price": "5.00"}
    for name, door in faces.items():
        one = await door.call("products.create", {**good, "tags": "x"}, caller=manager)
        number = await door.call("products.create", {**good, "categoryId": 5}, caller=manager)
        if name == "graphql":
            assert one.ok["tags"] == ["x"]
            assert number.failure.paths == {"categoryId": "INVALID_FORMAT"}
        else:
            assert one.failure.paths == {"tags": "INVALID_TYPE"}
            assert number.failure.paths == {"categoryId": "INVALID_TYPE"}


async def test_a_query_string_has_only_text(faces: dict[str, Door]) -> None:
    for name, door in faces.items():
        outcome = await door.call("products.list", {"first": "1"})
        assert outcome.code == ("VALIDATION_FAILED" if name == "graphql" else "OK")


async def test_a_whole_number_with_a_point_is_an_integer_in_json_alone(
    client: httpx.AsyncClient, shop: Shop
) -> None:
    manager = await shop.person("MANAGER")
    change = {"id": (await shop.product()).id, "delta": 1.0}
    for name in DOORS:
        door = Literals(client) if name == "literals" else door_named(name, shop, client)
        written = await door.call("products.adjustStock", change, caller=manager, key=name)
        listed = await door.call("products.list", {"first": 1.0})
        wrong = {"delta": "INVALID_TYPE"} if name == "literals" else {}
        assert (written.error.paths if written.error else {}) == wrong, name
        wrong = {} if name == "graphql" else {"first": "INVALID_TYPE"}
        assert (listed.error.paths if listed.error else {}) == wrong, name


async def test_a_value_that_makes_a_request_too_long_is_refused_by_the_request(
    client: httpx.AsyncClient, shop: Shop
) -> None:
    post = {"title": "A long one", "content": "x" * 100_000, "category": "HEALTH"}
    person = await shop.person()
    codes = {}
    for name in DOORS:
        door = Literals(client) if name == "literals" else door_named(name, shop, client)
        codes[name] = (await door.call("posts.create", post, caller=person)).code
    assert codes.pop("literals") == "QUERY_TOO_COMPLEX"
    assert set(codes.values()) == {"OK"}


@pytest.mark.parametrize("body", [b"", b"5", b"[]"])
async def test_a_rest_body_that_is_no_object_is_malformed(
    client: httpx.AsyncClient, body: bytes
) -> None:
    for version in ("v1", "v2"):
        response = await client.post(f"/api/{version}/auth/login", content=body, headers=JSON)
        said = response.json()
        assert (said.get("error") or said)["code"] == "MALFORMED_REQUEST"


# ── text that no field takes

NUL, HALF = "\\u0000", "\\ud800"
#: Where a NUL or half a surrogate pair may stand: method, address and body.
PLACES: dict[str, tuple[str, str, str | None]] = {
    f"{name} in {where}": call
    for name, encoded, escaped in (("NUL", "%00", NUL), ("half a pair", "%ED%A0%80", HALF))
    for where, call in {
        "v1's query string": ("GET", f"/api/v1/products?search=a{encoded}", None),
        "v2's query string": ("GET", f"/api/v2/products?search=a{encoded}", None),
        "a name in a query string": ("GET", f"/api/v2/products?a{encoded}=1", None),
        "v1's path": ("GET", f"/api/v1/products/a{encoded}", None),
        "v2's path": ("GET", f"/api/v2/products/a{encoded}", None),
        "v1's body": ("POST", "/api/v1/auth/logout", f'{{"refreshToken": "a{escaped}"}}'),
        "v2's body": ("POST", "/api/v2/auth/logout", f'{{"refreshToken": "a{escaped}"}}'),
        "a name in a body": ("POST", "/api/v2/auth/logout", f'{{"a{escaped}": "a"}}'),
        "a variable": (
            "POST",
            "/graphql",
            '{"query": "query($s: String) { products(search: $s) { totalCount } }",'
            f' "variables": {{"s": "a{escaped}"}}}}',
        ),
        "a literal": (
            "POST",
            "/graphql",
            f'{{"query": "{{ products(search: \\"a\\{escaped}\\") {{ totalCount }} }}"}}',
        ),
        "a literal id": (
            "POST",
            "/graphql",
            f'{{"query": "{{ product(id: \\"a\\{escaped}\\") {{ id }} }}"}}',
        ),
        "a default": (
            "POST",
            "/graphql",
            f'{{"query": "query($s: String = \\"a\\{escaped}\\") '
            '{ products(search: $s) { totalCount } }"}',
        ),
        "GraphQL's query string": (
            "GET",
            f'/graphql?query={{products(search:"a{encoded}"){{totalCount}}}}',
            None,
        ),
        "variables in a query string": (
            "GET",
            "/graphql?query=query($s:String){products(search:$s){totalCount}}"
            f'&variables={{"s":"a{encoded}"}}',
            None,
        ),
    }.items()
}


@pytest.mark.parametrize("place", PLACES)
async def test_text_that_no_field_takes_is_malformed_wherever_it_stands(
    client: httpx.AsyncClient, place: str
) -> None:
    method, address, body = PLACES[place]
    accepted = "application/graphql-response+json" if address.startswith("/graphql") else "*/*"
    response = await client.request(
        method, address, content=body, headers={**JSON, "Accept": accepted}
    )
    said = response.json()
    error = said["errors"][0]["extensions"] if "errors" in said else said.get("error") or said
    assert (response.status_code, error["code"]) == (400, "MALFORMED_REQUEST")


async def test_a_list_of_enum_literals_is_no_choice(client: httpx.AsyncClient, shop: Shop) -> None:
    """GraphQL's own reading of such a list has no value, and told that the field is missing."""
    admin = await shop.person("ADMIN")
    document = f'mutation {{ updateOrderStatus(id: "{NOWHERE}", input: {{status: [x]}}) {{ id }} }}'
    answer = await client.post("/graphql", json={"query": document}, headers=admin.headers)
    [graphql] = answer.json()["errors"][0]["extensions"]["fields"]
    sent = {"status": ["x"]}
    path = f"/api/v2/admin/orders/{NOWHERE}/status"
    [rest] = (await client.patch(path, json=sent, headers=admin.headers)).json()["fields"]
    assert (graphql["field"], graphql["code"]) == (rest["field"], rest["code"])
    assert rest["code"] == "INVALID_CHOICE"

"""The OpenAPI contracts in the eyes of tools: plain types, and bodies judged as the server does."""

import json
from collections.abc import Mapping
from typing import Any

import httpx
import jsonschema_rs
import pytest

from services.catalogue import BY_NAME
from tests.conftest import CHECKOUT
from tests.faces import ADDRESSES, FILES, STREAMS, Door
from tests.shop import PASSWORD, Person, Shop, new_key, unique

UNKNOWN = "01a1f9bd-135c-7e07-b274-b67df665d3e0"
CONTRACTS = {
    version: json.loads((CHECKOUT / "api" / f"openapi-{version}.json").read_text())
    for version in ("v1", "v2")
}


def described(version: str, name: str) -> dict[str, Any]:
    """What a contract says of an operation."""
    address = ADDRESSES[name]
    return CONTRACTS[version]["paths"][f"/api/{version}{address.path}"][address.method.lower()]


def successes(version: str, name: str) -> dict[str, dict[str, Any]]:
    """The successes of an operation, by status."""
    responses = described(version, name)["responses"]
    return {status: answer for status, answer in responses.items() if status < "300"}


def judge(version: str, schema: Mapping[str, Any]) -> jsonschema_rs.Draft202012Validator:
    """A validator of a schema of a contract."""
    components = CONTRACTS[version]["components"]
    return jsonschema_rs.Draft202012Validator({**schema, "components": components})


@pytest.mark.parametrize("version", CONTRACTS)
def test_a_success_has_one_status_and_the_type_of_the_whole_answer(version: str) -> None:
    for name in ADDRESSES:
        [(status, answer)] = successes(version, name).items()
        if status == "204" or name in FILES or name in STREAMS:
            continue
        schema = answer["content"]["application/json"]["schema"]
        types = schema.get("anyOf", [schema])
        assert all(set(one) == {"$ref"} for one in types), name
        # Only an answer that depends on the caller has several types.
        deletion = ADDRESSES[name].status == 204
        assert len(types) == (1 if deletion else len(BY_NAME[name].results)), name


@pytest.mark.parametrize("version", CONTRACTS)
@pytest.mark.parametrize("name", ["products.get", "products.list", "users.me", "wallet.get"])
async def test_a_trimmed_answer_lacks_names_and_nothing_else_of_the_contract(
    client: httpx.AsyncClient, shop: Shop, user: Person, version: str, name: str
) -> None:
    product = await shop.product()
    [answer] = successes(version, name).values()
    [fields] = [
        item["schema"]["items"]["enum"]
        for item in described(version, name)["parameters"]
        if item.get("name") == "fields"
    ]
    contract = json.loads(json.dumps(CONTRACTS[version]), object_hook=_without_required)
    schema = answer["content"]["application/json"]["schema"]
    loose = jsonschema_rs.Draft202012Validator({**schema, "components": contract["components"]})
    path = f"/api/{version}{ADDRESSES[name].path}".format(id=product.id)
    for few in (fields[:2], fields[2:]):
        response = await client.get(f"{path}?fields={','.join(few)}", headers=user.headers)
        said = response.json()
        assert response.status_code == 200, said
        loose.validate(said)
        shown = said["data"] if version == "v1" else said.get("items", said)
        assert set(shown[0] if isinstance(shown, list) else shown) == set(few)


def _without_required(value: dict[str, Any]) -> dict[str, Any]:
    return {
        name: item
        for name, item in value.items()
        if not (name == "required" and isinstance(item, list))
    }


_LINE = {"productId": UNKNOWN, "quantity": 1}
_NEW = {"username": "ada", "password": PASSWORD}
_LONG = "a" * 60 + "@" + ".".join(["b" * 60, "c" * 60, "d" * 60, "examplesab"])
#: Operations of every user; an admin calls the others.
MINE = ("users.updateMe", "deposits.create")
#: Bodies and whether they are good ones.
BODIES = [
    ("orders.refund", {}, True),
    ("orders.refund", {"amount": "1.00"}, True),
    ("orders.refund", {"lines": [_LINE], "restock": True}, True),
    ("orders.refund", {"amount": "1.00", "lines": None}, True),
    ("orders.refund", {"amount": "1.00", "lines": [_LINE]}, False),
    ("orders.refund", {"amount": "1.00", "restock": True}, False),
    ("products.adjustStock", {"delta": 1, "reason": "A delivery."}, True),
    ("products.adjustStock", {"stock": 5, "expected": 4}, True),
    ("products.adjustStock", {"delta": 1, "stock": 5, "expected": 4}, False),
    ("products.adjustStock", {"delta": 1, "expected": 4}, False),
    ("products.adjustStock", {"stock": 5}, False),
    ("products.adjustStock", {"expected": 4}, False),
    ("products.adjustStock", {"reason": "A delivery."}, False),
    ("users.updateMe", {}, False),
    ("users.updateMe", {"currentPassword": PASSWORD}, False),
    ("users.updateMe", {"bio": None}, True),
    ("users.updateMe", {"profile": {}}, False),
    ("users.updateMe", {"profile": {"bio": "Mine."}}, True),
    ("products.update", {}, False),
    ("orders.updateStatus", {"status": "SHIPPED", "trackingCode": "1Z"}, True),
    ("orders.updateStatus", {"status": "CONFIRMED", "trackingCode": "1Z"}, False),
    ("orders.updateStatus", {"status": "CONFIRMED", "trackingCode": None}, True),
    ("users.create", {"email": "ada@example.com", "role": "USER"}, False),
    ("users.create", {"email": "ada@example.com", "role": "USER", "profile": {}}, False),
    ("users.create", {"email": "ada@example.com", "role": "USER", "firstName": None}, False),
    ("users.create", {"email": "ada@", "role": "USER", "firstName": "Ada"}, False),
    ("auth.login", {"email": f"  {_LONG}  ", "password": PASSWORD}, True),
    ("auth.login", {"email": f"a{_LONG}", "password": PASSWORD}, False),
    ("products.update", {"image": f" https://example.com/{'a' * 480} "}, True),
    ("products.update", {"image": f"https://example.com/{'a' * 481}"}, False),
    ("products.update", {"metadata": {"a": {"b": [1, None, True, "x"]}}}, True),
    ("deposits.create", {"amount": "19.99"}, True),
    ("deposits.create", {"amount": "19.999"}, False),
    ("deposits.create", {"amount": "0"}, False),
]


@pytest.mark.parametrize(
    ("name", "body", "good"), BODIES, ids=[f"{i}-{one[0]}" for i, one in enumerate(BODIES)]
)
async def test_contract_and_server_agree_about_a_body(
    client: httpx.AsyncClient,
    user: Person,
    admin: Person,
    name: str,
    body: dict[str, Any],
    good: bool,
) -> None:
    assert len(_LONG) == 254
    if name == "users.create":
        body = {**_NEW, **body}
    address, caller = ADDRESSES[name], user if name in MINE else admin
    for version in CONTRACTS:
        schema = described(version, name)["requestBody"]["content"]["application/json"]["schema"]
        assert judge(version, schema).is_valid(body) is good, version
        answer = await client.request(
            address.method,
            f"/api/{version}{address.path.format(id=UNKNOWN)}",
            json=body,
            headers={**caller.headers, "Idempotency-Key": new_key()},
        )
        said = answer.json()
        code = said.get("code") or (said.get("error") or {}).get("code")
        assert (code == "VALIDATION_FAILED") is not good, said


async def test_money_is_text_in_the_contract_and_may_be_a_number(
    faces: dict[str, Door], user: Person
) -> None:
    for version in CONTRACTS:
        schema = CONTRACTS[version]["components"]["schemas"]["CreateDepositInput"]
        assert not judge(version, schema).is_valid({"amount": 19.99})
        amount = schema["properties"]["amount"]
        assert (amount["type"], amount["format"]) == ("string", "decimal")
        made = await faces[version].call(
            "deposits.create", {"amount": 19.99}, caller=user, key=unique()
        )
        assert made.ok["amount"] == "19.99"


@pytest.mark.parametrize("version", CONTRACTS)
def test_the_contract_holds_nothing_that_generators_trip_over(version: str) -> None:
    text = json.dumps(CONTRACTS[version])
    contract = json.loads(text)
    schemas = contract["components"]["schemas"]
    assert schemas["Metadata"]["additionalProperties"] is True
    assert contract["info"]["contact"]["name"]
    for name, schema in schemas.items():
        if schema.get("additionalProperties") is False:
            # A property of a body that has a default would be one that callers must give.
            defaults = [it for it, one in schema["properties"].items() if "default" in one]
            assert defaults == [], name
    for place in _places(contract):
        assert place.get("type") != "array" or "items" in place, place
    [match] = [
        item for key, item in contract["components"]["parameters"].items() if key == "IfMatch"
    ]
    assert "the last write wins" in match["description"]


def _places(value: Any) -> Any:
    """Every object in a JSON document."""
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _places(item)


def test_graphql_says_that_the_last_write_wins_as_well() -> None:
    sdl = (CHECKOUT / "schema" / "schema.graphql").read_text()
    assert sdl.count("ifMatch: String") == sdl.count("Without it the last write wins.")

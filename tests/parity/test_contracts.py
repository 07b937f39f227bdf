"""P1 and P2: both contracts hold the same operations, names, values and words."""

import json
import re
from typing import Any

import httpx
import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    build_schema,
    get_named_type,
)

from services.catalogue import OPERATIONS
from services.operation.declaration import Key
from tests.faces import ADDRESSES, DOCUMENTS, FILES, SORTS, STREAMS

NAMES = [operation.name for operation in OPERATIONS]
#: Root fields that are no operation: anything by its id (Relay).
BESIDES = {"node", "nodes"}
#: What GraphQL has on a type beyond REST: relations as objects, and what REST says in a header.
RELATIONS = {
    "Order": {"customer", "coupon", "history", "invoice", "refunds"},
    "Invoice": {"order", "corrects", "pdfUrl"},
    "OrderLine": {"product"},
    "OrderEvent": {"actor"},
    "Payment": {"order"},
    "Refund": {"order", "payment", "actor", "creditNote"},
    "RefundLine": {"product"},
    "Product": {"category"},
    "User": {"sessions", "apiKeys", "posts"},
    "Post": {"author", "comments", "viewerHasLiked"},
    "Comment": {"author", "post", "parent", "replies"},
    "PublicUser": {"posts"},
    "Project": {"owner"},
    "Transaction": {"customer", "order"},
    "Wallet": {"entries", "deposits"},
    "WalletEntry": {"order", "deposit"},
}
TAGGED = {"User", "Category", "Product", "Order", "Coupon", "Project", "Post", "Comment"}
#: Reads that REST sends a body with: their input is too much, or too private, for an address.
ASKED_BY_POST = {"orders.quote", "coupons.check"}
#: Query parameters of REST that GraphQL says by selecting.
SELECTED = {"fields", "total"}
#: Arguments of GraphQL that REST says in a header.
HEADERS = {"idempotencyKey", "ifMatch"}
#: v1 also speaks of users flat, of pages in an envelope, and of orders of one line.
ONLY_V1 = re.compile("Envelope|^Meta$|^Error$|^Failure$|OneLine|^User|^Tokens")
#: What OpenAPI adds, as its length limits hold before trimming.
_LIMITS = re.compile(r" (Up to|[0-9]+ to) [0-9,]+ characters after trimming\.$")
ONLY_V2 = re.compile("Page|Problem$|^User|^Tokens|^Profile$")


@pytest.fixture(scope="session")
async def contracts(client: httpx.AsyncClient) -> tuple[GraphQLSchema, dict[str, Any]]:
    """The schema and both OpenAPI documents, as they are served."""
    sdl = await client.get("/graphql/schema.graphql")
    assert sdl.status_code == 200
    documents = {}
    for version in ("v1", "v2"):
        response = await client.get(f"/openapi-{version}.json")
        assert response.status_code == 200
        documents[version] = response.json()
    return build_schema(sdl.text), documents


@pytest.fixture(scope="session")
def sdl(contracts: tuple[GraphQLSchema, dict[str, Any]]) -> GraphQLSchema:
    return contracts[0]


@pytest.fixture(scope="session")
def v2(contracts: tuple[GraphQLSchema, dict[str, Any]]) -> dict[str, Any]:
    return contracts[1]["v2"]


def graphql_field(sdl: GraphQLSchema, name: str) -> GraphQLField:
    document = DOCUMENTS[name]
    if document.under:
        holder = get_named_type(root_fields(sdl)[document.under].type)
        assert isinstance(holder, GraphQLObjectType)
        return holder.fields[document.field]
    return root_fields(sdl)[document.field]


def root_fields(sdl: GraphQLSchema) -> dict[str, GraphQLField]:
    assert sdl.query_type
    assert sdl.mutation_type
    assert sdl.subscription_type
    roots = (sdl.query_type, sdl.mutation_type, sdl.subscription_type)
    return {name: field for root in roots for name, field in root.fields.items()}


def rest_operation(document: dict[str, Any], name: str, version: str = "v2") -> dict[str, Any]:
    address = ADDRESSES[name]
    return document["paths"][f"/api/{version}{address.path}"][address.method.lower()]


def test_every_operation_is_there_by_hand() -> None:
    assert set(NAMES) == set(ADDRESSES) == set(DOCUMENTS)
    assert len(NAMES) == len(set(NAMES))


def test_the_schema_has_every_operation_and_nothing_else(sdl: GraphQLSchema) -> None:
    rooted = {document.field for document in DOCUMENTS.values() if not document.under}
    assert set(root_fields(sdl)) == rooted | BESIDES
    nested = {
        (get_named_type(root_fields(sdl)[document.under].type).name, document.field)
        for name, document in DOCUMENTS.items()
        if document.under and name not in FILES
    }
    # A nested field with arguments is an operation; a relation has none.
    taking = {
        (type_name, field_name)
        for type_name, kind in sdl.type_map.items()
        if isinstance(kind, GraphQLObjectType) and not type_name.startswith("__")
        for field_name, field in kind.fields.items()
        if field.args and kind not in (sdl.query_type, sdl.mutation_type, sdl.subscription_type)
    }
    assert taking == nested


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_openapi_has_every_operation_and_nothing_else(
    contracts: tuple[GraphQLSchema, dict[str, Any]], version: str
) -> None:
    paths = contracts[1][version]["paths"]
    found = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    expected = {(address.method, f"/api/{version}{address.path}") for address in ADDRESSES.values()}
    if version == "v1":  # which takes PUT for PATCH
        expected |= {("PUT", path) for method, path in expected if method == "PATCH"}
    assert found == expected


@pytest.mark.parametrize("name", NAMES)
def test_the_writes_are_mutations_and_the_reads_are_queries(sdl: GraphQLSchema, name: str) -> None:
    assert sdl.query_type
    document = DOCUMENTS[name]
    if name in STREAMS:
        assert sdl.subscription_type
        assert document.field in sdl.subscription_type.fields
        return
    queried = (document.under or document.field) in sdl.query_type.fields
    assert queried == (ADDRESSES[name].method == "GET" or name in ASKED_BY_POST)


@pytest.mark.parametrize("name", NAMES)
def test_an_operation_is_described_in_the_same_words(
    sdl: GraphQLSchema, v2: dict[str, Any], name: str
) -> None:
    field, rest = graphql_field(sdl, name), rest_operation(v2, name)
    assert field.description
    assert _words(field.description) == _words(rest["description"])


@pytest.mark.parametrize("name", NAMES)
def test_an_operations_own_errors_are_in_openapi(v2: dict[str, Any], name: str) -> None:
    [operation] = [operation for operation in OPERATIONS if operation.name == name]
    documented = json.dumps(_resolved_responses(v2, rest_operation(v2, name)))
    for error in operation.errors:
        if error.status in (404, 405, 413, 415, 406) and error.code.startswith(
            ("ROUTE", "METHOD", "PAYLOAD", "UNSUPPORTED", "NOT_ACC")
        ):
            continue  # said of the address, not of the operation
        if error.code == "QUERY_TOO_COMPLEX":
            continue  # GraphQL alone
        if error.code == "REQUEST_TIMEOUT" and not operation.writes:
            continue  # said where there is a body
        if error.code == "IDEMPOTENCY_KEY_REQUIRED" and operation.key is not Key.REQUIRED:
            continue
        if error.code in ("UNAUTHENTICATED", "TOKEN_EXPIRED", "TOKEN_REVOKED", "FORBIDDEN"):
            continue  # the matrix knows where
        assert f'"{error.code}"' in documented, error.code


@pytest.mark.parametrize("name", NAMES)
def test_an_answer_has_the_same_shape(sdl: GraphQLSchema, v2: dict[str, Any], name: str) -> None:
    operation = rest_operation(v2, name)
    success = operation["responses"][str(ADDRESSES[name].status)]
    if ADDRESSES[name].status == 204:
        assert "content" not in success
        assert get_named_type(graphql_field(sdl, name).type).name == "Done"
        return
    if name in FILES:
        assert set(success["content"]) == FILES[name] | {"application/octet-stream"}
        exported = "Export" if DOCUMENTS[name].gives else "String"
        assert str(graphql_field(sdl, name).type) == exported
        return
    if name in STREAMS:
        assert set(success["content"]) == {"text/event-stream"}
        return
    shape = _first(v2, success["content"]["application/json"]["schema"])
    field = graphql_field(sdl, name)
    # A field backed by an operation may fail alone.
    assert not isinstance(field.type, GraphQLNonNull)
    kind = get_named_type(field.type)
    if DOCUMENTS[name].listed:
        assert set(shape["properties"]) == {"items", "pageInfo", "totalCount"}
        assert isinstance(kind, GraphQLObjectType)
        assert set(kind.fields) == {"edges", "nodes", "pageInfo", "totalCount"}
        _compare(v2, shape["properties"]["pageInfo"], kind.fields["pageInfo"].type, "pageInfo")
        shape = _first(v2, shape["properties"]["items"]["items"])
        kind = get_named_type(kind.fields["nodes"].type)
    if isinstance(kind, GraphQLUnionType):
        shapes = success["content"]["application/json"]["schema"]["anyOf"]
        for member, shape in zip(kind.types, shapes, strict=True):
            _compare_object(v2, _resolved(v2, shape), member, name)
        return
    _compare_object(v2, shape, kind, name)


@pytest.mark.parametrize("name", NAMES)
def test_an_input_has_the_same_shape(sdl: GraphQLSchema, v2: dict[str, Any], name: str) -> None:
    operation, document = rest_operation(v2, name), DOCUMENTS[name]
    field = graphql_field(sdl, name)
    taken = dict(field.args)
    if document.under_takes:
        assert document.under
        taken |= root_fields(sdl)[document.under].args
    parameters = {
        parameter["name"]: parameter
        for parameter in (_resolved(v2, item) for item in operation.get("parameters", ()))
        if parameter["in"] != "header" and parameter["name"] not in SELECTED
    }
    given = {arg: kind for arg, kind in taken.items() if arg not in HEADERS and arg != "input"}
    body = operation.get("requestBody")
    assert set(parameters) == set(given)
    for key, parameter in parameters.items():
        argument = given[key]
        assert _words(argument.description) == _words(parameter["description"]), key
        required = isinstance(argument.type, GraphQLNonNull)
        assert required == parameter.get("required", False), key
        if key == "sort":
            kind = get_named_type(argument.type)
            assert isinstance(kind, GraphQLEnumType)
            assert {SORTS[choice] for choice in parameter["schema"]["enum"]} == set(kind.values)
        else:
            shape = parameter["schema"]
            assert (shape.get("type") == "array") == isinstance(argument.type, GraphQLList), key
            _compare_scalar(v2, shape.get("items", shape), get_named_type(argument.type), key)
    assert (body is not None) == ("input" in taken)
    if body is not None:
        shape = _first(v2, body["content"]["application/json"]["schema"])
        kind = get_named_type(taken["input"].type)
        _compare_object(v2, shape, kind, name)


@pytest.mark.parametrize("name", NAMES)
def test_keys_and_conditions_are_taken_on_both(
    sdl: GraphQLSchema, v2: dict[str, Any], name: str
) -> None:
    headers = {
        parameter["name"]
        for parameter in (
            _resolved(v2, item) for item in rest_operation(v2, name).get("parameters", ())
        )
        if parameter["in"] == "header"
    }
    arguments = graphql_field(sdl, name).args
    assert ("Idempotency-Key" in headers) == ("idempotencyKey" in arguments)
    assert ("If-Match" in headers) == ("ifMatch" in arguments)


def test_v1_differs_from_v2_only_where_the_design_says(
    contracts: tuple[GraphQLSchema, dict[str, Any]],
) -> None:
    v1, v2 = (contracts[1][version]["components"]["schemas"] for version in ("v1", "v2"))
    old = {name: shape for name, shape in v1.items() if not ONLY_V1.search(name)}
    new = {name: shape for name, shape in v2.items() if not ONLY_V2.search(name)}
    assert old == new


def test_everything_public_is_described(
    sdl: GraphQLSchema, contracts: tuple[GraphQLSchema, dict[str, Any]]
) -> None:
    silent = []
    for name, kind in sdl.type_map.items():
        if name.startswith("__") or name in ("String", "Int", "Boolean", "ID", "Float"):
            continue
        if not kind.description:
            silent.append(name)
        for part, inner in getattr(kind, "fields", {}).items():
            if not inner.description:
                silent.append(f"{name}.{part}")
            silent += [
                f"{name}.{part}({arg})"
                for arg, taken in getattr(inner, "args", {}).items()
                if not taken.description
                and (name, part) not in (("Query", "node"), ("Query", "nodes"))
            ]
        if isinstance(kind, GraphQLEnumType):
            silent += [f"{name}.{key}" for key, item in kind.values.items() if not item.description]
    assert silent == []
    for version in ("v1", "v2"):
        for name, shape in contracts[1][version]["components"]["schemas"].items():
            silent += [
                f"{version} {name}.{part}"
                for part, inner in shape.get("properties", {}).items()
                if "description" not in inner and "$ref" not in inner
            ]
    assert silent == []


def _words(text: str | None) -> str:
    return " ".join((text or "").split())


def _resolved(document: dict[str, Any], shape: dict[str, Any]) -> dict[str, Any]:
    """The shape behind a reference; what stands beside the reference speaks first."""
    if "$ref" not in shape:
        return shape
    target: Any = document
    for part in shape["$ref"].removeprefix("#/").split("/"):
        target = target[part]
    beside = {name: value for name, value in shape.items() if name != "$ref"}
    return {**_resolved(document, target), **beside}


def _named(document: dict[str, Any], shape: dict[str, Any]) -> dict[str, Any]:
    """The component alone, without what stands beside its reference."""
    return _resolved(document, {"$ref": shape["$ref"]}) if "$ref" in shape else shape


def _first(document: dict[str, Any], shape: dict[str, Any]) -> dict[str, Any]:
    """The first of several shapes: what a signed-in caller gets, or the newer form of a body."""
    shape = _resolved(document, shape)
    return _first(document, shape["anyOf"][0]) if "anyOf" in shape else shape


def _resolved_responses(document: dict[str, Any], operation: dict[str, Any]) -> Any:
    return [_resolved(document, response) for response in operation["responses"].values()]


def _compare_object(
    document: dict[str, Any], shape: dict[str, Any], kind: GraphQLNamedType, where: str
) -> None:
    assert isinstance(kind, GraphQLObjectType | GraphQLInputObjectType), where
    beyond = RELATIONS.get(kind.name, set()) | ({"etag"} if kind.name in TAGGED else set())
    assert set(kind.fields) == set(shape["properties"]) | beyond, where
    assert _words(kind.description) == _words(shape["description"]), where
    for name, inner in shape["properties"].items():
        field = kind.fields[name]
        place = f"{where}.{name}"
        said = _LIMITS.sub("", _words(inner.get("description")))
        assert _words(field.description) == said, place
        if isinstance(kind, GraphQLInputObjectType):
            required = name in shape.get("required", ())
            assert required == isinstance(field.type, GraphQLNonNull), place
        else:
            assert name in shape["required"], place
        _compare(document, inner, field.type, place, input=isinstance(kind, GraphQLInputObjectType))


def _compare(
    document: dict[str, Any], shape: dict[str, Any], kind: Any, where: str, input: bool = False
) -> None:
    given, shape = shape, _resolved(document, shape)
    options = [option for option in shape.get("anyOf", ()) if option != {"type": "null"}]
    nullable = len(options) < len(shape.get("anyOf", ()))
    if not input:
        assert nullable != isinstance(kind, GraphQLNonNull), where
    if isinstance(kind, GraphQLNonNull):
        kind = kind.of_type
    if len(options) == 1:
        given, shape = options[0], _resolved(document, options[0])
    if isinstance(kind, GraphQLList):
        assert shape["type"] == "array", where
        _compare(document, shape["items"], kind.of_type, where)
    elif shape.get("properties"):
        # A property may be described beside its reference; the type has words of its own.
        _compare_object(document, _named(document, given), kind, where)
    else:
        _compare_scalar(document, shape, kind, where)


def _compare_scalar(
    document: dict[str, Any], shape: dict[str, Any], kind: GraphQLNamedType, where: str
) -> None:
    shape = _resolved(document, shape)
    if isinstance(kind, GraphQLEnumType):
        assert set(shape["enum"]) == set(kind.values), where
        return
    expected = {"integer": "Int", "boolean": "Boolean", "object": "JSON"}.get(shape["type"])
    if shape["type"] == "string":
        formats = {"uuid": "ID", "date-time": "DateTime", "date": "Date", "decimal": "Money"}
        expected = formats.get(shape.get("format", ""), "String")
        # Ids that are malformed on purpose (paths) or are no UUID (requests) have no format.
        if expected == "String" and kind.name == "ID":
            assert where == "id" or where.endswith("requestId"), where
            return
    assert kind.name == expected, where

"""How the two dialects differ in OpenAPI: envelopes, pages, errors, older spellings.

Envelopes are derived from the structs that the dialects write.
"""

import re
from typing import Any

from msgspec import Struct

from api.rest import v1, v2
from api.rest.openapi.schemas import Schema, reference, result_schemas
from services.errors.base import FieldError
from services.operation.operation import Operation

#: The order in which the keywords of an envelope's property are written.
_KEYWORDS = ("$ref", "const", "anyOf", "type", "format", "description")
_KEYWORDS += ("additionalProperties", "items", "properties")


def _ordered(schema: Schema) -> Schema:
    return {keyword: schema[keyword] for keyword in _KEYWORDS if keyword in schema}


def _envelopes(*structs: type[Struct]) -> dict[str, Schema]:
    """The schemas of envelopes and of all their parts, by name."""
    schemas = result_schemas(structs)
    for schema in schemas.values():
        properties = schema["properties"].items()
        schema["properties"] = {name: _ordered(item) for name, item in properties}
    return schemas


def _around(envelope: Schema, title: str, name: str, content: Schema) -> Schema:
    """An envelope whose property ``name`` holds such content."""
    properties = envelope["properties"]
    filled = _ordered({**properties[name], **content})
    return {**envelope, "title": title, "properties": {**properties, name: filled}}


_V2 = _envelopes(v2.PageOfItems, v2.Problem)
_V1 = _envelopes(v1.Success, v1.PageSuccess, v1.Deletion, v1.Failure, FieldError)
# v1 puts the bad fields among an error's details.
_V1["Error"]["properties"]["details"]["properties"] = {
    "fields": _V2["Problem"]["properties"]["fields"]
}


def _narrowed(name: str, described: str, **properties: Schema) -> Schema:
    """A schema that restricts some properties of the named one."""
    more = {"type": "object", "properties": properties}
    return {"description": described, "allOf": [reference(name), more]}


class V2Shapes:
    """Bare resources, pages with pageInfo, problem+json."""

    def success(self, result: str, *, paged: bool) -> tuple[Schema, dict[str, Schema]]:
        """The schema of a success with a result of this name, and the components it needs."""
        if not paged:
            return reference(result), {}
        name = f"{result}Page"
        page = _around(_V2["PageOfItems"], name, "items", {"items": reference(result)})
        return reference(name), {name: page, "PageInfo": _V2["PageInfo"]}

    def deletion(self) -> tuple[int, Schema | None, dict[str, Schema]]:
        """The status and the schema of a deletion, and the components it needs."""
        return 204, None, {}

    def error(self, codes: list[str]) -> tuple[Schema, dict[str, Schema]]:
        """The schema of errors with these codes, and the components it needs."""
        code = {"enum": codes, "description": "Which error it is."}
        narrowed = _narrowed("Problem", "An error (RFC 9457).", code=code)
        return narrowed, {name: _V2[name] for name in ("Problem", "FieldError")}

    def parameters(self, operation: Operation[Any, Any], sort: Schema | None) -> list[Schema]:
        """The older query parameters of an operation."""
        return []

    def sorts(self, schema: Schema) -> Schema:
        """The schema of ``sort``, with older values included."""
        return schema

    def body(self, operation: Operation[Any, Any], schema: Schema) -> Schema | None:
        """The older form of an operation's body, or None."""
        return None


class V1Shapes:
    """One envelope around everything, and older spellings."""

    def success(self, result: str, *, paged: bool) -> tuple[Schema, dict[str, Schema]]:
        """The schema of a success with a result of this name, and the components it needs."""
        name = f"{result}{'Page' if paged else ''}Envelope"
        if not paged:
            envelope = _around(_V1["Success"], name, "data", reference(result))
            return reference(name), {name: envelope}
        envelope = _around(_V1["PageSuccess"], name, "data", {"items": reference(result)})
        return reference(name), {name: envelope, "Meta": _V1["Meta"]}

    def deletion(self) -> tuple[int, Schema | None, dict[str, Schema]]:
        """The status and the schema of a deletion, and the components it needs."""
        name = "DeletionEnvelope"
        return 200, reference(name), {name: {**_V1["Deletion"], "title": name}}

    def error(self, codes: list[str]) -> tuple[Schema, dict[str, Schema]]:
        """The schema of errors with these codes, and the components it needs."""
        code = {"enum": codes, "description": "Which error it is."}
        error = _narrowed("Error", "What went wrong.", code=code)
        narrowed = _narrowed("Failure", "An error.", error=error)
        return narrowed, {name: _V1[name] for name in ("Failure", "Error", "FieldError")}

    def parameters(self, operation: Operation[Any, Any], sort: Schema | None) -> list[Schema]:
        """The older query parameters of an operation."""
        if sort is None:
            return []
        found = [
            {
                "name": name,
                "in": "query",
                "deprecated": True,
                "description": "Older spelling of perPage.",
                "schema": {"type": "integer", "minimum": 1, "maximum": 100},
            }
            for name in ("limit", "per_page")
        ]
        if any(f"-{value}" in sort["enum"] for value in sort["enum"]):
            found.append(
                {
                    "name": "order",
                    "in": "query",
                    "deprecated": True,
                    "description": "Older spelling of the direction of sort.",
                    "schema": {"type": "string", "enum": ["asc", "desc"]},
                }
            )
        return found

    def sorts(self, schema: Schema) -> Schema:
        """The schema of ``sort``, with older values included."""
        snaked = [re.sub("[A-Z]", lambda m: f"_{m[0].lower()}", item) for item in schema["enum"]]
        return schema | {"enum": list(dict.fromkeys([*schema["enum"], *snaked]))}

    def body(self, operation: Operation[Any, Any], schema: Schema) -> Schema | None:
        """The older form of an operation's body, or None."""
        if operation.name not in _ONE_LINE:
            return None
        others = {name: item for name, item in schema["properties"].items() if name != "lines"}
        return {
            "title": _ONE_LINE[operation.name],
            "description": "One line, in its older form.",
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "productId": {"type": "string", "format": "uuid", "description": "The product."},
                "quantity": {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": 10_000,
                    "description": "How many pieces.",
                },
                **others,
            },
            "required": ["productId", "quantity"],
        }


#: Operations that also take one line without ``lines``, and the name of that body.
_ONE_LINE = {
    "orders.create": "CreateOneLineOrderInput",
    "orders.quote": "QuoteOneLineOrderInput",
}
SHAPES: dict[str, V1Shapes | V2Shapes] = {"v1": V1Shapes(), "v2": V2Shapes()}

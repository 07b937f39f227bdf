"""How the two dialects differ in OpenAPI: envelopes, pages, errors, older spellings."""

import re
from typing import Any

from api.rest.openapi.schemas import Schema, reference
from services.operation.running import Operation

_TEXT = {"type": "string"}
_CURSOR = {"anyOf": [_TEXT, {"type": "null"}]}
_FIELD_ERROR: Schema = {
    "title": "FieldError",
    "description": "One bad input.",
    "type": "object",
    "properties": {
        "field": {
            **_TEXT,
            "description": "Where it is: a name, or a path such as lines.0.quantity.",
        },
        "code": {**_TEXT, "description": "What is wrong with it."},
        "message": {**_TEXT, "description": "What to do about it."},
    },
    "required": ["field", "code", "message"],
}
_FIELDS = {
    "type": "array",
    "description": "Every bad input.",
    "items": reference("FieldError"),
}
_DETAILS = {
    "type": "object",
    "description": "What else is known, by the code.",
    "additionalProperties": True,
}
_REQUEST_ID = {**_TEXT, "description": "Names the request in logs."}


def _object(title: str, description: str, properties: dict[str, Schema]) -> Schema:
    """An object that always has all its properties."""
    return {
        "title": title,
        "description": description,
        "type": "object",
        "properties": properties,
        "required": list(properties),
    }


def _narrowed(name: str, described: str, **properties: Schema) -> Schema:
    """A schema that says more about some properties of another."""
    more = {"type": "object", "properties": properties}
    return {"description": described, "allOf": [reference(name), more]}


class V2Shapes:
    """Bare resources, pages with pageInfo, problem+json."""

    def success(self, result: str, *, paged: bool) -> tuple[Schema, dict[str, Schema]]:
        """How a success with a result of that name is written, and the schemas it needs."""
        if not paged:
            return reference(result), {}
        page = _object(
            f"{result}Page",
            "A page of a list.",
            {
                "items": {
                    "type": "array",
                    "description": "The items alone.",
                    "items": reference(result),
                },
                "pageInfo": {
                    **reference("PageInfo"),
                    "description": "Where the page lies in its list.",
                },
                "totalCount": {
                    "anyOf": [{"type": "integer"}, {"type": "null"}],
                    "description": "How many the whole list has, exactly; null unless total=true.",
                },
            },
        )
        return reference(f"{result}Page"), {f"{result}Page": page, "PageInfo": _PAGE_INFO}

    def deletion(self) -> tuple[int, Schema | None, dict[str, Schema]]:
        """The status of a deletion, how it is written, and the schemas that needs."""
        return 204, None, {}

    def error(self, codes: list[str]) -> tuple[Schema, dict[str, Schema]]:
        """How errors with these codes are written, and the schemas they need."""
        code = {"enum": codes, "description": "Which error it is."}
        narrowed = _narrowed("Problem", "An error (RFC 9457).", code=code)
        return narrowed, {"Problem": _PROBLEM, "FieldError": _FIELD_ERROR}

    def parameters(self, operation: Operation[Any, Any], sort: Schema | None) -> list[Schema]:
        """Older query parameters."""
        return []

    def sorts(self, schema: Schema) -> Schema:
        """The values of sort, older ones included."""
        return schema

    def body(self, operation: Operation[Any, Any], schema: Schema) -> Schema | None:
        """An older form of an operation's body."""
        return None


_PAGE_INFO = _object(
    "PageInfo",
    "Where a page lies in its list.",
    {
        "hasNextPage": {"type": "boolean", "description": "Is there more after this page?"},
        "hasPreviousPage": {"type": "boolean", "description": "Is there more before this page?"},
        "startCursor": {**_CURSOR, "description": "Cursor of the first item."},
        "endCursor": {**_CURSOR, "description": "Cursor of the last item."},
    },
)
_PROBLEM = _object(
    "Problem",
    "An error (RFC 9457).",
    {
        "type": {**_TEXT, "format": "uri", "description": "Page that explains the error."},
        "title": {**_TEXT, "description": "The error in a sentence, always the same."},
        "status": {"type": "integer", "description": "The HTTP status."},
        "detail": {**_TEXT, "description": "What happened this time."},
        "instance": {**_TEXT, "description": "The address that was called."},
        "code": {**_TEXT, "description": "The error's code, the same on every face."},
        "fields": _FIELDS,
        "details": _DETAILS,
        "requestId": _REQUEST_ID,
    },
)


class V1Shapes:
    """One envelope around everything, and older spellings."""

    def success(self, result: str, *, paged: bool) -> tuple[Schema, dict[str, Schema]]:
        """How a success with a result of that name is written, and the schemas it needs."""
        data: Schema = {**reference(result), "description": "The answer."}
        if paged:
            data = {"type": "array", "description": "The items.", "items": reference(result)}
        name = f"{result}{'Page' if paged else ''}Envelope"
        properties = {
            "success": {"const": True, "description": "Always true."},
            "data": data,
            "error": {"type": "null", "description": "Always null."},
            **_WHICH,
        }
        needed: dict[str, Schema] = {}
        if paged:
            properties["meta"] = {
                **reference("Meta"),
                "description": "Where the page lies in its list.",
            }
            needed["Meta"] = _META
        return reference(name), {name: _object(name, "A success.", properties), **needed}

    def deletion(self) -> tuple[int, Schema | None, dict[str, Schema]]:
        """The status of a deletion, how it is written, and the schemas that needs."""
        return 200, reference("DeletionEnvelope"), {"DeletionEnvelope": _DELETION}

    def error(self, codes: list[str]) -> tuple[Schema, dict[str, Schema]]:
        """How errors with these codes are written, and the schemas they need."""
        code = {"enum": codes, "description": "Which error it is."}
        error = _narrowed("Error", "What went wrong.", code=code)
        narrowed = _narrowed("Failure", "An error.", error=error)
        needed = {"Failure": _FAILURE, "Error": _ERROR, "FieldError": _FIELD_ERROR}
        return narrowed, needed

    def parameters(self, operation: Operation[Any, Any], sort: Schema | None) -> list[Schema]:
        """Older query parameters."""
        if sort is None:
            return []
        found = [
            {
                "name": "limit",
                "in": "query",
                "deprecated": True,
                "description": "Older spelling of perPage.",
                "schema": {"type": "integer", "minimum": 1, "maximum": 100},
            }
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
        """The values of sort, older ones included."""
        snaked = [re.sub("[A-Z]", lambda m: f"_{m[0].lower()}", item) for item in schema["enum"]]
        return schema | {"enum": list(dict.fromkeys([*schema["enum"], *snaked]))}

    def body(self, operation: Operation[Any, Any], schema: Schema) -> Schema | None:
        """An older form of an operation's body."""
        if operation.name not in _ONE_LINE:
            return None
        others = {name: item for name, item in schema["properties"].items() if name != "lines"}
        return {
            "title": _ONE_LINE[operation.name],
            "description": "One line, in its older form.",
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "productId": {**_TEXT, "format": "uuid", "description": "The product."},
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


#: What takes the fields of a line in place of lines, and what its body is called then.
_ONE_LINE = {
    "orders.create": "CreateOneLineOrderInput",
    "orders.quote": "QuoteOneLineOrderInput",
}
_WHICH = {
    "requestId": _REQUEST_ID,
    "timestamp": {**_TEXT, "format": "date-time", "description": "When it was answered."},
}
_META = _object(
    "Meta",
    "Where a page lies in its list.",
    {
        "page": {
            "anyOf": [{"type": "integer"}, {"type": "null"}],
            "description": "Number of the page; null when a cursor led to it.",
        },
        "perPage": {"type": "integer", "description": "Items of a full page."},
        "total": {"type": "integer", "description": "Items of the whole list."},
        "totalPages": {"type": "integer", "description": "Pages of the whole list."},
        "hasNextPage": {"type": "boolean", "description": "Is there more after this page?"},
        "hasPrevPage": {"type": "boolean", "description": "Is there more before this page?"},
        "nextCursor": {**_CURSOR, "description": "Continue after it; null at the end."},
        "prevCursor": {**_CURSOR, "description": "Go back before it; null at the start."},
    },
)
_ERROR = _object(
    "Error",
    "What went wrong.",
    {
        "code": {**_TEXT, "description": "The error's code, the same on every face."},
        "message": {**_TEXT, "description": "What happened."},
        "details": {
            **_DETAILS,
            "properties": {"fields": _FIELDS},
        },
    },
)
_FAILURE = _object(
    "Failure",
    "An error.",
    {
        "success": {"const": False, "description": "Always false."},
        "data": {"type": "null", "description": "Always null."},
        "error": {**reference("Error"), "description": "What went wrong."},
        **_WHICH,
    },
)

_DELETION = _object(
    "DeletionEnvelope",
    "A deletion.",
    {
        "success": {"const": True, "description": "Always true."},
        "data": {"type": "null", "description": "Always null."},
        "error": {"type": "null", "description": "Always null."},
        **_WHICH,
    },
)

SHAPES: dict[str, V1Shapes | V2Shapes] = {"v1": V1Shapes(), "v2": V2Shapes()}

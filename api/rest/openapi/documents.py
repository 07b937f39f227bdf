"""The OpenAPI document of a version, made from routes and from declarations of operations."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from starlette.responses import Response

from api.rest.dialect import Dialect
from api.rest.openapi import amounts
from api.rest.openapi.descriptions import (
    ABOUT,
    noun_of,
    path_description,
    success_description,
    tags,
)
from api.rest.openapi.dialects import SHAPES
from api.rest.openapi.headers import HEADERS, QUOTA, REQUEST_HEADERS
from api.rest.openapi.schemas import (
    Schema,
    drop_defaults,
    example,
    input_schemas,
    parameter_schema,
    reference,
    result_schemas,
)
from api.rest.operation_route import OperationRoute
from api.rest.reading import BYTES
from api.rest.routes import ROUTES, routes_of
from api.rest.versions import DIALECTS
from api.streams.sse import MEDIA
from services import money
from services.access.permissions import PUBLIC
from services.errors.base import TandemError
from services.errors.common import (
    Forbidden,
    IdempotencyKeyInUse,
    IdempotencyKeyRequired,
    IdempotencyKeyReused,
    MethodNotAllowed,
    PayloadTooLarge,
    QueryTooComplex,
    RequestTimeout,
    RouteNotFound,
    TokenExpired,
    TokenRevoked,
    Unauthenticated,
    UnsupportedMediaType,
)
from services.operation.declaration import Key
from services.operation.operation import Operation
from services.settings.settings import Settings

_FLAT = ("firstName", "lastName", "avatar", "imageVariants", "bio")
_SAMPLE_ID = "01a1f9bd-135c-7e07-b274-b67df665d3e0"
_SAMPLE_TIME = datetime(2026, 11, 20, 12, tzinfo=UTC)
_EVENTS = {
    "type": "string",
    "description": "Server-sent events. The `data` of each is an Event, and its `id` the cursor."
    " One of the kind `error` tells why the stream ends; its `data` is a Problem of v2.",
}
_FILE = {"type": "string", "format": "binary"}

#: A form that declares a file and sends it.
_FORM: Schema = {
    "title": "UploadForm",
    "description": "A file and what it is for; its name, media type, size and hash follow from it.",
    "type": "object",
    "properties": {
        "purpose": {**reference("UploadPurpose"), "description": "What the file is for."},
        "file": {**_FILE, "description": "The file, with its name and media type."},
    },
    "required": ["purpose", "file"],
    "additionalProperties": False,
}


#: The committed contracts are those of the default currency.
_DEFAULT = Settings.model_fields["currency"].default


def openapi(version: str, currency: str = _DEFAULT) -> dict[str, Any]:
    """The OpenAPI 3.1 document of ``v1`` or ``v2``, with the decimals of a currency."""
    return _Writer(DIALECTS[version], money.currency(currency)).document()


class _Writer:
    """Writes the document of one version, and collects the components it refers to."""

    def __init__(self, dialect: Dialect, currency: money.Currency) -> None:
        self.dialect = dialect
        self.currency = currency
        self.shapes = SHAPES[dialect.name]
        self.responses: dict[str, Any] = {}
        self.examples: dict[str, Any] = {}
        self.headers: dict[str, Any] = {}
        self.parameters: dict[str, Any] = {}
        self.schemas: dict[str, Schema] = {}
        operations = [route.operation for route in ROUTES if not route.files]
        self.results = result_schemas(
            {dialect.shape(result) for item in operations for result in item.results}, currency
        )
        if (flat := dialect.deprecated_shapes) is not None:
            for name in _FLAT:
                schema = self.results["User"]["properties"][name]
                schema["deprecated"] = True
                schema["description"] += f" Deprecated: {flat.reason}"

    def document(self) -> dict[str, Any]:
        routes = [
            APIRoute(
                self.dialect.prefix + route.path,
                _nothing,
                methods=[route.method],
                response_class=Response,
                status_code=self._status(route),
                openapi_extra=self._operation(route),
            )
            for route in routes_of(self.dialect)
        ]
        name = self.dialect.name
        document = get_openapi(
            title="Tandem",
            version=f"{name.removeprefix('v')}.0.0",
            openapi_version="3.1.0",
            description=f"{ABOUT[name]} {amounts.about(self.currency)}",
            contact={"name": "Whoever runs this server"},
            license_info={"name": "MIT", "url": "https://spdx.org/licenses/MIT.html"},
            servers=[{"url": "/", "description": "This server."}],
            tags=tags(),
            routes=routes,
        )
        document["components"] = {
            "schemas": dict(sorted({**self.results, **self.schemas}.items())),
            "parameters": dict(sorted(self.parameters.items())),
            "headers": dict(sorted(self.headers.items())),
            "responses": dict(sorted(self.responses.items())),
            "examples": dict(sorted(self.examples.items())),
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "The access token that registering or signing in gave.",
                },
                "link": {
                    "type": "apiKey",
                    "in": "query",
                    "name": "token",
                    "description": "The token in a signed address of a file.",
                },
            },
        }
        return document

    def _operation(self, route: OperationRoute) -> dict[str, Any]:
        operation = route.operation
        described: dict[str, Any] = {
            "operationId": route.operation_id,
            "summary": operation.summary,
            "description": operation.description,
            "tags": [noun_of(operation)],
            "security": _security(route),
            "parameters": self._parameters(route),
            "responses": self._responses(route),
        }
        if route.deprecated or operation.deprecated is not None:
            described["deprecated"] = True
        if operation.deprecated is not None:
            described["description"] += f"\n\nDeprecated: {operation.deprecated.reason}"
        body = self._body(route)
        if body is not None:
            described["requestBody"] = body
        return described

    def _parameters(self, route: OperationRoute) -> list[Schema]:
        schema, parts = input_schemas(route.operation.input, self.currency)
        properties = schema.get("properties", {})
        found = [
            {
                "name": name,
                "in": "path",
                "required": True,
                "description": path_description(route, name),
                "schema": {"type": "string", "examples": [_SAMPLE_ID]},
            }
            for name in route.expected.path_names
        ]
        if route.method == "GET":
            self._keep(parts)
            found += [
                self._query(name, item, required=name in schema.get("required", ()))
                for name, item in properties.items()
                if name not in route.expected.path_names
            ]
            sort = properties.get("sort")
            found += self.shapes.parameters(route.operation, sort and parameter_schema(sort))
            if not route.files and not route.operation.streams:
                found.append(_fields_parameter(list(self.dialect.names(route.operation))))
        return found + [self._header_parameter(name, route) for name in _request_headers(route)]

    def _query(self, name: str, schema: Schema, *, required: bool) -> Schema:
        written = parameter_schema(schema)
        found = {
            "name": name,
            "in": "query",
            **({"required": True} if required else {}),
            "description": schema["description"],
            "schema": self.shapes.sorts(written) if name == "sort" else written,
        }
        # A parameter is given once: a list is one text, separated by commas.
        return found | {"explode": False} if written.get("type") == "array" else found

    def _keep(self, schemas: dict[str, Schema]) -> None:
        """Add schemas to the components, unless a result added them already."""
        self.schemas |= {name: item for name, item in schemas.items() if name not in self.results}

    def _header_parameter(self, name: str, route: OperationRoute) -> Schema:
        required = name == "Idempotency-Key" and route.operation.key is Key.REQUIRED
        key = name.replace("-", "") + ("Required" if required else "")
        description, schema = REQUEST_HEADERS[name]
        self.parameters[key] = {
            "name": name,
            "in": "header",
            "required": required,
            "description": description,
            "schema": schema,
        }
        return {"$ref": f"#/components/parameters/{key}"}

    def _body(self, route: OperationRoute) -> Schema | None:
        if route.method == "GET":
            return None
        operation = route.operation
        schema, parts = input_schemas(operation.input, self.currency)
        for name in route.expected.path_names:
            schema["properties"].pop(name, None)
        if not schema["properties"]:
            return None
        required = [
            name for name in schema.get("required", ()) if name not in route.expected.path_names
        ]
        schema.pop("required", None)
        if required:
            schema["required"] = required
        drop_defaults(schema)
        name = f"{schema['title']}Input"
        schema["title"] = name
        self._keep({name: schema, **parts})
        shown = reference(name)
        older = self.shapes.body(operation, schema)
        if older is not None:
            self.schemas[older["title"]] = older
            shown = {"anyOf": [shown, reference(older["title"])]}
        sample = example(schema, self.schemas | self.results, everything=not required)
        content = {"schema": shown, "example": sample}
        written = {"application/json": content}
        if operation.takes_file:
            written["multipart/form-data"] = {"schema": reference("UploadForm")}
            self.schemas["UploadForm"] = _FORM
        return {"required": route.expected.body_required, "content": written}

    def _responses(self, route: OperationRoute) -> dict[str, Any]:
        operation, dialect = route.operation, self.dialect
        headers = ["X-Request-Id", "Cache-Control", "X-Cache", *QUOTA]
        if route.status == 201:
            headers.append("Location")
        if route.files:
            headers.append("Content-Disposition")
        if operation.file is not None:
            headers.append("X-Row-Count")
        tagged = "version" in dialect.names(operation) and not operation.paged
        if tagged:
            headers.append("ETag")
        if operation.paged and dialect.name == "v2":
            headers.append("Link")
        if operation.key is not Key.NONE:
            headers.append("Idempotent-Replayed")
        if any(dialect.deprecation(operation, result) for result in operation.results):
            headers += ["Deprecation", "Sunset"]
        success: dict[str, Any] = {
            "description": success_description(route),
            "headers": self._headers(headers),
        }
        if route.status == 204:
            _, schema, needed = self.shapes.deletion()
            self._keep(needed)
        elif operation.streams:
            schema = None
            success["content"] = {MEDIA: {"schema": _EVENTS}}
        elif route.files:
            schema = None
            success["content"] = {
                media: {"schema": _file_schema(operation, media)} for media in (*route.files, BYTES)
            }
        else:
            schema = self._success(route)
        if schema is not None:
            success["content"] = {"application/json": {"schema": schema}}
        responses: dict[str, Any] = {str(self._status(route)): success}
        if tagged and route.method == "GET":
            responses["304"] = {
                "description": "It is still what If-None-Match says.",
                "headers": self._headers(["X-Request-Id", "ETag", *QUOTA]),
            }
        by_status: dict[int, list[type[TandemError]]] = {}
        for error in sorted(_errors(route), key=lambda item: (item.status, item.code)):
            by_status.setdefault(error.status, []).append(error)
        for status, errors in by_status.items():
            responses[str(status)] = self._error(status, errors)
        return responses

    def _status(self, route: OperationRoute) -> int:
        """The status of a success, which a dialect chooses for deletions."""
        return self.shapes.deletion()[0] if route.status == 204 else route.status

    def _success(self, route: OperationRoute) -> Schema:
        """The schema of a success.

        It is that of the whole answer: ``fields`` trims it, which the parameter says in words. A
        schema for trimmed answers would make every field of generated types optional.
        """
        written = []
        for result in route.operation.results:
            name = self.dialect.shape(result).__name__
            schema, needed = self.shapes.success(name, paged=route.operation.paged)
            self._keep(needed)
            written.append(schema)
        return written[0] if len(written) == 1 else {"anyOf": written}

    def _error(self, status: int, errors: list[type[TandemError]]) -> Schema:
        name = "Or".join(error.__name__ for error in errors)
        if name not in self.responses:
            codes = [error.code for error in errors]
            schema, needed = self.shapes.error(codes)
            self._keep(needed)
            for error in errors:
                self.examples[error.code] = {"summary": error.title, "value": self._sample(error)}
            headers = ["X-Request-Id", *QUOTA]
            headers += ["WWW-Authenticate"] if status == 401 else []
            headers += ["Retry-After"] if status in (429, 503) else []
            content = {
                "schema": schema,
                "examples": {code: {"$ref": f"#/components/examples/{code}"} for code in codes},
            }
            self.responses[name] = {
                "description": " ".join(error.title for error in errors),
                "headers": self._headers(headers),
                "content": {self.dialect.error_media: content},
            }
        return {"$ref": f"#/components/responses/{name}"}

    def _sample(self, error: type[TandemError]) -> Any:
        path = f"{self.dialect.prefix}/orders/{_SAMPLE_ID}"
        answer = self.dialect.error(
            error(), _SAMPLE_ID, path, "http://localhost:8000", at=_SAMPLE_TIME
        )
        return json.loads(bytes(answer.body))

    def _headers(self, names: Iterable[str]) -> dict[str, Any]:
        for name in names:
            description, schema = HEADERS[name]
            key = name.replace("-", "")
            self.headers[key] = {"description": description, "schema": schema}
        return {name: {"$ref": f"#/components/headers/{name.replace('-', '')}"} for name in names}


async def _nothing() -> None:
    """FastAPI inspects this in place of a handler: `_operation` describes the route."""


def _file_schema(operation: Operation[Any, Any], media: str) -> Schema:
    """The schema of a file: its rows where it is JSON, else bytes."""
    if operation.file is None or media != "application/json":
        return _FILE
    rows = {"type": "array", "items": reference(operation.file.view.name)}
    return {"type": "object", "properties": {"data": rows}, "required": ["data"]}


def _security(route: OperationRoute) -> list[dict[str, list[str]]]:
    operation = route.operation
    if route.files:
        return [{"bearer": []}, {"link": []}]
    if operation.ignores_token:
        return []
    return [{"bearer": []}] if operation.who is not PUBLIC else [{}, {"bearer": []}]


def _request_headers(route: OperationRoute) -> list[str]:
    operation = route.operation
    names = ["X-Request-Id"]
    if operation.key is not Key.NONE:
        names.append("Idempotency-Key")
    if operation.conditional:
        names += ["If-Match", "If-None-Match"]
    if operation.streams:
        names.append("Last-Event-ID")
    versioned = any("version" in result.__struct_fields__ for result in operation.results)
    tagged = versioned and not operation.paged
    if route.method == "GET" and tagged:
        names.append("If-None-Match")
    return names


def _fields_parameter(names: list[str]) -> Schema:
    return {
        "name": "fields",
        "in": "query",
        "description": (
            "Names of what to answer with; everything else is left out, though the schema of the"
            " answer requires it."
        ),
        "style": "form",
        "explode": False,
        "schema": {"type": "array", "minItems": 1, "items": {"type": "string", "enum": names}},
    }


def _errors(route: OperationRoute) -> set[type[TandemError]]:
    """The operation's errors that its route can answer with."""
    operation = route.operation
    never: set[type[TandemError]] = {QueryTooComplex, MethodNotAllowed}
    if not route.expected.path_names:
        never.add(RouteNotFound)
    if route.method == "GET":
        never |= {PayloadTooLarge, RequestTimeout, UnsupportedMediaType}
    if operation.who is PUBLIC:
        never.add(Forbidden)
    if operation.ignores_token:
        never |= {Unauthenticated, TokenExpired, TokenRevoked}
    if operation.key is not Key.REQUIRED:
        never.add(IdempotencyKeyRequired)
    if operation.key is Key.NONE:
        never |= {IdempotencyKeyInUse, IdempotencyKeyReused}
    return set(operation.errors) - never

"""The answer of a face, in the shape of v2: values, pages, and errors."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
from msgspec import structs

from persistence.users.views import Profile
from tests.parity.walk.contracts import Contract

#: v1 writes a user's profile flat.
_PROFILE = tuple(item.encode_name for item in structs.fields(Profile))


@dataclass(frozen=True)
class Answer:
    """The answer of one face."""

    response: httpx.Response
    code: str = "OK"
    status: int = 200
    #: Path and code of each bad field.
    fields: tuple[tuple[str, str], ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)
    value: Any = None
    #: Next, previous, start cursor, end cursor, total.
    page: tuple[Any, ...] | None = None
    etag: str | None = None
    replayed: bool = False
    #: Units by budget, as Redis holds them.
    charged: Mapping[str, int] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Did the call go well?"""
        return self.code == "OK"

    @property
    def found(self) -> bool:
        """Did a read find something?"""
        return self.ok and self.value not in (None, [], {}, b"")


def read(contract: Contract, face: str, response: httpx.Response) -> Answer:
    """The answer in a response, without what changes by itself."""
    answer = _read(contract, face, response)
    return replace(answer, value=_settled(answer.value))


def _settled(value: Any) -> Any:
    """A value without `lastUsedAt`, which a process notes from time to time."""
    if isinstance(value, dict):
        return {name: _settled(one) for name, one in value.items() if name != "lastUsedAt"}
    return [_settled(one) for one in value] if isinstance(value, list) else value


def _read(contract: Contract, face: str, response: httpx.Response) -> Answer:
    if response.headers.get("content-type") == "text/event-stream":
        return Answer(value={"opened": True}, response=response)  # it was left as soon as it began
    replayed = response.headers.get("idempotent-replayed") == "true"
    if face == "graphql":
        return _graphql(contract, response, replayed)
    tag = response.headers.get("etag")
    common: dict[str, Any] = {
        "response": response,
        "replayed": replayed,
        "etag": tag.removeprefix("W/").strip('"') if tag else None,
    }
    if response.status_code < 400 and contract.file:
        return Answer(value=response.content, **common)
    body: Any = response.json() if response.content else None
    if response.status_code >= 400:
        return _refused(face, response.status_code, body, common)
    if contract.method == "DELETE":
        return Answer(value={"ok": True}, **common)
    if face == "v1":
        if contract.listed:
            meta = body["meta"]
            page = (
                *(meta[name] for name in ("hasNextPage", "hasPrevPage", "prevCursor")),
                *(meta[name] for name in ("nextCursor", "total")),
            )
            return Answer(value=_nested(body["data"]), page=page, **common)
        return Answer(value=_nested(body["data"]), **common)
    if contract.listed:
        return Answer(value=body["items"], page=_page(body["pageInfo"], body), **common)
    return Answer(value=body, **common)


def _refused(face: str, status: int, body: Any, common: dict[str, Any]) -> Answer:
    error = body["error"] if face == "v1" else body
    details = dict(error.get("details") or {})
    fields = details.pop("fields", ()) if face == "v1" else body.get("fields")
    return Answer(
        code=error["code"],
        status=status,
        fields=_fields(fields),
        details=details,
        **common,
    )


def _graphql(contract: Contract, response: httpx.Response, replayed: bool) -> Answer:
    body = response.json()
    if "errors" in body:
        told = body["errors"][0]["extensions"]
        return Answer(
            response=response,
            code=told["code"],
            status=told["status"],
            fields=_fields(told.get("fields")),
            details=told.get("details") or {},
            replayed=replayed,
        )
    value = body["data"]
    value = value[contract.under] if contract.under else value
    value = value[contract.name]
    if contract.listed:
        return Answer(
            response=response,
            value=value["nodes"],
            page=_page(value["pageInfo"], value),
            replayed=replayed,
        )
    if contract.operation.file is not None and value is not None:
        value = value["url"]
    tag = value.pop("etag", None) if isinstance(value, dict) else None
    return Answer(response=response, value=value, etag=tag, replayed=replayed)


def _page(info: Mapping[str, Any], body: Mapping[str, Any]) -> tuple[Any, ...]:
    names = ("hasNextPage", "hasPreviousPage", "startCursor", "endCursor")
    return (*(info[name] for name in names), body.get("totalCount"))


def as_v1_pages(page: tuple[Any, ...]) -> tuple[Any, ...]:
    """A page as v1 tells of it: cursors of neighbouring pages alone, and always the total."""
    further, before, start, end, total = page
    return (further, before, start if before else None, end if further else None, total)


def _fields(found: Any) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((item["field"], item["code"]) for item in found or ()))


def _nested(value: Any) -> Any:
    """v1's flat users with the profile of v2."""
    if isinstance(value, list):
        return [_nested(item) for item in value]
    if not isinstance(value, dict):
        return value
    inner = {name: _nested(item) for name, item in value.items()}
    if "email" in inner and _PROFILE[0] in inner:
        inner["profile"] = {name: inner.pop(name) for name in _PROFILE}
    return inner


def shape(value: Any) -> Any:
    """Names and JSON types of a value: what calls that were made twice have in common."""
    if isinstance(value, dict):
        return {name: shape(item) for name, item in value.items()}
    if isinstance(value, list):
        return [shape(item) for item in value[:1]]
    return type(value).__name__


def shown(value: Any, longest: int = 900) -> str:
    """A value for the report of a difference."""
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    text = value if isinstance(value, str) else json.dumps(value, default=str, sort_keys=True)
    return text if len(text) <= longest else f"{text[:longest]}…"

"""Calls of an operation, and how each face is asked for one."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote, quote_plus

from graphql import GraphQLEnumType, GraphQLInputObjectType, get_named_type

from tests.parity.walk.callers import Caller
from tests.parity.walk.contracts import Contract, is_node

FACES = ("graphql", "v1", "v2")
#: How a GraphQL document carries values: each argument in a variable, all of them written in the
#: document, or each field of the input in a variable of its own.
FORMS = ("variables", "literals", "leaves")
_NAME = re.compile(r"[_A-Za-z][_0-9A-Za-z]*")
#: A word that is read as a value of an enum, and not as another literal.
_ENUM = re.compile(r"(?!(?:null|true|false)$)[_A-Za-z][_0-9A-Za-z]*")
#: The arguments that lists have, and that GraphQL says by selecting.
_SELECTED = "total"


@dataclass(frozen=True)
class Call:
    """One call, whichever face is asked."""

    operation: str
    caller: Caller
    values: Mapping[str, Any] = field(default_factory=dict)
    form: str = FORMS[0]
    key: str | None = None
    #: Whether GraphQL is given the key as an argument, and not by the header.
    key_as_argument: bool = False
    if_match: str | None = None
    #: The fields that the answer is trimmed to.
    only: tuple[str, ...] = ()

    def but(self, **changes: Any) -> "Call":
        """The same call with something changed."""
        return replace(self, **changes)


@dataclass(frozen=True)
class Sent:
    """An HTTP request as the client takes it."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: str | None

    def by(self, caller: Caller) -> str:
        """The request with the caller's name in place of the token."""
        lines = [f"{self.method} {self.url}"]
        for name, value in self.headers.items():
            lines.append(f"{name}: {f'({caller})' if name in caller.headers else value}")
        return "\n".join([*lines, *([self.body] if self.body is not None else [])])


def written(contract: Contract, call: Call, face: str) -> Sent:
    """The request that makes a call on a face."""
    if face == "graphql":
        return _graphql(contract, call)
    return _rest(contract, call, face)


def _rest(contract: Contract, call: Call, dialect: str) -> Sent:
    values = dict(call.values)
    path = contract.path
    if "{id}" in path:
        path = path.replace("{id}", quote(str(values.pop("id")), safe=""))
    headers = dict(call.caller.headers)
    if call.key is not None:
        headers["Idempotency-Key"] = call.key
    if call.if_match is not None:
        headers["If-Match"] = f'"{call.if_match}"'
    body = None
    pairs: list[tuple[str, Any]] = []
    if contract.by_query:
        pairs = [*values.items(), *([("fields", ",".join(call.only))] if call.only else [])]
    elif values or contract.input_type is not None:
        headers["Content-Type"] = "application/json"
        body = json.dumps(values)
    query = "&".join(f"{_quoted(name)}={_quoted(text(value))}" for name, value in pairs)
    url = f"/api/{dialect}{path}" + (f"?{query}" if query else "")
    return Sent(contract.method, url, headers, body)


def _quoted(part: str) -> str:
    return quote_plus(part, errors="surrogatepass")


def text(value: Any) -> str:
    """A value as a query string carries it."""
    return value if isinstance(value, str) else json.dumps(value)


class _Document:
    """Collects the variables of a document while its arguments are written."""

    def __init__(self, form: str) -> None:
        self.form = form
        self.declared: list[str] = []
        self.variables: dict[str, Any] = {}

    def variable(self, value: Any, kind: Any) -> str:
        """A new variable with this value."""
        name = f"v{len(self.declared)}"
        self.declared.append(f"${name}: {kind}")
        self.variables[name] = _plain(value, kind)
        return f"${name}"

    def value(self, value: Any, kind: Any) -> str:
        """A value as the form carries it."""
        if self.form == "literals" and _writable(value):
            return literal(value, kind)
        inner = get_named_type(kind) if not isinstance(kind, str) else None
        leaves = self.form == "leaves" and isinstance(value, dict) and value
        if leaves and isinstance(inner, GraphQLInputObjectType) and _writable(value):
            parts = []
            for name, item in value.items():
                below = inner.fields.get(name)
                parts.append(f"{name}: {self.variable(item, below.type if below else 'String')}")
            return f"{{{', '.join(parts)}}}"
        return self.variable(value, kind)


def _graphql(contract: Contract, call: Call) -> Sent:
    values = dict(call.values)
    counted = values.pop(_SELECTED, False) is True
    document = _Document(call.form)
    outer: list[str] = []
    if contract.under and "{id}" in contract.path:
        outer = [f"id: {document.value(values.pop('id'), 'ID!')}"]
    taken = {name: values.pop(name) for name in list(values) if name in contract.field.args}
    rest = values
    if contract.input_type is not None:
        taken["input"], rest = rest, {}
    arguments = [
        f"{name}: {document.value(value, contract.field.args[name].type)}"
        for name, value in taken.items()
    ]
    # A name that is no GraphQL name cannot be an argument, so that nothing can be unknown there.
    arguments += [f"{name}: {document.value(value, 'String')}" for name, value in rest.items()]
    headers = {**call.caller.headers, "Content-Type": "application/json"}
    if call.key is not None and not (call.key_as_argument and contract.keyed):
        headers["Idempotency-Key"] = call.key
    elif call.key is not None:
        arguments.append(f"idempotencyKey: {document.value(call.key, 'String')}")
    if call.if_match is not None and "ifMatch" in contract.field.args:
        arguments.append(f"ifMatch: {document.value(call.if_match, 'String')}")
    selection = contract.selection(frozenset(call.only) or None)
    if counted and contract.listed:
        selection += " totalCount"
    inner = f"{contract.name}{_bracketed(arguments)}" + (f" {{ {selection} }}" if selection else "")
    if contract.under:
        inner = f"{contract.under}{_bracketed(outer)} {{ {inner} }}"
    kind = "mutation" if contract.operation.writes else "query"
    if contract.operation.streams:
        kind, headers["Accept"] = "subscription", "text/event-stream"
    return _posted(kind, document, inner, headers)


def node_of(contract: Contract, call: Call) -> Sent | None:
    """The request for the same thing by ``node``; None where ``node`` does not give the kind."""
    kind = get_named_type(contract.field.type)
    kinds = getattr(kind, "types", (kind,))
    if not contract.is_get or not all(map(is_node, kinds)):
        return None
    document = _Document(call.form)
    selection = contract.selection()
    if len(kinds) == 1:
        selection = f"... on {kinds[0].name} {{ {selection} }}"
    inner = f"node(id: {document.value(call.values['id'], 'ID!')}) {{ {selection} }}"
    headers = {**call.caller.headers, "Content-Type": "application/json"}
    return _posted("query", document, inner, headers)


def _posted(kind: str, document: _Document, inner: str, headers: dict[str, str]) -> Sent:
    text = f"{kind} {_bracketed(document.declared)} {{ {inner} }}"
    body = json.dumps({"query": text, "variables": document.variables})
    return Sent("POST", "/graphql", headers, body)


def _bracketed(parts: list[str]) -> str:
    return f"({', '.join(parts)})" if parts else ""


def _plain(value: Any, kind: Any) -> Any:
    """A value for a variable; sorts have other names in GraphQL."""
    if isinstance(value, str) and _is_sort(kind):
        return sort_name(value)
    return value


def _is_sort(kind: Any) -> bool:
    named = None if isinstance(kind, str) else get_named_type(kind)
    return isinstance(named, GraphQLEnumType) and named.name.endswith("Sort")


def sort_name(sort: str) -> str:
    """The name of a sort in GraphQL, by the rule that the contracts state."""
    name = re.sub("([A-Z])", r"_\1", sort.removeprefix("-")).upper()
    if sort == "relevance":
        return name
    return f"{name}_DESC" if sort.startswith("-") else f"{name}_ASC"


def literal(value: Any, kind: Any) -> str:
    """A value as it is written in a document."""
    value = _plain(value, kind)
    named = None if isinstance(kind, str) else get_named_type(kind)
    if isinstance(value, list):
        return f"[{', '.join(literal(item, kind) for item in value)}]"
    if isinstance(value, dict):
        known = named.fields if isinstance(named, GraphQLInputObjectType) else {}
        parts = [
            f"{name}: {literal(item, known[name].type if name in known else 'String')}"
            for name, item in value.items()
        ]
        return f"{{{', '.join(parts)}}}"
    if isinstance(value, str) and isinstance(named, GraphQLEnumType) and _ENUM.fullmatch(value):
        return value
    return json.dumps(value)


def _writable(value: Any) -> bool:
    """Can a document hold the value? The names in its objects must be GraphQL names."""
    return all(_NAME.fullmatch(name) for name in names_in(value))


def names_in(value: Any) -> Iterator[str]:
    """The names of all objects in a value."""
    if isinstance(value, dict):
        yield from value
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from names_in(item)


def is_name(name: str) -> bool:
    """Can a GraphQL argument have this name?"""
    return _NAME.fullmatch(name) is not None

"""The reference: every operation on both faces, from the catalogue and the contracts alone."""

from collections.abc import Iterable
from functools import cache, cached_property
from html import escape
from pathlib import Path
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from api.http.paths import route_not_found
from api.pages.catalogue import error_data
from api.pages.reference import contract
from api.pages.reference.contract import Entry
from api.pages.reference.errors import error_link
from api.pages.reference.markup import block, graphql_code, inline, json_code, method, prose
from api.pages.serving import HTML, answer, tag_of
from api.pages.shell import page
from api.pages.side import Operation, by_name, by_noun, sided, title_of
from services.errors.base import CATALOGUE
from services.errors.common import COMMON, KEYED

_EXAMPLES = Path(__file__).parent / "examples.json"
_STYLES = ("/assets/side.css", "/assets/reference.css")
_SCRIPTS = ("/assets/reference.js",)

#: A longer list of choices would hide the arguments below it.
_MOST_CHOICES = 100

WHO = {
    "PUBLIC": "Anybody",
    "USER": "Signed-in users",
    "MODERATOR": "Moderators, managers and admins",
    "MANAGER": "Managers and admins",
    "ADMIN": "Admins",
}
_KEYS = {
    "required": "Needed: send a new <code>Idempotency-Key</code> for each intent.",
    "optional": "Taken: a retry with the same <code>Idempotency-Key</code> has one effect.",
    "none": "Not taken.",
}

_REQUIRED = '<span class="chip accent">required</span>'

_INDEX = """\
<h1>Reference</h1>
<p class="lead">Every operation exists once and answers alike on both faces: as a field at
<code>/graphql</code>, and as a route under <code>/api/v2</code> and <code>/api/v1</code>.</p>
<ul class="starts">
<li><a href="/"><b>Explorer</b> run an operation on both faces at once</a></li>
<li><a href="/graphql"><b>GraphiQL</b> write documents, with the schema at hand</a></li>
<li><a href="/docs/rest"><b>Swagger UI</b> the REST contract, as OpenAPI</a></li>
<li><a href="/errors"><b>Errors</b> causes and remedies, the same on both faces</a></li>
</ul>
<p class="small muted">For tools: <a href="/openapi-v2.json">OpenAPI v2</a>,
<a href="/openapi-v1.json">OpenAPI v1</a>, the
<a href="/graphql/schema.graphql">GraphQL schema</a>, and the
<a href="/operations">catalogue as JSON</a>.</p>
"""


class Reference:
    """The pages of the reference, each made by the first request that asks for it."""

    @cached_property
    def index(self) -> bytes:
        """The page with all operations."""
        nouns = "\n".join(
            f'<section><h2 id="{noun}">{title_of(noun)}</h2>\n'
            f'<ul class="list">{"".join(map(_index_line, found))}</ul></section>'
            for noun, found in by_noun()
        )
        return _framed("Reference", f"{_INDEX}{nouns}", "")

    async def one(self, request: Request) -> Response:
        """The page of the operation that the path names."""
        name = request.path_params["operation"]
        if name not in by_name():
            raise route_not_found(request.scope)
        body = _page_of(name)
        return answer(request, body, HTML, tag_of(body))


@cache
def _page_of(name: str) -> bytes:
    operation = by_name()[name]
    verb, path = operation["rest"]["method"], operation["rest"]["path"]
    body = "\n".join(
        [
            _head(operation),
            _faces(operation),
            _arguments(contract.arguments_of(name, verb, path)),
            _answer(operation),
            _errors(operation),
        ]
    )
    return _framed(name, f'<article class="operation">{body}</article>', name)


@cache
def _examples() -> dict[str, Any]:
    return msgspec.json.decode(_EXAMPLES.read_bytes())


def _framed(title: str, body: str, current: str) -> bytes:
    """A page with all operations at its side."""
    whole = sided(
        f'<div class="content">{body}</div>', lambda one: _side_link(one["name"], current)
    )
    return page(title, whole, _SCRIPTS, _STYLES, current="/docs")


def _side_link(name: str, current: str) -> str:
    here = ' aria-current="page"' if name == current else ""
    return f'<a href="/docs/{name}"{here}>{name}</a>'


def _index_line(operation: Operation) -> str:
    name = operation["name"]
    return (
        f'<li id="{name}"><a href="/docs/{name}"><code>{name}</code></a>'
        f"<span>{inline(operation['summary'])}</span>"
        f'<span class="where">{method(operation["rest"]["method"])}'
        f"<code>{escape(operation['rest']['path'])}</code>"
        f"<code>{escape(operation['graphql'])}</code></span></li>"
    )


def _head(operation: Operation) -> str:
    rest = operation["rest"]
    return f"""\
<p class="crumbs"><a href="/docs">Reference</a> / {title_of(operation["name"].split(".")[0])}</p>
<div class="title"><h1>{escape(operation["name"])}</h1>
<a class="button primary" href="/?operation={operation["name"]}">Try it</a></div>
<p class="lead">{inline(operation["summary"])}.</p>
{_deprecation(operation)}
<div class="prose">{prose(contract.description_of(rest["method"], rest["path"]))}</div>
<dl class="facts">
<dt>Who may call</dt><dd>{_who(operation)}</dd>
<dt>Idempotency key</dt><dd>{_KEYS[operation["idempotent"]]}</dd>
<dt>Conditions</dt><dd>{_conditions(operation)}</dd>
<dt>Cost</dt><dd>{_cost(operation)}</dd>
</dl>"""


def _deprecation(operation: Operation) -> str:
    found = operation["deprecated"]
    if found is None:
        return ""
    return (
        f'<div class="notice warning"><p>Deprecated since {found["since"]}, gone on'
        f" {found['sunset']}. {inline(found['reason'])}</p></div>"
    )


def _who(operation: Operation) -> str:
    needs = "".join(f" <code>{escape(one)}</code>" for one in operation["permissions"])
    return f"{WHO[operation['who']]}." + (f" An API key needs{needs}." if needs else "")


def _conditions(operation: Operation) -> str:
    if not operation["conditional"]:
        return "None."
    if operation["writes"]:
        return (
            "<code>If-Match</code>, in GraphQL <code>ifMatch</code>: only on the version you saw."
        )
    return "<code>If-None-Match</code>: 304 while nothing has changed."


def _cost(operation: Operation) -> str:
    more = ", and 1 for each 100 rows" if operation["paged"] else ""
    units = "unit" if operation["cost"] == 1 else "units"
    return f"{operation['cost']} {units} of the quota{more}."


def _faces(operation: Operation) -> str:
    """The example on both faces, side by side."""
    found = _examples().get(operation["name"])
    rest = graphql = '<p class="muted">There is no example yet.</p>'
    if found is not None:
        rest, graphql = _rest_example(found["rest"]), _graphql_example(found["graphql"])
    return f"""\
<h2 id="faces">On both faces</h2>
<div class="faces">
<section aria-label="REST"><h3>REST
<span>{method(operation["rest"]["method"])}<code>/api/v2{escape(operation["rest"]["path"])}</code>
</span></h3>{rest}</section>
<section aria-label="GraphQL"><h3>GraphQL
<span><code>{escape(operation["graphql"])}</code></span></h3>{graphql}</section>
</div>"""


def _rest_example(example: dict[str, Any]) -> str:
    asked, got = example["request"], example["answer"]
    lines = [f"{asked['method']} {asked['path']}", *_headers(asked)]
    request = _http(lines, asked["body"])
    answer = _http([f"{got['status']}", *_headers(got)], got["body"])
    return block("Request", "REST", request) + block("Answer", "REST", answer)


def _headers(part: dict[str, Any]) -> list[str]:
    token = ["Authorization: Bearer …"] if part.get("signedIn") else []
    return token + [f"{name}: {value}" for name, value in part["headers"].items()]


def _http(lines: Iterable[str], body: Any) -> str:
    head = escape("\n".join(lines), quote=False)
    if body is None:
        return head
    return f"{head}\n\n{escape(body) if isinstance(body, str) else json_code(body)}"


def _graphql_example(example: dict[str, Any]) -> str:
    parts = [block("Document", "GraphQL", graphql_code(example["query"]))]
    if example["variables"]:
        parts.append(block("Variables", "GraphQL", json_code(example["variables"])))
    answer = example["answer"]
    shown = escape(answer, quote=False) if isinstance(answer, str) else json_code(answer)
    return "".join([*parts, block("Answer", "GraphQL", shown)])


def _arguments(entries: list[Entry]) -> str:
    if not entries:
        return '<h2 id="arguments">Arguments</h2><p class="muted">It takes none.</p>'
    return f'<h2 id="arguments">Arguments</h2>{_entries(entries, "argument")}'


def _answer(operation: Operation) -> str:
    rest = operation["rest"]
    said, entries = contract.answer_of(operation["name"], rest["method"], rest["path"])
    listed = _entries(entries, "answer") if entries else ""
    return f'<h2 id="answer">Answer</h2><p>{inline(said)}</p>{listed}'


def _entries(entries: Iterable[Entry], anchor: str) -> str:
    lines = "\n".join(
        _entry_line(one, f"{anchor}-{contract.plain_id(one.name)}") for one in entries
    )
    return f'<dl class="entries">{lines}</dl>'


def _entry_line(entry: Entry, anchor: str) -> str:
    marks = _REQUIRED if entry.required else ""
    if entry.rest is None:
        marks += '<span class="chip">GraphQL only</span>'
    elif entry.graphql is None and entry.place not in ("path", "body"):
        marks += '<span class="chip">REST only</span>'
    kind = entry.rest or entry.graphql_type or ""
    said = f"<p>{inline(entry.description)}</p>" if entry.description else ""
    return (
        f'<div><dt id="{anchor}"><a href="#{anchor}"><code>{escape(entry.name)}</code></a>'
        f'<span class="kind">{escape(kind)}</span>{marks}</dt>'
        f"<dd>{said}{_choices(entry)}{_places(entry)}{_within(entry)}</dd></div>"
    )


def _choices(entry: Entry) -> str:
    if not entry.choices or len(entry.choices) > _MOST_CHOICES:
        return ""
    found = " ".join(f"<code>{escape(one)}</code>" for one in entry.choices)
    default = f" By default <code>{escape(entry.default)}</code>." if entry.default else ""
    return f'<p class="choices">{found}{default}</p>'


def _places(entry: Entry) -> str:
    parts = []
    if entry.rest is not None and entry.place != "body":
        parts.append(f"REST {entry.place}")
    if entry.graphql is not None and entry.graphql_type is not None:
        parts.append(f"GraphQL <code>{escape(entry.graphql)}: {escape(entry.graphql_type)}</code>")
    return f'<p class="where">{" · ".join(parts)}</p>' if parts else ""


def _within(entry: Entry) -> str:
    if not entry.within:
        return ""
    lines = "\n".join(
        f"<div><dt><code>{escape(one.name)}</code>"
        f'<span class="kind">{escape(one.rest or "")}</span>'
        f"{_REQUIRED if one.required else ''}</dt>"
        f"<dd><p>{inline(one.description)}</p>{_within(one)}</dd></div>"
        for one in entry.within
    )
    return (
        f"<details><summary>Fields of {escape(entry.name)}</summary>"
        f'<dl class="entries">{lines}</dl></details>'
    )


def _errors(operation: Operation) -> str:
    everywhere = {error.code for error in COMMON | KEYED}
    special = [code for code in operation["errors"] if code not in everywhere]
    lines = "\n".join(map(_error_line, special))
    listed = f'<dl class="entries">{lines}</dl>' if special else ""
    keyed = "" if operation["idempotent"] == "none" else ", also those of keys"
    return (
        f'<h2 id="errors">Errors</h2>{listed}<p class="muted">Every operation may answer with the'
        f' <a href="/errors">common errors</a>{keyed}.</p>'
    )


def _error_line(code: str) -> str:
    error = error_data(CATALOGUE[code], "")
    return (
        f'<div><dt id="error-{code}">{error_link(code)}<span class="kind">{error["status"]}</span>'
        f"</dt><dd><p>{inline(error['title'])}</p><p>{inline(error['hint'])}</p></dd></div>"
    )

"""The parity explorer: every operation on both faces, from one form."""

from functools import cache
from html import escape

from starlette.requests import Request
from starlette.responses import Response

from api.pages.people import demo_people, people_bar
from api.pages.serving import HTML, answer, tag_of
from api.pages.shell import page
from api.pages.side import Operation, by_name, sided

_STAGE = """\
<div class="stage">
{people}
<noscript><p class="notice warning">The explorer needs JavaScript. The <a href="/docs">reference</a>
has the same without it.</p></noscript>
<div id="operation">
{shown}
</div>
<template id="intro">
{intro}
</template>
</div>
"""
_INTRO = """\
<h1 tabindex="-1">One API, two faces</h1>
<p class="lead">Tandem is an order-management backend. Whatever its REST API does, its GraphQL API
does too: the same operation, rules, errors, pages and keys. Choose an operation, fill in one form,
and run it on both.</p>
<h2>Buy something, in four steps</h2>
<ol class="steps">
{steps}
</ol>
<h2>For programs</h2>
<ul>
<li><a href="/operations">Operations</a> and <a href="/errors">errors</a>, as JSON</li>
<li>REST under <code>/api/v2</code> and <code>/api/v1</code>: OpenAPI for
<a href="/openapi-v2.json">v2</a> and <a href="/openapi-v1.json">v1</a></li>
<li>GraphQL at <a href="/graphql"><code>/graphql</code></a>: its
<a href="/graphql/schema.graphql">schema</a></li>
<li><a href="/docs">Reference</a> and <a href="/health">health</a></li>
</ul>
"""
#: A first step is an operation, or what to do, and why: with the demo shop's people, and without.
_DEMO = (None, "Sign in", "above, as the demo shop's user or with an account of yours.")
_OWN = (
    "auth.register",
    "Make an account",
    "and sign in above with it, or with one that you have.",
)
_STEPS = (
    ("products.list", "Find a product", "and run it. Choose a product under “Go on”."),
    ("orders.create", "Place an order", "of it. It holds stock and money until it is paid."),
    ("orders.pay", "Pay the order", "with one key: the second face shows the same payment."),
)


class Explorer:
    """The page; with ``demo`` it signs the demo people in by one click."""

    def __init__(self, *, demo: bool) -> None:
        self._demo = demo

    async def serve(self, request: Request) -> Response:
        """The page, which begins with the operation that the address names."""
        body = _page(request.query_params.get("operation", ""), demo=self._demo)
        return answer(request, body, HTML, tag_of(body))


def _page(name: str, *, demo: bool) -> bytes:
    intro = _INTRO.format(
        steps="\n".join(_step(*one) for one in (_DEMO if demo else _OWN, *_STEPS))
    )
    operation = by_name().get(name)
    shown = intro if operation is None else _head(operation)
    stage = _STAGE.format(people=people_bar(demo=demo), shown=shown, intro=intro)
    return page(
        "Tandem" if operation is None else name,
        _around().replace("<!-- stage -->", stage),
        scripts=("/assets/explorer/main.js",),
        styles=("/assets/side.css", "/assets/people.css", "/assets/explorer.css"),
        data={"people": demo_people() if demo else []},
        current="/",
    )


@cache
def _around() -> str:
    return sided("<!-- stage -->", _side_link)


def _side_link(operation: Operation) -> str:
    """The link as a visitor sees it; a script draws that of somebody who is signed in."""
    name, who = operation["name"], operation["who"]
    verb = name.split(".", 1)[1]
    needs = "" if who == "PUBLIC" else f'<span class="needs">{who.lower()}</span>'
    return (
        f'<a href="/?operation={name}" title="{escape(operation["summary"])}">'
        f'<span class="verb">{verb}</span>{needs}</a>'
    )


def _head(operation: Operation) -> str:
    """How an operation begins, until a script has read the contracts and draws all of it."""
    return f"""\
<header class="operation-head"><h1>{operation["name"]}</h1>
<p class="lead">{escape(operation["summary"])}.</p></header>"""


def _step(operation: str | None, name: str, more: str) -> str:
    shown = f'<a href="/?operation={operation}">{name}</a>' if operation else f"<b>{name}</b>"
    return f"<li>{shown} {more}</li>"

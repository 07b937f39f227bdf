"""The parity explorer: every operation on both faces, from one form."""

from functools import cache

from api.pages.people import demo_people
from api.pages.shell import page

_BODY = """\
<div class="sided">
<aside class="side" aria-label="Operations">
<details id="operations-fold" open>
<summary>Operations</summary>
<label for="search" class="hidden">Search operations</label>
<input type="search" id="search" placeholder="Search (press /)" autocomplete="off"
 spellcheck="false">
<p id="found" class="help" role="status"></p>
<nav id="operations" aria-label="Operations by noun"></nav>
</details>
</aside>
<div class="stage">
<div id="people" role="group" aria-label="Who calls"></div>
<div id="operation">
<h1 tabindex="-1">One API, two faces</h1>
<p class="lead">Tandem is an order-management backend. Whatever its REST API does, its GraphQL API
does too: the same operation, rules, errors, pages and keys. Choose an operation, fill in one form,
and run it on both.</p>
<noscript><p class="notice warning">The explorer needs JavaScript. The <a href="/docs">reference</a>
has the same without it.</p></noscript>
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
</div>
</div>
</div>
"""
#: A first walk through the shop: an operation, or what to do, and why.
_STEPS = (
    (None, "Sign in", "above, as the demo shop's user or with an account of yours."),
    ("products.list", "Find a product", "and run it. Choose a product under “Go on”."),
    ("orders.create", "Place an order", "of it. It holds stock and money until it is paid."),
    ("orders.pay", "Pay the order", "with one key: the second face shows the same payment."),
)


@cache
def explorer_page(*, demo: bool) -> bytes:
    """The page; with ``demo`` it signs the demo people in by one click."""
    steps = "\n".join(_step(*step) for step in _STEPS)
    return page(
        "Tandem",
        _BODY.format(steps=steps),
        scripts=("/assets/explorer/main.js",),
        styles=("/assets/side.css", "/assets/people.css", "/assets/explorer.css"),
        data={"people": demo_people() if demo else []},
        current="/",
    )


def _step(operation: str | None, name: str, more: str) -> str:
    shown = f'<a href="/?operation={operation}">{name}</a>' if operation else f"<b>{name}</b>"
    return f"<li>{shown} {more}</li>"

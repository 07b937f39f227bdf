"""Swagger UI over the REST contracts, from packages of our own."""

from functools import cache
from pathlib import Path

from api.pages.assets import VENDOR
from api.pages.graphiql import has_packages
from api.pages.shell import column, page

_SCRIPT, _SHEET = "swagger-ui-bundle.js", "swagger-ui.css"

_BODY = """\
<div class="choose"><h1>REST</h1>
<nav aria-label="Contracts"><a href="/docs/rest" data-version="v2">v2</a>
<a href="/docs/rest?version=v1" data-version="v1">v1, for older clients</a></nav>
<p>Sign in with <code>POST /auth/login</code>, and give its token to <b>Authorize</b>.</p></div>
<div id="swagger"><p class="waiting">Swagger UI is loading. It needs JavaScript.</p></div>
"""
_MISSING = """\
<p class="notice warning">Run <code>./scripts/setup pages</code> and restart the server.</p>
<p>The contracts themselves are here: <a href="/openapi-v2.json">OpenAPI v2</a> and
<a href="/openapi-v1.json">OpenAPI v1</a>. The <a href="/docs">reference</a> says the same.</p>
"""


@cache
def swagger_page(vendor: Path = VENDOR) -> bytes:
    """The page. Without the packages in ``vendor`` it says what to run."""
    if not has_packages(vendor, _SCRIPT, _SHEET):
        return page(
            "Swagger UI", column("Swagger UI is not installed here", "", _MISSING), current="/docs"
        )
    return page(
        "Swagger UI",
        _BODY,
        scripts=(f"/assets/vendor/{_SCRIPT}", "/assets/swagger.js"),
        styles=(f"/assets/vendor/{_SHEET}", "/assets/swagger.css"),
        current="/docs",
        elements=False,
    )

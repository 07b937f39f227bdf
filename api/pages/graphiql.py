"""GraphiQL under the strict content security policy, with the shop's own documents in its tabs."""

from functools import cache
from pathlib import Path

from api.pages.assets import VENDOR
from api.pages.people import demo_people, people_bar
from api.pages.shell import column, page

_HERE = Path(__file__).parent
_PACKAGES = (
    "react.production.min.js",
    "react-dom.production.min.js",
    "graphiql.min.js",
    "graphiql-explorer.js",
)
_SHEETS = ("graphiql.min.css", "graphiql-explorer.css")
#: The tabs of a first visit: a document and its variables.
_TABS = (
    ("browse.graphql", ""),
    (
        "order-and-pay.graphql",
        '{\n  "productId": "…",\n  "orderId": "…",\n  "key": "my-first-key"\n}',
    ),
)

_BODY = """\
<h1 class="hidden">GraphiQL</h1>
{people}
<div id="graphiql"><p class="waiting">GraphiQL is loading. It needs JavaScript.</p></div>
"""
_MISSING = """\
<p class="notice warning">Run <code>./scripts/setup pages</code> and restart the server.</p>
<p>GraphQL itself works: send documents to <code>/graphql</code> with POST. The
<a href="/graphql/schema.graphql">schema</a> and the <a href="/docs">reference</a> are here.</p>
"""


@cache
def graphiql_page(*, demo: bool, vendor: Path = VENDOR) -> bytes:
    """The page; with ``demo`` it signs the demo people in.

    Without the packages in ``vendor`` it is a page that says what to run.
    """
    if not has_packages(vendor, *_PACKAGES, *_SHEETS):
        body = column("GraphiQL is not installed here", "", _MISSING)
        return page("GraphiQL", body, current="/graphql")
    tabs = [
        {"query": (_HERE / "documents" / name).read_text(), "variables": variables}
        for name, variables in _TABS
    ]
    return page(
        "GraphiQL",
        _BODY.format(people=people_bar(demo=demo)),
        scripts=(*(f"/assets/vendor/{name}" for name in _PACKAGES), "/assets/graphiql.js"),
        styles=(
            *(f"/assets/vendor/{name}" for name in _SHEETS),
            "/assets/people.css",
            "/assets/graphiql.css",
        ),
        data={"people": demo_people() if demo else [], "tabs": tabs},
        current="/graphql",
        elements=False,
    )


def has_packages(vendor: Path, *names: str) -> bool:
    """Are these files of others there?"""
    return all((vendor / name).is_file() for name in names)

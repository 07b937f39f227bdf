"""The frame of every page: plain HTML under the strict content security policy."""

import re
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

import msgspec

#: The parts of the site, in the order of the navigation: address and name.
_PARTS = (
    ("/", "Explorer"),
    ("/docs", "Reference"),
    ("/graphql", "GraphQL"),
    ("/errors", "Errors"),
    ("/ops", "Operators"),
)

_FRAME = "/assets/frame.css"
_ELEMENTS = "/assets/pages.css"

_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<link rel="icon" href="/assets/mark.svg" type="image/svg+xml">
{styles}
{scripts}
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
<header class="bar">
<a class="brand" href="/"><img src="/assets/mark.svg" alt="" width="28" height="28">Tandem</a>
<nav aria-label="Parts of the site"><ul>
{parts}
</ul></nav>
</header>
<main id="main" tabindex="-1">
{body}
</main>
</body>
</html>
"""


def page(
    title: str,
    body: str,
    scripts: Sequence[str] = (),
    styles: Sequence[str] = (),
    data: Any = None,
    current: str = "",
    *,
    elements: bool = True,
) -> bytes:
    """A whole page.

    ``title`` is text. ``body`` is HTML with a heading of its own, in `<div class="page">` unless it
    fills the window. ``scripts`` and ``styles`` are addresses of modules and of further sheets; a
    script in `/assets/vendor/` is a classic one. ``data`` is a value that scripts read from
    `#data`. ``current`` is the address of the part that the page belongs to. Without ``elements``
    the page has the frame's style alone, so that a package of others keeps its own.
    """
    sheets = (_FRAME, *([_ELEMENTS] if elements else []), *styles)
    heads = [f'<link rel="stylesheet" href="{escape(one)}">' for one in sheets]
    ends = [_script(one) for one in scripts]
    if data is not None:
        ends.insert(0, f'<script type="application/json" id="data">{as_data(data)}</script>')
    return _PAGE.format(
        title=escape(title if title == "Tandem" else f"{title} · Tandem"),
        styles="\n".join(heads),
        scripts="\n".join(ends),
        parts="\n".join(_part(address, name, current) for address, name in _PARTS),
        body=body,
    ).encode()


def column(title: str, lead: str, body: str) -> str:
    """A page's body in one column under a heading; ``title`` and ``lead`` are text."""
    said = f'<p class="lead">{escape(lead)}</p>' if lead else ""
    return f'<div class="page">\n<h1>{escape(title)}</h1>\n{said}\n{body}\n</div>'


def as_data(value: Any) -> str:
    """A value as JSON that may stand inside a script element."""
    return re.sub("[<>&]", _escaped, msgspec.json.encode(value).decode())


def _escaped(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"


def _script(address: str) -> str:
    if address.startswith("/assets/vendor/"):
        return f'<script defer src="{escape(address)}"></script>'
    return f'<script type="module" src="{escape(address)}"></script>'


def _part(address: str, name: str, current: str) -> str:
    here = ' aria-current="page"' if address == current else ""
    return f'<li><a href="{address}"{here}>{name}</a></li>'


def table(heads: Iterable[str], rows: Iterable[Iterable[str]], name: str) -> str:
    """An HTML table with a name for readers of the screen; heads and cells are escaped already."""
    head = "".join(f'<th scope="col">{one}</th>' for one in heads)
    lines = "\n".join(
        "<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows
    )
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{escape(name)}"><table>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{lines}\n</tbody></table></div>"
    )

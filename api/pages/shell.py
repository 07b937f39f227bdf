"""The frame of every page: plain HTML under the strict content security policy."""

from collections.abc import Iterable
from html import escape

_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/assets/pages.css">
</head>
<body>
<main>
<h1>{title}</h1>
{body}
</main>
</body>
</html>
"""


def page(title: str, body: str) -> bytes:
    """A whole page; ``body`` is HTML, ``title`` is text."""
    return _PAGE.format(title=escape(title), body=body).encode()


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """An HTML table; heads and cells are escaped already."""
    head = "".join(f"<th>{name}</th>" for name in heads)
    lines = "\n".join(
        "<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f'<div class="wide"><table>\n<tr>{head}</tr>\n{lines}\n</table></div>'

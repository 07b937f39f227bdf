"""The reference: every operation on both faces."""

from collections.abc import Iterable
from html import escape
from typing import Any

from api.pages.errors import error_link
from api.pages.shell import table
from services.errors.common import COMMON, KEYED

_WHO = {
    "PUBLIC": "anybody",
    "USER": "signed in",
    "MODERATOR": "moderators",
    "MANAGER": "managers",
    "ADMIN": "admins",
}

_DOCS_NOTE = """\
<p>Every operation has a GraphQL field and a REST route, under <code>/api/v2</code> and
<code>/api/v1</code>. Besides its own errors it may answer with the
<a href="/errors">common ones</a>.</p>
"""


def operation_table(operations: Iterable[dict[str, Any]]) -> str:
    """A table of all operations."""
    common = {error.code for error in COMMON | KEYED}
    rows = [
        (
            _named(operation["name"]),
            escape(operation["summary"]),
            escape(_WHO[operation["who"]]),
            f"<code>{escape(operation['graphql'])}</code>",
            f"<code>{operation['rest']['method']} {escape(operation['rest']['path'])}</code>",
            operation["idempotent"],
            ", ".join(error_link(code) for code in operation["errors"] if code not in common),
        )
        for operation in operations
    ]
    heads = ("Operation", "What it does", "Who", "GraphQL", "REST", "Idempotency key", "Errors")
    return f"{_DOCS_NOTE}{table(heads, rows, 'Operations')}"


def _named(operation: str) -> str:
    return f'<span id="{escape(operation)}"><code>{escape(operation)}</code></span>'

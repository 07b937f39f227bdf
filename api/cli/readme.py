"""Parts of the documents that are made from code: the table of settings, the steps of orders.

``python -m api.cli.readme`` writes them, ``--check`` fails when one is stale.
"""

import sys
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from services.orders.reading import MOVES, NEXT_STATUSES
from services.settings.http import HttpSettings
from services.settings.names import variable
from services.settings.settings import Settings

_CHECKOUT = Path(__file__).parents[2]


def table() -> str:
    """The settings as a Markdown table."""
    lines = ["| Variable | Default | What it is |", "|---|---|---|"]
    http = HttpSettings.model_fields
    fields = sorted(Settings.model_fields.items(), key=lambda each: each[0] in http)
    for name, field in fields:
        lines.append(f"| `{variable(name)}` | {_shown(field.default)} | {field.description} |")
    return "\n".join(lines)


def _shown(default: Any) -> str:
    if isinstance(default, SecretStr):
        return "a development secret, refused in production"
    if default is None or default == ():
        return "–"
    if isinstance(default, tuple):
        default = ", ".join(str(one) for one in default)
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def steps() -> str:
    """The status machine of orders as a diagram, and who takes which step as a table."""
    diagram = [f"    {move.before or '[*]'} --> {move.after}" for move in MOVES]
    diagram += [f"    {status} --> [*]" for status, then in NEXT_STATUSES.items() if not then]
    rows = [
        f"| {move.before or '–'} | {move.after} | {', '.join(f'`{name}`' for name in move.by)} |"
        for move in MOVES
    ]
    return "\n".join(
        [
            "```mermaid",
            "stateDiagram-v2",
            *diagram,
            "```",
            "",
            "| From | To | By |",
            "|---|---|---|",
            *rows,
        ]
    )


#: The generated parts, by document and by the name between their marks.
MADE = {
    (_CHECKOUT / "docs" / "settings.md", "settings"): table,
    (_CHECKOUT / "docs" / "orders.md", "steps"): steps,
}


def main() -> int:
    """Write or check the generated parts; returns 1 when one is stale."""
    stale = 0
    for (document, name), make in MADE.items():
        text = document.read_text()
        begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
        before, rest = text.split(begin)
        fresh = f"{before}{begin}\n{make()}\n{end}{rest.split(end)[1]}"
        if "--check" not in sys.argv:
            document.write_text(fresh)
        elif fresh != text:
            print(f"{document.name}: {name} are stale; run python -m api.cli.readme")
            stale = 1
    return stale


if __name__ == "__main__":
    sys.exit(main())

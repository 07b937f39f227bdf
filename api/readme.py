"""The README's table of settings, made from the settings class.

``python -m api.readme`` writes it, ``--check`` fails when it is stale.
"""

import sys
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from services.core.settings import Settings

_README = Path(__file__).parent.parent / "README.md"
_BEGIN, _END = "<!-- settings: begin -->", "<!-- settings: end -->"
_UNPREFIXED = {"database_url", "redis_url"}


def table() -> str:
    """The settings as a Markdown table."""
    lines = ["| Variable | Default | What it is |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        variable = name.upper() if name in _UNPREFIXED else f"TANDEM_{name.upper()}"
        lines.append(f"| `{variable}` | {_shown(field.default)} | {field.description} |")
    return "\n".join(lines)


def _shown(default: Any) -> str:
    if isinstance(default, SecretStr):
        return "a development secret, refused in production"
    if default is None or default == ():
        return "–"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def main() -> int:
    """Write or check the table; 1 when it is stale."""
    text = _README.read_text()
    before, rest = text.split(_BEGIN)
    after = rest.split(_END)[1]
    fresh = f"{before}{_BEGIN}\n{table()}\n{_END}{after}"
    if "--check" in sys.argv:
        if fresh != text:
            print("README.md: the table of settings is stale; run python -m api.readme")
        return int(fresh != text)
    _README.write_text(fresh)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The people of the demo shop, whom pages sign in by one click in development."""

import tomllib
from functools import cache
from html import escape
from pathlib import Path

_SHOP = Path(__file__).parents[1] / "local" / "demo" / "data" / "shop.toml"


@cache
def demo_people() -> list[dict[str, str]]:
    """Email, role and password of each login that the demo shop has."""
    from api.local.demo.loader import PASSWORD

    staff = tomllib.loads(_SHOP.read_text())["staff"]
    return [
        {"email": person["email"], "role": person["role"], "password": PASSWORD} for person in staff
    ]


def people_bar(*, demo: bool) -> str:
    """The bar of the caller, as `people.js` draws it for a visitor, so that nothing moves."""
    buttons = "".join(
        f'<button type="button" class="small-button" title="{escape(person["email"])}" disabled>'
        f"{person['role'].lower()}</button>"
        for person in (demo_people() if demo else [])
    )
    said = '<span class="muted">Sign in as</span>' if demo else ""
    summary = "Another account" if demo else "Sign in"
    return f"""\
<div id="people" role="group" aria-label="Who calls">
<div class="row"><b id="caller">Nobody is signed in</b></div>
<div class="row">{said}{buttons}<details class="other"><summary>{summary}</summary></details></div>
</div>"""

"""The people of the demo shop, whom pages sign in by one click in development."""

import tomllib
from pathlib import Path

_SHOP = Path(__file__).parents[1] / "local" / "demo" / "data" / "shop.toml"


def demo_people() -> list[dict[str, str]]:
    """Email, role and password of each login that the demo shop has."""
    from api.local.demo.loader import PASSWORD

    staff = tomllib.loads(_SHOP.read_text())["staff"]
    return [
        {"email": person["email"], "role": person["role"], "password": PASSWORD} for person in staff
    ]

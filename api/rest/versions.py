"""The versions of REST, and which dialect an address answers in."""

from api.rest.dialect import Dialect
from api.rest.v1 import V1
from api.rest.v2 import V2

LEGACY = V1()
DIALECTS: dict[str, Dialect] = {LEGACY.name: LEGACY, "v2": V2()}


def dialect_of(path: str) -> Dialect:
    """The dialect of an address: v2, or v1 for the rest of /api; outside of /api it is v2."""
    v2 = path.startswith("/api/v2/") or path == "/api/v2" or not path.startswith("/api/")
    return DIALECTS["v2" if v2 else "v1"]

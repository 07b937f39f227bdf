"""Anything by its id, as far as the caller may see it."""

from collections.abc import Sequence
from typing import Any

from persistence.nodes import NODES
from services.core.context import Request, sight
from services.core.errors import FieldError, ValidationFailed
from services.core.ids import parsed

_MOST = 100


async def by_ids(request: Request, ids: Sequence[str]) -> list[Any]:
    """The things in the order asked, None in place of what is unknown or not visible."""
    if len(ids) > _MOST:
        message = f"Give at most {_MOST}."
        raise ValidationFailed(fields=[FieldError("ids", "TOO_MANY", message)])
    wanted = [parsed(id) for id in ids]
    known = list({id for id in wanted if id is not None})
    found = dict(await request.reader.all(NODES, ids=known, **sight(request.caller)))
    return [found.get(id) if id is not None else None for id in wanted]

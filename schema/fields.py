"""Fields: an operation's door into GraphQL, and relations served in batches."""

import inspect
from collections.abc import Awaitable, Callable
from typing import Any

import strawberry
from strawberry.types import Info as StrawberryInfo

from schema import inputs
from schema.context import GraphQLContext, Load
from services.core.errors import FieldError, ValidationFailed
from services.core.operation import Operation, outside

Info = StrawberryInfo[GraphQLContext, None]

#: Where each operation stands in the schema: ``orders.pay`` → ``payOrder``.
FIELDS: dict[str, str] = {}


def field(op: Operation[Any, Any], place: str, returns: Any) -> Callable[[Any], Any]:
    """Make the function below the field of an operation.

    It gets ``(root, info, raw)``: the caller's arguments by their wire names. Arguments,
    description and deprecation come from the declaration; the field can fail, so it is nullable.
    """

    def declare(resolve: Callable[[Any, Info, dict[str, Any]], Awaitable[Any]]) -> Any:
        async def resolver(self: Any, info: Info, **values: Any) -> Any:
            if op.writes:
                # What was read before a write says nothing about what comes after it.
                info.context.forget()
            return await resolve(self, info, inputs.raw(values))

        parameters = [
            inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD),
            inspect.Parameter("info", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=Info),
            *inputs.arguments(op),
        ]
        resolver.__signature__ = inspect.Signature(parameters, return_annotation=returns | None)
        FIELDS[op.name] = place
        return strawberry.field(
            resolver,
            name=place.rpartition(".")[2],
            description=op.description,
            deprecation_reason=op.deprecated and op.deprecated.reason,
        )

    return declare


def relation(load: Load, key: Callable[[Any], Any], returns: Any, description: str) -> Any:
    """A field that holds another thing, found by a key of this one; null when not visible."""

    async def batch(request: Any, keys: Any) -> Any:
        return await outside(load, request, keys)

    async def resolver(self: Any, info: Info) -> Any:
        wanted = key(self)
        return None if wanted is None else await info.context.load(load, batch, wanted)

    resolver.__annotations__ = {"info": Info, "return": returns | None}
    return strawberry.field(resolver, description=description)


def write_options(info: Info, raw: dict[str, Any]) -> dict[str, str | None]:
    """Take the idempotency key and the etag out of a write's arguments."""
    key, header = raw.pop("idempotencyKey", None), info.context.header_key
    if key is not None and header is not None and key != header:
        message = "The header and the argument name different keys."
        raise ValidationFailed(fields=[FieldError("idempotencyKey", "CONFLICT", message)])
    return {"key": header if key is None else key, "if_match": raw.pop("ifMatch", None)}

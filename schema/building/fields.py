"""Fields: an operation's door into GraphQL. Those of reads are made in schema/building/reads.py."""

import inspect
from collections.abc import Awaitable, Callable
from typing import Any, TypedDict

import strawberry
from strawberry.types import Info as StrawberryInfo

from schema.building import inputs
from schema.building.loaders import GraphQLContext
from services.errors.common import FieldError, ValidationFailed
from services.operation.running import Operation

Info = StrawberryInfo[GraphQLContext, None]

#: Where each operation stands in the schema: ``orders.pay`` → ``payOrder``.
FIELDS: dict[str, str] = {}


def field(op: Operation[Any, Any], place: str, returns: Any) -> Callable[[Any], Any]:
    """Make the function below the field of a write; `schema.building.reads.read` declares reads.

    It gets ``(root, info, raw)``: the caller's arguments by their wire names.
    """

    def declare(resolve: Callable[[Any, Info, dict[str, Any]], Awaitable[Any]]) -> Any:
        async def resolver(self: Any, info: Info, **values: Any) -> Any:
            # What was read before a write says nothing about what comes after it.
            info.context.forget()
            return await resolve(self, info, inputs.raw(values))

        FIELDS[op.name] = place
        return described(op, place, resolver, returns)

    return declare


def described(
    op: Operation[Any, Any],
    place: str,
    resolver: Any,
    returns: Any,
    metadata: dict[Any, Any] | None = None,
) -> Any:
    """The Strawberry field of an operation.

    Arguments, description and deprecation come from the declaration; the field can fail, so it is
    nullable.
    """
    parameters = [
        inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD),
        inspect.Parameter("info", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=Info),
        *inputs.arguments(op),
    ]
    resolver.__signature__ = inspect.Signature(parameters, return_annotation=returns | None)
    return strawberry.field(
        resolver,
        name=place.rpartition(".")[2],
        description=op.description,
        deprecation_reason=op.deprecated and op.deprecated.reason,
        metadata=metadata,
    )


class WriteOptions(TypedDict):
    """What a write takes besides its input."""

    key: str | None
    if_match: str | None


def write_options(info: Info, raw: dict[str, Any]) -> WriteOptions:
    """Take the idempotency key and the etag out of a write's arguments."""
    key, header = raw.pop("idempotencyKey", None), info.context.header_key
    if key is not None and header is not None and key != header:
        message = "The header and the argument name different keys."
        raise ValidationFailed(fields=[FieldError("idempotencyKey", "CONFLICT", message)])
    return {"key": header if key is None else key, "if_match": raw.pop("ifMatch", None)}

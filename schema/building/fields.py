"""Fields: `read`, `write` and `subscribe` make an operation's field, `relation` follows a key."""

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import strawberry
from strawberry.types import Info as StrawberryInfo

from schema.building import inputs
from schema.building.loaders import (
    BatchLoader,
    FieldLoader,
    GraphQLContext,
    SingleLoader,
    batch_name,
    loader_arguments,
    metadata,
)
from services.errors.base import FieldError
from services.errors.common import ValidationFailed
from services.operation.context import Request
from services.operation.error_translation import translate_errors
from services.operation.idempotency import plain_key
from services.operation.operation import Operation

Info = StrawberryInfo[GraphQLContext, None]

#: The place of each operation in the schema: ``orders.pay`` → ``payOrder``.
FIELDS: dict[str, str] = {}


def write(op: Operation[Any, Any], place: str, returns: Any) -> Any:
    """The field of a write, at ``place`` in the schema."""

    async def resolver(self: Any, info: Info, **values: Any) -> Any:
        # A write may change anything that an earlier mutation of the document has read.
        info.context.forget()
        given = inputs.raw(values)
        key = _key(info.context.header_key, given.pop("idempotencyKey", None))
        if_match = given.pop("ifMatch", None)
        return await op(info.context.request, given, key=key, if_match=if_match)

    return _field(op, place, resolver, returns)


def read(
    op: Operation[Any, Any],
    place: str,
    returns: Any,
    key: str | None = None,
    attribute: str | None = None,
) -> Any:
    """The field of a read, at ``place`` in the schema.

    With ``key``, the attribute that holds a parent's id, one call reads for many parents.
    ``attribute`` names the attribute of the result that the field shows.
    """
    loader: FieldLoader = SingleLoader(op, op.paged, projects=True, body=op.body)
    if key is not None:
        loader = BatchLoader(op.name, op.of, key, op.paged, attribute)

    async def resolver(self: Any, info: Info, **values: Any) -> Any:
        given = loader_arguments(loader, inputs.raw(values), _counts(info))
        return await _load(loader, self, info, given)

    return _field(op, place, resolver, returns, metadata(loader))


def subscribe(op: Operation[Any, Any], place: str, returns: Any) -> Any:
    """The field of an operation whose answer is a stream, at ``place`` in the schema.

    schema/executing/subscribing.py calls the operation itself, so that graphql-core has no part in
    when a stream begins and ends. Each event is then the root of an execution of its own.
    """

    async def resolver(self: Any, info: Info, **values: Any) -> Any:
        raise TypeError(f"{op.name} is a stream, which schema/executing/subscribing.py opens.")

    field = _field(op, place, resolver, returns)
    field.is_subscription = True
    return field


def relation(load: Any, key: str, returns: Any, description: str, *, rows: int = 0) -> Any:
    """A field that holds another thing, found by the attribute ``key``; null when not visible.

    ``rows`` is how many things it holds at the most, where it holds a list.
    """

    async def batch(
        request: Request, keys: Sequence[Any], _: dict[str, Any], **more: Any
    ) -> Mapping[Any, Any]:
        return await translate_errors(load, request, keys, *more.values())

    projects = "wanted" in inspect.signature(load).parameters
    loader = BatchLoader(load, batch, key, projects=projects, rows=rows)

    async def resolver(self: Any, info: Info) -> Any:
        return await _load(loader, self, info, {})

    resolver.__annotations__ = {"info": Info, "return": returns | None}
    return strawberry.field(resolver, description=description, metadata=metadata(loader))


def _field(
    op: Operation[Any, Any],
    place: str,
    resolver: Any,
    returns: Any,
    metadata: dict[Any, Any] | None = None,
) -> Any:
    """The Strawberry field of an operation.

    Arguments, description and deprecation come from the declaration. An operation can fail, so
    the field is nullable.
    """
    FIELDS[op.name] = place
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


def _key(header: str | None, argument: str | None) -> str | None:
    """The idempotency key of a write, from the header or from the argument."""
    both = header is not None and argument is not None
    if both and plain_key(header) != plain_key(argument):
        message = "The header and the argument name different keys."
        raise ValidationFailed(fields=[FieldError("idempotencyKey", "CONFLICT", message)])
    return header if argument is None else argument


def _counts(info: Info) -> bool:
    """Is the total of a list asked for?"""
    return any(id(node) in info.context.counting for node in info._raw_info.field_nodes)


async def _load(loader: FieldLoader, parent: Any, info: Info, given: dict[str, Any]) -> Any:
    """The value of a field that has a loader."""
    if isinstance(loader, SingleLoader):
        return await loader.call(info.context.request, given)
    key = getattr(parent, loader.key)
    if key is None:
        return None

    async def load(request: Request, keys: Sequence[Any]) -> Mapping[Any, Any]:
        return await loader.load(request, keys, given)

    found = await info.context.load((loader.name, batch_name(given)), load, key)
    return found if loader.attribute is None else getattr(found, loader.attribute)

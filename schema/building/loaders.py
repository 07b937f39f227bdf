"""Field loaders: how a field reads its value, declared as data, and the context that loads them.

graphql-core runs a field through its resolver, which `schema/building/fields.py` makes of the
loader. The compiled functions of `schema/fast` find the same loader behind the field.
"""

from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from aiodataloader import DataLoader
from graphql import GraphQLField

from services.operation.context import Request

#: Loads many keys at once: ``await load(request, keys)`` answers values (or errors) by key.
Load = Callable[[Request, Sequence[Any]], Awaitable[Mapping[Any, Any]]]

#: The key of a field's metadata that holds its loader.
_LOADER = "loader"


@dataclass
class SingleLoader:
    """Reads with one call for each parent: ``await call(request, given)``.

    With ``projects``, ``call`` also takes ``wanted`` and may answer projections. ``body`` says that
    the values stand in a body on REST.
    """

    call: Callable[..., Awaitable[Any]]
    paged: bool = False
    projects: bool = False
    body: bool = False


@dataclass
class BatchLoader:
    """Reads for all parents of a level at once: ``await load(request, keys, given)``.

    ``load`` answers values (or errors) by key. ``key`` names the parent's attribute that holds the
    key; a parent whose key is None has null. Fields with the same ``name`` and the same arguments
    are read together. ``attribute`` names the attribute of the value that the field shows.
    With ``projects``, ``load`` also takes ``wanted`` and may answer projections. ``rows`` is how
    many things a relation finds for a key, where it finds a list.
    """

    name: Hashable
    load: Callable[..., Awaitable[Mapping[Any, Any]]]
    key: str
    paged: bool = False
    attribute: str | None = None
    projects: bool = False
    rows: int = 0


FieldLoader = SingleLoader | BatchLoader


def metadata(loader: FieldLoader) -> dict[Any, Any]:
    """The metadata of a Strawberry field, from which `loader_of` reads its loader."""
    return {_LOADER: loader}


def loader_of(field: GraphQLField) -> FieldLoader | None:
    """The loader of a field of the schema; None for a field whose value the parent holds."""
    return field.extensions["strawberry-definition"].metadata.get(_LOADER)


def batch_name(given: Mapping[str, Any]) -> bytes:
    """A name for a field's arguments; fields are read together only when it is the same."""
    return msgspec.json.encode(given, order="sorted") if given else b""


def loader_arguments(loader: FieldLoader, given: dict[str, Any], counts: bool) -> dict[str, Any]:
    """A loader's arguments; ``counts`` says whether ``totalCount`` is selected."""
    if loader.paged:
        return page_arguments(given, counts)
    return given if isinstance(loader, SingleLoader) and loader.body else without_nulls(given)


def page_arguments(given: Mapping[str, Any], counts: bool) -> dict[str, Any]:
    """A list's arguments; ``counts`` says whether ``totalCount`` is selected."""
    return {**without_nulls(given), "total": counts}


def without_nulls(given: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of a read: null leaves one out, as a query string does."""
    return {name: value for name, value in given.items() if value is not None}


@dataclass
class GraphQLContext:
    """One GraphQL request as resolvers see it, with a DataLoader for each batch of the level.

    ``header_key`` is the Idempotency-Key header; None where a document has several mutations.
    ``counting`` holds the ids of the field nodes that select ``totalCount``.
    """

    request: Request
    header_key: str | None = None
    counting: frozenset[int] = frozenset()
    _loaders: dict[Hashable, DataLoader[Any, Any]] = field(default_factory=dict)

    def forget(self) -> None:
        """Drop every value read so far."""
        self._loaders.clear()

    async def load(self, name: Hashable, load: Load, key: Any) -> Any:
        """The value of one key, fetched together with the other keys of the same level.

        ``name`` tells batches apart: the field's batch and its arguments.
        """
        loader = self._loaders.get(name)
        if loader is None:

            async def batch(keys: list[Any]) -> list[Any]:
                found = await load(self.request, keys)
                return [found.get(key) for key in keys]

            loader = self._loaders[name] = DataLoader(batch)
        return await loader.load(key)

"""What resolvers get: the request, and its batches."""

from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiodataloader import DataLoader

from services.operation.context import Request

#: Loads many keys at once: ``await load(request, keys)`` answers values (or errors) by key.
Load = Callable[[Request, Sequence[Any]], Awaitable[Mapping[Any, Any]]]


@dataclass
class GraphQLContext:
    """One GraphQL request: what operations need, and the batch in flight for each batch field.

    ``header_key`` is the Idempotency-Key header, kept only where one mutation field can mean it.
    """

    request: Request
    header_key: str | None = None
    _loaders: dict[Hashable, DataLoader[Any, Any]] = field(default_factory=dict)

    def forget(self) -> None:
        """Drop everything read so far."""
        self._loaders.clear()

    async def load(self, name: Hashable, load: Load, key: Any) -> Any:
        """The value of one key, fetched together with the keys of the same level.

        ``name`` tells batches apart: the field, and its arguments where it has any.
        """
        loader = self._loaders.get(name)
        if loader is None:

            async def batch(keys: list[Any]) -> list[Any]:
                found = await load(self.request, keys)
                return [found.get(key) for key in keys]

            loader = self._loaders[name] = DataLoader(batch)
        return await loader.load(key)

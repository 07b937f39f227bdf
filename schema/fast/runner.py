"""`Run`: runs a compiled document level by level; each level's fields are read at the same time."""

from collections.abc import Callable, Sequence
from typing import Any

from graphql import GraphQLError

from schema.building.loaders import BatchLoader
from schema.fast.arguments import Variables
from schema.fast.error_path import ErrorPath
from schema.fast.plan import Field, Plan
from schema.fast.reads import Reads
from services.operation.context import Request

#: The parent of the root fields. They need nothing of it.
_NO_PARENT = object()


class Run:
    """One run of a compiled document for one request."""

    def __init__(self, plan: Plan, request: Request, variables: Variables) -> None:
        self._plan = plan
        self._reads = Reads(request, variables)
        self._pending: list[tuple[Field, list[Any], list[Any]]] = []

    async def answer(self) -> tuple[Any, Sequence[GraphQLError]]:
        """The document's data and errors."""
        try:
            data = self._plan.root.shape({None: _NO_PARENT}, self)[None]
            while self._pending:
                await self._level()
        except Exception:
            # A compiled function met an error or an unexpected value. The error path tells which
            # one, and where.
            return await ErrorPath(self._reads, self._plan.root).answer(_NO_PARENT)
        return data, ()

    def sink(self, field: Field) -> tuple[Callable[[Any], None], Callable[[Any], None]]:
        """Two functions: one takes keys or parents to read a field by, one the dicts to fill."""
        by: list[Any] = []
        waiting: list[Any] = []
        self._pending.append((field, by, waiting))
        return by.append, waiting.append

    async def _level(self) -> None:
        level = [one for one in self._pending if one[1]]
        self._pending = []
        await self._reads.read([(field, by) for field, by, _ in level])
        for field, by, waiting in level:
            if isinstance(field.loader, BatchLoader):
                known = self._reads.batch(field)
                # Parents with the same key share one value, which is shaped once.
                shaped = field.shape({key: known[key] for key in by}, self)
            else:
                found = {id(parent): self._reads.single(field, parent) for parent in by}
                shaped = field.shape(found, self)
                by = [id(parent) for parent in by]
            key = field.key
            for one, holder in zip(by, waiting, strict=True):
                holder[key] = shaped[one]

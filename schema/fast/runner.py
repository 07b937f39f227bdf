"""Running a compiled document: level by level, each level's fields read at the same time."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

from graphql import GraphQLError

from schema.building.reads import Batched, Single, batch_name, page_arguments
from schema.fast.arguments import Variables
from schema.fast.error_path import Careful
from schema.fast.plan import Field, Plan
from services.operation.context import Request
from services.operation.paging import Page

#: What the root fields are read under: they need nothing of it.
_NOBODY = object()


class Run:
    """One document being run for one request, and everything read for it so far."""

    def __init__(self, plan: Plan, request: Request, variables: Variables) -> None:
        self._plan = plan
        self._request = request
        self._variables = variables
        self._pending: list[tuple[Field, list[Any], list[Any]]] = []
        self._arguments: dict[Field, tuple[dict[str, Any], bytes]] = {}
        #: Values, or the errors instead of them: of a batch by key, else by field and parent.
        self._batches: dict[Any, dict[Any, Any]] = {}
        self._singles: dict[tuple[Field, int], Any] = {}

    async def answer(self) -> tuple[Any, Sequence[GraphQLError]]:
        """The document's data and errors."""
        try:
            data = self._plan.root.shape({None: _NOBODY}, self)[None]
            while self._pending:
                await self._level()
        except Exception:
            # Something is not as it should be: which it is, and where, is told with more care.
            return await Careful(self, self._plan.root).answer(_NOBODY)
        return data, ()

    def sink(self, field: Field) -> tuple[Callable[[Any], None], Callable[[Any], None]]:
        """Where compiled functions put what a field is read by, and the dicts that wait for it."""
        by: list[Any] = []
        waiting: list[Any] = []
        self._pending.append((field, by, waiting))
        return by.append, waiting.append

    async def _level(self) -> None:
        level = [one for one in self._pending if one[1]]
        self._pending = []
        await self.read([(field, by) for field, by, _ in level])
        for field, by, waiting in level:
            if isinstance(field.loader, Batched):
                known = self._batches[self._batch(field)]
                # Once for all parents that hold the same thing.
                shaped = field.shape({key: known[key] for key in by}, self)
            else:
                found = {id(parent): self._singles[field, id(parent)] for parent in by}
                shaped = field.shape(found, self)
                by = [id(parent) for parent in by]
            key = field.key
            for one, holder in zip(by, waiting, strict=True):
                holder[key] = shaped[one]

    async def read(self, wanted: Sequence[tuple[Field, Sequence[Any]]]) -> None:
        """Read fields for keys (batches) or parents, all at once, unless they are known.

        Errors are kept in place of values. Raises `GraphQLError` for arguments that do not fit.
        """
        calls: list[Awaitable[None]] = []
        batches: dict[Any, tuple[Field, dict[Any, None]]] = {}
        for field, _ in wanted:
            self.given(field)
        for field, by in wanted:
            if isinstance(field.loader, Batched):
                name = self._batch(field)
                known = self._batches.setdefault(name, {})
                keys = batches.setdefault(name, (field, {}))[1]
                keys.update((key, None) for key in by if key not in known)
            else:
                known = self._singles
                calls += [self._call(field, one) for one in by if (field, id(one)) not in known]
        calls += [
            self._load(name, field, list(keys)) for name, (field, keys) in batches.items() if keys
        ]
        if len(calls) > 1:
            await asyncio.gather(*calls)
        elif calls:
            await calls[0]

    def given(self, field: Field) -> tuple[dict[str, Any], bytes]:
        """A field's arguments, and what tells them apart."""
        found = self._arguments.get(field)
        if found is None:
            given = field.arguments.given(self._variables) if field.arguments else {}
            if field.loader is not None and field.loader.paged:
                given = page_arguments(given, field.counts)
            name = batch_name(given) if isinstance(field.loader, Batched) else b""
            found = self._arguments[field] = given, name
        return found

    def value(self, field: Field, by: Any) -> Any:
        """What was read; raises the error in its place."""
        if isinstance(field.loader, Batched):
            found = self._batches[self._batch(field)][by]
        else:
            found = self._singles[field, id(by)]
        if isinstance(found, Exception):
            raise found
        then = field.loader.then if isinstance(field.loader, Batched) else None
        return found if then is None else getattr(found, then)

    def _batch(self, field: Field) -> tuple[Any, bytes]:
        assert isinstance(field.loader, Batched)
        return field.loader.name, self.given(field)[1]

    async def _call(self, field: Field, parent: Any) -> None:
        loader = field.loader
        assert isinstance(loader, Single)
        try:
            if field.wanted is None:
                found = await loader.call(self._request, self.given(field)[0])
            else:
                found = await loader.call(self._request, self.given(field)[0], wanted=field.wanted)
                self._keep_brought(field, found.items if isinstance(found, Page) else (found,))
        except Exception as error:
            found = error
        self._singles[field, id(parent)] = found

    async def _load(self, name: Any, field: Field, keys: list[Any]) -> None:
        loader = field.loader
        assert isinstance(loader, Batched)
        known = self._batches[name]
        try:
            if field.wanted is None:
                found = await loader.load(self._request, keys, self.given(field)[0])
            else:
                given = self.given(field)[0]
                found = await loader.load(self._request, keys, given, wanted=field.wanted)
                self._keep_brought(field, found.values())
            known.update((key, found.get(key)) for key in keys)
        except Exception as error:
            known.update((key, error) for key in keys)

    def _keep_brought(self, field: Field, things: Iterable[Any]) -> None:
        """What came in the same statement as what holds its key need not be read."""
        for key, name in field.brought:
            known = self._batches.setdefault((name, b""), {})
            for thing in things:
                other = getattr(thing, f"at_{key}", _ABSENT)
                if other is not _ABSENT:
                    known[getattr(thing, key)] = other


_ABSENT = object()

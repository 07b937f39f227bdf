"""`Reads`: everything that one run of a compiled document has read so far."""

import asyncio
from collections.abc import Awaitable, Iterable, Sequence
from typing import Any

from schema.building.loaders import BatchLoader, SingleLoader, batch_name, loader_arguments
from schema.fast.arguments import Variables
from schema.fast.plan import Field
from services.operation.context import Request
from services.operation.paging import Page

_ABSENT = object()


class Reads:
    """The values of a run, read once each; an error stands in place of the value it hides."""

    def __init__(self, request: Request, variables: Variables) -> None:
        self._request = request
        self._variables = variables
        self._arguments: dict[Field, tuple[dict[str, Any], bytes]] = {}
        #: By batch and key.
        self._batches: dict[Any, dict[Any, Any]] = {}
        #: By field and parent, for fields that read with one call for each parent.
        self._singles: dict[tuple[Field, int], Any] = {}

    async def read(self, wanted: Sequence[tuple[Field, Sequence[Any]]]) -> None:
        """Read fields for keys (batches) or parents, all at once, unless they are known.

        Raises `GraphQLError` for arguments that do not fit.
        """
        calls: list[Awaitable[None]] = []
        batches: dict[Any, tuple[Field, dict[Any, None]]] = {}
        for field, _ in wanted:
            self.given(field)
        for field, by in wanted:
            if isinstance(field.loader, BatchLoader):
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
        """A field's arguments and their name in its batch.

        Raises `GraphQLError` for arguments that do not fit.
        """
        found = self._arguments.get(field)
        if found is None:
            given = field.arguments.given(self._variables) if field.arguments else {}
            if field.loader is not None:
                given = loader_arguments(field.loader, given, field.counts)
            name = batch_name(given) if isinstance(field.loader, BatchLoader) else b""
            found = self._arguments[field] = given, name
        return found

    def batch(self, field: Field) -> dict[Any, Any]:
        """The values and errors of a field's batch, by key."""
        return self._batches[self._batch(field)]

    def single(self, field: Field, parent: Any) -> Any:
        """The value or error that a field's call gave for a parent."""
        return self._singles[field, id(parent)]

    def value(self, field: Field, by: Any) -> Any:
        """The value of a field for a key or parent; raises the error in its place."""
        is_batch = isinstance(field.loader, BatchLoader)
        found = self.batch(field)[by] if is_batch else self.single(field, by)
        if isinstance(found, Exception):
            raise found
        attribute = field.loader.attribute if isinstance(field.loader, BatchLoader) else None
        return found if attribute is None else getattr(found, attribute)

    def _batch(self, field: Field) -> tuple[Any, bytes]:
        assert isinstance(field.loader, BatchLoader)
        return field.loader.name, self.given(field)[1]

    async def _call(self, field: Field, parent: Any) -> None:
        loader = field.loader
        assert isinstance(loader, SingleLoader)
        try:
            if field.wanted is None:
                found = await loader.call(self._request, self.given(field)[0])
            else:
                found = await loader.call(self._request, self.given(field)[0], wanted=field.wanted)
                self._keep_joined(field, found.items if isinstance(found, Page) else (found,))
        except Exception as error:
            found = error
        self._singles[field, id(parent)] = found

    async def _load(self, name: Any, field: Field, keys: list[Any]) -> None:
        loader = field.loader
        assert isinstance(loader, BatchLoader)
        known = self._batches[name]
        try:
            if field.wanted is None:
                found = await loader.load(self._request, keys, self.given(field)[0])
            else:
                given = self.given(field)[0]
                found = await loader.load(self._request, keys, given, wanted=field.wanted)
                self._keep_joined(field, found.values())
            known.update((key, found.get(key)) for key in keys)
        except Exception as error:
            known.update((key, error) for key in keys)

    def _keep_joined(self, field: Field, things: Iterable[Any]) -> None:
        """Keep the things that were joined by a key, so that nothing reads them again."""
        for key, name in field.joined:
            known = self._batches.setdefault((name, b""), {})
            for thing in things:
                other = getattr(thing, f"at_{key}", _ABSENT)
                if other is not _ABSENT:
                    known[getattr(thing, key)] = other

"""Reads that come in one turn of the event loop, asked together.

Requests arrive in bunches, and ask alike: for things of one kind by their ids, for the same hot
page, or for pages of one list. Together they are one statement, where each alone costs some 100 µs
here and as much in PostgreSQL. What comes while a statement runs begins the next.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import Context
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from persistence.database.failures import Unavailable
from persistence.fast.json_rows import JsonRowsQuery

Rows = list[Any]
Run = Callable[[JsonRowsQuery[Any], list[list[Any]]], Awaitable[list[Rows]]]

#: Ids of one statement, as many as a page of a hundred has lines; the next one takes the rest.
_MOST_IDS = 1_000
#: Questions of one statement that differ in their values: PostgreSQL answers them one after the
#: other, so there are as many as took this long before. Dear ones go alone, beside each other.
_MOST_JOINED, _JOINED_SECONDS = 8, 0.02


class _Asker(NamedTuple):
    answer: "asyncio.Future[Rows]"
    #: What it wants of the rows; None is all of them.
    ids: list[str] | None


@dataclass(slots=True)
class _Bunch:
    query: JsonRowsQuery[Any]
    values: dict[str, Any]
    askers: list[_Asker] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)

    def arguments(self) -> list[Any]:
        """What the statement is given."""
        values = {**self.values, "ids": list(self.ids)} if self.query.by_ids else self.values
        return self.query.arguments(values)

    def answer_all(self, rows: Rows) -> None:
        """Give everybody who asked what they asked for."""
        found = {row.id: row for row in rows} if self.query.by_ids else {}
        for answer, ids in self.askers:
            if answer.done():
                continue
            if ids is None:
                answer.set_result(list(rows))
            else:
                answer.set_result([found[id] for id in dict.fromkeys(ids) if id in found])

    def fail(self, error: BaseException) -> None:
        """Let everybody who asked know that there is no answer."""
        for answer, _ in self.askers:
            if not answer.done():
                answer.set_exception(error)
                # Who has gone meanwhile will not ask for it.
                answer.exception()


class Coalescer:
    """The reads of one event loop that are about to be asked."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._waiting: dict[Any, _Bunch] = {}
        self._full: list[_Bunch] = []
        # The event loop itself keeps no hold of its tasks. At most one for each request.
        self._asked: set[asyncio.Task[None]] = set()

    async def all(self, query: JsonRowsQuery[Any], values: dict[str, Any]) -> Rows:
        """Every row of the answer; raises what the statement does."""
        ids: list[str] | None = values["ids"] if query.by_ids else None
        others = query.arguments({**values, "ids": ()} if query.by_ids else values)
        key = (query, *(tuple(one) if isinstance(one, list) else one for one in others))
        bunch = self._waiting.get(key)
        if bunch is None or len(bunch.ids) > _MOST_IDS:
            if not self._waiting:
                # In nobody's context: its log lines are not those of the first who asked.
                asyncio.get_running_loop().call_soon(self._ask, context=Context())
            elif bunch is not None:
                self._full.append(bunch)
            bunch = self._waiting[key] = _Bunch(query, values)
        # A future each: who is cancelled leaves the others their answer.
        answer: asyncio.Future[Rows] = asyncio.get_running_loop().create_future()
        bunch.askers.append(_Asker(answer, ids))
        if ids is not None:
            bunch.ids.update(ids)
        return await answer

    def _ask(self) -> None:
        alike: dict[JsonRowsQuery[Any], list[_Bunch]] = {}
        for bunch in [*self._full, *self._waiting.values()]:
            alike.setdefault(bunch.query, []).append(bunch)
        self._full, self._waiting = [], {}
        for query, bunches in alike.items():
            lately = _JOINED_SECONDS if query.seconds is None else query.seconds
            most = max(1, min(_MOST_JOINED, int(_JOINED_SECONDS / lately)))
            for start in range(0, len(bunches), most):
                self._beside(self._answer(query, bunches[start : start + most]))

    def _beside(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._asked.add(task)
        task.add_done_callback(self._asked.discard)

    async def _answer(self, query: JsonRowsQuery[Any], bunches: list[_Bunch]) -> None:
        started = time.perf_counter()
        try:
            found = await self._run(query, [bunch.arguments() for bunch in bunches])
        except BaseException as error:
            asked_wrong = isinstance(error, Exception) and not isinstance(error, Unavailable)
            if asked_wrong and len(bunches) > 1:
                # It may be what one of them asked, and nobody is to fail because of another.
                for bunch in bunches:
                    self._beside(self._answer(query, [bunch]))
                return
            for bunch in bunches:
                bunch.fail(error)
            if isinstance(error, Exception):
                return
            raise
        took = (time.perf_counter() - started) / len(bunches)
        lately = took if query.seconds is None else query.seconds
        query.seconds = lately + (took - lately) / 4
        for bunch, rows in zip(bunches, found, strict=True):
            bunch.answer_all(rows)

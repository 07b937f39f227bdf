"""Reads that come in one turn of the event loop, sent as one statement.

Requests arrive in bunches, and ask alike: for things of one kind by their ids, for the same hot
page, or for pages of one list. Sent alone, each read costs some 100 µs here and as much in
PostgreSQL. A read that comes while a statement runs joins the next statement.
"""

import asyncio
import time
from collections.abc import Coroutine, Sequence
from contextvars import Context
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, NamedTuple, TypeVar

from persistence.database.connections import ConnectionPool, QueryStats
from persistence.database.failures import Unavailable
from persistence.database.statements import ListQuery, Query
from persistence.database.transactions import Reader
from persistence.fast.json_rows import JsonRows, json_rows

Row = TypeVar("Row")
Rows = list[Any]

#: The most ids of one statement, as many as a page of a hundred orders has lines; more ids go into
#: the next statement.
_MOST_IDS = 1_000
#: The most questions of one statement that differ in their values. PostgreSQL answers them one
#: after the other, so a statement gets as many as lately took this many seconds together. Slow
#: questions go alone, beside each other.
_MOST_JOINED, _JOINED_SECONDS = 8, 0.02


class CoalescingReader(Reader):
    """Sends reads together with those of other requests, where their rows travel as one text."""

    def __init__(self, pool: ConnectionPool, coalescer: "Coalescer", stats: QueryStats) -> None:
        super().__init__(pool, stats)
        self._coalescer = coalescer

    async def all(self, query: Query[Row], **values: Any) -> list[Row]:
        """Every row of the answer."""
        rows_query = json_rows(query) if isinstance(query, ListQuery) else None
        if rows_query is None:
            return await super().all(query, **values)
        self.stats.statements += 1
        started = time.perf_counter()
        try:
            return await self._coalescer.all(rows_query, values, self.stats)
        finally:
            self.stats.seconds += time.perf_counter() - started


class _Asker(NamedTuple):
    """One read that waits for its rows."""

    answer: "asyncio.Future[Rows]"
    #: The ids that it asks for; None for all rows.
    ids: list[str] | None
    #: Those of the request, for the log.
    stats: QueryStats


@dataclass(slots=True)
class _Bunch:
    """Reads that are one question: they differ in their ids alone."""

    rows_query: JsonRows[Any]
    values: dict[str, Any]
    askers: list[_Asker] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)

    def arguments(self) -> list[Any]:
        """The values of the statement, in its order."""
        query = self.rows_query.query
        values = {**self.values, "ids": list(self.ids)} if query.by_ids else self.values
        return query.arguments(values)

    def answer_all(self, rows: Rows) -> None:
        """Give each read its rows."""
        found = {row.id: row for row in rows} if self.rows_query.query.by_ids else {}
        for answer, ids, _ in self.askers:
            if answer.done():
                continue
            if ids is None:
                answer.set_result(list(rows))
            else:
                answer.set_result([found[id] for id in dict.fromkeys(ids) if id in found])

    def fail(self, error: BaseException) -> None:
        """Raise the error from each read."""
        for answer, _, _ in self.askers:
            if not answer.done():
                answer.set_exception(error)
                # Marks it as seen: a request that was cancelled never fetches its exception.
                answer.exception()


class Coalescer:
    """The reads of one event loop that wait for the end of its turn."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        self._waiting: dict[Any, _Bunch] = {}
        self._full: list[_Bunch] = []
        # The event loop keeps no reference to its tasks. There is at most one for each request.
        self._asked: set[asyncio.Task[None]] = set()

    async def all(
        self, rows_query: JsonRows[Any], values: dict[str, Any], stats: QueryStats
    ) -> Rows:
        """Every row of the answer; raises what the statement raises."""
        query = rows_query.query
        ids: list[str] | None = values["ids"] if query.by_ids else None
        others = query.arguments({**values, "ids": ()} if query.by_ids else values)
        key = (rows_query, *(tuple(one) if isinstance(one, list) else one for one in others))
        bunch = self._waiting.get(key)
        if bunch is None or len(bunch.ids) > _MOST_IDS:
            if not self._waiting:
                # In a context of its own: its log lines do not name the first request.
                asyncio.get_running_loop().call_soon(self._ask, context=Context())
            elif bunch is not None:
                self._full.append(bunch)
            bunch = self._waiting[key] = _Bunch(rows_query, values)
        # Each read has a future of its own, so that a cancelled read takes no other one along.
        answer: asyncio.Future[Rows] = asyncio.get_running_loop().create_future()
        bunch.askers.append(_Asker(answer, ids, stats))
        if ids is not None:
            bunch.ids.update(ids)
        return await answer

    def _ask(self) -> None:
        alike: dict[JsonRows[Any], list[_Bunch]] = {}
        for bunch in [*self._full, *self._waiting.values()]:
            alike.setdefault(bunch.rows_query, []).append(bunch)
        self._full, self._waiting = [], {}
        for rows_query, bunches in alike.items():
            lately = _JOINED_SECONDS if rows_query.seconds is None else rows_query.seconds
            most = max(1, min(_MOST_JOINED, int(_JOINED_SECONDS / lately)))
            for start in range(0, len(bunches), most):
                self._beside(self._answer(rows_query, bunches[start : start + most]))

    def _beside(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._asked.add(task)
        task.add_done_callback(self._asked.discard)

    async def _answer(self, rows_query: JsonRows[Any], bunches: list[_Bunch]) -> None:
        started = time.perf_counter()
        try:
            found = await self._run(rows_query, bunches)
        except BaseException as error:
            asked_wrong = isinstance(error, Exception) and not isinstance(error, Unavailable)
            if asked_wrong and len(bunches) > 1:
                # One question may be at fault, and no read may fail because of another.
                for bunch in bunches:
                    self._beside(self._answer(rows_query, [bunch]))
                return
            for bunch in bunches:
                bunch.fail(error)
            if isinstance(error, Exception):
                return
            raise
        took = (time.perf_counter() - started) / len(bunches)
        lately = took if rows_query.seconds is None else rows_query.seconds
        rows_query.seconds = lately + (took - lately) / 4
        for bunch, rows in zip(bunches, found, strict=True):
            bunch.answer_all(rows)

    async def _run(self, rows_query: JsonRows[Any], bunches: Sequence[_Bunch]) -> list[Rows]:
        """The rows for each of several questions, in one statement."""
        sql = rows_query.joined(len(bunches))
        arguments = chain.from_iterable([bunch.arguments() for bunch in bunches])
        asked_by = (one.stats for bunch in bunches for one in bunch.askers)
        async with self._pool.connection() as connection:
            [texts] = await self._pool.fetch(connection, sql, arguments, asked_by=asked_by)
        return [rows_query.unpack(text) for text in texts]

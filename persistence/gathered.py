"""Reads that come in one turn of the event loop, asked together.

Requests arrive in bunches, and ask alike: for things of one kind by their ids, or for the same hot
page. Together they are one statement and one answer to decode, where each alone costs 70 µs. None
waits for another: what comes while a statement runs begins the next.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from persistence.packed import PackedQuery

Rows = list[Any]
Run = Callable[[PackedQuery[Any], list[Any]], Awaitable[Rows]]

#: Ids of one statement, as many as a page of a hundred has lines; the next one takes the rest.
_MOST_IDS = 1_000


class _Asker(NamedTuple):
    answer: "asyncio.Future[Rows]"
    #: What it wants of the rows; None is all of them.
    ids: list[str] | None


@dataclass(slots=True)
class _Bunch:
    query: PackedQuery[Any]
    values: dict[str, Any]
    askers: list[_Asker] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)


class Gathered:
    """The reads of one event loop that are about to be asked."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._waiting: dict[Any, _Bunch] = {}
        # The event loop itself keeps no hold of its tasks. At most one for each request.
        self._asked: set[asyncio.Task[None]] = set()

    async def all(self, query: PackedQuery[Any], values: dict[str, Any]) -> Rows:
        """Every row of the answer; raises what the statement does."""
        ids: list[str] | None = values["ids"] if query.by_ids else None
        others = query.arguments({**values, "ids": ()} if query.by_ids else values)
        key = (query, *(tuple(one) if isinstance(one, list) else one for one in others))
        bunch = self._waiting.get(key)
        if bunch is None or len(bunch.ids) > _MOST_IDS:
            bunch = self._waiting[key] = _Bunch(query, values)
            asyncio.get_running_loop().call_soon(self._ask, key, bunch)
        # A future each: who is cancelled leaves the others their answer.
        answer: asyncio.Future[Rows] = asyncio.get_running_loop().create_future()
        bunch.askers.append(_Asker(answer, ids))
        if ids is not None:
            bunch.ids.update(ids)
        return await answer

    def _ask(self, key: Any, bunch: _Bunch) -> None:
        if self._waiting.get(key) is bunch:
            del self._waiting[key]
        task = asyncio.get_running_loop().create_task(self._answer(bunch))
        self._asked.add(task)
        task.add_done_callback(self._asked.discard)

    async def _answer(self, bunch: _Bunch) -> None:
        values = {**bunch.values, "ids": list(bunch.ids)} if bunch.query.by_ids else bunch.values
        try:
            rows = await self._run(bunch.query, bunch.query.arguments(values))
        except BaseException as error:
            for asker in bunch.askers:
                if not asker.answer.done():
                    asker.answer.set_exception(error)
                    # Who has gone meanwhile will not ask for it.
                    asker.answer.exception()
            if isinstance(error, Exception):
                return
            raise
        found = {row.id: row for row in rows} if bunch.query.by_ids else {}
        for answer, ids in bunch.askers:
            if answer.done():
                continue
            if ids is None:
                answer.set_result(list(rows))
            else:
                answer.set_result([found[id] for id in dict.fromkeys(ids) if id in found])

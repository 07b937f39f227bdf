"""Charges of all calls of one turn of the event loop, in one run of the quota's script.

A charge costs 15 µs with sixteen calls in a turn, and 55 µs alone. By redis-py it costs 110 and
145 µs.
"""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

from redis.exceptions import NoScriptError

from services.fast.redis_pipeline import Pipeline, resolve_future
from services.quota.gcra import SCRIPT, Charge, script_arguments
from services.redis_calls import Word

#: Calls that share a run of the script. Each one keeps Redis from everybody else for 3 µs.
_MOST_JOINED = 64


class _Group(NamedTuple):
    charges: Sequence[Charge]
    now: int
    future: "asyncio.Future[Sequence[int]]"


class JoinedCharges:
    """Collects the charges of one turn and sends them together."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._groups: list[_Group] = []

    def ask(self, charges: Sequence[Charge], now: int) -> "asyncio.Future[Sequence[int]]":
        """Whether the charges are allowed, and when each budget will be full."""
        future = asyncio.get_running_loop().create_future()
        if not self._groups:
            self._pipeline.before_write(self._send)
        self._groups.append(_Group(charges, now, future))
        return future

    def _send(self) -> None:
        waiting, self._groups = self._groups, []
        for start in range(0, len(waiting), _MOST_JOINED):
            groups = waiting[start : start + _MOST_JOINED]
            keys = [charge.key for charges, _, _ in groups for charge in charges]
            words: list[Word] = ["EVALSHA", SCRIPT.sha, len(keys), *keys]
            for charges, now, _ in groups:
                words += script_arguments(charges, now)
            self._pipeline.send(words, partial(self._answered, groups, words))

    def _answered(self, groups: list[_Group], words: list[Word], reply: Any) -> None:
        if isinstance(reply, NoScriptError):
            words[:2] = "EVAL", SCRIPT.text
            self._pipeline.send(words, partial(self._answered, groups, words))
        elif isinstance(reply, Exception):
            for _, _, future in groups:
                resolve_future(future, reply)
        else:
            start = 0
            for charges, _, future in groups:
                end = start + 1 + len(charges)
                resolve_future(future, reply[start:end])
                start = end

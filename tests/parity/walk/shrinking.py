"""Shrinks a call whose answers differ to the smallest one whose answers still do."""

from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from tests.parity.walk.callers import NOBODY, Caller
from tests.parity.walk.calls import FORMS, Call
from tests.shop import new_key

#: Calls that shrinking may try.
_MOST_TRIES = 80
_SIMPLER: tuple[Any, ...] = (None, 0, "x")

Differs = Callable[[Call], Awaitable[bool]]


async def shrunk(call: Call, differs: Differs) -> Call:
    """The smallest call that still ``differs``; the call itself when it cannot be repeated."""
    tries = 0
    smaller = True
    while smaller and tries < _MOST_TRIES:
        smaller = False
        for candidate in _simpler(call):
            tries += 1
            # A key that was used would only replay.
            fresh = candidate.but(key=new_key()) if candidate.key is not None else candidate
            if await differs(fresh):
                call, smaller = fresh, True
                break
            if tries >= _MOST_TRIES:
                break
    return call


def _simpler(call: Call) -> Iterator[Call]:
    """Calls that say less, or say it in a simpler way."""
    for changes in (
        {"caller": Caller(NOBODY)} if call.caller.headers else None,
        {"only": ()} if call.only else None,
        {"if_match": None} if call.if_match else None,
        {"key": None, "key_as_argument": False} if call.key is not None else None,
        {"key_as_argument": False} if call.key_as_argument else None,
        {"form": FORMS[0]} if call.form != FORMS[0] else None,
    ):
        if changes is not None:
            yield call.but(**changes)
    for values in _smaller(dict(call.values)):
        if values.get("id") == call.values.get("id"):
            yield call.but(values=values)


def _smaller(value: Any) -> Iterator[Any]:
    """The same value without one of its parts, or with a simpler one."""
    if isinstance(value, dict):
        for name in value:
            yield {other: item for other, item in value.items() if other != name}
        for name, item in value.items():
            for simpler in _smaller(item):
                yield {**value, name: simpler}
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield [*value[:place], *value[place + 1 :]]
            for simpler in _smaller(item):
                yield [*value[:place], simpler, *value[place + 1 :]]
    elif isinstance(value, str) and len(value) > 40:
        yield value[: len(value) // 2]
    elif value not in _SIMPLER:
        yield from _SIMPLER

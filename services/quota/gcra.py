"""Budgets that refill: the generic cell rate algorithm, in Redis, and in here while Redis is away.

All that is kept of a budget is when it will be full again. Spending moves that time ahead, by one
interval a unit; what would move it further ahead than the whole budget takes to refill is refused.
Times are whole microseconds, which Lua's numbers hold exactly: nothing drifts.
"""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import MutableMapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import structlog
from redis.asyncio import Redis
from redis.exceptions import NoScriptError, RedisError

from services.fast.redis_pipeline import Pipeline, Word, resolve_future
from services.redis_breaker import RedisBreaker

log = structlog.get_logger("tandem.quota")

#: Charges of a process that are under way in Redis at a time; others wait for their turn.
_AT_ONCE = 50
#: Calls that share a run of the script, which keeps Redis from everybody else for some 3 µs each.
_MOST_JOINED = 64
#: Budgets remembered in a process while Redis is away, some 20 MB at the most; the one that was
#: used longest ago is forgotten, which is as if it were full.
_MOST_KEPT = 100_000
#: So much, in µs, may the processes' clocks differ. A time that lies further ahead than an empty
#: budget's was written by a clock that was wrong: it is not believed, and the budget is full.
_CLOCKS_DIFFER = 10_000_000

#: Groups of charges, one after the other; of each group all are let in or none. KEYS: one for each
#: budget. ARGV: of each group how many charges, now, and then of each charge interval, units, cost
#: and milliseconds to keep the key. Answers of each group whether it was let in, and when each of
#: its budgets will be full.
#:
#: Now is given, not asked of Redis: the process's clock decides about every other time as well, so
#: one clock in a test moves all of them.
SCRIPT = f"""
local answer, key, given = {{}}, 1, 1
while given <= #ARGV do
    local charges, now = tonumber(ARGV[given]), tonumber(ARGV[given + 1])
    local allowed, full_at, spent = 1, {{}}, {{}}
    for place = 1, charges do
        local of = given + 4 * place - 2
        local interval, units = tonumber(ARGV[of]), tonumber(ARGV[of + 1])
        local latest = now + interval * units
        local kept = tonumber(redis.call('GET', KEYS[key + place - 1]) or now)
        if kept > latest + {_CLOCKS_DIFFER} then
            kept = now
        end
        full_at[place] = math.max(now, math.min(kept, latest))
        spent[place] = interval * tonumber(ARGV[of + 2])
        if full_at[place] + spent[place] > latest then
            allowed = 0
        end
    end
    answer[#answer + 1] = allowed
    for place = 1, charges do
        if allowed == 1 and spent[place] > 0 then
            full_at[place] = full_at[place] + spent[place]
            redis.call('SET', KEYS[key + place - 1], string.format('%.0f', full_at[place]),
                'PX', ARGV[given + 4 * place + 1])
        end
        answer[#answer + 1] = full_at[place]
    end
    key, given = key + charges, given + 2 + 4 * charges
end
return answer
"""
_SHA = hashlib.sha1(SCRIPT.encode(), usedforsecurity=False).hexdigest()


class Charge(NamedTuple):
    """So much of one budget: ``interval`` µs bring back one of its ``units``.

    A cost above the whole budget takes the whole budget: it is let in when the budget is full,
    where it would wait for ever otherwise. A cost of nothing only looks.
    """

    key: str
    interval: int
    units: int
    cost: int

    @property
    def takes(self) -> int:
        """The units that are really taken."""
        return min(self.cost, self.units)


class Balance(NamedTuple):
    """A budget after a charge: what is left of it, and two waits in microseconds."""

    remaining: int
    #: Until the charge would be let in; 0 unless this budget refused it.
    retry_after: int
    #: Until the budget is full.
    full_after: int


class Spent(NamedTuple):
    """Whether all charges were let in, and the budgets after it, in the charges' order."""

    allowed: bool
    balances: list[Balance]


def spend(
    full_at: MutableMapping[str, int], charges: Sequence[Charge], now: int
) -> tuple[bool, list[int]]:
    """What `SCRIPT` does, on a mapping: all charges or none."""
    times = []
    allowed = True
    for charge in charges:
        latest = now + charge.interval * charge.units
        kept = full_at.get(charge.key, now)
        if kept > latest + _CLOCKS_DIFFER:
            kept = now
        times.append(max(now, min(kept, latest)))
        allowed &= times[-1] + charge.interval * charge.takes <= latest
    if allowed:
        for place, charge in enumerate(charges):
            if charge.takes:
                times[place] += charge.interval * charge.takes
                full_at[charge.key] = times[place]
    return allowed, times


class Budgets:
    """The budgets of all processes in Redis; in here this process's share, while Redis is away."""

    def __init__(
        self, redis: Redis, seconds: float, processes: int, pipeline: Pipeline | None = None
    ) -> None:
        self._redis = redis
        self._seconds = seconds
        self._processes = processes
        self._ask = self._ask_alone if pipeline is None else _Joined(pipeline).ask
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._kept: OrderedDict[str, int] = OrderedDict()
        self._breaker = RedisBreaker(seconds)

    async def spend(self, charges: Sequence[Charge], now: int) -> Spent:
        """Charge all of them or none, in one round trip.

        ``now`` is in µs since 1970. Never fails; takes at most as long as a Redis call may.
        """
        if self._breaker.skips():
            return self._spend_share(charges, now)
        try:
            allowed, *times = await self._ask(charges, now)
        except (RedisError, OSError) as error:
            if self._breaker.failed():
                log.warning("redis not reachable: each process limits its share", error=repr(error))
            return self._spend_share(charges, now)
        if self._breaker.worked():
            log.info("redis is back: one quota for all processes")
            self._kept.clear()
        return _spent(charges, bool(allowed), times, now)

    async def _ask_alone(self, charges: Sequence[Charge], now: int) -> Sequence[int]:
        """One run of the script for one call's charges."""
        keys, given = [charge.key for charge in charges], _given(charges, now)
        redis: Any = self._redis
        async with asyncio.timeout(self._seconds), self._turns:
            try:
                return await redis.evalsha(_SHA, len(keys), *keys, *given)
            except NoScriptError:  # the first call of all, or of a Redis that was restarted
                return await redis.eval(SCRIPT, len(keys), *keys, *given)

    def _spend_share(self, charges: Sequence[Charge], now: int) -> Spent:
        shares = [
            charge._replace(
                interval=charge.interval * self._processes,
                units=max(1, charge.units // self._processes),
            )
            for charge in charges
        ]
        allowed, times = spend(self._kept, shares, now)
        for charge in shares:
            if charge.key in self._kept:
                self._kept.move_to_end(charge.key)
        while len(self._kept) > _MOST_KEPT:
            self._kept.popitem(last=False)
        return _spent(shares, allowed, times, now)


class _Group(NamedTuple):
    charges: Sequence[Charge]
    now: int
    future: "asyncio.Future[Sequence[int]]"


class _Joined:
    """The charges of all calls of one turn, in one run of the script: that is some 15 µs
    a call with sixteen of them, and 55 with one, where redis-py takes 110 and 145."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._groups: list[_Group] = []

    def ask(self, charges: Sequence[Charge], now: int) -> "asyncio.Future[Sequence[int]]":
        """Whether the charges were let in, and when each budget will be full."""
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
            words: list[Word] = ["EVALSHA", _SHA, len(keys), *keys]
            for charges, now, _ in groups:
                words += _given(charges, now)
            self._pipeline.send(words, partial(self._answered, groups, words))

    def _answered(self, groups: list[_Group], words: list[Word], reply: Any) -> None:
        if isinstance(reply, NoScriptError):
            words[:2] = "EVAL", SCRIPT
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


def _given(charges: Sequence[Charge], now: int) -> list[int]:
    given = [len(charges), now]
    for charge in charges:
        # For as long as it could take to refill: a full budget needs no key.
        kept = charge.interval * charge.units + _CLOCKS_DIFFER
        given += (charge.interval, charge.units, charge.takes, kept // 1000)
    return given


def _spent(charges: Sequence[Charge], allowed: bool, times: Sequence[int], now: int) -> Spent:
    balances = []
    for charge, full_at in zip(charges, times, strict=True):
        room = now + charge.interval * charge.units - full_at
        lacking = charge.interval * charge.takes - room
        retry_after = 0 if allowed else max(0, lacking)
        balances.append(Balance(room // charge.interval, retry_after, full_at - now))
    return Spent(allowed, balances)

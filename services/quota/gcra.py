"""Budgets that refill: the generic cell rate algorithm, in Redis, and in here while Redis is away.

All that is kept of a budget is when it will be full again. Spending moves that time ahead, by one
interval a unit; what would move it further ahead than the whole budget takes to refill is refused.
Times are whole microseconds, which Lua's numbers hold exactly: nothing drifts.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import NamedTuple

import structlog
from redis.exceptions import RedisError

from services.redis_breaker import RedisBreaker
from services.redis_calls import RedisCalls, Script

log = structlog.get_logger("tandem.quota")

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
SCRIPT = Script(f"""
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
""")


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


Ask = Callable[[Sequence[Charge], int], Awaitable[Sequence[int]]]


async def ask_redis(calls: RedisCalls, charges: Sequence[Charge], now: int) -> Sequence[int]:
    """Run the script for one call's charges: whether they are allowed, and when each budget will
    be full."""
    keys = [charge.key for charge in charges]
    return await SCRIPT.run(calls, keys, script_arguments(charges, now))


class Budgets:
    """The budgets of all processes in Redis. While Redis is away, this process's share of them."""

    def __init__(self, ask: Ask, seconds: float, processes: int) -> None:
        self._ask = ask
        self._processes = processes
        #: When each budget will be full, while Redis is away.
        self._full_at: OrderedDict[str, int] = OrderedDict()
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
            self._full_at.clear()
        return _spent(charges, bool(allowed), times, now)

    def _spend_share(self, charges: Sequence[Charge], now: int) -> Spent:
        shares = [
            charge._replace(
                interval=charge.interval * self._processes,
                units=max(1, charge.units // self._processes),
            )
            for charge in charges
        ]
        allowed, times = spend(self._full_at, shares, now)
        for charge in shares:
            if charge.key in self._full_at:
                self._full_at.move_to_end(charge.key)
        while len(self._full_at) > _MOST_KEPT:
            self._full_at.popitem(last=False)
        return _spent(shares, allowed, times, now)


def script_arguments(charges: Sequence[Charge], now: int) -> list[int]:
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

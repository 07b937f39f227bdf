"""Budgets that refill, by the generic cell rate algorithm (GCRA).

The budgets are in Redis; while Redis is away, each process has its share of them in memory. Only
one time is stored for a budget: when it will be full again. A charge moves that time ahead, by one
interval a unit. A charge is refused when the time would lie further ahead than a whole refill
takes. Times are whole microseconds, which Lua's numbers hold exactly, so nothing drifts.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import NamedTuple

from redis.exceptions import RedisError

from persistence.reachability import Reachability
from services.redis_calls import RedisBreaker, RedisCalls, Script

#: Budgets that a process remembers while Redis is away, at most about 20 MB. Beyond that it forgets
#: the least recently used one, which is then full.
_MOST_REMEMBERED = 100_000
#: How far, in µs, the clocks of processes may differ. A stored time beyond an empty budget's, by
#: more than this, was written by a wrong clock: it is ignored, and the budget counts as full.
_CLOCKS_DIFFER = 10_000_000

#: Spends groups of charges; all charges of a group are allowed, or none. KEYS: one for each budget.
#: ARGV: for each group the number of charges and the time now, then for each charge its interval,
#: units, cost and the life of its key in ms. Answers for each group whether it is allowed (1 or 0),
#: and when each of its budgets will be full.
#:
#: The caller gives the time. Redis does not, because every other time is the process's clock too,
#: and a test moves that clock.
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
        spent[place] = math.max(interval * tonumber(ARGV[of + 2]), now - full_at[place])
        if full_at[place] + spent[place] > latest then
            allowed = 0
        end
    end
    answer[#answer + 1] = allowed
    for place = 1, charges do
        if allowed == 1 and spent[place] ~= 0 then
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
    """A cost to one budget: ``interval`` µs bring back one of its ``units``.

    A cost above the whole budget takes the whole budget. It is allowed when the budget is full, as
    it would wait forever otherwise. A cost of 0 charges nothing and tells what is left. A cost
    below 0 gives units back, and never more than the budget lacks.
    """

    key: str
    interval: int
    units: int
    cost: int

    @property
    def takes(self) -> int:
        """The units that the charge takes."""
        return min(self.cost, self.units)


class Balance(NamedTuple):
    """A budget after a charge: the units that are left, and two waits in microseconds."""

    remaining: int
    #: Until the charge would be allowed; 0 unless this budget refused it.
    retry_after: int
    #: Until the budget is full.
    full_after: int


class Spent(NamedTuple):
    """Whether all charges are allowed, and the budgets after them, in the charges' order."""

    allowed: bool
    balances: list[Balance]


def spend(
    full_at: MutableMapping[str, int], charges: Sequence[Charge], now: int
) -> tuple[bool, list[int]]:
    """Do as `SCRIPT` does, on a mapping: charge all of them or none."""
    times = []
    allowed = True
    for charge in charges:
        latest = now + charge.interval * charge.units
        stored = full_at.get(charge.key, now)
        if stored > latest + _CLOCKS_DIFFER:
            stored = now
        times.append(max(now, min(stored, latest)))
        allowed &= times[-1] + charge.interval * charge.takes <= latest
    if allowed:
        for place, charge in enumerate(charges):
            spent = max(charge.interval * charge.takes, now - times[place])
            if spent:
                times[place] += spent
                full_at[charge.key] = times[place]
    return allowed, times


#: Asks Redis about some charges at a time: whether they are allowed (1 or 0), and when each budget
#: will be full.
Ask = Callable[[Sequence[Charge], int], Awaitable[Sequence[int]]]


async def ask_redis(calls: RedisCalls, charges: Sequence[Charge], now: int) -> Sequence[int]:
    """Run the script for the charges of one call."""
    keys = [charge.key for charge in charges]
    return await SCRIPT.run(calls, keys, script_arguments(charges, now))


class Budgets:
    """The budgets of all processes in Redis; while Redis is away, this process's share of them."""

    def __init__(
        self, ask: Ask, seconds: float, processes: int, reachability: Reachability
    ) -> None:
        self._ask = ask
        self._processes = processes
        #: When each budget will be full, while Redis is away.
        self._full_at: OrderedDict[str, int] = OrderedDict()
        self._breaker = RedisBreaker(seconds, reachability)

    async def spend(self, charges: Sequence[Charge], now: int) -> Spent:
        """Charge all of them or none, in one round trip; ``now`` is in µs since 1970.

        Never fails, and takes no longer than a Redis call may.
        """
        if self._breaker.skips():
            return self._spend_share(charges, now)
        try:
            allowed, *times = await self._ask(charges, now)
        except (RedisError, OSError) as error:
            self._breaker.failed(error)
            return self._spend_share(charges, now)
        if self._breaker.worked():
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
        while len(self._full_at) > _MOST_REMEMBERED:
            self._full_at.popitem(last=False)
        return _spent(shares, allowed, times, now)


def script_arguments(charges: Sequence[Charge], now: int) -> list[int]:
    """The arguments of `SCRIPT` for one group of charges."""
    arguments = [len(charges), now]
    for charge in charges:
        # The key lives as long as a whole refill takes, because a full budget needs no key.
        life = charge.interval * charge.units + _CLOCKS_DIFFER
        arguments += (charge.interval, charge.units, charge.takes, life // 1000)
    return arguments


def _spent(charges: Sequence[Charge], allowed: bool, times: Sequence[int], now: int) -> Spent:
    balances = []
    for charge, full_at in zip(charges, times, strict=True):
        room = now + charge.interval * charge.units - full_at
        lacking = charge.interval * charge.takes - room
        retry_after = 0 if allowed else max(0, lacking)
        balances.append(Balance(room // charge.interval, retry_after, full_at - now))
    return Spent(allowed, balances)

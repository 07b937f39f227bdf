"""P1 to P11 by chance: whatever is called by whomever, GraphQL, v1 and v2 answer alike."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from tests.conftest import Addresses, settings_for
from tests.parity.walk.calls import FACES, Call
from tests.parity.walk.contracts import Contract, contracts
from tests.parity.walk.drawing import Drawing, fitting
from tests.parity.walk.known import EXCEPTIONS, known
from tests.parity.walk.rounds import Difference, Round, play, play_spent
from tests.parity.walk.shrinking import shrunk
from tests.parity.walk.world import World, opened
from tests.servers import CHECKOUT
from tests.suite import run_seed, seed_was_drawn

#: Steps by the run's depth.
_STEPS = (500, 5_000, 50_000)
#: How many times a walk goes on by the usual steps.
_LONGER = 6
#: The seed of the thorough part, which every change must pass: it is red for what the change does.
#: The usual part and the soak draw new ways.
_SAME_WAY = 6
#: Operations that are walked by themselves as well, in so many steps: faults that are planted in
#: what all operations share must show in few of them.
_FEW = ("users.deleteMe", "users.get", "users.list", "users.update")
_FEW_STEPS = 120
#: Every so many steps time passes, the worker works, and a job fails.
_BREAK = 40
#: The share of refusals and reads that are made once more when a budget is nearly spent.
_SPENT = 0.05


@pytest.fixture
async def world(fresh_database: str, addresses: Addresses, tmp_path: Path) -> AsyncIterator[World]:
    """A shop of this test alone, with the budgets of production."""
    settings = settings_for(
        fresh_database, addresses.redis_url, quota_factor=1, approval_above="100"
    )
    async with opened(settings, tmp_path) as world:
        yield world


class Tally:
    """How often each operation was tried, went well, found something, and was refused by what."""

    def __init__(self, contracts: Mapping[str, Contract]) -> None:
        self._contracts = contracts
        self.steps = 0
        self.tries = Counter(dict.fromkeys(contracts, 0))
        self.successes: Counter[str] = Counter()
        self.found: Counter[str] = Counter()
        self.refusals: dict[str, Counter[str]] = {name: Counter() for name in contracts}
        #: Each kind of known difference, with its count and the step that met it first.
        self.known: dict[str, tuple[int, int]] = {}

    def count(self, round: Round) -> None:
        """Count a round as one step."""
        name = round.call.operation
        self.steps += 1
        self.tries[name] += 1
        answers = round.answers.values()
        if any(one.ok for one in answers):
            self.successes[name] += 1
            self.found[name] += any(one.found for one in answers)
        else:
            self.refusals[name][next(iter(answers)).code] += 1

    def met(self, kind: str) -> None:
        """Count a known difference."""
        times, first = self.known.get(kind, (0, self.steps))
        self.known[kind] = times + 1, first

    @property
    def written(self) -> int:
        """Steps that wrote."""
        return sum(self.successes[name] for name in self._names(writes=True))

    @property
    def reads(self) -> int:
        """Steps that read, refused ones included."""
        return sum(self.tries[name] for name in self._names(writes=False))

    @property
    def reads_that_found(self) -> int:
        """Steps that read something."""
        return sum(self.found[name] for name in self._names(writes=False))

    @property
    def shares(self) -> tuple[float, float]:
        """The share of steps that wrote, and the share of reads that found something."""
        return self.written / self.steps, self.reads_that_found / self.reads

    @property
    def never_went_well(self) -> list[str]:
        """Operations that every caller was refused."""
        return [name for name in self._contracts if not self.successes[name]]

    def _names(self, writes: bool) -> list[str]:
        return [name for name, one in self._contracts.items() if one.operation.writes is writes]

    def __str__(self) -> str:
        lines = [f"{'operation':<28}{'tries':>6}{'well':>6}{'found':>6}  refusals"]
        for name in self._contracts:
            refused = ", ".join(f"{code} {n}" for code, n in self.refusals[name].most_common())
            counts = f"{self.tries[name]:>6}{self.successes[name]:>6}{self.found[name]:>6}"
            lines.append(f"{name:<28}{counts}  {refused}")
        lines.append(
            f"{self.steps} steps: {self.written} writes, "
            f"{self.reads_that_found} of {self.reads} reads found something"
        )
        for kind, (times, first) in sorted(self.known.items()):
            lines.append(f"known difference {kind}: {times} times, first at step {first}")
        return "\n".join(lines)


class Walk:
    """A walk over some operations, from one seed."""

    def __init__(self, world: World, chosen: Mapping[str, Contract], seed: int) -> None:
        self._world = world
        self._chance = Random(seed)
        self._contracts = chosen
        self._drawing = Drawing(world, chosen, self._chance)
        self.tally = Tally(chosen)

    async def begin(self) -> None:
        """Put the first things into the shop."""
        await self._learn(self._world.begin())

    async def steps(self, count: int) -> None:
        """Make so many steps; fails at the first difference that is not known."""
        for step in range(count):
            if step % _BREAK == 0:
                await self._meanwhile()
            await self._step()

    async def _step(self) -> None:
        self._world.clock.forward(milliseconds=self._chance.choice((1, 1, 5, 40)))
        call = await self._drawing.call()
        contract = self._contracts[call.operation]
        order = tuple(self._chance.sample(FACES, len(FACES)))
        round = await play(self._world, contract, call, order)
        self.tally.count(round)
        await self._judge(round, order)
        self._drawing.learn(contract, call, round.answers)
        if round.wrote and contract.operation.revokes:
            await self._world.people.refresh()
        if not round.wrote and self._chance.random() < _SPENT:
            budgets = {name for one in round.answers.values() for name in one.charged}
            budget = self._chance.choice(sorted(budgets))
            left = self._chance.choice((0, 0, 1, 3))
            await self._judge(await play_spent(self._world, round, budget, left), None)

    async def _learn(self, things: AsyncIterator[tuple[str, Any]]) -> None:
        async for who, thing in things:
            self._drawing.known.learn(msgspec.to_builtins(thing), type(thing).__name__, who)

    async def _meanwhile(self) -> None:
        await self._learn(self._world.restock(self._chance))
        await self._world.failed_job()
        await self._world.failed_job()
        await self._world.work(pdf=self._chance.random() < 0.2)
        for name, tokens in (await self._world.mail_tokens(self._chance)).items():
            for token in tokens:
                self._drawing.known.note(name, token)

    async def _judge(self, round: Round, order: tuple[str, ...] | None) -> None:
        """Count the known differences of a round; shrink and report another one."""
        for difference in round.differences:
            kind = known(round, difference)
            if kind is not None:
                self.tally.met(kind)
                continue
            smallest = await self._smallest(round, difference, order)
            raise AssertionError(f"At step {self.tally.steps}: {smallest}")

    async def _smallest(
        self, round: Round, difference: Difference, order: tuple[str, ...] | None
    ) -> Round:
        if order is None:
            return round
        contract = round.contract
        found = round

        async def differs(call: Call) -> bool:
            nonlocal found
            self._world.clock.forward(milliseconds=1)
            tried = await play(self._world, contract, fitting(contract, call), order)
            faults = [one for one in tried.differences if known(tried, one) is None]
            if any(one.about == difference.about for one in faults):
                found = tried
                return True
            return False

        await shrunk(round.call, differs)
        return found


async def test_the_faces_answer_alike(
    world: World, depth: int, record_property: Callable[[str, object], None]
) -> None:
    seed = _SAME_WAY if depth == 1 and seed_was_drawn() else run_seed()
    walk = Walk(world, await contracts(world.client), seed)
    try:
        await walk.begin()
        await walk.steps(_STEPS[depth])
        shares = walk.tally.shares
        for _ in range(_LONGER if depth else 0):
            # Few things suit some operations, so that a walk may have to go on for them.
            if walk.tally.never_went_well:
                await walk.steps(_STEPS[0])
    finally:
        record_property("summary", f"TANDEM_TEST_SEED={seed}\n{walk.tally}")
    if depth:
        written, found = shares
        assert written >= 0.1
        assert found > 0.5
        assert not walk.tally.never_went_well


def test_every_known_difference_is_a_row_of_the_docs() -> None:
    table = (CHECKOUT / "docs" / "differences.md").read_text()
    cases = [line.removeprefix("| ") for line in table.splitlines() if line.startswith("| ")]
    for one in EXCEPTIONS:
        assert any(case.startswith(one.kind) for case in cases), one.kind


async def test_the_faces_answer_alike_about_few_operations(world: World) -> None:
    whole = await contracts(world.client)
    walk = Walk(world, {name: whole[name] for name in _FEW}, run_seed())
    await walk.begin()
    await walk.steps(_FEW_STEPS)

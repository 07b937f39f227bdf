"""Counts what a walk tried and found, by operation."""

from collections import Counter
from collections.abc import Mapping

from tests.parity.walk.contracts import Contract
from tests.parity.walk.rounds import Round


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
    def never_went_well(self) -> list[str]:
        """Operations that every caller was refused."""
        return [name for name in self._contracts if not self.successes[name]]

    def _names(self, writes: bool) -> list[str]:
        return [
            name for name, one in self._contracts.items() if one.operation.writes is writes
        ]

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

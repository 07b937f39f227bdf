"""The audit log's chain: how entries are sealed, and how tampering is found.

Sealing is no operation: it would leave an entry, which would have to be sealed.
"""

from enum import StrEnum
from typing import Annotated

import structlog
from msgspec import Meta, Struct

from persistence.audit.chain import (
    ADVANCE_CHAIN,
    DELETE_UNSEALED,
    ENDS,
    INSERT_SEALS,
    LINKS,
    LOCK_CHAIN,
    NEXT_UNSEALED,
    SEALS,
    UNCOVERED,
    WAITING,
    Seal,
)
from persistence.audit.entries import AuditEntry
from persistence.database.transactions import QueryStats, Reader
from services.audit.proofs import AuditKeys
from services.jobs.queue import Job
from services.operation.context import Process

log = structlog.get_logger("tandem.audit")

#: Entries that one transaction seals: it holds no lock that anybody but other workers waits for.
SEALED_AT_ONCE = 500
#: Seals that one call verifies: about half a second's work.
VERIFIED_AT_ONCE = 20_000
#: Problems that one call names: where there are more, they are of one kind.
MOST_PROBLEMS = 100
_BATCH = 1_000


class ChainLost(Exception):
    """The row that is the chain's end is not there: somebody removed it."""


class AuditFindingKind(StrEnum):
    """What is wrong with an entry of the audit log."""

    CHANGED = "CHANGED"
    REMOVED = "REMOVED"
    INSERTED = "INSERTED"
    CUT_OFF = "CUT_OFF"
    REHASHED = "REHASHED"
    UNKNOWN_KEY = "UNKNOWN_KEY"


class AuditFinding(Struct, frozen=True, rename="camel"):
    """Something wrong with the audit log."""

    kind: Annotated[AuditFindingKind, Meta(description="What is wrong.")]
    position: Annotated[
        int | None, Meta(description="Where in the chain; null for an entry outside it.")
    ]
    entry_id: Annotated[
        str | None, Meta(description="Id of the entry; null when even that is gone.")
    ]


class AuditVerification(Struct, frozen=True, rename="camel"):
    """What was found in the audit log, or in a part of it."""

    valid: Annotated[bool, Meta(description="True when nothing wrong was found.")]
    checked: Annotated[int, Meta(description="How many seals were looked at.")]
    next_position: Annotated[
        int | None, Meta(description="Where to go on; null when the end was reached.")
    ]
    problems: Annotated[
        list[AuditFinding], Meta(description="What is wrong, at most a hundred at once.")
    ]


async def seal_new(process: Process, _: Job) -> None:
    """Seal every entry that is committed and has no seal yet."""
    while await seal(process) == SEALED_AT_ONCE:
        pass


async def seal(process: Process) -> int:
    """Seal the next entries in one transaction; how many there were. Raises `ChainLost`.

    Workers that seal at the same time do so one after the other.
    """
    async with process.database.transaction(QueryStats()) as tx:
        end = await tx.one(LOCK_CHAIN)
        if end is None:
            raise ChainLost
        waiting = await tx.all(WAITING, limit=SEALED_AT_ONCE)
        if not waiting:
            return 0
        now = process.clock()
        hashes = [end.hash]
        for place, row in enumerate(waiting, end.position + 1):
            assert row.entry is not None
            hashes.append(process.audit_keys.seal(place, hashes[-1], now, row.entry, row.proof))
        ids, last = [row.entry_id for row in waiting], end.position + len(waiting)
        await tx.all(
            INSERT_SEALS,
            key_id=process.audit_keys.key_id,
            sealed_at=now,
            position=list(range(end.position + 1, last + 1)),
            entry_id=ids,
            previous=hashes[:-1],
            hash=hashes[1:],
        )
        await tx.all(DELETE_UNSEALED, ids=ids)
        await tx.all(ADVANCE_CHAIN, to_position=last, to_hash=hashes[-1])
    # Wherever logs are kept, heads are: each of these lines is an exported one.
    log.info("audit sealed", position=last, hash=hashes[-1].hex())
    return len(waiting)


async def verify(
    reader: Reader, keys: AuditKeys, start: int, head: tuple[int, str] | None, unproved: int
) -> AuditVerification:
    """Look at the seals from a position on, at most `VERIFIED_AT_ONCE` of them.

    At most ``unproved`` entries at the beginning may be older than proofs, whatever the database
    says of itself. A ``head`` (position and hash) that was exported is compared as well. What no
    seal covers is looked for when the end is reached.
    """
    check = _ChainCheck(keys, start, unproved)
    if head is not None:
        await _check_exported_head(reader, check, *head)
    await _load_start(reader, check)
    ended = False
    while not (ended or check.full or check.checked >= VERIFIED_AT_ONCE):
        seals = await reader.all(SEALS, position=check.position, limit=_BATCH)
        ended = len(seals) < _BATCH
        for seal in seals:
            check.check_seal(seal)
            if check.full:
                ended = False
                break
    if ended:
        await _check_end(reader, check)
    return AuditVerification(
        valid=not check.problems,
        checked=check.checked,
        next_position=None if ended else check.position,
        problems=check.problems,
    )


class _ChainCheck:
    """Goes from seal to seal and notes what is wrong."""

    def __init__(self, keys: AuditKeys, start: int, most_unproved: int) -> None:
        self._keys = keys
        #: The next position expected, and the hash before it where that is known.
        self.position = start
        self.previous: bytes | None = None
        #: How many entries at the beginning are older than proofs.
        self.unproved = 0
        self._most_unproved = most_unproved
        self.checked = 0
        self.problems: list[AuditFinding] = []

    @property
    def full(self) -> bool:
        """Are there as many problems as one call names?"""
        return len(self.problems) >= MOST_PROBLEMS

    def report(
        self, kind: AuditFindingKind, position: int | None = None, entry_id: str | None = None
    ) -> None:
        """Note something that is wrong, while there is room."""
        if not self.full:
            self.problems.append(AuditFinding(kind, position, entry_id))

    def check_seal(self, seal: Seal) -> None:
        """Look at the next seal."""
        if seal.position != self.position:
            self.report(AuditFindingKind.REMOVED, self.position)
            self.previous = None
        fault = self._find_fault(seal)
        if fault is not None:
            self.report(fault, seal.position, seal.entry_id)
        self.checked += 1
        self.position = seal.position + 1
        self.previous = seal.hash

    def _find_fault(self, seal: Seal) -> AuditFindingKind | None:
        if seal.entry is None:
            return AuditFindingKind.REMOVED
        sealed = self._keys.is_sealed(seal, seal.entry)
        if sealed is None:
            return AuditFindingKind.UNKNOWN_KEY
        if not sealed or self.previous not in (None, seal.previous):
            return AuditFindingKind.CHANGED
        if not self.is_genuine(seal.entry, seal.proof, seal.position):
            return AuditFindingKind.INSERTED
        return None

    def is_genuine(self, entry: AuditEntry, proof: bytes | None, position: int) -> bool:
        """Did Tandem write this entry?"""
        if proof is None:
            return position <= min(self.unproved, self._most_unproved)
        return self._keys.is_proved(entry, proof)


async def _check_exported_head(
    reader: Reader, check: _ChainCheck, position: int, hash: str
) -> None:
    """Is the exported head in the chain still?"""
    link = await reader.one(LINKS, positions=[position])
    if link is None:
        check.report(AuditFindingKind.CUT_OFF, position)
    elif link[2].hex() != hash:
        check.report(AuditFindingKind.REHASHED, position)


async def _load_start(reader: Reader, check: _ChainCheck) -> None:
    """Learn what stands before the first seal that will be looked at."""
    for position, previous, hash in await reader.all(LINKS, positions=[1, check.position - 1]):
        if position == 1:
            # The first seal's own hash vouches for this number, as it does for all it follows.
            check.unproved = int.from_bytes(previous)
        if position == check.position - 1:
            check.previous = hash


async def _check_end(reader: Reader, check: _ChainCheck) -> None:
    """Look at the chain's end, and at what no seal covers."""
    ends = await reader.one(ENDS)
    if ends is None:
        check.report(AuditFindingKind.CUT_OFF, check.position)
    elif ends.position > (ends.sealed_position or 0):
        check.report(AuditFindingKind.CUT_OFF, ends.position)
    elif ends.sealed_position is None:
        check.unproved = int.from_bytes(ends.hash)
    elif (ends.position, ends.hash) != (ends.sealed_position, ends.sealed_hash):
        check.report(AuditFindingKind.CHANGED, ends.sealed_position)
    for entry_id in await reader.all(UNCOVERED, limit=MOST_PROBLEMS):
        check.report(AuditFindingKind.INSERTED, None, entry_id)
    for place, row in enumerate(await reader.all(NEXT_UNSEALED, limit=_BATCH), check.position):
        if row.entry is None:
            check.report(AuditFindingKind.REMOVED, None, row.entry_id)
        elif not check.is_genuine(row.entry, row.proof, place):
            check.report(AuditFindingKind.INSERTED, None, row.entry_id)

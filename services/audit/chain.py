"""The chain of audit seals: a job seals new entries, and `verify` finds tampering.

Sealing is not an operation: an operation writes an audit entry, which would need a seal again.
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
from services.process import Process

log = structlog.get_logger("tandem.audit")

#: Entries that one transaction seals. Only other workers wait for its lock.
SEALED_AT_ONCE = 500
#: Seals that one call verifies; that takes about half a second.
VERIFIED_AT_ONCE = 20_000
#: Problems that one call reports. More of them usually have one cause.
MOST_PROBLEMS = 100
_BATCH = 1_000


class ChainLost(Exception):
    """The row that holds the chain's end is missing: somebody removed it."""


class AuditFindingKind(StrEnum):
    """The kind of problem with an entry of the audit log."""

    CHANGED = "CHANGED"
    REMOVED = "REMOVED"
    INSERTED = "INSERTED"
    CUT_OFF = "CUT_OFF"
    REHASHED = "REHASHED"
    UNKNOWN_KEY = "UNKNOWN_KEY"


class AuditFinding(Struct, frozen=True, rename="camel"):
    """A problem in the audit log."""

    kind: Annotated[AuditFindingKind, Meta(description="The kind of problem.")]
    position: Annotated[
        int | None, Meta(description="Position in the chain; null for an entry outside the chain.")
    ]
    entry_id: Annotated[
        str | None, Meta(description="Id of the entry; null when the id is lost as well.")
    ]


class AuditVerification(Struct, frozen=True, rename="camel"):
    """The result of verifying the audit log, or a part of it."""

    valid: Annotated[bool, Meta(description="True when no problem was found.")]
    checked: Annotated[int, Meta(description="Number of seals that were checked.")]
    next_position: Annotated[
        int | None,
        Meta(description="The startPosition for the next call; null at the end of the chain."),
    ]
    problems: Annotated[
        list[AuditFinding], Meta(description="The problems found, at most 100 per call.")
    ]


async def seal_new(process: Process, _: Job) -> None:
    """Seal every committed entry that has no seal yet; the job `audit.seal`."""
    while await seal(process) == SEALED_AT_ONCE:
        pass


async def seal(process: Process) -> int:
    """Seal the next entries in one transaction; returns their number. Raises `ChainLost`.

    Workers that seal at the same time wait for each other.
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
    # Each of these lines exports a head, so heads are kept wherever the logs are kept.
    log.info("audit sealed", position=last, hash=hashes[-1].hex())
    return len(waiting)


async def verify(
    reader: Reader, keys: AuditKeys, start: int, head: tuple[int, str] | None, unproved: int
) -> AuditVerification:
    """Check the seals from a position on, at most `VERIFIED_AT_ONCE` of them.

    At most ``unproved`` entries at the beginning may have no proof, whatever number the database
    holds. An exported ``head`` (position and hash) is compared with the chain. At the end of the
    chain, entries without a seal are checked as well.
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
    """Checks one seal after the other and collects the problems."""

    def __init__(self, keys: AuditKeys, start: int, most_unproved: int) -> None:
        self._keys = keys
        #: The next expected position, and the hash before it if known.
        self.position = start
        self.previous: bytes | None = None
        #: Number of entries at the beginning that were written before proofs existed.
        self.unproved = 0
        self._most_unproved = most_unproved
        self.checked = 0
        self.problems: list[AuditFinding] = []

    @property
    def full(self) -> bool:
        """Are there as many problems as one call reports?"""
        return len(self.problems) >= MOST_PROBLEMS

    def report(
        self, kind: AuditFindingKind, position: int | None = None, entry_id: str | None = None
    ) -> None:
        """Add a problem, unless the list is full."""
        if not self.full:
            self.problems.append(AuditFinding(kind, position, entry_id))

    def check_seal(self, seal: Seal) -> None:
        """Check the next seal."""
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
    """Report a problem unless the chain still holds the exported head."""
    link = await reader.one(LINKS, positions=[position])
    if link is None:
        check.report(AuditFindingKind.CUT_OFF, position)
    elif link[2].hex() != hash:
        check.report(AuditFindingKind.REHASHED, position)


async def _load_start(reader: Reader, check: _ChainCheck) -> None:
    """Load the hash before the first seal to check, and the number of unproved entries."""
    for position, previous, hash in await reader.all(LINKS, positions=[1, check.position - 1]):
        if position == 1:
            # The first seal's hash covers this number, so a change to it would be found.
            check.unproved = int.from_bytes(previous)
        if position == check.position - 1:
            check.previous = hash


async def _check_end(reader: Reader, check: _ChainCheck) -> None:
    """Check the end of the chain, and the entries without a seal."""
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

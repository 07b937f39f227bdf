"""The chain of seals over the audit log: each seal's hash covers its entry and the seal before.

Seals are numbered without gaps, in the order they were made. Entries may have been written in
another order: an entry waits in ``audit_unsealed`` from the commit of its transaction until it is
sealed. One row of ``audit_chain`` is the chain's end; only the job that seals locks it.
"""

from datetime import datetime
from typing import Annotated, Any, cast

import sqlalchemy as sa
from msgspec import Meta, Struct
from sqlmodel import Field, SQLModel

from persistence.audit.entries import (
    AUDIT_ENTRY,
    AuditEntry,
    AuditUnsealedTable,
    audit_log,
    audit_unsealed,
)
from persistence.database.columns import Uuid, checked, column, instant, named, table_of
from persistence.database.rows import made, row_plan
from persistence.database.statements import Query, among, given, insert_many, nothing


class AuditSealTable(SQLModel, table=True):
    """The seal of one entry: its place in the chain and its hash."""

    __tablename__ = named("audit_seals")
    __table_args__ = (checked("position > 0", "position"),)

    position: int = Field(
        primary_key=True,
        sa_type=cast(Any, sa.BigInteger),
        sa_column_kwargs={"autoincrement": False},
    )
    # There is no foreign key: a seal that outlives its entry shows that the entry was removed.
    entry_id: str = column(Uuid, unique=True)
    #: The hash of the seal before.
    previous: bytes = column(sa.LargeBinary)
    hash: bytes = column(sa.LargeBinary)
    #: Names the key of the hash. The key is derived from a secret and never stored.
    key_id: str = column(sa.Text)
    sealed_at: datetime = instant()


class AuditChainTable(SQLModel, table=True):
    """The chain's end, in one row."""

    __tablename__ = named("audit_chain")
    __table_args__ = (checked("id = 1", "single"),)

    id: int = Field(
        primary_key=True,
        sa_type=cast(Any, sa.SmallInteger),
        sa_column_kwargs={"autoincrement": False},
    )
    position: int = column(sa.BigInteger)
    hash: bytes = column(sa.LargeBinary)


class AuditHead(Struct, frozen=True, rename="camel"):
    """The end of the audit log's chain of seals; a copy kept elsewhere proves the log up to it."""

    position: Annotated[int, Meta(description="How many entries are sealed.")]
    hash: Annotated[
        str | None, Meta(description="Hash of the last seal in hex; null while there is none.")
    ]
    sealed_at: Annotated[
        datetime | None, Meta(description="When the last seal was made; null while there is none.")
    ]
    unsealed: Annotated[int, Meta(description="How many entries are not sealed yet.")]


class ChainEnd(Struct, frozen=True):
    """The chain's end, where the next seal is appended."""

    position: int
    hash: bytes


class Ends(Struct, frozen=True):
    """The chain's end by its row, and by the last seal; the two must agree."""

    position: int
    hash: bytes
    sealed_position: int | None
    sealed_hash: bytes | None


class Unsealed(Struct, frozen=True):
    """An entry that waits for its seal; ``entry`` is None when the row was removed."""

    entry_id: str
    entry: AuditEntry | None
    proof: bytes | None


class Seal(Struct, frozen=True):
    """A seal and its entry; ``entry`` is None when the row was removed."""

    position: int
    entry_id: str
    previous: bytes
    hash: bytes
    key_id: str
    sealed_at: datetime
    entry: AuditEntry | None
    proof: bytes | None


audit_seals = table_of(AuditSealTable)
audit_chain = table_of(AuditChainTable)
_limit = sa.bindparam("limit", type_=sa.BigInteger)
_last = (
    sa.select(audit_seals.c.position, audit_seals.c.hash, audit_seals.c.sealed_at)
    .order_by(audit_seals.c.position.desc())
    .limit(1)
    .subquery("last")
)


def _entry_or_none(id: str | None, *others: Any) -> AuditEntry | None:
    return None if id is None else AUDIT_ENTRY.row(id, *others)


_entry = made(_entry_or_none, *AUDIT_ENTRY.selected)
_unsealed = row_plan(Unsealed, AuditUnsealedTable, entry=_entry, proof=audit_log.c.proof)
_seal = row_plan(Seal, AuditSealTable, entry=_entry, proof=audit_log.c.proof)

_counted = sa.select(sa.func.count().label("unsealed")).select_from(audit_unsealed).subquery("here")
_head = row_plan(
    AuditHead,
    AuditSealTable,
    position=sa.func.coalesce(_last.c.position, 0),
    hash=sa.func.encode(_last.c.hash, "hex"),
    sealed_at=_last.c.sealed_at,
    unsealed=_counted.c.unsealed,
)
HEAD = Query(
    sa.select(*_head.selected).select_from(_counted.outerjoin(_last, sa.true())), _head.row
)

_end = row_plan(ChainEnd, AuditChainTable)
LOCK_CHAIN = Query(sa.select(*_end.selected).with_for_update(), _end.row)
ADVANCE_CHAIN = Query(
    sa.update(audit_chain).values(
        position=sa.bindparam("to_position", type_=sa.BigInteger),
        hash=sa.bindparam("to_hash", type_=sa.LargeBinary),
    ),
    nothing,
)
#: Values: limit. Entries that wait for a seal, by id, so that old ones come first.
WAITING = Query(
    sa.select(*_unsealed.selected)
    .select_from(audit_unsealed.join(audit_log, audit_log.c.id == audit_unsealed.c.entry_id))
    .order_by(audit_unsealed.c.entry_id)
    .limit(_limit),
    _unsealed.row,
)
#: The same, with those whose entry was removed.
NEXT_UNSEALED = Query(
    sa.select(*_unsealed.selected)
    .select_from(audit_unsealed.outerjoin(audit_log, audit_log.c.id == audit_unsealed.c.entry_id))
    .order_by(audit_unsealed.c.entry_id)
    .limit(_limit),
    _unsealed.row,
)
INSERT_SEALS = insert_many(
    audit_seals, ("key_id", "sealed_at"), ("position", "entry_id", "previous", "hash")
)
DELETE_UNSEALED = Query(sa.delete(audit_unsealed).where(among(audit_unsealed.c.entry_id)), nothing)

#: Values: position of the first seal, and limit.
SEALS = Query(
    sa.select(*_seal.selected)
    .select_from(audit_seals.outerjoin(audit_log, audit_log.c.id == audit_seals.c.entry_id))
    .where(audit_seals.c.position >= given("position", audit_seals.c.position))
    .order_by(audit_seals.c.position)
    .limit(_limit),
    _seal.row,
)
#: Values: positions. Answers ``(position, previous, hash)``.
LINKS = Query(
    sa.select(audit_seals.c.position, audit_seals.c.previous, audit_seals.c.hash).where(
        audit_seals.c.position == sa.any_(sa.bindparam("positions", type_=sa.ARRAY(sa.BigInteger)))
    ),
    lambda position, previous, hash: (position, previous, hash),
)
_ends = row_plan(Ends, AuditChainTable, sealed_position=_last.c.position, sealed_hash=_last.c.hash)
ENDS = Query(
    sa.select(*_ends.selected).select_from(audit_chain.outerjoin(_last, sa.true())), _ends.row
)
#: Values: limit. Ids of entries that have no seal and do not wait for one.
UNCOVERED = Query(
    sa.select(audit_log.c.id)
    .where(
        ~sa.exists().where(audit_seals.c.entry_id == audit_log.c.id),
        ~sa.exists().where(audit_unsealed.c.entry_id == audit_log.c.id),
    )
    .limit(_limit),
    str,
)

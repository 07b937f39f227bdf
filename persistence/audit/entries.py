"""The audit log: who did what to which thing; append-only."""

from datetime import datetime
from typing import Annotated, Any, cast

import sqlalchemy as sa
from msgspec import Meta, Struct
from sqlmodel import Field, SQLModel

from persistence.database.columns import (
    TextArray,
    Uuid,
    column,
    identifier,
    instant,
    named,
    table_of,
)
from persistence.database.listing import Listing, ascending, descending
from persistence.database.statements import Query, given, nothing, value
from persistence.database.views import administers, view


class AuditTable(SQLModel, table=True):
    """One write, or one attempt to write."""

    __tablename__ = named("audit_log")
    __table_args__ = (
        sa.Index("audit_log_created_at_id_idx", "created_at", "id"),
        sa.Index("audit_log_actor_id_created_at_id_idx", "actor_id", "created_at", "id"),
        sa.Index("audit_log_entity_id_created_at_id_idx", "entity_id", "created_at", "id"),
        sa.Index("audit_log_action_created_at_id_idx", "action", "created_at", "id"),
    )

    id: str = identifier()
    # There are no foreign keys: the log outlives the rows that it names.
    actor_id: str | None = column(Uuid, nullable=True)
    api_key_id: str | None = column(Uuid, nullable=True)
    action: str = column(sa.Text)
    entity: str | None = column(sa.Text, nullable=True)
    entity_id: str | None = column(Uuid, nullable=True)
    changed: list[str] = column(TextArray)
    outcome: str = column(sa.Text)
    request_id: str = column(sa.Text)
    created_at: datetime = instant()
    #: Proves that Tandem wrote the row, see services/audit/proofs.py. Null in rows older than
    #: proofs.
    proof: bytes | None = column(sa.LargeBinary, nullable=True)


class AuditUnsealedTable(SQLModel, table=True):
    """An entry without a seal. The row is written with the entry and deleted with its sealing."""

    __tablename__ = named("audit_unsealed")

    # There is no foreign key: a row that outlives its entry shows that the entry was removed.
    entry_id: str = Field(primary_key=True, sa_type=cast(Any, Uuid))


class AuditEntry(Struct, frozen=True, rename="camel"):
    """One write, or one attempt to write."""

    id: Annotated[str, Meta(description="UUIDv7.")]
    actor_id: Annotated[
        str | None,
        Meta(description="The user who did it; null for anonymous calls and the system."),
    ]
    api_key_id: Annotated[
        str | None, Meta(description="The API key that was used; null without one.")
    ]
    action: Annotated[str, Meta(description="The operation's name.")]
    entity: Annotated[str | None, Meta(description="The kind of thing that it was done to.")]
    entity_id: Annotated[str | None, Meta(description="The id of that thing.")]
    changed: Annotated[list[str], Meta(description="Names of the fields that changed.")]
    outcome: Annotated[str, Meta(description="OK, or the code of the error that it ended with.")]
    request_id: Annotated[str, Meta(description="The id of the request.")]
    created_at: Annotated[datetime, Meta(description="When it happened.")]


audit_log = table_of(AuditTable)
audit_unsealed = table_of(AuditUnsealedTable)

AUDIT_ENTRY = view(AuditEntry, AuditTable, visible=administers)
AUDIT_LOG = Listing(
    AUDIT_ENTRY,
    sorts={
        "-createdAt": descending(AUDIT_ENTRY, "created_at"),
        "createdAt": ascending(AUDIT_ENTRY, "created_at"),
    },
    filters={
        "actorId": audit_log.c.actor_id == given("actorId", audit_log.c.actor_id),
        "entityId": audit_log.c.entity_id == given("entityId", audit_log.c.entity_id),
        "action": audit_log.c.action == given("action", audit_log.c.action),
        "from": audit_log.c.created_at >= given("from", audit_log.c.created_at),
        "to": audit_log.c.created_at < given("to", audit_log.c.created_at),
    },
)

_INSERT_ENTRY = Query(
    sa.insert(audit_log).returning(audit_log.c.id), value, (*AUDIT_ENTRY.columns, "proof")
)
#: Inserts an entry, and in the same statement the row that it waits for its seal.
INSERT_AUDIT = Query(
    sa.insert(audit_unsealed).from_select(
        ["entry_id"], sa.select(sa.column("id")).select_from(sa.table("written_entry"))
    ),
    nothing,
    after=("written_entry", _INSERT_ENTRY),
)

"""Operations of the audit log, for admins: list it, export its head, verify it."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from persistence.audit.chain import HEAD, AuditHead
from persistence.audit.entries import AUDIT_LOG, AuditEntry
from services.access.permissions import Permission
from services.audit import chain
from services.audit.chain import AuditFinding, AuditFindingKind, AuditVerification
from services.errors.common import Internal
from services.operation import paging
from services.operation.context import Context
from services.operation.inputs import (
    Input,
    Line,
    Nothing,
    Period,
    Position,
    Reference,
    Sha256,
    wrong,
)
from services.operation.operation import operation
from services.operation.paging import Page, Paged

__all__ = ["AuditEntry", "AuditFinding", "AuditFindingKind", "AuditHead", "AuditVerification"]


class ListAudit(Paged, Period):
    """Filters and sort of the list of audit entries."""

    actor_id: Reference | None = Field(None, description="Id of the user who called the operation.")
    entity_id: Reference | None = Field(
        None, description="Id of the thing that the operation changed."
    )
    action: Annotated[Line, Field(min_length=1, max_length=100)] | None = Field(
        None, description="Name of the operation."
    )
    sort: Literal["-createdAt", "createdAt"] = Field(
        "-createdAt", description="How the list is sorted."
    )


@operation(
    "audit.list", who=Permission.AUDIT_READ_ALL, input=ListAudit, result=AuditEntry, paged=True
)
async def list_(ctx: Context, input: ListAudit) -> Page[AuditEntry]:
    """List the audit entries, newest first: which caller did what to which thing."""
    filters = {
        "actorId": input.actor_id,
        "entityId": input.entity_id,
        "action": input.action,
        "from": input.from_,
        "to": input.to,
    }
    return await paging.page(ctx, AUDIT_LOG, input, input.sort, filters)


class VerifyAudit(Input):
    """The position to begin at, and an exported head to compare with."""

    start_position: Position = Field(
        1, description="The first position to check: 1, or nextPosition of the previous answer."
    )
    position: Position | None = Field(
        None, description="Position of an exported head; required with hash."
    )
    hash: Sha256 | None = Field(
        None, description="Hash of the exported head; required with position."
    )

    @model_validator(mode="after")
    def _refuse_half_a_head(self) -> Self:
        if (self.position is None) != (self.hash is None):
            missing = "position" if self.position is None else "hash"
            raise wrong("CONFLICT", "Give position and hash together.", missing)
        return self


@operation("audit.head", who=Permission.AUDIT_READ_ALL, input=Nothing, result=AuditHead)
async def head(ctx: Context, _: Nothing) -> AuditHead:
    """Read the head of the audit log: the end of its chain of seals.

    Keep the head outside Tandem, and give it to audit.verify later. A worker seals entries some
    seconds after they are written.
    """
    found = await ctx.reader.one(HEAD)
    if found is None:
        raise Internal
    return found


@operation(
    "audit.verify",
    who=Permission.AUDIT_READ_ALL,
    input=VerifyAudit,
    result=AuditVerification,
    # One call reads as many rows as two hundred pages hold.
    cost=100,
)
async def verify(ctx: Context, input: VerifyAudit) -> AuditVerification:
    """Check the audit log for entries that were changed, removed, inserted or cut off.

    A call checks up to 20,000 seals and says where to go on. Give an exported head to also find
    entries that were cut off at the end, and a chain that was rebuilt with a stolen secret.
    """
    exported = None
    if input.position is not None and input.hash is not None:
        exported = (input.position, input.hash)
    keys = ctx.process.audit_keys
    return await chain.verify(
        ctx.reader, keys, input.start_position, exported, ctx.settings.audit_unproved
    )

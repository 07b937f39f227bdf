"""The audit log, for admins: what was done, and proof that it is whole."""

from typing import Annotated, Literal, Self

from pydantic import Field, Strict, model_validator

from persistence.audit.chain import HEAD, AuditHead
from persistence.audit.entries import AUDIT_LOG, AuditEntry
from services.access.permissions import Permission
from services.audit import chain
from services.audit.chain import AuditFinding, AuditFindingKind, AuditVerification
from services.errors.common import Internal
from services.operation import paging
from services.operation.context import Context
from services.operation.inputs import Input, Line, Nothing, Period, Position, Reference, wrong
from services.operation.paging import Page, Paged
from services.operation.running import operation

__all__ = ["AuditEntry", "AuditFinding", "AuditFindingKind", "AuditHead", "AuditVerification"]


class ListAudit(Paged, Period):
    """Which entries, in which order."""

    actor_id: Reference | None = Field(None, description="Who did it.")
    entity_id: Reference | None = Field(None, description="What it was done to.")
    action: Annotated[Line, Field(min_length=1, max_length=100)] | None = Field(
        None, description="The operation."
    )
    sort: Literal["-createdAt", "createdAt"] = Field("-createdAt", description="Order of the list.")


@operation(
    "audit.list", who=Permission.AUDIT_READ_ALL, input=ListAudit, result=AuditEntry, paged=True
)
async def list_(ctx: Context, input: ListAudit) -> Page[AuditEntry]:
    """Who did what to which thing, newest first."""
    filters = {
        "actorId": input.actor_id,
        "entityId": input.entity_id,
        "action": input.action,
        "from": input.from_,
        "to": input.to,
    }
    return await paging.page(ctx, AUDIT_LOG, input, input.sort, filters)


class VerifyAudit(Input):
    """Where to begin, and the exported head to compare with."""

    start_position: Position = Field(
        1, description="The first seal to look at: the nextPosition of the answer before."
    )
    position: Position | None = Field(
        None, description="The position of a head that was exported; with its hash."
    )
    hash: Annotated[str, Strict(), Field(pattern="^[0-9a-f]{64}$")] | None = Field(
        None, description="The hash of that head."
    )

    @model_validator(mode="after")
    def _refuse_half_a_head(self) -> Self:
        if (self.position is None) != (self.hash is None):
            missing = "position" if self.position is None else "hash"
            raise wrong("CONFLICT", "Give position and hash together.", missing)
        return self


@operation("audit.head", who=Permission.AUDIT_READ_ALL, input=Nothing, result=AuditHead)
async def head(ctx: Context, _: Nothing) -> AuditHead:
    """The end of the chain of seals over the audit log, to be kept elsewhere.

    Entries are sealed by a worker some seconds after they are written.
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
    # It reads two hundred pages' worth of rows, one after the other.
    cost=100,
)
async def verify(ctx: Context, input: VerifyAudit) -> AuditVerification:
    """Whether the audit log was tampered with: entries changed, removed, inserted or cut off.

    Looks at up to 20,000 seals and says where to go on. Without an exported head, what is missing
    at the end may stay unseen, and so does a chain that was made anew with the stolen secret.
    """
    exported = None
    if input.position is not None and input.hash is not None:
        exported = (input.position, input.hash)
    keys = ctx.process.audit_keys
    return await chain.verify(
        ctx.reader, keys, input.start_position, exported, ctx.settings.audit_unproved
    )

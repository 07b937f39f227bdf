"""The audit log, for admins."""

from typing import Annotated, Literal

from pydantic import Field

from persistence.audit import AUDIT_LOG, AuditEntry
from services.core import paging
from services.core.context import Context
from services.core.inputs import Line, Period, Reference
from services.core.operation import operation
from services.core.paging import Page, Paged
from services.core.permissions import Permission


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

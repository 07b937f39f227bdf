"""The audit log, for admins."""

from typing import Any

import strawberry

from schema.connections import Connection, paged
from schema.fields import Info, field
from schema.node import Node
from schema.views import mirror
from services import audit
from services.audit import AuditEntry as AuditEntryView


@mirror(AuditEntryView)
class AuditEntry(Node):
    pass


@strawberry.type
class Query:
    @field(audit.list_, "auditLog", Connection[AuditEntry])
    async def audit_log(self, info: Info, raw: dict[str, Any]) -> object:
        return await audit.list_(info.context.request, paged(info, raw))

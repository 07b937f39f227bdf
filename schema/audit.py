"""The audit log, for admins."""

import strawberry

from schema.building.connections import Connection
from schema.building.fields import read
from schema.building.types import enum, mirror
from schema.node import Node
from services.audit import reading

enum(
    reading.AuditFindingKind,
    CHANGED="The entry or its seal is not what was sealed.",
    REMOVED="The entry or its seal is gone.",
    INSERTED="Tandem did not write this entry, or it was changed before it was sealed; or its seal"
    " is gone.",
    CUT_OFF="The chain ends before this position.",
    REHASHED="The position of the exported head has another hash.",
    UNKNOWN_KEY="Sealed with a secret that the server does not have: an older one, or a forger's.",
)


@mirror(reading.AuditEntry)
class AuditEntry(Node):
    pass


@mirror(reading.AuditHead)
class AuditHead:
    pass


@mirror(reading.AuditFinding)
class AuditFinding:
    pass


@mirror(reading.AuditVerification)
class AuditVerification:
    pass


@strawberry.type
class Query:
    audit_log = read(reading.list_, "auditLog", Connection[AuditEntry])
    audit_head = read(reading.head, "auditHead", AuditHead)
    verify_audit_log = read(reading.verify, "verifyAuditLog", AuditVerification)

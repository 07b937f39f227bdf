"""The audit log, for admins."""

import strawberry

from schema.building.connections import Connection
from schema.building.reads import read
from schema.building.types import enum, mirror
from schema.node import Node
from services.audit import reading as audit
from services.audit.reading import AuditEntry as AuditEntryView
from services.audit.reading import AuditFinding as AuditFindingView
from services.audit.reading import AuditFindingKind
from services.audit.reading import AuditHead as AuditHeadView
from services.audit.reading import AuditVerification as AuditVerificationView

enum(
    AuditFindingKind,
    CHANGED="The entry or its seal is not what was sealed.",
    REMOVED="The entry or its seal is gone.",
    INSERTED="Tandem did not write this entry, or it was changed before it was sealed; or its seal"
    " is gone.",
    CUT_OFF="The chain ends before this position.",
    REHASHED="At the position of the exported head stands another hash.",
    UNKNOWN_KEY="Sealed with a secret that the server does not have: an older one, or a forger's.",
)


@mirror(AuditEntryView)
class AuditEntry(Node):
    pass


@mirror(AuditHeadView)
class AuditHead:
    pass


@mirror(AuditFindingView)
class AuditFinding:
    pass


@mirror(AuditVerificationView)
class AuditVerification:
    pass


@strawberry.type
class Query:
    audit_log = read(audit.list_, "auditLog", Connection[AuditEntry])
    audit_head = read(audit.head, "auditHead", AuditHead)
    verify_audit_log = read(audit.verify, "verifyAuditLog", AuditVerification)

from backoffice.models.approval import ApprovalRequest, Decision, ReasonCode, RefundLimit, TenderReturn, Wanted
from backoffice.models.audit import AuditEntry
from backoffice.models.press import ActionPress

__all__ = [
    "ActionPress",
    "ApprovalRequest",
    "AuditEntry",
    "Decision",
    "ReasonCode",
    "RefundLimit",
    "TenderReturn",
    "Wanted",
]

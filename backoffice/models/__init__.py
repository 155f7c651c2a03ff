from backoffice.models.approval import ApprovalRequest, Decision, ReasonCode, RefundLimit, TenderReturn, Wanted
from backoffice.models.audit import AuditEntry
from backoffice.models.duplicate import ProbableDuplicate
from backoffice.models.press import ActionPress
from backoffice.models.rights import Right

__all__ = [
    "ActionPress",
    "ApprovalRequest",
    "AuditEntry",
    "Decision",
    "ProbableDuplicate",
    "ReasonCode",
    "RefundLimit",
    "Right",
    "TenderReturn",
    "Wanted",
]

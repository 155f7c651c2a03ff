from backoffice.models.approval import ApprovalRequest, Decision, ReasonCode, TenderReturn, Wanted
from backoffice.models.audit import AuditEntry, AuditReason
from backoffice.models.departure import (
    CancellationState,
    CancelledDeparture,
    DepartureCancellation,
    DepartureItem,
    DepartureReturn,
    ItemState,
    RefundPace,
    ReturnWay,
)
from backoffice.models.duplicate import ProbableDuplicate
from backoffice.models.limit import AgreedLimit, RefundLimit, WriteOffLimit
from backoffice.models.press import ActionPress
from backoffice.models.rights import Right

__all__ = [
    "ActionPress",
    "AgreedLimit",
    "ApprovalRequest",
    "AuditEntry",
    "AuditReason",
    "CancellationState",
    "CancelledDeparture",
    "Decision",
    "DepartureCancellation",
    "DepartureItem",
    "DepartureReturn",
    "ItemState",
    "ProbableDuplicate",
    "ReasonCode",
    "RefundLimit",
    "RefundPace",
    "ReturnWay",
    "Right",
    "TenderReturn",
    "Wanted",
    "WriteOffLimit",
]

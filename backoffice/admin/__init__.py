"""What stands above several apps: the audit log, who may work here, and what needs a second person."""

from backoffice.admin.approvals import ApprovalRequestAdmin
from backoffice.admin.audit import AuditEntryAdmin
from backoffice.admin.departures import DepartureCancellationAdmin
from backoffice.admin.duplicates import ProbableDuplicateAdmin
from backoffice.admin.limits import RefundLimitAdmin, WriteOffLimitAdmin
from backoffice.admin.staff import GroupAdmin, UserAdmin
from backoffice.contributions import contribute

__all__ = [
    "ApprovalRequestAdmin",
    "AuditEntryAdmin",
    "DepartureCancellationAdmin",
    "GroupAdmin",
    "ProbableDuplicateAdmin",
    "RefundLimitAdmin",
    "UserAdmin",
    "WriteOffLimitAdmin",
]

contribute()

"""What stands above several apps: the audit log, who may work here, and what needs a second person."""

from backoffice.admin.approvals import ApprovalRequestAdmin, RefundLimitAdmin
from backoffice.admin.audit import AuditEntryAdmin
from backoffice.admin.duplicates import ProbableDuplicateAdmin

__all__ = ["ApprovalRequestAdmin", "AuditEntryAdmin", "ProbableDuplicateAdmin", "RefundLimitAdmin"]

"""What stands above several apps: the audit log, and who may work here."""

from backoffice.admin.audit import AuditEntryAdmin
from backoffice.admin.staff import GroupAdmin, UserAdmin

__all__ = ["AuditEntryAdmin", "GroupAdmin", "UserAdmin"]

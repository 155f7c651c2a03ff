"""What stands above several apps: the audit log, and who may work here."""

from backoffice.admin.audit import AuditEntryAdmin

__all__ = ["AuditEntryAdmin"]

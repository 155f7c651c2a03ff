"""What stands above several apps: the audit log, and who may work here."""

from backoffice.admin.audit import AuditEntryAdmin
from backoffice.contributions import contribute

__all__ = ["AuditEntryAdmin"]

contribute()

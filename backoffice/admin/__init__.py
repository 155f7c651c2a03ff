"""What stands above several apps: the audit log, and who may work here."""

from backoffice.admin.audit import AuditEntryAdmin
from backoffice.admin.departures import DepartureCancellationAdmin

__all__ = ["AuditEntryAdmin", "DepartureCancellationAdmin"]

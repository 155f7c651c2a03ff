from backoffice.models.audit import AuditEntry
from backoffice.models.rights import Right

__all__ = ["AuditEntry", "Right"]

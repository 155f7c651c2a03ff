from backoffice.models.audit import AuditEntry

__all__ = ["AuditEntry"]

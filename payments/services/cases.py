from datetime import datetime

from payments.models import Case, CaseKind, Payment


def open_case(*, payment: Payment, kind: CaseKind, detail: str, now: datetime) -> None:
    """Put a payment before a person; a case of the kind that is open already keeps its first words."""
    Case.objects.bulk_create(
        [Case(payment=payment, kind=kind, detail=detail[:500], opened_at=now)], ignore_conflicts=True
    )


def close_case(*, payment: Payment, kind: CaseKind, closed_by: str, now: datetime) -> None:
    """Take a payment off a person's list."""
    Case.objects.filter(payment=payment, kind=kind, closed_at__isnull=True).update(closed_at=now, closed_by=closed_by)

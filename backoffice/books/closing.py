"""What somebody sees before a month is closed: what it moved so far, and what of it is still open."""

from collections.abc import Iterator
from datetime import date

from django.db.models import Count, Sum

from backoffice.actions.action import Line
from money import Money
from payments.models import Transaction
from payments.services.periods import bounds_of, draft_closing
from payments.states import Status
from reconciliation.models import BatchState, ReportState, SettlementBatch, SettlementReport
from reconciliation.selectors import latest_drift_readings, open_discrepancies


def what_it_moved(month: date) -> list[Line]:
    """Return what each account moved by in the month that is next, as it would be sealed now."""
    closing = draft_closing(month)
    return [Line(name="Postings", value=str(closing.posting_count)), *total_lines(closing.totals)]


def total_lines(totals: dict[str, int]) -> list[Line]:
    """Return the totals of a month, real money first."""
    lines = []
    for name, minor in sorted(totals.items()):
        mode, account, currency = name.split()
        lines.append(Line(name=account, value=str(Money(minor, currency)), detail="TEST" if mode == "test" else ""))
    return lines


def what_is_open(month: date) -> Iterator[Line]:
    """Yield what of a month people or gateways have not ended; none of it keeps the month from being closed."""
    until = bounds_of(month)[1]
    open_ones = open_discrepancies().select_related(None).filter(opened_on__lt=until.date()).order_by()
    for currency, count, minor in (
        open_ones.values_list("currency").annotate(count=Count("pk"), minor=Sum("amount_minor")).order_by("currency")
    ):
        yield Line(name="Discrepancies", value=str(count), detail=str(Money(int(minor), currency)))
    undecided = Transaction.objects.filter(status=Status.PENDING, requested_at__lt=until).count()
    if undecided:
        yield Line(name="Operations without an outcome", value=str(undecided))
    unbalanced = SettlementBatch.objects.filter(state=BatchState.UNBALANCED, settled_at__lt=until).count()
    if unbalanced:
        yield Line(name="Batches that do not add up", value=str(unbalanced))
    unread = SettlementReport.objects.filter(state__in=[ReportState.RECEIVED, ReportState.LOADED]).count()
    if unread:
        yield Line(name="Settlement files that are not matched", value=str(unread))
    for reading in latest_drift_readings():
        if reading.unexplained_minor:
            amount = str(Money(reading.unexplained_minor, reading.currency))
            yield Line(name="Drift that nothing explains", value=amount, detail=str(reading.source))

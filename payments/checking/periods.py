"""Prove that closed months still say what they said when they were closed. Reads only."""

from collections.abc import Iterator

from payments.checking.reading import Finding
from payments.models import ClosedPeriod, LedgerEntry, Posting
from payments.services.periods import totals_of


def closed_periods() -> Iterator[Finding]:
    """Compare every closed month with its closing: what it moved, and that nothing came after its watermark."""
    for closing in ClosedPeriod.objects.filter(reopened_at__isnull=True).order_by("month"):
        since, until, watermark = closing.starts_at, closing.ends_at, closing.watermark
        postings = Posting.objects.filter(counts_at__gte=since, counts_at__lt=until)
        late = LedgerEntry.objects.filter(posting__in=postings, id__gt=watermark).order_by("id").first()
        if late is not None:
            yield Finding(
                code="closed_period_grew",
                subject=str(closing),
                message=f"ledger entry {late.pk} counts in it and came after it was closed",
            )
        moved = totals_of(since=since, until=until, watermark=watermark)
        for name in sorted(moved.keys() | closing.totals.keys()):
            sealed, now = closing.totals.get(name, 0), moved.get(name, 0)
            if now != sealed:
                yield Finding(
                    code="closed_period_differs",
                    subject=str(closing),
                    message=f"{name} moved by {sealed} when it was closed, now by {now}",
                )
        count = postings.count()
        if count != closing.posting_count:
            yield Finding(
                code="closed_period_differs",
                subject=str(closing),
                message=f"it had {closing.posting_count} postings when it was closed, now it has {count}",
            )

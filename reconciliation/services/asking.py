"""Exports are asked for here: what is wanted is understood and noted as a row, which a worker writes."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

from django.conf import settings

from bookings.models import Partner
from gateways.models import GatewayAccount
from money import EXPONENTS
from payments.models import ClosedPeriod
from reconciliation.errors import NotCompleteYet, UnusableFilter
from reconciliation.exporting.reading import watermark
from reconciliation.exporting.registry import report_of
from reconciliation.exporting.report import Filter, Report
from reconciliation.models import ExportFormat, ExportRun
from reconciliation.services.exporting import midnight

# No books are older; and what PostgreSQL keeps of the first years, Python cannot read back.
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)


def ask_for_export(
    *,
    slug: str,
    form: ExportFormat,
    filters: Mapping[str, str],
    is_live: bool,
    asked_by: str,
    now: datetime,
    as_of: datetime | None = None,
) -> ExportRun:
    """Note that somebody wants a report, and return the run; a worker, or `write_export`, writes it.

    `filters` are those of the report, and `from` and `to`: days of the operator's time zone, the second not included.
    Without `as_of` a period that is closed is told as it was closed, and any other up to where the books are complete.
    It counts in whole seconds, as it is told everywhere: whoever repeats it has the same bytes.

    :raises UnknownReport: there is none of that name.
    :raises UnusableFilter: the report has no such filter, or nothing goes by its value; nothing was noted.
    :raises NotCompleteYet: the period was closed a moment ago; nothing was noted.
    """
    report = report_of(slug)
    checked = checked_filters(report, filters)
    complete = watermark(now=now, margin_seconds=settings.RECONCILIATION["WATERMARK_MARGIN_SECONDS"])
    closing = None if as_of else _closing_of(report, checked, settings.OPERATOR_TIME_ZONE)
    if closing is not None and closing > complete:
        raise NotCompleteYet("the period was closed a moment ago: ask again in a few minutes")
    as_of = as_of or closing or complete
    if as_of < _EARLIEST:
        raise UnusableFilter(f"as_of is a time of this century, and not {as_of.isoformat()}")
    as_of = as_of.replace(microsecond=0)
    if as_of > complete:
        raise UnusableFilter(f"the books are complete up to {complete.isoformat()}, and not up to {as_of.isoformat()}")
    return ExportRun.objects.create(
        report=report.slug,
        filters=checked,
        is_live=is_live,
        format=form,
        zone=settings.OPERATOR_TIME_ZONE,
        as_of=as_of,
        asked_by=asked_by,
        asked_at=now,
    )


def _closing_of(report: Report, filters: Mapping[str, str], zone: str) -> datetime | None:
    """Return when the period was closed that an export is about; None while a part of it is open."""
    until = midnight(filters.get("to"), zone)
    if until is None or not report.keeps_to_closing:
        return None
    closings = ClosedPeriod.objects.filter(reopened_at__isnull=True, ends_at__gte=until).order_by("ends_at")
    closed_at = closings.values_list("closed_at", flat=True).first()
    # All that the closing counted was there within its second.
    return closed_at + timedelta(microseconds=-closed_at.microsecond % 1_000_000) if closed_at else None


def checked_filters(report: Report, filters: Mapping[str, str]) -> dict[str, str]:
    """Return what a report is to be narrowed by, as it is kept.

    :raises UnusableFilter: the report has no such filter, or nothing goes by its value.
    """
    checked = {name: value.strip() for name, value in sorted(filters.items()) if value.strip()}
    if unknown := sorted(checked.keys() - set(report.filter_names)):
        raise UnusableFilter(f"{report.slug} cannot be narrowed by {', '.join(unknown)}")
    for name in ("from", "to"):
        if name in checked:
            try:
                checked[name] = date.fromisoformat(checked[name]).isoformat()
            except ValueError:
                raise UnusableFilter(f"{name} is a day such as 2026-03-01, and not {checked[name]!r}") from None
    if "from" in checked and "to" in checked and checked["from"] >= checked["to"]:
        raise UnusableFilter("from is a day before to, which is not included")
    if Filter.CURRENCY in checked and checked[Filter.CURRENCY] not in EXPONENTS:
        raise UnusableFilter(f"{checked[Filter.CURRENCY]!r} is no currency that we know")
    if Filter.ACCOUNT in checked and not GatewayAccount.objects.filter(slug=checked[Filter.ACCOUNT]).exists():
        raise UnusableFilter(f"there is no gateway account {checked[Filter.ACCOUNT]!r}")
    if Filter.PARTNER in checked:
        # Its name for addresses may be changed; its id stays.
        partner = Partner.objects.filter(slug=checked[Filter.PARTNER]).first()
        if partner is None:
            raise UnusableFilter(f"there is no partner {checked[Filter.PARTNER]!r}")
        checked[Filter.PARTNER] = str(partner.pk)
    return checked

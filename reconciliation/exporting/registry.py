"""The reports there are, by slug."""

from reconciliation.errors import UnknownReport
from reconciliation.exporting.report import Column, Filter, Kind, Report

PAYMENTS = Report(
    slug="payments",
    title="Payments",
    columns=(
        Column("operation", Kind.REFERENCE),
        Column("operation_kind", Kind.WORD),
        Column("payment", Kind.REFERENCE),
        Column("order", Kind.REFERENCE),
        Column("account", Kind.WORD),
        Column("gateway_reference", Kind.REFERENCE),
        Column("service_date", Kind.DATE),
        Column("paid_at", Kind.TIME),
        Column("settled_at", Kind.TIME),
        Column("currency", Kind.WORD),
        Column("amount_minor", Kind.MINOR),
        Column("amount", Kind.MAJOR, currency="currency"),
        Column("surcharge_minor", Kind.MINOR),
        Column("donation_minor", Kind.MINOR),
        Column("movement", Kind.COUNT),
    ),
    order=("paid_at", "movement"),
    filters=frozenset(Filter),
    period="paid_at",
    totals=(("amount_minor", "currency"), ("surcharge_minor", "currency"), ("donation_minor", "currency")),
)

REPORTS: dict[str, Report] = {report.slug: report for report in (PAYMENTS,)}


def report_of(slug: str) -> Report:
    """Return a report by its slug.

    :raises UnknownReport: there is none.
    """
    try:
        return REPORTS[slug]
    except KeyError:
        raise UnknownReport(f"there is no report {slug!r}; there are {', '.join(sorted(REPORTS))}") from None

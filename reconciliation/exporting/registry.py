"""The reports there are, by slug."""

from reconciliation.errors import UnknownReport
from reconciliation.exporting.books import CHANGES_SINCE, EXTERNAL_NOTES, JOURNAL, REUSABLE_CARDS, TRIP_MONEY
from reconciliation.exporting.movements import CHARGEBACKS, PAYMENTS, REFUNDS
from reconciliation.exporting.report import Report
from reconciliation.exporting.settlements import DISCREPANCIES, FEES, SETTLEMENT_BY_PAYOUT, UNMATCHED

REPORTS: dict[str, Report] = {
    report.slug: report
    for report in (
        PAYMENTS,
        REFUNDS,
        CHARGEBACKS,
        SETTLEMENT_BY_PAYOUT,
        UNMATCHED,
        FEES,
        DISCREPANCIES,
        TRIP_MONEY,
        JOURNAL,
        CHANGES_SINCE,
        REUSABLE_CARDS,
        EXTERNAL_NOTES,
    )
}


def report_of(slug: str) -> Report:
    """Return a report by its slug.

    :raises UnknownReport: there is none.
    """
    try:
        return REPORTS[slug]
    except KeyError:
        raise UnknownReport(f"there is no report {slug!r}; there are {', '.join(sorted(REPORTS))}") from None

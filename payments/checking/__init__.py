"""Prove that caches follow from what gateways said, that the books agree, and that nothing is stuck. Reads only.

Payments are read in chunks, each in a snapshot of its own, so that a million of them stream and a running system is
never seen half-way through a change.
"""

from payments.checking.collected import findings_of, payment_findings
from payments.checking.ledger import Total, ledger_findings, ledger_findings_of, ledger_totals
from payments.checking.reading import MOST_FINDINGS, Finding, Severity, size_of_the_books
from payments.checking.stuck import STUCK_AFTER

__all__ = [
    "MOST_FINDINGS",
    "STUCK_AFTER",
    "Finding",
    "Severity",
    "Total",
    "findings_of",
    "ledger_findings",
    "ledger_findings_of",
    "ledger_totals",
    "payment_findings",
    "size_of_the_books",
]

from reconciliation.models.books import BooksDay, BooksProgress, DriftReading
from reconciliation.models.contract import AccountCode, FeeContract
from reconciliation.models.discrepancy import (
    NEEDS_TWO,
    Discrepancy,
    DiscrepancyEvent,
    DiscrepancyKind,
    DiscrepancyState,
    Resolution,
)
from reconciliation.models.export import ExportFormat, ExportRun, ExportState
from reconciliation.models.line import PAYMENT_KINDS, LineKind, SettlementLine
from reconciliation.models.match import LedgerConsumed, Match, Rule
from reconciliation.models.proposal import Proposal, ProposalDecision, ProposalKind
from reconciliation.models.report import (
    BadLine,
    BatchPosting,
    BatchState,
    ReportState,
    SettlementBatch,
    SettlementReport,
)
from reconciliation.models.schedule import Cadence, MailState, ScheduledExport, ScheduledRun
from reconciliation.models.source import SettlementSource, SourceKind
from reconciliation.models.superseded import SupersededLine

__all__ = [
    "NEEDS_TWO",
    "PAYMENT_KINDS",
    "AccountCode",
    "BadLine",
    "BatchPosting",
    "BatchState",
    "BooksDay",
    "BooksProgress",
    "Cadence",
    "Discrepancy",
    "DiscrepancyEvent",
    "DiscrepancyKind",
    "DiscrepancyState",
    "DriftReading",
    "ExportFormat",
    "ExportRun",
    "ExportState",
    "FeeContract",
    "LedgerConsumed",
    "LineKind",
    "MailState",
    "Match",
    "Proposal",
    "ProposalDecision",
    "ProposalKind",
    "ReportState",
    "Resolution",
    "Rule",
    "ScheduledExport",
    "ScheduledRun",
    "SettlementBatch",
    "SettlementLine",
    "SettlementReport",
    "SettlementSource",
    "SourceKind",
    "SupersededLine",
]

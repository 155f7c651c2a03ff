from reconciliation.admin.announced import AnnouncedReportAdmin
from reconciliation.admin.contracts import AccountCodeAdmin, FeeContractAdmin
from reconciliation.admin.discrepancies import DiscrepancyAdmin
from reconciliation.admin.exports import ExportRunAdmin, ScheduledExportAdmin
from reconciliation.admin.reports import SettlementBatchAdmin, SettlementReportAdmin
from reconciliation.admin.sources import SettlementSourceAdmin

__all__ = [
    "AccountCodeAdmin",
    "AnnouncedReportAdmin",
    "DiscrepancyAdmin",
    "ExportRunAdmin",
    "FeeContractAdmin",
    "ScheduledExportAdmin",
    "SettlementBatchAdmin",
    "SettlementReportAdmin",
    "SettlementSourceAdmin",
]

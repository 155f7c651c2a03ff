from reconciliation.admin.contracts import AccountCodeAdmin, FeeContractAdmin
from reconciliation.admin.discrepancies import DiscrepancyAdmin
from reconciliation.admin.reports import SettlementBatchAdmin, SettlementReportAdmin
from reconciliation.admin.sources import SettlementSourceAdmin

__all__ = [
    "AccountCodeAdmin",
    "DiscrepancyAdmin",
    "FeeContractAdmin",
    "SettlementBatchAdmin",
    "SettlementReportAdmin",
    "SettlementSourceAdmin",
]

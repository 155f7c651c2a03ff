from reconciliation.admin.discrepancies import DiscrepancyAdmin
from reconciliation.admin.reports import SettlementBatchAdmin, SettlementReportAdmin
from reconciliation.admin.sources import SettlementSourceAdmin

__all__ = ["DiscrepancyAdmin", "SettlementBatchAdmin", "SettlementReportAdmin", "SettlementSourceAdmin"]

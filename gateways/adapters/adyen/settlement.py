"""The settlement details report: which columns we read and what its row types mean.

Amounts are decimals in major units and never negative; the column says debit or credit. `Payment Fees (NC)` is the
total of the other fee columns and is therefore not read. Columns come in any order and number: they are found by their
header. Source: Adyen docs, "Settlement details report".
"""

from types import MappingProxyType

from gateways.protocol import Column, ColumnMap

SETTLEMENT_DETAILS = ColumnMap(
    columns=(
        Column(header="Merchant Account", field="merchant_account"),
        Column(header="Psp Reference", field="payment_reference"),
        Column(header="Merchant Reference", field="our_reference"),
        Column(header="Payment Method", field="payment_method"),
        Column(header="Creation Date", field="occurred_at", unit="YYYY-MM-DD HH:MM:SS"),
        Column(header="TimeZone", field="time_zone", unit="abbreviation"),
        Column(header="Type", field="type"),
        Column(header="Modification Reference", field="gateway_reference"),
        Column(header="Gross Currency", field="gross_currency"),
        Column(header="Gross Debit (GC)", field="gross_debit", unit="major"),
        Column(header="Gross Credit (GC)", field="gross_credit", unit="major"),
        Column(header="Exchange Rate", field="exchange_rate", unit="ratio"),
        Column(header="Net Currency", field="net_currency"),
        Column(header="Net Debit (NC)", field="net_debit", unit="major"),
        Column(header="Net Credit (NC)", field="net_credit", unit="major"),
        Column(header="Commission (NC)", field="commission", unit="major"),
        Column(header="Markup (NC)", field="markup", unit="major"),
        Column(header="Scheme Fees (NC)", field="scheme_fees", unit="major"),
        Column(header="Interchange (NC)", field="interchange", unit="major"),
        Column(header="Modification Merchant Reference", field="our_operation_reference", is_required=False),
        Column(header="Payment Method Variant", field="payment_method_variant", is_required=False),
        Column(header="Batch Number", field="batch_number"),
        Column(header="Booking Date", field="booked_at", unit="YYYY-MM-DD HH:MM:SS", is_required=False),
        Column(header="Booking Date TimeZone", field="booked_time_zone", unit="abbreviation", is_required=False),
        Column(header="Dispute Reference", field="dispute_reference", is_required=False),
        Column(header="ARN", field="acquirer_reference", is_required=False),
    ),
    types=MappingProxyType(
        {
            "Settled": "CAPTURE",
            "Refunded": "REFUND",
            "RefundedReversed": "REFUND_REVERSED",
            "Chargeback": "CHARGEBACK",
            "SecondChargeback": "CHARGEBACK",
            "ChargebackReversed": "CHARGEBACK_REVERSED",
            "Fee": "FEE",
            "MiscCosts": "FEE",
            "InvoiceDeduction": "FEE",
            "PaymentCost": "FEE",
            "SettleCost": "FEE",
            "AuthorisationSchemeFee": "FEE",
            "DepositCorrection": "RESERVE",
            "ReserveAdjustment": "RESERVE",
            "Balancetransfer": "BALANCE_TRANSFER",
            "MerchantPayout": "PAYOUT",
            "BankInstructionReturned": "PAYOUT_RETURNED",
            "ManualCorrected": "OTHER",
            "MatchedStatement": "OTHER",
            "EpaPaid": "OTHER",
            "InternalCompanyPayout": "OTHER",
            "PaidOut": "OTHER",
            "PaidOutReversed": "OTHER",
        }
    ),
    batch_is_whole=True,
)

"""The settlement file: CardGate publishes no report, its portal only lets people download ones of their own making.

So the columns are ours: an export of the portal is brought into this form, one row for each movement. Amounts are
decimals in major units and never negative; the column says debit or credit. docs/cardgate.md describes it.
"""

from types import MappingProxyType

from gateways.protocol import Column, ColumnMap

SETTLEMENT = ColumnMap(
    columns=(
        Column(header="account_id", field="merchant_account"),
        Column(header="invoice_id", field="payment_reference"),
        Column(header="reference_id", field="our_reference"),
        Column(header="type", field="type"),
        Column(header="operation_id", field="gateway_reference"),
        Column(header="operation_reference_id", field="our_operation_reference", is_required=False),
        Column(header="occurred_at", field="occurred_at", unit="ISO 8601 with offset"),
        Column(header="currency", field="gross_currency"),
        Column(header="debit", field="gross_debit", unit="major"),
        Column(header="credit", field="gross_credit", unit="major"),
        Column(header="exchange_rate", field="exchange_rate", unit="ratio", is_required=False),
        Column(header="payout_currency", field="net_currency"),
        Column(header="payout_debit", field="net_debit", unit="major"),
        Column(header="payout_credit", field="net_credit", unit="major"),
        Column(header="fee", field="commission", unit="major"),
        Column(header="payment_method", field="payment_method", is_required=False),
        Column(header="payout_id", field="batch_number"),
        Column(header="arn", field="acquirer_reference", is_required=False),
    ),
    types=MappingProxyType(
        {
            "payment": "CAPTURE",
            "refund": "REFUND",
            "refund_reversed": "REFUND_REVERSED",
            "chargeback": "CHARGEBACK",
            "chargeback_reversed": "CHARGEBACK_REVERSED",
            "fee": "FEE",
            "reserve": "RESERVE",
            "unreserve": "RESERVE",
            "payout": "PAYOUT",
            "payout_returned": "PAYOUT_RETURNED",
            "other": "OTHER",
        }
    ),
)

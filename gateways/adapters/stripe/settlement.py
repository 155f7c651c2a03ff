"""The itemized payout reconciliation report: which columns we ask for and what its categories mean.

Amounts are decimals in major units; `gross` and `net` are signed, `fee` is positive when it was charged and
`net = gross - fee`. Columns are found by their header: `payout_reconciliation.itemized.5` has these and many more, and
a report that is asked for with `columns` has exactly those. `gross` is in the currency that was settled in,
`customer_facing_amount` in the guest's. Source: Stripe docs, "Payout reconciliation report".
"""

from types import MappingProxyType

from gateways.protocol import Column, ColumnMap

PAYOUT_RECONCILIATION = ColumnMap(
    columns=(
        Column(header="automatic_payout_id", field="batch_number"),
        Column(header="automatic_payout_effective_at_utc", field="booked_at", unit="YYYY-MM-DD HH:MM:SS UTC"),
        Column(header="balance_transaction_id", field="line_reference"),
        Column(header="created_utc", field="occurred_at", unit="YYYY-MM-DD HH:MM:SS UTC"),
        Column(header="available_on_utc", field="available_at", unit="YYYY-MM-DD HH:MM:SS UTC", is_required=False),
        Column(header="currency", field="net_currency"),
        Column(header="gross", field="gross", unit="major"),
        Column(header="fee", field="fee", unit="major"),
        Column(header="net", field="net", unit="major"),
        Column(header="reporting_category", field="type"),
        Column(header="source_id", field="gateway_reference"),
        Column(header="charge_id", field="charge_reference", is_required=False),
        Column(header="payment_intent_id", field="payment_reference"),
        Column(header="customer_facing_amount", field="customer_amount", unit="major"),
        Column(header="customer_facing_currency", field="gross_currency"),
        Column(header="payment_metadata[reference]", field="our_reference", is_required=False),
        Column(header="refund_metadata[reference]", field="our_operation_reference", is_required=False),
        Column(header="card_brand", field="payment_method", is_required=False),
        Column(header="dispute_reason", field="dispute_reason", is_required=False),
        Column(header="description", field="description", is_required=False),
    ),
    # The list is open: what is not in it goes to a person and is never dropped.
    types=MappingProxyType(
        {
            "charge": "CAPTURE",
            "partial_capture_reversal": "CAPTURE_REVERSED",
            "charge_failure": "CAPTURE_FAILED",
            "refund": "REFUND",
            "refund_failure": "REFUND_REVERSED",
            "dispute": "CHARGEBACK",
            "dispute_reversal": "CHARGEBACK_REVERSED",
            "fee": "FEE",
            "network_cost": "FEE",
            "tax": "FEE",
            "risk_reserved_funds": "RESERVE",
            "payout": "PAYOUT",
            "payout_reversal": "PAYOUT_RETURNED",
            "transfer": "BALANCE_TRANSFER",
            "transfer_reversal": "BALANCE_TRANSFER",
            "topup": "BALANCE_TRANSFER",
            "topup_reversal": "BALANCE_TRANSFER",
            "other_adjustment": "OTHER",
            "advance": "OTHER",
            "advance_funding": "OTHER",
            "anticipation_repayment": "OTHER",
            "connect_collection_transfer": "OTHER",
            "contribution": "OTHER",
            "platform_earning": "OTHER",
            "platform_earning_refund": "OTHER",
            "unreconciled_customer_funds": "OTHER",
        }
    ),
    batch_is_payout=True,
    batch_is_whole=True,
)

"""The transactions of one of Spreedly's gateways, as a table: which columns we read and what its types mean.

Spreedly moves no money and settles none: the processor behind it does, in a report of its own. This is the other half
of the books, joined to that report by `gateway_transaction_id`. No public layout exists; the columns are named as the
fields of `GET /gateways/{token}/transactions.json`, and docs/spreedly.md says how such a file is made. Amounts are in
Spreedly's minor units and never negative.
"""

from types import MappingProxyType

from gateways.protocol import Column, ColumnMap

TRANSACTIONS = ColumnMap(
    columns=(
        Column(header="token", field="gateway_reference"),
        Column(header="reference_token", field="payment_reference"),
        Column(header="order_id", field="our_operation_reference"),
        Column(header="description", field="our_reference", is_required=False),
        Column(header="transaction_type", field="type"),
        Column(header="state", field="state"),
        Column(header="amount", field="gross", unit="minor"),
        Column(header="currency_code", field="gross_currency"),
        Column(header="created_at", field="occurred_at", unit="YYYY-MM-DDTHH:MM:SSZ"),
        Column(header="gateway_transaction_id", field="acquirer_reference"),
        Column(header="card_type", field="payment_method", is_required=False),
    ),
    types=MappingProxyType(
        {
            "Purchase": "CAPTURE",
            "OffsitePurchase": "CAPTURE",
            "Capture": "CAPTURE",
            "Credit": "REFUND",
            "Authorization": "OTHER",
            "OffsiteAuthorization": "OTHER",
            "Void": "OTHER",
            "Verification": "OTHER",
        }
    ),
    settles=False,
)

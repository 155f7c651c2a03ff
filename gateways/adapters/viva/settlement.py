"""The report of settled transactions: which columns we read and what their types mean.

Viva publishes no list of the columns of its sale transactions file, so the format is ours: a CSV with these headers,
which are the names of the same fields in Viva's API. Whoever exports the banking app's report maps its columns to them
(docs/viva.md). Amounts are decimals in major units; what goes back to a guest is negative.
"""

from types import MappingProxyType

from gateways.adapters.viva.currencies import NUMBERS
from gateways.protocol import Column, ColumnMap

SALE_TRANSACTIONS = ColumnMap(
    columns=(
        Column(header="MerchantId", field="merchant_account", is_required=False),
        Column(header="TransactionId", field="gateway_reference"),
        # The payment that a capture, refund or chargeback belongs to; empty for the payment itself.
        Column(header="ParentId", field="payment_reference", is_required=False),
        Column(header="OrderCode", field="opening_reference", is_required=False),
        Column(header="MerchantTrns", field="our_reference"),
        Column(header="TransactionTypeId", field="type"),
        Column(header="InsDate", field="occurred_at", unit="ISO 8601"),
        Column(header="CurrencyCode", field="gross_currency", unit="ISO 4217 number"),
        Column(header="Amount", field="gross_signed", unit="major"),
        Column(header="TotalFee", field="commission", unit="major", is_required=False),
        Column(header="NetAmount", field="net_signed", unit="major", is_required=False),
        Column(header="ClearanceDate", field="booked_at", unit="ISO 8601", is_required=False),
        # Of ours: what was paid out together. Without it, a day of clearance is.
        Column(header="PayoutId", field="batch_number", is_required=False),
        Column(header="SourceCode", field="source_code", is_required=False),
        Column(header="CardTypeId", field="payment_method", is_required=False),
        Column(header="RetrievalReferenceNumber", field="acquirer_reference", is_required=False),
    ),
    types=MappingProxyType(
        {
            "0": "CAPTURE",
            "5": "CAPTURE",
            "6": "CAPTURE",
            "9": "CAPTURE",
            "23": "CAPTURE",
            "48": "CAPTURE",
            "52": "CAPTURE",
            "60": "CAPTURE",
            "81": "CAPTURE",
            "4": "REFUND",
            "7": "REFUND",
            "11": "REFUND",
            "13": "REFUND",
            "18": "REFUND",
            "24": "REFUND",
            "49": "REFUND",
            "53": "REFUND",
            "61": "REFUND",
            "8": "OTHER",
            "19": "PAYOUT",
            # Words of ours for what has no number, or one that is not published.
            "chargeback": "CHARGEBACK",
            "chargeback_reversed": "CHARGEBACK_REVERSED",
            "fee": "FEE",
        }
    ),
    currencies=MappingProxyType({number: currency for currency, number in NUMBERS.items()}),
)

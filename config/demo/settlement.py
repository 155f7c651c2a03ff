"""How the demo's operator reads files that no gateway publishes a form for: a till's list, and a bank's statement."""

from typing import Any

# The till of a partner: what was taken and given back by booking, and what was carried to the bank.
TILL_MAP: dict[str, Any] = {
    "columns": {
        "type": {"header": "Kind"},
        "our_reference": {"header": "Receipt", "is_required": False},
        "occurred_at": {"header": "At", "unit": "ISO 8601 with offset"},
        "gross_signed": {"header": "Amount"},
        "gross_currency": {"header": "Currency"},
        # A till is closed every evening, or oftener; each closing is carried to the bank by itself.
        "batch_number": {"header": "Closing"},
    },
    "types": {"Sale": "CAPTURE", "Return": "REFUND", "Deposit": "PAYOUT"},
}
BANK = "house-bank"
# As many German banks write theirs: semicolons, a comma for the decimals, Windows-1252.
BANK_SOURCE: dict[str, Any] = {
    "column_map": {
        "columns": {
            "occurred_at": {"header": "Buchungstag", "unit": "DD.MM.YYYY"},
            "net_signed": {"header": "Betrag"},
            "net_currency": {"header": "Währung"},
            "description": {"header": "Verwendungszweck"},
            "gateway_reference": {"header": "Umsatz-ID"},
        }
    },
    "delimiter": ";",
    "decimal_mark": ",",
    "encoding": "cp1252",
}

"""The gateway accounts of the demo's operator."""

from typing import Any

_EURO_WORLD = ["EUR", "GBP", "JPY", "CHF", "DKK", "NOK", "SEK", "PLN"]
_CARD_SOURCES = ["ECOM", "MOTO"]
AT_THE_SANDBOX: dict[str, dict[str, Any]] = {
    "adyen-eu": {
        "name": "Adyen, Europe and Japan",
        "gateway": "adyen",
        "currencies": _EURO_WORLD,
        "sources": _CARD_SOURCES,
        "captures_at_once": True,
        "stores_cards": True,
        "takes_raw_cards": True,
    },
    "adyen-us": {
        "name": "Adyen, United States (captured when confirmed)",
        "gateway": "adyen",
        "currencies": ["USD"],
        "sources": _CARD_SOURCES,
        "captures_at_once": False,
        "stores_cards": True,
        "takes_raw_cards": True,
    },
    "adyen-test": {
        "name": "Adyen, test orders",
        "gateway": "adyen",
        "currencies": [*_EURO_WORLD, "USD"],
        "sources": _CARD_SOURCES,
        "captures_at_once": True,
        "stores_cards": True,
        "takes_raw_cards": True,
    },
    "stripe-eu": {
        "name": "Stripe, Europe and Japan",
        "gateway": "stripe",
        "currencies": _EURO_WORLD,
        "sources": ["ECOM"],
        "captures_at_once": True,
        "stores_cards": True,
    },
    "stripe-us": {
        "name": "Stripe, United States (captured when confirmed)",
        "gateway": "stripe",
        "currencies": ["USD"],
        "sources": ["ECOM"],
        "captures_at_once": False,
        "stores_cards": True,
    },
    "viva-eu": {
        "name": "Viva, euro area",
        "gateway": "viva",
        "currencies": ["EUR"],
        "sources": ["ECOM"],
        "captures_at_once": True,
        "stores_cards": True,
    },
    "spreedly-eu": {
        "name": "Spreedly, Europe and Japan",
        "gateway": "spreedly",
        "currencies": _EURO_WORLD,
        "sources": ["ECOM"],
        "captures_at_once": True,
        "stores_cards": True,
    },
    "spreedly-us": {
        "name": "Spreedly, United States",
        "gateway": "spreedly",
        "currencies": ["USD"],
        "sources": ["ECOM"],
        "captures_at_once": True,
        "stores_cards": True,
    },
    "cardgate-eu": {
        "name": "CardGate, Europe and Japan",
        "gateway": "cardgate",
        "currencies": _EURO_WORLD,
        "sources": ["ECOM"],
        "captures_at_once": True,
        "stores_cards": True,
    },
    "cardgate-us": {
        "name": "CardGate, United States",
        "gateway": "cardgate",
        "currencies": ["USD"],
        "sources": ["ECOM"],
        "captures_at_once": True,
        "stores_cards": True,
    },
}
TAKEN_ELSEWHERE: dict[str, dict[str, Any]] = {
    "external": {
        "name": "Taken elsewhere",
        "gateway": "external",
        "currencies": [*_EURO_WORLD, "USD"],
        "sources": ["ECOM", "POS", "MOTO"],
        "captures_at_once": True,
        "stores_cards": False,
    },
}
ACCOUNTS = {**AT_THE_SANDBOX, **TAKEN_ELSEWHERE}
# Account -> gateway.
SANDBOX_ACCOUNTS: dict[str, str] = {slug: fields["gateway"] for slug, fields in AT_THE_SANDBOX.items()}
# Serves bookings made with a test key.
TEST_ACCOUNT = "adyen-test"

"""What the demo says of each gateway, and the accounts that its operator has there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_EURO_WORLD = ("EUR", "GBP", "JPY", "CHF", "DKK", "NOK", "SEK", "PLN")
_CARD_SOURCES: dict[str, Any] = {"sources": ["ECOM", "MOTO"], "takes_raw_cards": True}


def _account(name: str, *currencies: str, **more: Any) -> dict[str, Any]:
    fields = {"sources": ["ECOM"], "captures_at_once": True, "stores_cards": True}
    return {"name": name, "currencies": list(currencies), **fields, **more}


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """Be the words for one gateway.

    `events` names the webhooks by which it tells that a guest paid, that a hold was captured and that money went back;
    without one it tells by its answer. `accounts` holds the fields of each account by its slug; the one that ends in
    `-test` serves bookings made with a test key. `holds` says that it can hold money until it is captured, `has_page`
    that guests pay on a page and not at a till. The second guest books `second_tour` in a currency that it takes.
    """

    name: str
    page: str
    opened: str
    accounts: Mapping[str, Mapping[str, Any]]
    card: str = "Visa"
    card_note: str = "a published test card"
    events: dict[str, str] = field(default_factory=dict)
    holds: bool = True
    second_tour: str = "sunset-sail"
    second_currency: str = "USD"
    has_page: bool = True


TEXTS: dict[str, Texts] = {
    "adyen": Texts(
        name="Adyen",
        page="Adyen's page",
        opened="a session at Adyen (the sandbox); Drop-in would be mounted with it",
        accounts={
            "adyen-eu": _account("Adyen, Europe and Japan", *_EURO_WORLD, **_CARD_SOURCES),
            "adyen-us": _account(
                "Adyen, United States (captured when confirmed)",
                "USD",
                **_CARD_SOURCES,
                captures_at_once=False,
            ),
            "adyen-test": _account("Adyen, test orders", *_EURO_WORLD, "USD", **_CARD_SOURCES),
        },
        events={"paid": "AUTHORISATION", "refused": "AUTHORISATION", "captured": "CAPTURE", "refunded": "REFUND"},
    ),
    "stripe": Texts(
        name="Stripe",
        page="Stripe's page",
        opened="a PaymentIntent at Stripe (the sandbox); its Payment Element would be mounted with it",
        accounts={
            "stripe-eu": _account("Stripe, Europe and Japan", *_EURO_WORLD),
            "stripe-us": _account("Stripe, United States (captured when confirmed)", "USD", captures_at_once=False),
        },
        events={
            "paid": "charge.succeeded",
            "refused": "payment_intent.payment_failed",
            "captured": "payment_intent.succeeded",
            "refunded": "refund.created",
        },
    ),
    "viva": Texts(
        name="Viva",
        page="Viva's Smart Checkout",
        opened="an order at Viva (the sandbox); the guest would be sent to its checkout",
        accounts={"viva-eu": _account("Viva, euro area", "EUR")},
        events={"paid": "1796", "refused": "1798", "refunded": "1797"},
        holds=False,
        second_tour="canal-cruise",
        second_currency="EUR",
    ),
    "spreedly": Texts(
        name="Spreedly",
        page="Spreedly's form",
        opened="signed values for Spreedly's Express form; nothing is opened there",
        accounts={
            "spreedly-eu": _account("Spreedly, Europe and Japan", *_EURO_WORLD),
            "spreedly-us": _account("Spreedly, United States", "USD"),
        },
        holds=False,
    ),
    "cardgate": Texts(
        name="CardGate",
        page="CardGate's page",
        opened="an invoice at CardGate (the sandbox); the guest would be sent to its page",
        accounts={
            "cardgate-eu": _account("CardGate, Europe and Japan", *_EURO_WORLD),
            "cardgate-us": _account("CardGate, United States", "USD"),
        },
        card="Mastercard",
        events={"paid": "processed", "refused": "process_failed", "refunded": "partially_refunded"},
        holds=False,
    ),
    "external": Texts(
        name="the till",
        page="Nordwind's own till",
        opened="nothing is opened: Nordwind takes the money itself and reports it",
        accounts={
            "external": _account(
                "Taken elsewhere", *_EURO_WORLD, "USD", sources=["ECOM", "POS", "MOTO"], stores_cards=False
            ),
        },
        card="card terminal",
        card_note="the slip's number goes with the report",
        holds=False,
        has_page=False,
    ),
}

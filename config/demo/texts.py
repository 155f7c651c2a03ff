"""What the demo says of each gateway."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """Be the words for one gateway.

    `events` names the webhooks by which it tells that a guest paid, that a hold was captured and that money went back;
    without one it tells by its answer. `holds` says that it can hold money until it is captured, `has_page`
    that guests pay on a page and not at a till. The second guest books `second_tour` in a currency that it takes.
    """

    name: str
    page: str
    opened: str
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
        events={"paid": "AUTHORISATION", "refused": "AUTHORISATION", "captured": "CAPTURE", "refunded": "REFUND"},
    ),
    "stripe": Texts(
        name="Stripe",
        page="Stripe's page",
        opened="a PaymentIntent at Stripe (the sandbox); its Payment Element would be mounted with it",
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
        events={"paid": "1796", "refused": "1798", "refunded": "1797"},
        holds=False,
        second_tour="canal-cruise",
        second_currency="EUR",
    ),
    "spreedly": Texts(
        name="Spreedly",
        page="Spreedly's form",
        opened="signed values for Spreedly's Express form; nothing is opened there",
        holds=False,
    ),
    "cardgate": Texts(
        name="CardGate",
        page="CardGate's page",
        opened="an invoice at CardGate (the sandbox); the guest would be sent to its page",
        card="Mastercard",
        events={"paid": "processed", "refused": "process_failed", "refunded": "partially_refunded"},
        holds=False,
    ),
    "external": Texts(
        name="the till",
        page="Nordwind's own till",
        opened="nothing is opened: Nordwind takes the money itself and reports it",
        card="card terminal",
        card_note="the slip's number goes with the report",
        holds=False,
        has_page=False,
    ),
}

"""What a partner's page is given to mount Stripe's Payment Element with, and what it brings back."""

from gateways.partner_talk import Brought, BroughtField, PartnerTalk

_INTENT = {"id": {"type": "string"}, "publishableKey": {"type": "string"}, "clientSecret": {"type": "string"}}

PARTNER_TALK = PartnerTalk(
    name="stripe",
    gives={
        "version": {"type": "string"},
        "paymentIntent": {
            "type": ["object", "null"],
            "properties": {**_INTENT, "amount": {"type": "integer"}, "currency": {"type": "string"}},
            "required": ["id", "publishableKey", "clientSecret", "amount", "currency"],
            "additionalProperties": False,
        },
        # Always null: nothing here keeps a card without a payment.
        "setupIntent": {
            "type": ["object", "null"],
            "properties": _INTENT,
            "required": ["id", "publishableKey", "clientSecret"],
            "additionalProperties": False,
        },
    },
    brings=(
        BroughtField(name="paymentIntent", means=Brought.OPENING),
        # The card the guest used. It is never a card to charge: the intent beside it has been paid with it, and
        # charging it would take the money twice. Without an intent it names nothing, and a `setupIntent` never does.
        BroughtField(name="paymentMethod", means=Brought.PAYMENT, needs="paymentIntent"),
    ),
)

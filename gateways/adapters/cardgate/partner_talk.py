"""What a partner's page is given to send a guest to CardGate's page, and what it brings back."""

from gateways.partner_talk import Brought, BroughtField, PartnerTalk

PARTNER_TALK = PartnerTalk(
    name="cardgate",
    gives={
        # All null until something is open. A page sends the guest to `action` by `method`, with `params` as its fields.
        "invoiceId": {"type": ["string", "null"]},
        "action": {"type": ["string", "null"], "format": "uri"},
        "method": {"type": ["string", "null"], "enum": ["GET", "POST", None]},
        "params": {"type": ["object", "null"], "additionalProperties": {"type": "string"}},
    },
    brings=(
        BroughtField(name="invoiceId", means=Brought.OPENING),
        # Card details belong on CardGate's page: taking them here would put this server into the card's scope.
        BroughtField(name="card", means=Brought.REFUSED),
        BroughtField(name="paymentMethod", means=Brought.REFUSED),
    ),
)

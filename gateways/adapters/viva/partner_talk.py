"""What a partner's page is given to send the guest to Smart Checkout, and what it brings back."""

from gateways.partner_talk import Brought, BroughtField, PartnerTalk

PARTNER_TALK = PartnerTalk(
    name="vivawallet",
    gives={
        # A text, for a browser's numbers cannot hold every code of sixteen digits.
        "orderCode": {"type": ["string", "null"]},
        "checkoutUrl": {"type": ["string", "null"]},
        "error": {"type": "string"},
    },
    brings=(
        BroughtField(name="orderCode", means=Brought.OPENING, longest=20, may_be_number=True),
        BroughtField(name="transactionId", means=Brought.EVIDENCE, longest=36, needs="orderCode"),
        # Card details belong on Viva's page: taking them here would put this server into the card's scope.
        BroughtField(name="paymentMethod", means=Brought.REFUSED),
    ),
)

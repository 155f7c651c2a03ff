"""What a partner's page is given to start Spreedly's Express or iFrame with, and what it brings back."""

from gateways.protocol import Brought, BroughtField, PartnerTalk

PARTNER_TALK = PartnerTalk(
    name="spreedly",
    gives={
        "env": {"type": "string"},
        "nonce": {"type": ["string", "null"]},
        "timestamp": {"type": ["string", "null"]},
        "certificateToken": {"type": ["string", "null"]},
        "signature": {"type": ["string", "null"]},
    },
    brings=(
        BroughtField(name="token", means=Brought.PAYMENT_TOKEN),
        # What the guest comes back with from 3-D Secure.
        BroughtField(name="transactionToken", means=Brought.EVIDENCE, longest=64),
        # Spreedly takes card details too: taking them here would put this server into the card's scope.
        BroughtField(name="credit_card", means=Brought.REFUSED),
    ),
)

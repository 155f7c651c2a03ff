"""What a partner's page is given to start Spreedly's Express or iFrame with, and what it brings back."""

from gateways.partner_talk import ACTION_SHAPE, Brought, BroughtField, PartnerTalk

PARTNER_TALK = PartnerTalk(
    name="spreedly",
    gives={
        "env": {"type": "string"},
        "nonce": {"type": ["string", "null"]},
        "timestamp": {"type": ["string", "null"]},
        "certificateToken": {"type": ["string", "null"]},
        "signature": {"type": ["string", "null"]},
        # What the guest must do at the bank before a charge under way is decided; absent otherwise.
        "action": ACTION_SHAPE,
    },
    brings=(
        BroughtField(name="token", means=Brought.PAYMENT_TOKEN),
        # That the guest agreed to `cardConsent`.
        BroughtField(name="keepCard", means=Brought.KEEPS_CARD),
        # What Spreedly.ThreeDS.serialize said of the guest's browser.
        BroughtField(name="browserInfo", means=Brought.BROWSER, longest=4_000),
        # What the guest comes back with from 3-D Secure.
        BroughtField(name="transactionToken", means=Brought.EVIDENCE, longest=64),
        # Spreedly takes card details too: taking them here would put this server into the card's scope.
        BroughtField(name="credit_card", means=Brought.REFUSED),
    ),
)

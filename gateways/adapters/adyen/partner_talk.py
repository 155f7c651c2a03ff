"""What a partner's page is given to mount Drop-in with, and what it brings back."""

from gateways.protocol import Brought, BroughtField, PartnerTalk

PARTNER_TALK = PartnerTalk(
    name="adyen",
    gives={
        "environment": {
            "type": "string",
            "enum": ["test", "live", "live-us", "live-au", "live-apse", "live-in", "live-nea"],
        },
        "clientKey": {"type": "string"},
        "countryCode": {"type": ["string", "null"]},
        "session": {
            "type": ["object", "null"],
            "properties": {"id": {"type": "string"}, "sessionData": {"type": "string"}},
            "required": ["id", "sessionData"],
            "additionalProperties": False,
        },
        "paymentMethodsConfiguration": {"type": ["object", "null"]},
    },
    brings=(
        BroughtField(name="sessionId", means=Brought.OPENING),
        BroughtField(name="sessionResult", means=Brought.EVIDENCE, longest=20_000, needs="sessionId"),
        BroughtField(name="pspReference", means=Brought.PAYMENT, longest=120),
        BroughtField(name="channel", means=Brought.CHANNEL),
        # Plain and encrypted card details alike: taking them here would put this server into the card's scope.
        BroughtField(name="paymentMethod", means=Brought.REFUSED),
    ),
    channels=("Web", "iOS", "Android"),
    channel_header="adyen-channel",
)

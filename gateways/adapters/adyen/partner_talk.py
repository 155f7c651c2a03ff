"""What a partner's page is given to mount Drop-in with, and what it brings back."""

from gateways.partner_talk import ACTION_SHAPE, Brought, BroughtField, PartnerTalk

_CARD = {
    "number": "number",
    "expiryMonth": "expiry_month",
    "expiryYear": "expiry_year",
    "cvc": "cvc",
    "holderName": "holder_name",
}
_BROWSER = {
    "userAgent": "user_agent",
    "acceptHeader": "accept_header",
    "language": "language",
    "colorDepth": "color_depth",
    "screenHeight": "screen_height",
    "screenWidth": "screen_width",
    "timeZoneOffset": "time_zone_offset",
    "javaEnabled": "is_java_enabled",
    "javaScriptEnabled": "is_javascript_enabled",
}

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
        # What the guest must do at the bank before a card that the confirmation brought is charged; absent otherwise.
        "action": ACTION_SHAPE,
    },
    brings=(
        BroughtField(name="sessionId", means=Brought.OPENING),
        BroughtField(name="sessionResult", means=Brought.EVIDENCE, longest=20_000, needs="sessionId"),
        BroughtField(name="pspReference", means=Brought.PAYMENT, longest=120),
        BroughtField(name="channel", means=Brought.CHANNEL),
        # A card in the clear puts this server into the card's scope: only accounts that are set to it take one.
        BroughtField(name="paymentMethod", means=Brought.CARD, longest=200, words=_CARD),
        # Without these two the bank cannot ask the guest, and may refuse instead.
        BroughtField(name="browserInfo", means=Brought.GUEST_BROWSER, longest=2_000, words=_BROWSER),
        BroughtField(name="origin", means=Brought.ORIGIN, longest=80),
        # What the guest comes back with from 3-D Secure.
        BroughtField(name="redirectResult", means=Brought.PROOF, longest=20_000),
    ),
    channels=("Web", "iOS", "Android"),
    channel_header="adyen-channel",
)

"""What a partner's page is given to send a guest to Penny's page, and what it brings back."""

from gateways.partner_talk import Brought, BroughtField, PartnerTalk

PARTNER_TALK = PartnerTalk(
    name="pennypay",
    gives={"order": {"type": ["string", "null"]}, "page": {"type": ["string", "null"]}},
    brings=(BroughtField(name="order", means=Brought.OPENING),),
)

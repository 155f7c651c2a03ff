"""How partners speak of each gateway, read from the gateways themselves, so that a dialect names none."""

from collections.abc import Mapping

from django.conf import settings

from gateways.partner_talk import PartnerTalk
from gateways.protocol import Capability
from gateways.registry import gateway_class


def partner_talks() -> Mapping[str, PartnerTalk]:
    """Return by slug how partners speak of every gateway there is."""
    return {slug: gateway_class(slug).partner_talk for slug in settings.GATEWAYS}


def partner_name_of(gateway: str) -> str:
    """Return the name by which partners know a gateway."""
    return gateway_class(gateway).partner_talk.name


def takes_reports(gateway: str) -> bool:
    """Say whether a gateway registers payments that somebody else took."""
    return Capability.CHARGE_EXTERNAL in gateway_class(gateway).capabilities

"""Which gateways there are, and what our accounts at them are opened with."""

import re
from collections.abc import Mapping

from config.settings.environment import env

# Slug -> dotted path. Adding a gateway is one folder and one line here.
GATEWAYS: dict[str, str] = {
    "adyen": "gateways.adapters.adyen.gateway.AdyenGateway",
    "cardgate": "gateways.adapters.cardgate.gateway.CardgateGateway",
    "external": "gateways.adapters.external.gateway.ExternalGateway",
    "stripe": "gateways.adapters.stripe.gateway.StripeGateway",
    "viva": "gateways.adapters.viva.gateway.VivaGateway",
    "spreedly": "gateways.adapters.spreedly.gateway.SpreedlyGateway",
}

_CREDENTIAL = re.compile(r"GATEWAY_([A-Z0-9]+(?:_[A-Z0-9]+)*)__([A-Z0-9_]+)")


def gateway_credentials(environment: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Collect `GATEWAY_<ACCOUNT>__<FIELD>`: GATEWAY_ADYEN_EU__API_KEY becomes ["adyen-eu"]["api_key"]."""
    credentials: dict[str, dict[str, str]] = {}
    for name, value in environment.items():
        if match := _CREDENTIAL.fullmatch(name):
            account = match[1].lower().replace("_", "-")
            credentials.setdefault(account, {})[match[2].lower()] = value
    return credentials


def credential_variables(credentials: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Return the environment variables that `gateway_credentials` would collect into the same credentials."""
    return {
        f"GATEWAY_{account.upper().replace('-', '_')}__{field.upper()}": value
        for account, fields in credentials.items()
        for field, value in fields.items()
    }


GATEWAY_CREDENTIALS: dict[str, dict[str, str]] = gateway_credentials(env.ENVIRON)

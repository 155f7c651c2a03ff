"""The ways to pay in a storm: accounts at every gateway that has a stand-in, and how a guest pays at each.

No gateway is named here: what one can do it declares, and what its page needs and answers its own folder knows.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from bookings.models import Price
from config.local_secrets import standin_of
from gateways.models import GatewayAccount
from gateways.partner_talk import Brought
from gateways.protocol import Capability
from gateways.registry import gateway_class
from money import MoneyError
from payments.models import AccountRoute
from tests.payments.house import House
from tests.processes import Sandbox

# What is paid at once, and what is held until the confirmation, as far as the gateway can be told of it.
_AT_ONCE, _HELD = ("EUR", "JPY"), ("USD", "GBP")


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """Be one gateway as partners and guests meet it. Where something is held, it is in one of `held`."""

    gateway: str
    name: str
    capabilities: frozenset[Capability]
    at_once: tuple[str, ...]
    held: tuple[str, ...]
    standin: Any

    @property
    def accounts(self) -> list[tuple[str, tuple[str, ...], bool]]:
        """Return the accounts of this way: slug, currencies, and whether they capture at once."""
        found = [(f"{self.gateway}-storm", self.at_once, True), (f"{self.gateway}-held", self.held, False)]
        return [account for account in found if account[1]]

    @property
    def also_posted(self) -> Mapping[str, Mapping[str, Any]]:
        """Return what special guests of this gateway post besides."""
        found: Mapping[str, Mapping[str, Any]] = getattr(self.standin, "ALSO_POSTED", {})
        return found

    def client_of(self, booking: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Return what a guest's page is given to pay a booking; None while nothing stands open."""
        client: Mapping[str, Any] | None = (booking.get("cardPayment") or {}).get(self.name)
        return client if client and self.standin.opened(client) else None

    def brought(self, client: Mapping[str, Any], answer: Mapping[str, Any] | None, *, has_evidence: bool) -> Any:
        """Return the `cardPayment` of a confirmation: without evidence it only names what was opened, where that has a
        name at this gateway; nothing where the guest brought nothing that could be named.
        """
        opening = [one.name for one in self._talk.brings if one.means is Brought.OPENING]
        if opening and not (answer and has_evidence):
            return {"gateway": self.name, self.name: {opening[0]: self.standin.opened(client)}}
        return {"gateway": self.name, self.name: self.standin.brought(client, answer)} if answer else None

    @property
    def _talk(self) -> Any:
        return gateway_class(self.gateway).partner_talk


def all_ways() -> list[Way]:
    """Return every gateway that has a stand-in."""
    return [_way_of(gateway) for gateway in settings.GATEWAYS if gateway not in _without_standin()]


def credentials_of(ways: Iterable[Way], origin: str) -> dict[str, dict[str, str]]:
    """Return credentials for the accounts of these ways, in a hurry, by account."""
    return {
        slug: {**way.standin.credentials(slug, settings.LOCAL_SECRETS.text, origin), "timeout_seconds": "1"}
        for way in ways
        for slug, _, _ in way.accounts
    }


def open_accounts(ways: Iterable[Way], house: House, sandbox: Sandbox) -> None:
    """Let the partner be paid these ways, and as before where nobody stands in; the credentials are in the settings."""
    Price.objects.create(unit=house.adult, currency="GBP", original_minor=4500, retail_minor=4000, net_minor=3400)
    AccountRoute.objects.exclude(account__gateway__in=_without_standin()).delete()
    for way in ways:
        for slug, currencies, captures_at_once in way.accounts:
            account = GatewayAccount.objects.create(
                slug=slug,
                name=slug,
                gateway=way.gateway,
                environment="test",
                currencies=list(currencies),
                sources=["ECOM"],
                captures_at_once=captures_at_once,
                # Not every gateway that keeps cards keeps them from holds.
                stores_cards=captures_at_once and Capability.STORE_CARD in way.capabilities,
            )
            AccountRoute.objects.create(partner=house.partner, account=account, is_live=True, rank=10)
            webhook_url = f"http://127.0.0.1:{settings.WEB_PORT}/webhooks/{slug}/"
            described = way.standin.sandbox_account(settings.GATEWAY_CREDENTIALS[slug], webhook_url)
            sandbox.put(f"{way.gateway}/accounts/{way.standin.account_name(described)}", **described)


def _way_of(gateway: str) -> Way:
    made = gateway_class(gateway)
    can_hold = Capability.AUTHORIZE in made.capabilities
    return Way(
        gateway=gateway,
        name=made.partner_talk.name,
        capabilities=made.capabilities,
        at_once=tuple(one for one in _AT_ONCE if _is_told(gateway, one)),
        held=tuple(one for one in _HELD if can_hold and _is_told(gateway, one)),
        standin=standin_of(settings.GATEWAYS[gateway]),
    )


def _is_told(gateway: str, currency: str) -> bool:
    """Say whether a gateway can be told of a currency."""
    try:
        gateway_class(gateway).exponents.exponent(currency)
    except MoneyError:
        return False
    return True


def _without_standin() -> list[str]:
    """Return the gateways that nobody stands in for, because there is nobody to talk to."""
    return [slug for slug in settings.GATEWAYS if Capability.CHARGE_EXTERNAL in gateway_class(slug).capabilities]

"""Which account may take an order's money."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import structlog

from bookings.models import Order
from gateways.errors import MisconfiguredAccount
from gateways.exponents import UnknownPair
from gateways.models import Environment, GatewayAccount
from gateways.protocol import Capability, EncryptedCard, RawCard, Source
from gateways.registry import gateway_class, gateway_for
from payments.errors import CardDetailsNotTaken, GatewayMismatch, InvalidSource, NoAccount
from payments.models import AccountRoute
from payments.services.outages import is_resting
from payments.services.surcharging import with_surcharge_rules

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Say what a partner asked of routing; None is no wish."""

    gateway: str | None = None
    source: str | None = None


def read_source(text: str | None) -> Source:
    """Return the source a partner named, ECOM when it named none.

    :raises InvalidSource: it is none we know.
    """
    if text is None:
        return Source.ECOM
    try:
        return Source(text)
    except ValueError:
        raise InvalidSource(f"source must be one of {', '.join(Source)}.") from None


def routes_for(order: Order, source: Source | None = None) -> list[AccountRoute]:
    """Return the routes that may take the order's currency, from a source when one is given, best first, each with its
    surcharge rules.

    A test order never reaches an account of a live processor.
    """
    return _routes(partner_id=order.partner_id, is_live=order.is_live, currency=order.currency, source=source)


def accounts_for_encrypted_cards(*, partner_id: UUID, is_live: bool, currency: str) -> list[GatewayAccount]:
    """Return the accounts that charge a card which was encrypted in a guest's browser, best first."""
    routes = _routes(partner_id=partner_id, is_live=is_live, currency=currency, source=Source.ECOM)
    accounts = [route.account for route in routes]
    return [each for each in accounts if Capability.CHARGE_ENCRYPTED_CARD in gateway_for(each).capabilities]


def _routes(*, partner_id: UUID, is_live: bool, currency: str, source: Source | None) -> list[AccountRoute]:
    routes = (
        AccountRoute.objects.filter(partner_id=partner_id, is_live=is_live, account__is_active=True)
        .select_related("account")
        .order_by("rank", "id")
    )
    return [
        route
        for route in with_surcharge_rules(routes)
        if _takes(route, currency, source, is_live=is_live)
        and is_set_up(route.account)
        and _can_be_told(route.account, currency)
    ]


def routed_accounts(order: Order, source: Source | None = None) -> list[GatewayAccount]:
    """Return the accounts that may take the order's currency, from a source when one is given, best first."""
    return [route.account for route in routes_for(order, source)]


def _can_be_told(account: GatewayAccount, currency: str) -> bool:
    """Say whether an account's gateway can be told amounts of a currency, whatever the account lists."""
    try:
        gateway_class(account.gateway).exponents.exponent(currency)
    except UnknownPair as reason:
        log.error("account_lists_a_currency_in_vain", account=account.slug, reason=str(reason))
        return False
    return True


def is_set_up(account: GatewayAccount) -> bool:
    """Say whether an account can be talked to here; one that cannot is left out, and the log says what it lacks."""
    try:
        gateway_for(account)
    except MisconfiguredAccount as reason:
        log.error("account_misconfigured", account=account.slug, reason=str(reason))
        return False
    return True


def _takes(route: AccountRoute, currency: str, source: Source | None, *, is_live: bool) -> bool:
    """Say whether account and route both take it; a route narrows what its account takes and widens nothing."""
    account = route.account
    takes_currency = currency in account.currencies and currency in (route.currencies or account.currencies)
    takes_source = source is None or (source in account.sources and source in (route.sources or account.sources))
    return takes_currency and takes_source and (is_live or account.environment == Environment.TEST)


def choose_route(
    *, order: Order, wish: Wish, now: datetime | None = None, began_at: GatewayAccount | None = None
) -> AccountRoute:
    """Return the route by which an order is paid, with its surcharge rules.

    For a payment that begins `now`, an account that rests comes after all others, but for the one at which the order's
    payment began.

    :raises InvalidSource: no account of the partner takes cards from that source.
    :raises GatewayMismatch: the gateway named is not one the partner may use for this order.
    :raises NoAccount: nothing is set up for the order's currency and mode.
    """
    source = read_source(wish.source)
    routes = routes_for(order, source)
    if now is not None:
        routes.sort(key=lambda route: route.account != began_at and is_resting(route.account, now))
    for route in routes:
        if wish.gateway in (None, route.account.gateway):
            return route
    accounts = routed_accounts(order)
    if not accounts:
        raise NoAccount(f"No account is set up to take {order.currency} from this partner.")
    if wish.gateway is not None and wish.gateway not in {account.gateway for account in accounts}:
        raise GatewayMismatch("The gateway is not the one that takes this order's money.")
    raise InvalidSource(f"No account takes {source} payments for this order.")


def choose_route_for_card(
    *, order: Order, source: Source, card: EncryptedCard | RawCard, captures: bool, now: datetime
) -> AccountRoute:
    """Return the route by which a card is charged by its own details, with its surcharge rules.

    :raises InvalidSource: no account of the partner takes cards from that source.
    :raises NoAccount: nothing is set up for the order's currency and mode.
    :raises CardDetailsNotTaken: none of the accounts takes a card in this form.
    """
    choose_route(order=order, wish=Wish(source=source))
    routes = routes_for(order, source)
    routes.sort(key=lambda route: is_resting(route.account, now))
    for route in routes:
        if takes_details(route.account, card, captures=captures):
            return route
    raise CardDetailsNotTaken("No account that takes this order's money takes card details in this form.")


def takes_details(account: GatewayAccount, card: EncryptedCard | RawCard, *, captures: bool) -> bool:
    """Say whether an account may charge a card by its details; in the clear only where it is set to."""
    capabilities = gateway_for(account).capabilities
    if not captures and Capability.AUTHORIZE not in capabilities:
        return False
    if isinstance(card, RawCard):
        return account.takes_raw_cards and Capability.CHARGE_RAW_CARD in capabilities
    return Capability.CHARGE_ENCRYPTED_CARD in capabilities


def choose_account(*, order: Order, wish: Wish) -> GatewayAccount:
    """Return the account an order is paid through.

    :raises PaymentError: as `choose_route`.
    """
    return choose_route(order=order, wish=wish).account

"""Which account may take an order's money."""

from dataclasses import dataclass

from bookings.models import Order
from gateways.models import Environment, GatewayAccount
from gateways.protocol import Source
from payments.errors import GatewayMismatch, InvalidSource, NoAccount
from payments.models import AccountRoute


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


def routed_accounts(order: Order) -> list[GatewayAccount]:
    """Return the accounts that may take the order's currency, best first, whatever the source.

    A test order never reaches an account of a live processor.
    """
    routes = (
        AccountRoute.objects.filter(partner_id=order.partner_id, is_live=order.is_live, account__is_active=True)
        .select_related("account")
        .order_by("rank", "id")
    )
    return [
        route.account
        for route in routes
        if order.currency in (route.currencies or route.account.currencies)
        and order.currency in route.account.currencies
        and (order.is_live or route.account.environment == Environment.TEST)
    ]


def choose_account(*, order: Order, wish: Wish) -> GatewayAccount:
    """Return the account an order is paid through.

    :raises InvalidSource: no account of the partner takes cards from that source.
    :raises GatewayMismatch: the gateway named is not one the partner may use for this order.
    :raises NoAccount: nothing is set up for the order's currency and mode.
    """
    source = read_source(wish.source)
    accounts = routed_accounts(order)
    if not accounts:
        raise NoAccount(f"No account is set up to take {order.currency} from this partner.")
    if wish.gateway is not None:
        accounts = [account for account in accounts if account.gateway == wish.gateway]
        if not accounts:
            raise GatewayMismatch("The gateway is not the one that takes this order's money.")
    for account in accounts:
        if source in account.sources:
            return account
    raise InvalidSource(f"No account takes {source} payments for this order.")

"""The accounts at which a guest pays online, and what the one that our own page takes would cost the guest."""

from bookings.models import Order
from gateways.models import GatewayAccount
from gateways.protocol import Capability, Source
from gateways.registry import gateway_for
from money import Money
from payments.services.routing import routed_accounts
from payments.services.surcharging import rules_for, surcharge_on
from payments.splitting import Parts


def online_accounts(order: Order, capability: Capability) -> list[GatewayAccount]:
    """Return the accounts that may take the order's money over the web and have a capability, best first; of each
    gateway only the one that routing chooses.
    """
    chosen: dict[str, GatewayAccount] = {}
    for account in routed_accounts(order, Source.ECOM):
        chosen.setdefault(account.gateway, account)
    return [account for account in chosen.values() if capability in gateway_for(account).capabilities]


def page_account(order: Order) -> GatewayAccount | None:
    """Return the account that our payment page takes an order's money by; None where none has such a page."""
    accounts = online_accounts(order, Capability.OPEN)
    return next((account for account in accounts if gateway_for(account).checkout_page() is not None), None)


def asked_of_guest(order: Order, due: Money) -> Parts:
    """Return what a guest who follows a link pays for what is due, with the surcharge of the account that takes it."""
    account = page_account(order)
    if account is None or due.minor == 0:
        return Parts(due.minor, 0)
    rules = rules_for(order, account)
    return Parts(due.minor, surcharge_on(due, rules, source=Source.ECOM, gateway=account.gateway))

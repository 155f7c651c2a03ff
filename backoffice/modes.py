"""Test or live: whose figures a page shows, and whether the row a page is about moves real money."""

from collections.abc import Iterator
from typing import Any

from django.http import HttpRequest

from bookings.models import Order
from gateways.models import Environment, GatewayAccount

# What a row without a mode of its own may hang on.
_WAYS = ("payment", "order", "booking", "subscription", "transaction", "card", "gift")


def environments_of(request: HttpRequest) -> tuple[Environment, Environment]:
    """Return whose figures a page shows and the other ones: live ones, or test ones where those are asked for or all
    there is.
    """
    asked = request.GET.get("mode")
    if asked in Environment.values:
        is_live = asked == Environment.LIVE
    else:
        is_live = GatewayAccount.objects.filter(environment=Environment.LIVE, is_active=True).exists()
    return (Environment.LIVE, Environment.TEST) if is_live else (Environment.TEST, Environment.LIVE)


def test_warning(row: Any) -> str:
    """Return what to say at the head of a row's page where no real money is; "" for real money, and for no money."""
    if next(_modes_of(row), None) is False:
        if isinstance(row, Order) or any(getattr(row, way, None) is not None for way in _WAYS):
            return "TEST ORDER: made with a partner's test key. No real money, no real seats."
        return "TEST: it is about no real money and no real seats."
    accounts = _accounts_of(row)
    if accounts and all(account.environment == Environment.TEST for account in accounts):
        named = ", ".join(str(account) for account in accounts)
        moved = "" if isinstance(row, GatewayAccount) else " No real money has moved."
        return f"TEST ACCOUNT: {named} {'is' if len(accounts) == 1 else 'are'} at the processor's test system.{moved}"
    return ""


def _accounts_of(row: Any) -> list[GatewayAccount]:
    """Return at which accounts the money of a row is or was asked for: its own, its payment's, those of its order."""
    if isinstance(row, GatewayAccount):
        return [row]
    for way in ("", *_WAYS):
        account = getattr(getattr(row, way, None) if way else row, "account", None)
        if isinstance(account, GatewayAccount):
            return [account]
    order = row if isinstance(row, Order) else getattr(row, "order", None)
    if not isinstance(order, Order):
        return []
    return list(GatewayAccount.objects.filter(payments__order=order).distinct().order_by("slug"))


def _modes_of(row: Any) -> Iterator[bool]:
    """Yield what the row says, then what it hangs on says; nothing is read that the first word makes needless."""
    yield from _own_mode(row)
    for way in _WAYS:
        yield from _own_mode(getattr(row, way, None))


def _own_mode(row: Any) -> Iterator[bool]:
    if hasattr(row, "is_live"):
        yield row.is_live

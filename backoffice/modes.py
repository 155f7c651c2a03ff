"""Test or live: whether the row a page is about moves real money."""

from collections.abc import Iterator
from typing import Any

from gateways.models import Environment, GatewayAccount
from payments.models import Payment

# What a row without a mode of its own may hang on.
_WAYS = ("payment", "order", "booking", "subscription", "transaction", "card", "gift")


def test_warning(row: Any) -> str:
    """Return what to say at the head of a row's page where no real money is; "" for real money, and for no money."""
    if next(_modes_of(row), None) is False:
        return "TEST ORDER: made with a partner's test key. No real money, no real seats."
    account = row if isinstance(row, GatewayAccount) else getattr(row, "account", None)
    if isinstance(account, GatewayAccount) and account.environment == Environment.TEST:
        moved = " No real money has moved." if isinstance(row, Payment) else ""
        return f"TEST ACCOUNT: {account} is at the processor's test system.{moved}"
    return ""


def _modes_of(row: Any) -> Iterator[bool]:
    """Yield what the row says, then what it hangs on says; nothing is read that the first word makes needless."""
    yield from _own_mode(row)
    for way in _WAYS:
        yield from _own_mode(getattr(row, way, None))


def _own_mode(row: Any) -> Iterator[bool]:
    if hasattr(row, "is_live"):
        yield row.is_live

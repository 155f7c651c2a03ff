"""Links with which a guest pays what an order owes: signed, for a time, and naming the order alone."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.core.signing import BadSignature, Signer

from bookings.models import Order

_SIGNER_SALT = "bookings.pay_links"


class LinkInvalid(Exception):
    """No link of ours reads so."""


class LinkExpired(Exception):
    """The link's time is over."""


def pay_link(*, order: Order, now: datetime) -> str:
    """Return the address at which a guest pays what the order owes, for PAY_LINK_DAYS."""
    return link_of(pay_token(order=order, now=now))


def link_of(token: str) -> str:
    """Return the address of a token."""
    return f"{settings.PUBLIC_BASE_URL}/pay/{token}/"


def pay_token(*, order: Order, now: datetime) -> str:
    """Return the signed name of an order, which ends after PAY_LINK_DAYS."""
    ends_at = now + timedelta(days=settings.BOOKINGS["PAY_LINK_DAYS"])
    return _signer().sign(f"{order.pk.hex}.{int(ends_at.timestamp())}")


def order_id_of(token: str, *, now: datetime) -> UUID:
    """Return the id of the order that a token names.

    :raises LinkInvalid: we did not sign it.
    :raises LinkExpired: its time is over.
    """
    try:
        name, _, end = _signer().unsign(token).partition(".")
        order_id, ends_at = UUID(name), datetime.fromtimestamp(int(end), UTC)
    except (BadSignature, ValueError):
        raise LinkInvalid from None
    if now >= ends_at:
        raise LinkExpired
    return order_id


def _signer() -> Signer:
    return Signer(salt=_SIGNER_SALT, sep="~")

"""Addresses of payment links: a link's id with our signature, so that no address rests in the database or in a mail."""

from uuid import UUID

from django.conf import settings
from django.core.signing import BadSignature, Signer

_SIGNER_SALT = "bookings.pay_links"


class LinkInvalid(Exception):
    """No link of ours reads so."""


def link_address(link_id: UUID) -> str:
    """Return the address at which a guest finds what a link is for."""
    return f"{settings.PUBLIC_BASE_URL}/pay/{link_token(link_id)}/"


def link_return_address(link_id: UUID) -> str:
    """Return where gateways send a guest back to who pays by a link."""
    return f"{link_address(link_id)}return/"


def link_token(link_id: UUID) -> str:
    """Return the signed name of a link: whoever knows it may do all that the guest can do."""
    return _signer().sign(link_id.hex)


def link_id_of(token: str) -> UUID:
    """Return the id of the link that a token names.

    :raises LinkInvalid: we did not sign it.
    """
    try:
        return UUID(_signer().unsign(token))
    except (BadSignature, ValueError):
        raise LinkInvalid from None


def _signer() -> Signer:
    return Signer(salt=_SIGNER_SALT, sep="~")

"""Mint, find and revoke the keys of finance's systems."""

import secrets
from collections.abc import Iterable
from datetime import datetime

from api.finance.models import FinanceKey, FinanceScope
from bookings.errors import KeyAlreadyRevoked
from bookings.key_hash import hash_of_key

_SHOWN_CHARACTERS = 12


def mint_finance_key(
    *, label: str, scopes: Iterable[FinanceScope | str], is_live: bool, now: datetime, key: str | None = None
) -> tuple[FinanceKey, str]:
    """Make a key and return it with its text, which is shown this once and not kept."""
    text = key or f"fk_{'live' if is_live else 'test'}_{secrets.token_urlsafe(32)}"
    made = FinanceKey.objects.create(
        label=label,
        prefix=text[:_SHOWN_CHARACTERS],
        key_hash=hash_of_key(text),
        scopes=[str(scope) for scope in scopes],
        is_live=is_live,
        created_at=now,
    )
    return made, text


def finance_key_for_secret(secret: str) -> FinanceKey | None:
    """Return the key that a text is, unless it was revoked."""
    return FinanceKey.objects.filter(key_hash=hash_of_key(secret), revoked_at__isnull=True).first()


def revoke_finance_key(*, key: FinanceKey, now: datetime) -> FinanceKey:
    """Close the door that a key opened, at once and for good.

    :raises KeyAlreadyRevoked: it was closed before.
    """
    if not FinanceKey.objects.filter(pk=key.pk, revoked_at__isnull=True).update(revoked_at=now):
        raise KeyAlreadyRevoked(key.prefix)
    key.revoked_at = now
    return key

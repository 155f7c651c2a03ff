import secrets
from collections.abc import Iterable
from datetime import datetime

from bookings.errors import InvalidValue, KeyAlreadyRevoked
from bookings.key_hash import hash_of_key
from bookings.models import Dialect, Partner, PartnerKey

_SHORTEST_KEY = 20
_SHOWN_CHARACTERS = 12


def mint_partner_key(
    *, partner: Partner, dialects: Iterable[str], is_live: bool, label: str, now: datetime, key: str | None = None
) -> tuple[PartnerKey, str]:
    """Make a key for a partner and return it with its text, which is shown this once and not kept.

    :raises InvalidValue: no dialect, an unknown one, or a given key that is too short or taken.
    """
    spoken = list(dict.fromkeys(dialects))
    if not spoken or not set(spoken) <= set(Dialect.values):
        raise InvalidValue("dialects", f"is not a choice of {', '.join(Dialect.values)}")
    if key is None:
        key = f"pk_{'live' if is_live else 'test'}_{secrets.token_urlsafe(32)}"
    if len(key) < _SHORTEST_KEY:
        raise InvalidValue("key", f"is shorter than {_SHORTEST_KEY} characters")
    partner_key, was_created = PartnerKey.objects.get_or_create(
        key_hash=hash_of_key(key),
        defaults={
            "partner": partner,
            "label": label,
            "prefix": key[:_SHOWN_CHARACTERS],
            "dialects": spoken,
            "is_live": is_live,
            "created_at": now,
        },
    )
    if not was_created:
        raise InvalidValue("key", "is taken")
    return partner_key, key


def revoke_partner_key(*, key: PartnerKey, now: datetime) -> PartnerKey:
    """Close the door that a key opened, at once and for good.

    :raises KeyAlreadyRevoked: it was closed before.
    """
    if not PartnerKey.objects.filter(pk=key.pk, revoked_at__isnull=True).update(revoked_at=now):
        raise KeyAlreadyRevoked(key.prefix)
    key.revoked_at = now
    return key

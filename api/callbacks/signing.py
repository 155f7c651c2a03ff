"""Prove to a partner that a delivery is ours: one HMAC per active secret, so that one can be changed at leisure."""

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction

from api.callbacks.errors import SecretAlreadyRetired, TwoSecretsActive
from bookings.encryption import decrypt_text, encrypt_text
from bookings.models import Partner, SigningSecret

SIGNATURE_HEADER = "Octo-Signature"
_SLOTS = (1, 2)


def mint_signing_secret(*, partner: Partner) -> tuple[SigningSecret, str]:
    """Make a signing secret and return it with its text, which is shown this once and kept encrypted.

    :raises TwoSecretsActive: both places are taken.
    """
    taken = set(partner.signing_secrets.filter(retired_at__isnull=True).values_list("slot", flat=True))
    free = [slot for slot in _SLOTS if slot not in taken]
    if not free:
        raise TwoSecretsActive(f"{partner} has two active signing secrets; retire one first.")
    text = f"whsec_{secrets.token_urlsafe(32)}"
    try:
        with transaction.atomic():
            secret = SigningSecret.objects.create(partner=partner, slot=free[0], secret_encrypted=encrypt_text(text))
    except IntegrityError:
        raise TwoSecretsActive(f"Somebody else has just made a signing secret for {partner}; look again.") from None
    return secret, text


def retire_signing_secret(*, secret: SigningSecret, now: datetime) -> SigningSecret:
    """Sign nothing with a secret any more, at once and for good.

    :raises SecretAlreadyRetired: it signs nothing already.
    """
    if not SigningSecret.objects.filter(pk=secret.pk, retired_at__isnull=True).update(retired_at=now):
        raise SecretAlreadyRetired(str(secret))
    secret.retired_at = now
    return secret


def active_secrets(*, partner_id: UUID) -> list[str]:
    """Return the texts of a partner's active secrets, the newest first."""
    rows = SigningSecret.objects.filter(partner_id=partner_id, retired_at__isnull=True).order_by("-created_at")
    return [decrypt_text(encrypted) for encrypted in rows.values_list("secret_encrypted", flat=True)]


def signature_of(body: bytes, *, secret_texts: Iterable[str], now: datetime) -> str | None:
    """Return the value of the signature header, `t=<unix seconds>,v1=<hex>[,v1=<hex>]`; None without a secret."""
    seconds = int(now.timestamp())
    signed = f"{seconds}.".encode() + body
    digests = [hmac.new(text.encode(), signed, hashlib.sha256).hexdigest() for text in secret_texts]
    return ",".join([f"t={seconds}", *(f"v1={digest}" for digest in digests)]) if digests else None

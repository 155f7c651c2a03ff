"""The second factor: a code from an authenticator app (TOTP), or one of ten recovery codes.

An app's secret is kept as django-otp keeps it, for codes are computed from it. Of a recovery code only a keyed digest
is kept, so none can be read from the database.
"""

from base64 import b32encode
from secrets import token_bytes

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import transaction
from django.http import HttpRequest
from django_otp import DEVICE_ID_SESSION_KEY
from django_otp import login as keep_device
from django_otp.models import Device
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from bookings.encryption import fingerprint

REQUIRED, OFF = "required", "off"
_RECOVERY_CODES = 10
_CODE_BYTES = 10  # 80 bits: 16 letters and digits
_DIGEST_LENGTH = StaticToken._meta.get_field("token").max_length
_APP, _RECOVERY = "app", "recovery codes"
_KNOWN = "_second_factor_is_waited_for"

Person = AbstractBaseUser | AnonymousUser


def is_required() -> bool:
    """Say whether everybody needs a second factor."""
    return bool(settings.STAFF_TWO_FACTOR == REQUIRED)


def has_app(user: Person) -> bool:
    """Say whether somebody has set up an authenticator app."""
    return TOTPDevice.objects.filter(user_id=user.pk, confirmed=True).exists()


def is_waited_for(request: HttpRequest) -> bool:
    """Say whether somebody gave a password and still owes the second factor; found out once per request and person."""
    user = request.user
    known_of, waits = getattr(request, _KNOWN, (None, False))
    if known_of != user.pk:
        is_verified = getattr(user, "otp_device", None) is not None
        waits = user.is_authenticated and not is_verified and (is_required() or has_app(user))
        setattr(request, _KNOWN, (user.pk, waits))
    return waits


def begin_set_up(user: Person) -> TOTPDevice:
    """Return an app's device that is not confirmed yet: the one begun before, if there is one."""
    begun = TOTPDevice.objects.filter(user_id=user.pk, confirmed=False).order_by("-pk").first()
    return begun or TOTPDevice.objects.create(user_id=user.pk, confirmed=False, name=_APP)


def secret_of(device: TOTPDevice) -> str:
    """Return the secret as a person types it where no picture can be taken."""
    secret = b32encode(device.bin_key).decode().rstrip("=")
    return _in_fours(secret)


@transaction.atomic
def finish_set_up(user: Person, code: str) -> tuple[TOTPDevice, list[str]] | None:
    """Confirm the app by a code of it, replacing one from before, and return it with new recovery codes.

    None: the code is wrong.
    """
    begun = TOTPDevice.objects.select_for_update().filter(user_id=user.pk, confirmed=False)
    device = begun.order_by("-pk").first()
    if device is None or not device.verify_token(code):
        return None
    TOTPDevice.objects.filter(user_id=user.pk).exclude(pk=device.pk).delete()
    device.confirmed = True
    device.save(update_fields=["confirmed"])
    return device, make_recovery_codes(user)


@transaction.atomic
def make_recovery_codes(user: Person) -> list[str]:
    """Return new recovery codes, which nobody can read again; those from before are void."""
    # The device stays: a session that was opened by one of the old codes goes on.
    device, _ = StaticDevice.objects.get_or_create(user_id=user.pk, name=_RECOVERY)
    device.token_set.all().delete()
    codes = [b32encode(token_bytes(_CODE_BYTES)).decode().lower() for _ in range(_RECOVERY_CODES)]
    StaticToken.objects.bulk_create(StaticToken(device=device, token=_digest(code)) for code in codes)
    return [_in_fours(code) for code in codes]


@transaction.atomic
def verify(user: Person, code: str) -> Device | None:
    """Return the device that a code is of; None where it is wrong, was used, or was tried too often just now."""
    typed = "".join(code.split()).replace("-", "").lower()
    if typed.isdigit():
        device = TOTPDevice.objects.select_for_update().filter(user_id=user.pk, confirmed=True).first()
        return device if device is not None and device.verify_token(typed) else None
    recovery = StaticDevice.objects.select_for_update().filter(user_id=user.pk, confirmed=True).first()
    return recovery if recovery is not None and recovery.verify_token(_digest(typed)) else None


def recovery_codes_left(user: Person) -> int:
    """Return how many recovery codes can still be used."""
    return StaticToken.objects.filter(device__user_id=user.pk).count()


def mark_session(request: HttpRequest, device: Device) -> None:
    """Let the session go on as one that gave the second factor."""
    request.session.cycle_key()
    keep_device(request, device)
    setattr(request, _KNOWN, (request.user.pk, False))


@transaction.atomic
def remove(user: Person) -> bool:
    """Take away somebody's app and recovery codes, and say whether there were any; what is open waits for new ones."""
    removed, _ = TOTPDevice.objects.filter(user_id=user.pk).delete()
    removed += StaticDevice.objects.filter(user_id=user.pk).delete()[0]
    return removed > 0


def forget_in_session(request: HttpRequest) -> None:
    """Go on without the device that was just removed."""
    request.session.pop(DEVICE_ID_SESSION_KEY, None)


def _in_fours(text: str) -> str:
    return "-".join(text[start : start + 4] for start in range(0, len(text), 4))


def _digest(code: str) -> str:
    return fingerprint(f"recovery code\n{code}")[:_DIGEST_LENGTH]

"""Stop guessing passwords and codes, without letting anybody lock out everybody.

Failures are counted in the audit log, by address and by a keyed fingerprint of the name that was typed: the same is
said of names that exist and of names that do not. Of the three limits the two wide ones spare a person who got in from
the same address lately: somebody who guesses from elsewhere cannot keep staff out of their own desks.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connection, transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from backoffice.addresses import address_of
from backoffice.audit import record_login
from backoffice.models import AuditEntry
from bookings.encryption import fingerprint

FAILED = "failed login"
LOCKED = "locked login"
ENTERED = "logged in"
UNLOCKED = "unlocked login"
LOGIN = "login"  # the kind of subject


def login_id(username: str) -> str:
    """Return by what the logins of a name are found; a name that was typed may be a password."""
    return fingerprint(f"login\n{username.strip().casefold()}")


@contextmanager
def one_guess_at_a_time(username: str) -> Iterator[None]:
    """Have those who try a name wait for each other, so that of many guesses sent at once each is counted."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [login_id(username)])
        yield


def is_locked(username: str, request: HttpRequest) -> bool:
    """Say whether a name may not be tried from here at the moment."""
    limits = settings.STAFF_LOCKOUT
    now = timezone.now()
    address = address_of(request)
    recent = AuditEntry.objects.filter(
        subject_kind=LOGIN, action=FAILED, at__gt=now - timedelta(minutes=limits["COOL_OFF_MINUTES"])
    )
    of_name = recent.filter(subject_id=login_id(username))
    reset_at = _last_reset(username, address)
    of_pair = of_name.filter(address=address)
    if _reaches(of_pair.filter(at__gt=reset_at) if reset_at else of_pair, limits["PER_NAME_AND_ADDRESS"]):
        return True
    if _got_in_lately(username, address, now):
        return False
    unlocked_at = _last(UNLOCKED, username)
    of_name = of_name.filter(at__gt=unlocked_at) if unlocked_at else of_name
    return _reaches(recent.filter(address=address), limits["PER_ADDRESS"]) or _reaches(of_name, limits["PER_NAME"])


def note_failure(username: str, request: HttpRequest, *, detail: str = "") -> None:
    """Count a wrong password or code, and keep that it locked the name, if it did."""
    known = get_user_model().objects.filter(username=username).exists()
    actor = username if known else ""
    record_login(action=FAILED, login_id=login_id(username), actor=actor, request=request, detail=detail)
    if is_locked(username, request):
        minutes = settings.STAFF_LOCKOUT["COOL_OFF_MINUTES"]
        record_login(
            action=LOCKED, login_id=login_id(username), actor=actor, request=request, detail=f"for {minutes} minutes"
        )


def note_entry(username: str, request: HttpRequest, *, detail: str = "") -> None:
    """Keep that somebody got in with all that was asked for."""
    record_login(action=ENTERED, login_id=login_id(username), actor=username, request=request, detail=detail)


def unlock(username: str) -> None:
    """Let a name be tried again at once, from everywhere."""
    record_login(action=UNLOCKED, login_id=login_id(username), actor=username, request=None, detail="by command")


def _reaches(failures: QuerySet[AuditEntry], limit: int) -> bool:
    return failures[:limit].count() >= limit


def _last(action: str, username: str) -> datetime | None:
    entries = AuditEntry.objects.filter(subject_kind=LOGIN, subject_id=login_id(username), action=action)
    return entries.order_by("-at").values_list("at", flat=True).first()


def _last_reset(username: str, address: str | None) -> datetime | None:
    """Return when the failures of a name at an address stopped counting."""
    entries = AuditEntry.objects.filter(subject_kind=LOGIN, subject_id=login_id(username))
    entered = entries.filter(action=ENTERED, address=address).order_by("-at").values_list("at", flat=True).first()
    return max(filter(None, [entered, _last(UNLOCKED, username)]), default=None)


def _got_in_lately(username: str, address: str | None, now: datetime) -> bool:
    since = now - timedelta(days=settings.STAFF_LOCKOUT["KNOWN_ADDRESS_DAYS"])
    return AuditEntry.objects.filter(
        subject_kind=LOGIN, subject_id=login_id(username), action=ENTERED, address=address, at__gt=since
    ).exists()

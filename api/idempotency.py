"""Let partners repeat any write: the same `Idempotency-Key` does the work once and shows the result again.

A key belongs to one partner in one mode. Method, path and a keyed fingerprint of the body are compared, with card
fields blanked before anything is computed. The claim is a committed row of its own: no lock and no transaction is held
while the work is done, nor while a twin waits for it.
"""

import hmac
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import QuerySet

from api.models import IdempotentRequest
from card_numbers import mask_card_numbers

_Done = TypeVar("_Done")

LONGEST_KEY = 255
LONGEST_PATH = 500
# A twin asks again at growing intervals; their sum is bounded by the caller's patience, not by their number.
FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 0.5
RETRY_AFTER_SECONDS = 2

CARD_FIELDS = frozenset(
    {
        "number", "cardnumber", "card_number", "pan", "cvc", "cvv", "cvv2", "cvc2", "cid", "securitycode",
        "security_code", "verificationvalue", "verification_value", "expirymonth", "expiryyear", "expiry_month",
        "expiry_year", "expmonth", "expyear", "expirydate", "expiry_date", "expiration", "encryptedcardnumber",
        "encryptedsecuritycode", "encryptedexpirymonth", "encryptedexpiryyear", "track1", "track2", "paymentmethod",
    }
)  # fmt: skip


class IdempotencyError(Exception):
    """Be the root of what can be wrong with an `Idempotency-Key`."""


class KeyMalformed(IdempotencyError):
    """Say that a key is empty, too long or not printable ASCII."""


class KeyReused(IdempotencyError):
    """Say that a key was used for another request before."""


class KeyInFlight(IdempotencyError):
    """Say that the first request with this key is still being worked on."""

    def __init__(self, *, retry_after_seconds: int) -> None:
        super().__init__(f"still in flight, ask again in {retry_after_seconds} s")
        self.retry_after_seconds = retry_after_seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestIdentity:
    """Say what makes two requests the same one; `body` is JSON-able and leaves here only as a fingerprint."""

    partner_id: UUID
    is_live: bool
    key: str
    method: str
    path: str
    body: object

    @property
    def key_fingerprint(self) -> str:
        """Return the keyed hash that finds the row."""
        return fingerprint_of_key(self.key)

    @property
    def body_fingerprint(self) -> str:
        """Return the keyed hash of the body without its card fields."""
        return fingerprint_of_body(self.body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Be the right to do the work of one key, as long as the lease runs.

    A `subject` is what an earlier holder had made when it died: the work is not to be done again but to be shown.
    """

    row_id: int
    claim_number: int
    subject: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """Be how the first request with this key ended."""

    status_code: int
    subject: str
    error_code: str = ""


def fingerprint_of_key(key: str) -> str:
    """Return the keyed hash under which a key is kept."""
    return _keyed_hash("key", key)


def fingerprint_of_body(body: object) -> str:
    """Return the keyed hash by which two bodies are compared, without their card fields."""
    return _keyed_hash("body", json.dumps(without_card_fields(body), sort_keys=True, default=str))


def check_key(key: str) -> None:
    """Refuse a key that cannot be used.

    :raises KeyMalformed: it is empty, too long or not printable ASCII.
    """
    if not 0 < len(key) <= LONGEST_KEY or not key.isascii() or not key.isprintable():
        raise KeyMalformed


def key_made_at(*, partner_id: UUID, is_live: bool, key: str) -> datetime | None:
    """Return when a key that is known was first used."""
    rows = IdempotentRequest.objects.filter(
        partner_id=partner_id, is_live=is_live, key_fingerprint=fingerprint_of_key(key)
    )
    return rows.values_list("created_at", flat=True).first()


def without_card_fields(value: object) -> object:
    """Return a JSON value with everything that names a card blanked, at any depth."""
    if isinstance(value, dict):
        return {
            name: "" if str(name).lower() in CARD_FIELDS else without_card_fields(item) for name, item in value.items()
        }
    if isinstance(value, list):
        return [without_card_fields(item) for item in value]
    return value


def claim_request(
    identity: RequestIdentity,
    *,
    wait_seconds: float,
    clock: Callable[[], datetime],
    pause: Callable[[float], None] = time.sleep,
) -> Claim | Finished:
    """Claim the work of a key, or return how it ended; wait up to `wait_seconds` for a twin that is still at it.

    :raises KeyMalformed: the key cannot be used.
    :raises KeyReused: the key belongs to another request.
    :raises KeyInFlight: the twin did not finish in time.
    """
    check_key(identity.key)
    deadline = time.monotonic() + wait_seconds
    next_pause = FIRST_PAUSE_SECONDS
    while True:
        result = _try_to_claim(identity, now=clock())
        if result is not None:
            return result
        left = deadline - time.monotonic()
        if left <= 0:
            raise KeyInFlight(retry_after_seconds=RETRY_AFTER_SECONDS)
        if not connection.in_atomic_block:
            # The pool's connection goes back while we sleep: twins must not starve the request they wait for.
            connection.close()
        pause(min(next_pause, left))
        next_pause = min(next_pause * 2, LONGEST_PAUSE_SECONDS)


def do_once(
    identity: RequestIdentity,
    *,
    act: Callable[[Claim], _Done],
    again: Callable[[Finished], _Done],
    name_of: Callable[[_Done], str],
    status_code: int,
    wait_seconds: float,
    clock: Callable[[], datetime],
    end_of: Callable[[BaseException], Finished | None] = lambda _: None,
) -> _Done:
    """Do the work of a key, or return by `again` what it came to when it was done before.

    A twin that is still at it is waited for, up to `wait_seconds`. What `act` raises frees the key, unless `end_of`
    says that this is how the request ended: then it is kept.

    :raises IdempotencyError: the key cannot be used, or not now.
    """
    claim = claim_request(identity, wait_seconds=wait_seconds, clock=clock)
    if isinstance(claim, Finished):
        return again(claim)
    try:
        made_before = Finished(status_code=status_code, subject=claim.subject)
        done = again(made_before) if claim.subject else act(claim)
    except BaseException as error:
        end = end_of(error)
        if end is None:
            release_key(claim, now=clock())
        else:
            finish_request(claim, end, now=clock())
        raise
    finish_request(claim, Finished(status_code=status_code, subject=name_of(done)), now=clock())
    return done


def finish_request(claim: Claim, end: Finished, *, now: datetime) -> None:
    """Keep how the work ended; does nothing when the lease ran out and somebody else took over."""
    IdempotentRequest.objects.filter(pk=claim.row_id, claim_number=claim.claim_number).update(
        status_code=end.status_code, subject=end.subject, error_code=end.error_code, finished_at=now
    )


def note_subject(claim: Claim, subject: str) -> None:
    """Keep what the work has made, in the transaction that makes it: from then on the key shows it and makes no other,
    even if the request breaks before it ends.

    :raises KeyInFlight: the lease ran out and somebody else took over; what was made must not be kept.
    """
    if not _held_by(claim).update(subject=subject):
        raise KeyInFlight(retry_after_seconds=RETRY_AFTER_SECONDS)


def release_key(claim: Claim, *, now: datetime) -> None:
    """Free a key whose request was refused or broke: the same request may be tried again under it, or is shown what
    this one had made.
    """
    _held_by(claim).filter(subject="").delete()
    _held_by(claim).update(claimed_until=now)


def _held_by(claim: Claim) -> QuerySet[IdempotentRequest]:
    return IdempotentRequest.objects.filter(pk=claim.row_id, claim_number=claim.claim_number, status_code__isnull=True)


def prune_idempotent_requests(*, before: datetime) -> int:
    """Delete the keys of requests made before a moment and return how many there were."""
    return IdempotentRequest.objects.filter(created_at__lt=before).delete()[0]


_CLAIM = """
INSERT INTO api_idempotentrequest AS held
    (partner_id, is_live, key_fingerprint, key_text, method, path, body_fingerprint,
     claim_number, claimed_until, subject, error_code, created_at)
VALUES (%(partner_id)s, %(is_live)s, %(key)s, %(key_text)s, %(method)s, %(path)s, %(body)s,
        1, %(lease_end)s, '', '', %(now)s)
ON CONFLICT (partner_id, is_live, key_fingerprint) DO UPDATE
    SET claim_number = held.claim_number + 1, claimed_until = EXCLUDED.claimed_until
    WHERE held.status_code IS NULL AND held.claimed_until < %(now)s
      AND held.method = EXCLUDED.method AND held.path = EXCLUDED.path
      AND held.body_fingerprint = EXCLUDED.body_fingerprint
RETURNING id, claim_number, subject
"""


def _try_to_claim(identity: RequestIdentity, *, now: datetime) -> Claim | Finished | None:
    lease_seconds = settings.API["IDEMPOTENCY_LEASE_SECONDS"]
    path = identity.path[:LONGEST_PATH]
    body_fingerprint = identity.body_fingerprint
    with connection.cursor() as cursor:
        # One statement takes a free key and an abandoned one; whoever loses the race looks at the winner's row.
        cursor.execute(
            _CLAIM,
            {
                "partner_id": identity.partner_id,
                "is_live": identity.is_live,
                "key": identity.key_fingerprint,
                "key_text": mask_card_numbers(identity.key),
                "method": identity.method,
                "path": path,
                "body": body_fingerprint,
                "lease_end": now + timedelta(seconds=lease_seconds),
                "now": now,
            },
        )
        claimed = cursor.fetchone()
    if claimed is not None:
        return Claim(row_id=claimed[0], claim_number=claimed[1], subject=claimed[2])
    row = IdempotentRequest.objects.filter(
        partner_id=identity.partner_id, is_live=identity.is_live, key_fingerprint=identity.key_fingerprint
    ).first()
    if row is None:
        return None
    if (row.method, row.path, row.body_fingerprint) != (identity.method, path, body_fingerprint):
        raise KeyReused
    if row.status_code is None:
        return None
    return Finished(status_code=row.status_code, subject=row.subject, error_code=row.error_code)


def _keyed_hash(purpose: str, text: str) -> str:
    return hmac.new(settings.FINGERPRINT_KEY.encode(), f"idempotency.{purpose}\n{text}".encode(), "sha256").hexdigest()

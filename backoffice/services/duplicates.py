"""Find charges that look like one wish paid twice: a partner fell back to another gateway, or a guest paid again."""

from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import connection
from django.db import transaction as database

from backoffice.errors import BackofficeError
from backoffice.models import ProbableDuplicate
from card_numbers import mask_card_numbers
from payments.errors import NothingWritten
from payments.services.talks import takes_reports

log = structlog.get_logger(__name__)
# Two charges of the same amount and currency, shortly after one another and through different payments, of which
# something says that the same guest paid: the order, the customer, the e-mail address, or the card. What a card pays
# twice on one order goes back by itself as a surplus (two halves of a price are none), so that on one order only a
# card's charge beside a report from elsewhere is shown.
_FIND = """
WITH recent AS (
    SELECT charge.id, charge.payment_id, charge.order_id, charge.amount_minor, charge.currency, charge.requested_at,
           payment.is_live, booked.customer_id, account.gateway = ANY(%(reporting)s) AS is_reported,
           nullif(lower(coalesce(guest.contact_email, booked.contact ->> 'email', '')), '') AS email,
           CASE WHEN charge.card_last4 <> '' AND charge.card_expiry <> ''
                THEN charge.card_brand || charge.card_last4 || charge.card_expiry END AS card
      FROM payments_transaction charge
      JOIN payments_payment payment ON payment.id = charge.payment_id
      JOIN bookings_order booked ON booked.id = charge.order_id
      JOIN gateways_gatewayaccount account ON account.id = charge.account_id
      LEFT JOIN LATERAL (
           SELECT contact_email FROM bookings_booking
            WHERE order_id = charge.order_id AND contact_email <> '' ORDER BY number LIMIT 1
      ) guest ON true
     WHERE charge.decided_at >= %(since)s AND charge.kind IN ('SALE', 'AUTHORIZATION')
       AND charge.status = 'PROCESSED'
)
INSERT INTO backoffice_probableduplicate (charge_id, twin_id, found_at, dismissed_by, reason)
SELECT younger.id, older.id, %(now)s, '', ''
  FROM recent younger
  JOIN recent older
    ON older.amount_minor = younger.amount_minor AND older.currency = younger.currency
   AND older.is_live = younger.is_live AND older.payment_id <> younger.payment_id
   AND older.requested_at >= younger.requested_at - make_interval(mins => %(apart_minutes)s)
   AND (older.requested_at, older.id) < (younger.requested_at, younger.id)
 WHERE CASE WHEN older.order_id = younger.order_id THEN older.is_reported <> younger.is_reported
            ELSE older.customer_id = younger.customer_id OR older.email = younger.email OR older.card = younger.card
       END
ON CONFLICT (charge_id, twin_id) DO NOTHING
"""


class AlreadyDismissed(BackofficeError):
    """Say that somebody else put it aside."""


def find_duplicates(*, now: datetime) -> int:
    """Note the pairs of charges of the last day that look like one wish paid twice; return how many are new.

    What was noted before, and what was put aside, stays as it is.
    """
    limits = settings.BACKOFFICE
    with connection.cursor() as cursor:
        cursor.execute(
            _FIND,
            {
                "reporting": [slug for slug in settings.GATEWAYS if takes_reports(slug)],
                "since": now - timedelta(hours=limits["DUPLICATES_LOOKED_FOR_HOURS"]),
                "apart_minutes": limits["DUPLICATE_WITHIN_MINUTES"],
                "now": now,
            },
        )
        found = cursor.rowcount
    if found:
        log.info("probable_duplicates_found", count=found)
    return found


@database.atomic
def dismiss_duplicate(*, duplicate_id: int, by: str, reason: str, now: datetime) -> ProbableDuplicate:
    """Put a probable duplicate aside and keep why; card numbers in the reason are masked.

    :raises AlreadyDismissed: somebody else did; nothing was written.
    :raises NothingWritten: there is no reason.
    """
    words = mask_card_numbers(" ".join(reason.split()))[:200]
    if not words:
        raise NothingWritten("Say in a few words why it is none.")
    duplicate = ProbableDuplicate.objects.select_for_update().get(pk=duplicate_id)
    if duplicate.dismissed_at is not None:
        raise AlreadyDismissed(f"{duplicate.dismissed_by} has put it aside: {duplicate.reason}")
    duplicate.dismissed_at, duplicate.dismissed_by, duplicate.reason = now, by[:150], words
    duplicate.save(update_fields=["dismissed_at", "dismissed_by", "reason"])
    return duplicate

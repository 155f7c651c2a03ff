"""Which pairs of charges look like one wish paid twice."""

from datetime import timedelta

import pytest

from backoffice.models import ProbableDuplicate
from backoffice.services.duplicates import AlreadyDismissed, dismiss_duplicate, find_duplicates
from bookings.requests import BookingChanges
from gateways.protocol import ExternalCharge
from gateways.protocol import OutcomeKind as Kind
from payments.errors import NothingWritten
from payments.models import Payment, Transaction
from payments.services import changing
from payments.services.collecting import PaymentRequest
from tests.backoffice.queues.situations import names_in

pytestmark = pytest.mark.django_db
GRACE = {"name": "Grace Hopper", "email": "grace@example.com"}
ADA = {"name": "Ada Byron", "email": "ada@example.com"}


def pair(situations, older, younger, minutes=2):
    """Let two guests pay, so many minutes apart, and return their payments."""
    first, second = (situations.confirmed(**fields) for fields in (older, younger))
    Transaction.objects.filter(payment=second).update(requested_at=situations.now + timedelta(minutes=minutes))
    return first, second


def found(situations) -> int:
    return find_duplicates(now=situations.now + timedelta(minutes=1))


@pytest.mark.parametrize(
    ("older", "younger", "minutes", "is_found"),
    [
        (GRACE, GRACE, 2, True),
        (GRACE, {**GRACE, "email": "Grace@Example.com"}, 14, True),
        (GRACE, GRACE, 16, False),
        (GRACE, ADA, 2, False),
        (GRACE, {**GRACE, "adults": 3}, 2, False),
        (GRACE, {**GRACE, "is_live": False}, 2, False),
        ({}, {}, 2, False),
        ({"customer_reference": "ada"}, {"customer_reference": "ada"}, 2, True),
    ],
)
def test_the_same_guest_amount_currency_and_mode_within_minutes(situations, older, younger, minutes, is_found):
    pair(situations, older, younger, minutes)

    assert found(situations) == is_found


def test_the_same_card_is_the_same_guest(situations):
    pair(situations, GRACE, ADA)
    assert found(situations) == 0

    Transaction.objects.update(card_brand="visa", card_last4="1111", card_expiry="2030-03")

    assert found(situations) == 1


def test_a_pair_is_found_once_and_the_younger_one_is_shown(situations):
    _, younger = pair(situations, GRACE, GRACE)

    assert (found(situations), found(situations)) == (1, 0)
    assert names_in("probable-duplicates") == [younger.reference]


def test_what_is_older_than_a_day_is_not_looked_at(situations):
    pair(situations, GRACE, GRACE)

    assert find_duplicates(now=situations.now + timedelta(days=1, minutes=3)) == 0


def test_a_refused_charge_is_no_payment(situations):
    _, younger = pair(situations, GRACE, GRACE)
    Transaction.objects.filter(payment=younger).update(status="FAILED", error_code="TRANSACTION_DECLINED")

    assert found(situations) == 0


def test_two_halves_of_one_price_are_none_and_a_card_beside_a_report_is_one(situations, house):
    payment = situations.payment(**GRACE)
    house.opening(payment)
    changing.update_booking(
        booking=payment.order.bookings.get(),
        changes=BookingChanges(),
        payment_request=PaymentRequest(
            gateway="external",
            notes="cash at the kiosk",
            amount_minor=payment.amount_minor,
            external=ExternalCharge(is_approved=True),
        ),
        clock=house.clock,
    )
    house.tell(payment, Kind.AUTHORIZED, "PSPLATE")
    Transaction.objects.update(requested_at=house.clock())
    assert Transaction.objects.filter(status="PROCESSED", kind="SALE").count() == 2
    assert found(situations) == 1

    ProbableDuplicate.objects.all().delete()
    Transaction.objects.update(account=house.accounts["adyen-eu"])
    assert found(situations) == 0


def test_a_pair_of_which_one_was_given_back_is_work_for_nobody(situations):
    _, younger = pair(situations, GRACE, GRACE)
    found(situations)

    Payment.objects.filter(pk=younger.pk).update(refunded_minor=younger.captured_minor)

    assert names_in("probable-duplicates") == []


def test_putting_aside_needs_a_reason_and_happens_once(situations):
    pair(situations, GRACE, GRACE)
    found(situations)
    (duplicate,) = ProbableDuplicate.objects.all()
    with pytest.raises(NothingWritten):
        dismiss_duplicate(duplicate_id=duplicate.pk, by="ben", reason=" ", now=situations.now)

    dismiss_duplicate(duplicate_id=duplicate.pk, by="ben", reason="4111 1111 1111 1111", now=situations.now)
    with pytest.raises(AlreadyDismissed):
        dismiss_duplicate(duplicate_id=duplicate.pk, by="eve", reason="mine", now=situations.now)

    duplicate.refresh_from_db()
    assert duplicate.dismissed_by == "ben"
    assert "1111 1111 1111" not in duplicate.reason
    assert found(situations) == 0

import pytest
from django.core.exceptions import ValidationError

from bookings.errors import InvalidValue
from bookings.models import Booking, Customer
from bookings.services.customers import customer_for
from gateways.models import check_texts_by_language
from tests.bookings.racing import overtaken_by
from tests.payments.house import build_house


def named(house, reference, **contact):
    return customer_for(
        partner=house.partner, is_live=True, booking=Booking(**contact), reference=reference, now=house.clock()
    )


@pytest.mark.django_db(transaction=True)
def test_two_calls_that_name_somebody_new_at_once_mean_one_customer():
    house = build_house()

    with overtaken_by(lambda: named(house, "C-77")) as racer:
        first = named(house, "C-77")

    assert racer.finish() == first
    assert racer.was_blocked
    assert Customer.objects.count() == 1


@pytest.mark.django_db
def test_a_reference_is_kept_as_sent_and_one_that_reads_as_a_card_number_is_refused():
    house = build_house()

    assert named(house, " ab-1 ").reference == "ab-1"
    assert named(house, "AB-1") != named(house, "ab-1")
    for reference in (None, ""):
        assert named(house, reference, contact_email="ada@example.com").reference == ""
    with pytest.raises(InvalidValue):
        named(house, "4111111111111111")
    assert Customer.objects.exclude(reference="").count() == 2


@pytest.mark.parametrize("texts", [[], {"en": 1}, {"en": " "}, "I agree"])
def test_the_texts_of_an_account_are_texts_by_language(texts):
    with pytest.raises(ValidationError):
        check_texts_by_language(texts)
    check_texts_by_language({"en": "I agree.", "de": "Ja."})
    check_texts_by_language({})

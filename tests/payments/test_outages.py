"""An account that cannot be reached rests: new payments go elsewhere, those that began there stay."""

from datetime import timedelta

import pytest
from django.core.cache import cache

from bookings.requests import BookingChanges
from gateways.models import GatewayAccount
from payments.models import AccountRoute, Opening, Payment
from payments.services import janitor
from payments.services.changing import update_booking
from payments.services.collecting import PaymentRequest
from payments.services.outages import note_not_sent
from tests.payments.asked_gateway import PATH, SLUG, AskedGateway

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def account(house, settings):
    settings.GATEWAYS = {**settings.GATEWAYS, SLUG: PATH}
    AskedGateway.begin()
    cache.clear()
    account = GatewayAccount.objects.create(
        slug="asked-eu", name="Asked", gateway=SLUG, environment="test", currencies=["EUR"], sources=["ECOM"]
    )
    AccountRoute.objects.create(partner=house.partner, account=account, is_live=True, rank=1)
    return account


def account_of(booking):
    return Payment.objects.get(order=booking.order, superseded_at__isnull=True).account.slug


def test_three_calls_in_a_minute_that_reach_nobody_rest_the_account_for_new_payments(house, account, sandbox):
    AskedGateway.is_reachable = False
    began_there = [house.reserve() for _ in range(3)]
    assert {account_of(booking) for booking in began_there} == {"asked-eu"}

    assert account_of(house.reserve()) == "adyen-eu"
    account.refresh_from_db()
    assert account.rests_until > house.clock()


def test_what_began_there_stays_there_and_opens_when_the_gateway_is_back(house, account):
    AskedGateway.is_reachable = False
    booking = [house.reserve() for _ in range(3)][-1]
    AskedGateway.is_reachable = True
    house.clock.move(seconds=40)

    janitor.resolve_unknown(clock=house.clock)

    assert account_of(booking) == "asked-eu"
    assert set(Opening.objects.values_list("account__slug", "status")) == {("asked-eu", "OPEN")}


def test_a_client_that_names_the_gateway_every_time_moves_nothing_that_began(house, account):
    second = GatewayAccount.objects.create(
        slug="asked-two", name="Asked, too", gateway=SLUG, environment="test", currencies=["EUR"], sources=["ECOM"]
    )
    AccountRoute.objects.create(partner=house.partner, account=second, is_live=True, rank=2)
    named, rests = PaymentRequest(gateway=SLUG), account.slug
    booking = house.reserve(payment_request=named)
    assert account_of(booking) == rests

    GatewayAccount.objects.filter(slug=rests).update(rests_until=house.clock() + timedelta(seconds=100))
    update_booking(
        booking=booking, changes=BookingChanges(notes="by the window"), payment_request=named, clock=house.clock
    )

    assert account_of(booking) == rests
    later = house.reserve(payment_request=named)
    assert account_of(later) == "asked-two"
    house.clock.move(seconds=101)
    update_booking(booking=later, changes=BookingChanges(notes="aisle"), payment_request=named, clock=house.clock)
    assert account_of(later) == "asked-two"
    assert Payment.objects.count() == 2


def test_rest_ends_by_itself(house, account):
    AskedGateway.is_reachable = False
    for _ in range(3):
        house.reserve()
    AskedGateway.is_reachable = True

    house.clock.move(seconds=121)

    assert account_of(house.reserve()) == "asked-eu"


def test_an_account_without_a_stand_in_is_used_although_it_rests(house, account):
    AskedGateway.is_reachable = False
    AccountRoute.objects.exclude(account=account).delete()
    for _ in range(3):
        house.reserve()

    assert account_of(house.reserve()) == "asked-eu"


def test_a_failure_now_and_then_rests_nobody(house, account):
    for _ in range(6):
        note_not_sent(account=account, now=house.clock())
        house.clock.move(seconds=31)

    account.refresh_from_db()
    assert account.rests_until is None

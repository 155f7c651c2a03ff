import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client

from gateways.protocol import OutcomeKind as Kind
from payments.models import ExternalNote, Payment


@pytest.fixture
def ada(db):
    """A member of staff who may do everything."""
    return get_user_model().objects.create_superuser("ada", "ada@example.com", "correct horse battery")


@pytest.fixture
def desk(ada) -> Client:
    """Her browser."""
    client = Client()
    client.force_login(ada)
    return client


@pytest.fixture
def browser_of(db):
    """Return the browser of somebody who may do only what is named."""

    def browser(*codenames: str, username: str = "ben") -> Client:
        user = get_user_model().objects.create_user(username, password="correct horse battery", is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
        client = Client()
        client.force_login(user)
        return client

    return browser


@pytest.fixture
def paid(house) -> Payment:
    """A paid payment of a booking with a guest, a card and a note."""
    payment = house.payment(reseller_reference="NW-88123")
    booking = payment.order.bookings.get()
    booking.contact_full_name, booking.contact_email = "Grace Hopper", "grace@example.com"
    booking.save()
    house.paid(payment, "QFQTPCQ8HXSKGK82")
    payment.transactions.update(card_brand="visa", card_last4="1111")
    ExternalNote.objects.create(
        payment=payment, text="paid at the kiosk", written_by="partner", written_at=house.clock()
    )
    house.tell(payment, Kind.NOTE, "QFQTPCQ8HXSKGK82", key="note")
    return payment

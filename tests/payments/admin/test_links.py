"""Payment links as staff make, mail, withdraw and see them."""

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.core import mail as outbox
from django.urls import reverse
from django.utils import timezone

from bookings.models import OutgoingMail
from bookings.services import drain_mails
from payments.admin.columns import page_of
from payments.models import PaymentLink
from payments.services.links import create_link, link_url
from tests.payments.test_balances import deposited

pytestmark = pytest.mark.django_db
ADD = "admin:payments_paymentlink_add"


@pytest.fixture
def booking(house):
    return deposited(house)


@pytest.fixture
def link(booking) -> PaymentLink:
    now = timezone.now()
    return create_link(order=booking.order, expires_at=now + timedelta(days=1), now=now, created_by="partner")


def button(link: PaymentLink, name: str) -> str:
    return reverse(f"admin:payments_paymentlink_{name}", args=[link.pk])


def test_staff_make_a_link_for_an_order_and_the_guest_is_mailed_it(booking, desk):
    wish = {"order_reference": f" {booking.order.reference.lower()} ", "days": "3", "is_mailed": "on"}

    answer = desk.post(reverse(ADD), wish, follow=True)

    link = PaymentLink.objects.get()
    assert link_url(link) in answer.content.decode()
    assert (link.order, link.created_by, link.expires_at - link.created_at) == (
        booking.order,
        "ada",
        timedelta(days=3),
    )
    mail = OutgoingMail.objects.get()
    assert (mail.kind, mail.to, mail.language) == ("PAYMENT_LINK", "ada@example.com", "de")
    assert mail.context == {"link": str(link.pk), "amount_minor": 7200, "surcharge_minor": 0, "currency": "EUR"}
    drain_mails(clock=timezone.now)
    (sent,) = outbox.outbox
    assert sent.subject == f"Ihr Zahlungslink für {booking.order.reference}"
    assert "72,00 EUR sind zu zahlen." in sent.body
    assert link_url(link) in sent.body


@pytest.mark.parametrize("wish", [{"order_reference": "OR-NOTHING", "days": "3"}, {"order_reference": "", "days": "0"}])
def test_what_cannot_be_a_link_is_said_and_nothing_is_written(booking, desk, wish):
    assert desk.post(reverse(ADD), wish).status_code == 200
    assert not PaymentLink.objects.exists()


def test_a_link_is_mailed_again_once_and_withdrawn_by_name(link, desk):
    for _ in range(2):
        desk.post(button(link, "mail"))
    assert OutgoingMail.objects.count() == 1

    answer = desk.post(button(link, "withdraw"), follow=True)

    link.refresh_from_db()
    assert link.closed_as == "WITHDRAWN"
    assert "Withdraw" not in answer.content.decode().partition("Mail it again")[2]
    assert LogEntry.objects.filter(user__username="ada").count() == 3
    refused = desk.post(button(link, "mail"), follow=True)
    assert "The link is closed." in refused.content.decode()
    assert OutgoingMail.objects.count() == 1


def test_who_may_only_look_sees_no_address_and_presses_nothing(link, browser_of):
    looker = browser_of("view_paymentlink")

    page = looker.get(page_of(link)).content.decode()

    assert link_url(link) not in page
    assert "Mail it again" not in page
    assert [looker.post(button(link, name)).status_code for name in ("mail", "withdraw")] == [403, 403]
    assert looker.get(reverse(ADD)).status_code == 403
    link.refresh_from_db()
    assert link.closed_at is None

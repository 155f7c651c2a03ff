"""Payment links as staff make, mail, withdraw and see them."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.core import mail as outbox
from django.test import Client
from django.utils import timezone

from backoffice.actions import view
from backoffice.roles import Role
from bookings.models import OutgoingMail
from bookings.services import drain_mails
from payments.admin.columns import page_of
from payments.models import PaymentLink
from payments.services.links import create_link, link_url
from tests.backoffice.actions.pressing import audited, carry_out, look, page, press, token_for
from tests.payments.races import run_together
from tests.payments.test_balances import deposited

pytestmark = pytest.mark.django_db


@pytest.fixture
def booking(house):
    return deposited(house)


@pytest.fixture
def link(booking) -> PaymentLink:
    now = timezone.now()
    return create_link(order=booking.order, expires_at=now + timedelta(days=1), now=now, created_by="partner")


def test_staff_make_a_link_for_an_order_and_the_guest_is_mailed_it(booking, desk):
    assert page("send-link", booking.order) in desk.get(page_of(booking)).content.decode()

    told = carry_out(desk, "send-link", booking.order, days="3", is_mailed="on")

    link = PaymentLink.objects.get()
    assert told == ["The link goes out within seconds."]
    assert link_url(link) in desk.get(page_of(link)).content.decode()
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
    assert [(who, what) for who, what, _ in audited()] == [("ada", "made payment link")]


@pytest.mark.django_db(transaction=True)
def test_two_people_at_once_make_one_link(booking, desk_with_limit, monkeypatch):
    monkeypatch.setattr(view, "_is_stale", lambda *_: False)
    desks = [desk_with_limit(Role.FINANCE, username=name) for name in ("ben", "cleo")]
    tokens = [token_for(each, "send-link", booking.order, days="3", is_mailed="on") for each in desks]

    run_together(
        lambda: press(desks[0], "send-link", booking.order, tokens[0]),
        lambda: press(desks[1], "send-link", booking.order, tokens[1]),
    )

    assert PaymentLink.objects.count() == OutgoingMail.objects.count() == 1
    assert sorted(action for _, action, _ in audited()) == ["made payment link", "not made payment link"]


def test_no_link_is_made_once_money_came_that_nobody_looked_at(booking, desk, monkeypatch):
    monkeypatch.setattr(view, "_is_stale", lambda *_: False)
    token = token_for(desk, "send-link", booking.order, days="3", is_mailed="on")
    carry_out(desk, "take-external", booking.order, amount="72.00", method="cash", note="at the till")

    assert press(desk, "send-link", booking.order, token) == [
        "Something happened since you looked at it; nothing was asked of the gateway. Look again."
    ]
    assert not PaymentLink.objects.exists()


def test_a_link_that_staff_pass_on_themselves_is_not_mailed(booking, desk):
    told = carry_out(desk, "send-link", booking.order, days="3")

    assert told == ["The link is made; its address is below."]
    assert not OutgoingMail.objects.exists()


def test_a_page_that_was_kept_open_makes_no_second_link(booking, desk):
    tokens = [token_for(desk, "send-link", booking.order, days="3") for _ in range(2)]

    told = [press(desk, "send-link", booking.order, token) for token in tokens]

    assert told[1] == ["Something happened since you looked at it; nothing was done. Look again."]
    assert PaymentLink.objects.count() == 1


@pytest.mark.parametrize("days", ["0", "366", "", "x"])
def test_what_cannot_be_a_link_is_said_and_nothing_is_written(booking, desk, days):
    assert "days" in look(desk, "send-link", booking.order, days=days).context["form"].errors
    assert not PaymentLink.objects.exists()


def test_a_link_is_mailed_again_to_whom_staff_say_and_withdrawn_by_name(link, desk):
    token = token_for(desk, "mail-link", link, to="grace@example.com")
    for _ in range(2):
        press(desk, "mail-link", link, token)
    assert list(OutgoingMail.objects.values_list("to", flat=True)) == ["grace@example.com"]
    late = token_for(desk, "mail-link", link, to="")

    told = carry_out(desk, "withdraw-link", link)

    link.refresh_from_db()
    assert link.closed_as == "WITHDRAWN"
    assert told == ["The link is withdrawn: nobody can pay by it any more."]
    assert page("withdraw-link", link) not in desk.get(page_of(link)).content.decode()
    assert press(desk, "mail-link", link, late) == ["The link is closed."]
    assert OutgoingMail.objects.count() == 1
    assert [what for _, what, _ in audited()] == [
        "mailed payment link",
        "not mailed payment link",
        "withdrew payment link",
        "not mailed payment link",
    ]
    assert "grace@example.com" not in str(audited())


def test_who_may_only_look_sees_no_address_and_presses_nothing(link, django_user_model):
    user = django_user_model.objects.create_user("ben", password="correct horse battery", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_paymentlink"))
    looker = Client()
    looker.force_login(user)

    shown = looker.get(page_of(link)).content.decode()

    assert link_url(link) not in shown
    assert page("mail-link", link) not in shown
    assert [looker.post(page(name, link)).status_code for name in ("mail-link", "withdraw-link")] == [403, 403]
    assert looker.get(page("send-link", link.order)).status_code == 403
    link.refresh_from_db()
    assert link.closed_at is None

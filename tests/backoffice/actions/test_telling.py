"""What was heard or told, once more: a replayed delivery changes what it could not before, a failed mail goes out."""

from datetime import timedelta

import pytest
from django.utils import timezone

from bookings.encryption import encrypt_text
from bookings.models import MailKind, OutgoingMail
from bookings.services import drain_mails, write_mail
from payments import inbox
from payments.admin.columns import page_of
from payments.models import GatewayEvent, LedgerEntry, WebhookDelivery
from tests.backoffice.actions.pressing import audited, carry_out, page, press, shown, token_for

pytestmark = pytest.mark.django_db


def test_a_replayed_delivery_settles_what_it_could_not_before(desk, house):
    payment = house.payment()
    delivery = WebhookDelivery.objects.create(
        account=payment.account,
        delivery_key="d1",
        body_encrypted=encrypt_text("{}"),
        status="FAILED",
        last_error="KeyError: psp",
        received_at=house.clock(),
        next_attempt_at=house.clock() + timedelta(hours=1),
    )
    assert page("replay", delivery) in desk.get(page_of(delivery)).content.decode()
    tokens = [token_for(desk, "replay", delivery) for _ in range(2)]

    told = [press(desk, "replay", delivery, token) for token in tokens]

    delivery.refresh_from_db()
    assert (delivery.status, delivery.last_error, delivery.attempts) == ("PROCESSED", "", 1)
    assert told == [
        ["Replayed: processed."],
        ["Something happened since you looked at it; nothing was done. Look again."],
    ]
    assert [what for _, what, _ in audited()] == ["replayed delivery", "not replayed delivery"]


def test_replaying_what_was_processed_changes_no_money(desk, bought):
    before = (GatewayEvent.objects.count(), LedgerEntry.objects.count())
    delivery = WebhookDelivery.objects.get()
    assert delivery.payment == bought

    carry_out(desk, "replay", delivery)

    delivery.refresh_from_db()
    assert (delivery.status, delivery.attempts) == ("PROCESSED", 2)
    assert (GatewayEvent.objects.count(), LedgerEntry.objects.count()) == before


def test_a_delivery_a_worker_has_is_left_to_it(desk, bought):
    delivery = WebhookDelivery.objects.get()
    WebhookDelivery.objects.update(
        processed_at=None, status="RECEIVED", claimed_until=timezone.now() + timedelta(minutes=1)
    )

    assert inbox.replay(delivery_id=delivery.pk, clock=timezone.now) is None
    assert carry_out(desk, "replay", delivery) == ["Replayed: a worker has it at this moment."]


def test_a_mail_that_failed_goes_out_again_once(desk, house):
    order, now = house.payment().order, timezone.now()
    mail = write_mail(
        kind=MailKind.ORDER_SUMMARY, subject_key="first", to="grace@example.com", language="en", order=order, now=now
    )
    assert page("send-mail", mail) not in desk.get(page_of(mail)).content.decode()
    OutgoingMail.objects.update(status="FAILED", next_attempt_at=None, attempts=7, last_error="SMTPServerDisconnected")
    assert page("send-mail", mail) in desk.get(page_of(mail)).content.decode()
    assert shown(desk, "send-mail", mail) == [
        ("To", "grace@example.com", ""),
        ("Stands", "failed", "SMTPServerDisconnected"),
    ]
    tokens = [token_for(desk, "send-mail", mail) for _ in range(2)]

    told = [press(desk, "send-mail", mail, token) for token in tokens]

    assert told == [
        ["The mail goes out within seconds."],
        ["Something happened since you looked at it; nothing was done. Look again."],
    ]
    assert drain_mails(clock=lambda: timezone.now() + timedelta(seconds=1)) == 1
    assert [what for _, what, _ in audited()] == ["sent mail again", "not sent mail again"]
    assert "grace" not in str(audited())

"""Webhooks that are rightly signed and say something else than was asked: told to staff, never silently believed."""

import pytest
from django.utils import timezone

from payments.checking import ledger_findings, payment_findings
from payments.models import Case, GatewayEvent, Payment, WebhookDelivery
from tests.payments.guest import opening_of
from tests.payments.house import books

pytestmark = pytest.mark.django_db(transaction=True)


def pay_with(house, guest, fault, currency="EUR"):
    """Let a guest pay while the webhook about it lies; return the payment."""
    booking = house.reserve(currency=currency)
    guest.sandbox.post("faults", gateway="adyen", operation="webhook", fault=fault, times=1)
    guest.pay(opening_of(booking))
    guest.deliver()
    return Payment.objects.get(order=booking.order)


def open_cases():
    return sorted(Case.objects.filter(closed_at__isnull=True).values_list("kind", flat=True))


def faults():
    return payment_findings(now=timezone.now()) + ledger_findings()


def test_a_larger_amount_than_was_asked_is_booked_as_told_and_shown_to_staff(house, guest):
    payment = pay_with(house, guest, "wrong_amount")

    told = GatewayEvent.objects.get(kind="AUTHORIZED")
    assert (told.amount_minor, told.currency, told.problem) == (9100, "EUR", "")
    assert "AMOUNT_DIFFERS" in open_cases()
    assert payment.captured_minor == 9100
    assert books(payment.order)["RECEIVABLE>CLEARING"] == 9100
    assert WebhookDelivery.objects.get(status="PROCESSED").payment_id == payment.id


def test_the_truth_told_afterwards_is_a_conflict_for_staff_and_does_not_book_twice(house, guest):
    payment = pay_with(house, guest, "wrong_amount")
    (sent,) = guest.sandbox.get("webhooks", event="AUTHORISATION")["webhooks"]

    guest.sandbox.post(f"webhooks/{sent['id']}/resend")
    guest.deliver()

    assert GatewayEvent.objects.filter(kind="AUTHORIZED").count() == 1
    assert {"AMOUNT_DIFFERS", "FIGURES_CONFLICT"} <= set(open_cases())
    assert books(payment.order)["RECEIVABLE>CLEARING"] == 9100


@pytest.mark.parametrize(("currency", "told_in", "due"), [("EUR", "USD", 9000), ("USD", "EUR", 10000)])
def test_another_currency_is_kept_and_not_summed(house, guest, currency, told_in, due):
    payment = pay_with(house, guest, "wrong_currency", currency)

    told = GatewayEvent.objects.get(kind="AUTHORIZED")
    assert (told.amount_minor, told.currency, told.problem) == (due, told_in, "currency differs")
    assert open_cases() == ["CURRENCY_DIFFERS"]
    assert (payment.captured_minor, payment.authorized_minor) == (0, 0)
    assert books(payment.order) == {}
    assert faults() == []


def test_a_wrongly_signed_webhook_leaves_no_trace_and_the_true_one_is_booked(house, guest):
    payment = pay_with(house, guest, "wrongly_signed")
    assert not GatewayEvent.objects.filter(kind="AUTHORIZED").exists()
    (refused,) = guest.sandbox.get("webhooks", status="refused")["webhooks"]
    assert [attempt["status"] for attempt in refused["attempts"]] == [401]
    assert refused["item"] is not None

    guest.sandbox.post("webhooks/flush", lost=True)
    guest.deliver()

    assert books(payment.order) == {"RECEIVABLE>CLEARING": 9000}
    assert open_cases() == []
    assert faults() == []

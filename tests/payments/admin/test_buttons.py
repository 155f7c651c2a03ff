"""What staff press: confirmed, carried out once, told in words, logged with who did it."""

import re
import time
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from bookings.encryption import encrypt_text
from gateways.protocol import Card
from gateways.protocol import OutcomeKind as Kind
from payments import inbox
from payments.admin import payments as payment_buttons
from payments.admin.columns import page_of
from payments.models import (
    Case,
    CaseKind,
    GatewayEvent,
    LedgerEntry,
    Opening,
    Payment,
    ReusableCard,
    Transaction,
    WebhookDelivery,
)
from payments.services import aftercare, cases
from payments.services.cards import keep_card
from tests.payments.guest import opening_of
from tests.payments.races import run_together

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def bought(house, guest) -> Payment:
    """A payment of 90.00 EUR that a guest made at the sandbox."""
    booking = house.reserve()
    guest.pay(opening_of(booking))
    guest.deliver()
    return Payment.objects.get(order=booking.order)


@pytest.fixture
def held(house, guest) -> Payment:
    """A hold of 100.00 USD at the sandbox."""
    booking = house.reserve(currency="USD")
    guest.pay(opening_of(booking))
    guest.deliver()
    return Payment.objects.get(order=booking.order)


def button(payment, verb):
    return reverse(f"admin:payments_payment_{verb}", args=[payment.pk])


def wish_for(desk, payment, verb, **fields):
    """Fill in the form, and return the token of the page that asks once more."""
    answer = desk.post(button(payment, verb), fields)
    assert answer.status_code == 200
    found = re.search(r'name="wish" value="([^"]+)"', answer.content.decode())
    assert found, answer.context["form"].errors
    return found[1]


def press(desk, payment, verb, token):
    """Confirm, and return what the person is told."""
    answer = desk.post(button(payment, verb), {"wish": token}, follow=True)
    assert answer.status_code == 200
    return [str(message) for message in answer.context["messages"]]


def refunds():
    return list(Transaction.objects.filter(kind="REFUND").values_list("amount_minor", "reason", "requested_by"))


def logged():
    return [(str(entry.user), entry.get_change_message()) for entry in LogEntry.objects.order_by("pk")]


def test_a_refund_is_shown_before_it_is_sent_then_sent_and_logged(desk, guest, bought):
    form = desk.get(button(bought, "refund")).content.decode()
    assert "At most 90.00 EUR." in form

    answer = desk.post(button(bought, "refund"), {"amount": "25.50", "reason": "rain"})
    assert "Yes, refund 25.50 EUR" in answer.content.decode()
    assert refunds() == []

    told = press(desk, bought, "refund", wish_for(desk, bought, "refund", amount="25.50", reason="rain"))

    refund = Transaction.objects.get(kind="REFUND")
    assert refunds() == [(2550, "rain", "ada")]
    assert told == [
        f"Refund of 25.50 EUR: the gateway took it on as {refund.gateway_reference}; the result comes by webhook."
    ]
    assert logged() == [("ada", f"Refund of 25.50 EUR (rain). {told[0]} ({refund.reference})")]
    guest.deliver()
    bought.refresh_from_db()
    assert bought.refunded_minor == 2550


def test_a_double_click_refunds_once(desk, bought):
    token = wish_for(desk, bought, "refund", amount="10.00", reason="rain")
    press(desk, bought, "refund", token)

    told = press(desk, bought, "refund", token)

    assert refunds() == [(1000, "rain", "ada")]
    assert told == [
        "Refund of 10.00 EUR (rain): the payment has changed since you looked; nothing was sent. Look again."
    ]


def test_two_clicks_at_the_same_moment_refund_once(ada, desk, bought, monkeypatch):
    # The look before the service is taken away, so that both reach the lock with the same wish.
    token = wish_for(desk, bought, "refund", amount="10.00", reason="rain")
    monkeypatch.setattr(payment_buttons, "has_changed", lambda *_: False)
    other = Client()
    other.force_login(ada)

    answers = run_together(
        lambda: desk.post(button(bought, "refund"), {"wish": token}).status_code,
        lambda: other.post(button(bought, "refund"), {"wish": token}).status_code,
    )

    assert answers == [302, 302]
    assert refunds() == [(1000, "rain", "ada")]


def test_control_without_what_was_seen_the_second_click_refunds_again(desk, bought, monkeypatch):
    original = aftercare.refund_payment
    monkeypatch.setattr(payment_buttons, "has_changed", lambda *_: False)
    monkeypatch.setattr(
        aftercare, "refund_payment", lambda *, operations_seen, **wish: original(**wish, operations_seen=None)
    )
    token = wish_for(desk, bought, "refund", amount="10.00", reason="rain")

    press(desk, bought, "refund", token)
    press(desk, bought, "refund", token)

    assert len(refunds()) == 2


def test_a_wish_belongs_to_who_made_it_to_its_payment_and_to_its_verb(house, guest, desk, browser_of, bought):
    token = wish_for(desk, bought, "refund", amount="10.00", reason="rain")
    booking = house.reserve()
    guest.pay(opening_of(booking))
    guest.deliver()
    another = Payment.objects.get(order=booking.order)
    ben = browser_of("view_payment", "refund_payment", "capture_payment")

    for browser, payment, verb in ((ben, bought, "refund"), (desk, another, "refund"), (desk, bought, "void")):
        told = press(browser, payment, verb, token)
        assert told == ["The confirmation belongs to another person or payment; nothing was sent."]

    assert refunds() == []


@pytest.mark.parametrize("token", ["", "forged", "a:b:c"])
def test_a_forged_wish_sends_nothing(desk, bought, token):
    assert press(desk, bought, "refund", token) == ["The confirmation has expired; nothing was sent. Start again."]
    assert refunds() == []


def test_an_old_wish_sends_nothing(desk, bought, monkeypatch):
    token = wish_for(desk, bought, "refund", amount="10.00", reason="rain")
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + timedelta(minutes=16).total_seconds())

    assert press(desk, bought, "refund", token) == ["The confirmation has expired; nothing was sent. Start again."]
    assert refunds() == []


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        ("90.01", "Between nothing and 90.00 EUR."),
        ("0", "Between nothing and 90.00 EUR."),
        ("-1", "Between nothing and 90.00 EUR."),
        ("1.005", "more decimals than EUR allows"),
        ("12,50", "is not a decimal amount"),
        ("1e3", "is not a decimal amount"),
        ("", "This field is required."),
    ],
)
def test_an_amount_that_cannot_be_is_refused_in_the_form(desk, bought, amount, words):
    answer = desk.post(button(bought, "refund"), {"amount": amount, "reason": "rain"})

    assert words in str(answer.context["form"].errors["amount"])
    assert 'name="wish"' not in answer.content.decode()
    assert refunds() == []


def test_a_card_number_in_a_reason_is_masked_before_anything_keeps_it(desk, bought):
    token = wish_for(desk, bought, "refund", amount="1.00", reason="guest says 4111 1111 1111 1111")

    press(desk, bought, "refund", token)

    assert "4111" not in str(refunds()) + str(logged())
    assert refunds()[0][1] == "guest says **** **** **** 1111"


def test_a_lost_answer_is_told_as_unknown_and_the_next_refund_is_refused_in_words(desk, guest, bought):
    guest.sandbox.post("faults", gateway="adyen", operation="refund", fault="reset", times=1)

    told = press(desk, bought, "refund", wish_for(desk, bought, "refund", amount="10.00", reason="rain"))

    assert told == [
        "Refund of 10.00 EUR: the answer was lost. It is asked about again by itself; do not ask for it anew."
    ]
    told = press(desk, bought, "refund", wish_for(desk, bought, "refund", amount="5.00", reason="rain"))
    assert len(told) == 1
    assert "is unknown; nothing new may be asked till then." in told[0]
    assert len(refunds()) == 1
    page = desk.get(page_of(bought)).content.decode()
    assert "The answer to the refund was lost: its outcome is unknown" in page
    assert "Ask the gateway again" in page


def test_the_gateway_is_asked_again_and_the_case_of_it_ends(desk, guest, bought):
    guest.sandbox.post("faults", gateway="adyen", operation="refund", fault="reset", times=1)
    press(desk, bought, "refund", wish_for(desk, bought, "refund", amount="10.00", reason="rain"))

    answer = desk.post(button(bought, "ask"), follow=True)

    refund = Transaction.objects.get(kind="REFUND")
    assert refund.unknown_since_at is None
    assert refund.gateway_reference
    assert "the gateway took it on as" in str(next(iter(answer.context["messages"])))
    assert logged()[-1] == ("ada", "Asked the gateway again about 1 things.")


def test_an_opening_that_was_never_answered_is_asked_for_again(desk, house, guest):
    guest.sandbox.post("faults", gateway="adyen", operation="sessions", fault="reset", times=-1)
    payment = Payment.objects.get(order=house.reserve().order)
    assert payment.openings.get().status == "REQUESTED"
    guest.sandbox.delete("faults")

    desk.post(button(payment, "ask"))

    assert payment.openings.get().status == "OPEN"


def test_nothing_undecided_is_said_so(desk, bought):
    answer = desk.post(button(bought, "ask"), follow=True)

    assert [str(message) for message in answer.context["messages"]] == ["Nothing of this payment is undecided."]


def test_a_hold_is_captured_in_part(desk, guest, held):
    page = desk.get(page_of(held)).content.decode()
    assert "Capture …" in page
    assert "Refund …" not in page

    press(desk, held, "capture", wish_for(desk, held, "capture", amount="60.00"))

    guest.deliver()
    held.refresh_from_db()
    assert (held.state, held.captured_minor, held.authorized_minor) == ("CAPTURED", 6000, 0)
    assert Transaction.objects.get(kind="CAPTURE").requested_by == "ada"


def test_a_hold_is_released_once(desk, guest, held):
    token = wish_for(desk, held, "void", reason="the guest cannot come")

    press(desk, held, "void", token)
    told = press(desk, held, "void", token)

    guest.deliver()
    held.refresh_from_db()
    assert held.state == "VOIDED"
    assert Transaction.objects.filter(kind="VOID").count() == 1
    assert "nothing was sent" in told[0]


def test_what_is_not_there_cannot_be_asked_for(desk, bought):
    answer = desk.get(button(bought, "capture"), follow=True)

    assert [str(message) for message in answer.context["messages"]] == ["There is nothing left to do that with."]


def test_a_gateway_that_is_not_set_up_is_told_in_words(desk, bought, settings):
    token = wish_for(desk, bought, "refund", amount="10.00", reason="rain")
    settings.GATEWAY_CREDENTIALS = {}

    told = press(desk, bought, "refund", token)

    assert len(told) == 1
    assert "could not be reached" in told[0]


def test_a_fault_of_ours_is_told_in_words_and_never_as_a_broken_page(desk, bought, monkeypatch):
    token = wish_for(desk, bought, "refund", amount="10.00", reason="rain")

    def broken(**_):
        raise RuntimeError("secret detail")

    monkeypatch.setattr(aftercare, "refund_payment", broken)

    told = press(desk, bought, "refund", token)

    assert told == ["Something went wrong on our side; it is in the log. Look at what happened before you try again."]


@pytest.mark.parametrize("verb", ["refund", "capture", "void", "ask"])
def test_a_button_needs_its_permission_and_is_not_shown_without(browser_of, bought, verb):
    reader = browser_of("view_payment")

    assert reader.post(button(bought, verb)).status_code == 403
    page = reader.get(page_of(bought)).content.decode()
    assert "Refund …" not in page
    assert reader.get(button(bought, verb)).status_code in (403, 405)


def test_a_refund_needs_its_own_permission_and_no_other(browser_of, bought):
    clerk = browser_of("view_payment", "refund_payment")

    assert "Refund …" in clerk.get(page_of(bought)).content.decode()
    press(clerk, bought, "refund", wish_for(clerk, bought, "refund", amount="1.00", reason="rain"))

    assert refunds() == [(100, "rain", "ben")]


def test_nothing_is_done_by_a_link_or_a_foreign_page(ada, desk, bought):
    token = wish_for(desk, bought, "refund", amount="10.00", reason="rain")
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(ada)

    assert desk.get(button(bought, "refund"), {"wish": token}).status_code == 200
    assert desk.get(button(bought, "ask")).status_code == 405
    assert strict.post(button(bought, "refund"), {"wish": token}).status_code == 403
    assert strict.post(button(bought, "ask")).status_code == 403
    assert refunds() == []


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

    answer = desk.post(reverse("admin:payments_webhookdelivery_replay", args=[delivery.pk]), follow=True)

    delivery.refresh_from_db()
    assert (delivery.status, delivery.last_error, delivery.attempts) == ("PROCESSED", "", 1)
    assert [str(message) for message in answer.context["messages"]] == ["Replayed: processed."]
    assert logged() == [("ada", "Replayed: processed.")]


def test_replaying_what_was_processed_changes_no_money(desk, guest, bought):
    before = (GatewayEvent.objects.count(), LedgerEntry.objects.count())
    delivery = WebhookDelivery.objects.get()
    assert delivery.payment == bought

    desk.post(reverse("admin:payments_webhookdelivery_replay", args=[delivery.pk]))

    delivery.refresh_from_db()
    assert (delivery.status, delivery.attempts) == ("PROCESSED", 2)
    assert (GatewayEvent.objects.count(), LedgerEntry.objects.count()) == before


def test_a_delivery_a_worker_has_is_left_to_it(desk, house, guest, bought):
    from django.utils import timezone

    delivery = WebhookDelivery.objects.get()
    WebhookDelivery.objects.update(
        processed_at=None, status="RECEIVED", claimed_until=timezone.now() + timedelta(minutes=1)
    )

    assert inbox.replay(delivery_id=delivery.pk, clock=timezone.now) is None
    answer = desk.post(reverse("admin:payments_webhookdelivery_replay", args=[delivery.pk]), follow=True)
    assert [str(message) for message in answer.context["messages"]] == ["Replayed: a worker has it at this moment."]


def test_replaying_needs_its_permission(browser_of, guest, bought):
    reader = browser_of("view_webhookdelivery")
    delivery = WebhookDelivery.objects.get()

    assert "Replay delivery" not in reader.get(page_of(delivery)).content.decode()
    assert reader.post(reverse("admin:payments_webhookdelivery_replay", args=[delivery.pk])).status_code == 403


def test_cases_are_closed_by_name_and_said_on_the_payment(desk, house, guest, bought):
    cases.open_case(payment=bought, kind=CaseKind.AMOUNT_DIFFERS, detail="", now=house.clock())
    case = Case.objects.get()

    answer = desk.post(
        reverse("admin:payments_case_changelist"),
        {"action": "close_cases", "_selected_action": [case.pk]},
        follow=True,
    )

    case.refresh_from_db()
    assert case.closed_by == "ada"
    assert "1 cases closed." in [str(message) for message in answer.context["messages"]]
    assert logged() == [
        ("ada", "Closed: Another amount was paid than was asked."),
        ("ada", "Closed the case: Another amount was paid than was asked."),
    ]


def a_card(house, payment):
    keep_card(payment=payment, card=Card(token="M5N7TQ4TG5PFWR50", brand="visa", last4="1111"), now=house.clock())
    return ReusableCard.objects.get()


def revoke(browser, card, **more):
    return browser.post(
        reverse("admin:payments_reusablecard_changelist"),
        {"action": "revoke_cards", "_selected_action": [str(card.pk)], **more},
        follow=True,
    )


def test_a_card_is_revoked_after_asking_once_more(desk, house, guest, bought):
    card = a_card(house, bought)

    asked = revoke(desk, card).content.decode()
    card.refresh_from_db()
    assert "visa ···· 1111 of Nordwind Reisen at adyen-eu" in asked
    assert "M5N7TQ4TG5PFWR50" not in asked
    assert card.revoked_at is None

    revoke(desk, card, confirmed="Revoke")

    card.refresh_from_db()
    assert card.revoked_at is not None
    assert card.revocation.requested_by == "ada"
    assert logged()[-1][0] == "ada"


def test_revoking_needs_its_permission(browser_of, house, guest, bought):
    card = a_card(house, bought)

    revoke(browser_of("view_reusablecard"), card, confirmed="Revoke")

    card.refresh_from_db()
    assert card.revoked_at is None


def test_the_page_of_a_payment_names_its_webhooks_and_who_pressed_what(desk, guest, bought):
    press(desk, bought, "refund", wish_for(desk, bought, "refund", amount="10.00", reason="rain"))
    guest.deliver()

    told = [(moment.who, moment.what) for moment in desk.get(page_of(bought)).context["moments"]]

    assert told.count(("webhook", "A webhook came in: processed")) == 2
    assert ("ada", "Refund asked for: rain") in told
    assert ("gateway (webhook)", "10.00 EUR was given back to the guest") in told
    assert any(who == "ada" and what.startswith("Refund of 10.00 EUR (rain).") for who, what in told)
    assert Opening.objects.filter(payment=bought).exists()
    assert Kind.REFUNDED in GatewayEvent.objects.values_list("kind", flat=True)


def test_an_operation_that_was_not_done_is_ruled_out_and_a_refused_one_is_said(desk, browser_of, guest, bought):
    guest.sandbox.post("faults", gateway="adyen", operation="refund", fault="reset", times=1)
    press(desk, bought, "refund", wish_for(desk, bought, "refund", amount="10.00", reason="rain"))
    refund = Transaction.objects.get(kind="REFUND")
    wish = {"action": "rule_out", "_selected_action": [str(refund.pk)]}
    page = reverse("admin:payments_transaction_changelist")

    early = desk.post(page, wish, follow=True)
    Transaction.objects.filter(pk=refund.pk).update(next_check_at=None)
    browser_of("view_transaction").post(page, wish)
    refund.refresh_from_db()
    assert refund.status == "PENDING"
    told = desk.post(page, wish, follow=True)

    refund.refresh_from_db()
    assert (refund.status, refund.raw_text) == ("FAILED", "staff: the gateway did not do it")
    assert ["nothing was written" in str(one) for one in early.context["messages"]] == [True]
    assert len(list(told.context["messages"])) == 1
    assert [what for who, what in logged()[-2:] if "said to be not done" in what.lower()] != []

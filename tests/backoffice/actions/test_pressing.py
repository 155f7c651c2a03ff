"""What holds for every action: shown before it is done, done once, by whom it belongs to, audited, told in words."""

import time
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from backoffice import tasks
from backoffice.actions import ACTIONS, view
from backoffice.models import ActionPress, ApprovalRequest, ReasonCode, Wanted
from backoffice.roles import ROLES, Role
from backoffice.services import refunds as refund_services
from backoffice.services.approvals import ask_for_approval
from backoffice.services.refunds import RefundWish
from money import Money
from payments.admin.columns import page_of
from payments.models import Payment, Transaction
from payments.services import aftercare
from tests.backoffice.actions.pressing import (
    audited,
    carry_out,
    look,
    page,
    press,
    presses,
    reasons,
    refunds,
    refused,
    token_for,
    written,
)
from tests.payments.guest import opening_of
from tests.payments.races import run_together

pytestmark = pytest.mark.django_db
RAIN = {"reason_code": "goodwill", "reason": "rain"}


def test_a_refund_is_shown_before_it_is_sent_then_sent_once_and_audited(desk, guest, bought):
    form = desk.get(page("refund", bought)).content.decode()
    assert "At most 90.00 EUR." in form

    answer = look(desk, "refund", bought, amount="25.50", **RAIN)
    assert "Yes, refund 25.50 EUR" in answer.content.decode()
    assert refunds() == []
    assert audited() == []

    told = carry_out(desk, "refund", bought, amount="25.50", **RAIN)

    refund = Transaction.objects.get(kind="REFUND")
    assert refunds() == [(2550, "goodwill: rain", "ada")]
    assert told == [
        (
            f"Refund of 25.50 EUR: the gateway took it on as {refund.gateway_reference}; the result comes by webhook. "
            f"({refund.reference})"
        )
    ]
    assert audited() == [("ada", "refunded", f"Give back 25.50 EUR to the guest. {told[0]}")]
    assert reasons() == [("rain", bought.order_id)]
    guest.deliver()
    bought.refresh_from_db()
    assert bought.refunded_minor == 2550


def test_a_double_click_a_reload_and_a_page_kept_open_do_it_once(desk, bought):
    token = token_for(desk, "refund", bought, amount="10.00", **RAIN)
    kept_open = token_for(desk, "refund", bought, amount="10.00", **RAIN)
    press(desk, "refund", bought, token)

    again = press(desk, "refund", bought, token)
    stale = press(desk, "refund", bought, kept_open)

    assert refunds() == [(1000, "goodwill: rain", "ada")]
    assert again == ["This was pressed before: it was not done a second time. Look at what happened."]
    assert stale == ["Something happened since you looked at it; nothing was done. Look again."]
    assert [action for _, action, _ in audited()] == ["refunded", "not refunded", "not refunded"]


def test_two_clicks_at_the_same_moment_do_it_once(ada, desk, bought):
    token = token_for(desk, "refund", bought, amount="10.00", **RAIN)
    other = Client()
    other.force_login(ada)

    answers = run_together(
        lambda: desk.post(page("refund", bought), {"wish": token}).status_code,
        lambda: other.post(page("refund", bought), {"wish": token}).status_code,
    )

    assert answers == [302, 302]
    assert refunds() == [(1000, "goodwill: rain", "ada")]
    assert presses() == 1


def test_control_without_the_nonce_and_what_was_seen_a_second_click_refunds_again(desk, bought, monkeypatch):
    original = aftercare.request_refund
    monkeypatch.setattr(view, "press_once", lambda *_, **__: None)
    monkeypatch.setattr(type(ACTIONS["refund"]), "seen", lambda *_: "0")
    monkeypatch.setattr(
        aftercare, "request_refund", lambda *, operations_seen, **wish: original(**wish, operations_seen=None)
    )
    token = token_for(desk, "refund", bought, amount="10.00", **RAIN)

    press(desk, "refund", bought, token)
    press(desk, "refund", bought, token)

    assert len(refunds()) == 2


def test_two_people_refunding_all_of_it_at_once_refund_it_once(desk_with_limit, bought, monkeypatch):
    # The look before the service is taken away, so that both reach the payment's lock.
    monkeypatch.setattr(view, "_is_stale", lambda *_: False)
    first, second = (desk_with_limit(Role.FINANCE, 100_000, username=name) for name in ("ben", "cleo"))
    tokens = [token_for(each, "refund", bought, amount="90.00", **RAIN) for each in (first, second)]

    answers = run_together(
        lambda: first.post(page("refund", bought), {"wish": tokens[0]}).status_code,
        lambda: second.post(page("refund", bought), {"wish": tokens[1]}).status_code,
    )

    assert answers == [302, 302]
    assert [amount for amount, _, _ in refunds()] == [9000]
    assert sorted(action for _, action, _ in audited()) == ["not refunded", "refunded"]


def test_a_wish_belongs_to_who_made_it_to_its_payment_and_to_its_action(house, guest, desk, desk_with_limit, bought):
    token = token_for(desk, "refund", bought, amount="10.00", **RAIN)
    booking = house.reserve()
    guest.pay(opening_of(booking))
    guest.deliver()
    another = Payment.objects.get(order=booking.order)
    ben = desk_with_limit(Role.MANAGER, 100_000, username="ben")

    for browser, payment, name in ((ben, bought, "refund"), (desk, another, "refund"), (desk, bought, "void")):
        told = press(browser, name, payment, token)
        assert told == ["The confirmation belongs to another person or another page; nothing was done."]

    assert refunds() == []
    assert presses() == 0


@pytest.mark.parametrize("token", ["", "forged", "a:b:c"])
def test_a_forged_wish_does_nothing(desk, paid, token):
    before = written()

    assert press(desk, "refund", paid, token) == ["The confirmation has expired; nothing was done. Start again."]
    assert (written(), presses()) == (before, 0)


def test_an_old_wish_does_nothing(desk, paid, monkeypatch):
    token = token_for(desk, "refund", paid, amount="10.00", **RAIN)
    before, now = written(), time.time()
    monkeypatch.setattr(time, "time", lambda: now + timedelta(minutes=16).total_seconds())

    assert press(desk, "refund", paid, token) == ["The confirmation has expired; nothing was done. Start again."]
    assert (written(), presses()) == (before, 0)


def test_nothing_is_done_by_a_link_or_a_foreign_page(ada, desk, paid):
    token = token_for(desk, "refund", paid, amount="10.00", **RAIN)
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(ada)

    assert desk.get(page("refund", paid), {"wish": token}).status_code == 200
    assert strict.post(page("refund", paid), {"wish": token}).status_code == 403
    assert desk.put(page("refund", paid)).status_code == 405
    assert refunds() == []


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        ("90.01", "Between nothing and 90.00 EUR."),
        ("0", "Between nothing and 90.00 EUR."),
        ("-1", "Between nothing and 90.00 EUR."),
        ("1.005", "more decimals than EUR allows"),
        ("5.000", "more decimals than EUR allows"),  # five thousand, to half of the world
        ("12,50", "is not a decimal amount"),
        ("1e3", "is not a decimal amount"),
        ("", "This field is required."),
    ],
)
def test_an_amount_that_cannot_be_is_refused_in_the_form(desk, paid, amount, words):
    before = written()

    answer = look(desk, "refund", paid, amount=amount, **RAIN)

    assert words in str(answer.context["form"].errors["amount"])
    assert 'name="wish"' not in answer.content.decode()
    assert written() == before


def test_a_card_number_in_a_reason_is_masked_before_anything_keeps_it(desk, paid):
    told = {"reason_code": "goodwill", "reason": "guest says 4111 1111 1111 1111"}
    asked = look(desk, "refund", paid, amount="1.00", **told).content.decode()

    carry_out(desk, "refund", paid, amount="1.00", **told)

    assert "A card number was masked before anything was saved (Reason)." in asked
    assert "4111 1111" not in asked + str(refunds()) + str(audited())
    assert refunds()[0][1] == "goodwill: guest says **** **** **** 1111"


def test_an_unknown_action_and_an_unknown_row_are_not_there(desk, paid):
    for address in (
        reverse("admin:do", args=["nothing", paid.pk]),
        reverse("admin:do", args=["refund", "nothing"]),
        reverse("admin:do", args=["refund", paid.order.pk]),
    ):
        assert desk.get(address).status_code == 404


def open_request(paid, ada) -> ApprovalRequest:
    wish = RefundWish(
        what=Wanted.PAYMENT_REFUND, order=paid.order, payment=paid, money=Money(9000, "EUR"), reason="goodwill: rain"
    )
    return ask_for_approval(
        wish, total=wish.money, reason_code=ReasonCode.GOODWILL, requested_by=ada, now=timezone.now()
    )


def rows_of_every_action(paid, ada):
    """Return a row for each action, however little it makes sense."""
    request = open_request(paid, ada)
    of_model = {Payment: paid, type(paid.order): paid.order, ApprovalRequest: request}
    return [
        (name, of_model[action.rows().model]) for name, action in ACTIONS.items() if action.rows().model in of_model
    ]


def test_who_may_not_do_something_is_not_shown_it_and_cannot_do_it(browser_with_role, paid, ada):
    auditor = browser_with_role(Role.AUDITOR)
    before = written()

    for name, row in rows_of_every_action(paid, ada):
        assert auditor.get(page(name, row)).status_code == 403, name
        assert auditor.post(page(name, row), {"wish": "x"}).status_code == 403, name
        assert page(name, row) not in auditor.get(page_of(row)).content.decode(), name

    assert (written(), presses()) == (before, 0)


def test_every_action_has_a_permission_that_exactly_the_right_roles_hold(db):
    roles = {name: {str(role) for role in Role if action.permission in ROLES[role]} for name, action in ACTIONS.items()}

    approving = {"Manager", "Administrator"}
    handling_money = {"Finance", *approving}
    all_but_the_auditor = {"Support", *handling_money}
    narrower = {
        ("capture", "void", "charge-card", "read-drift", "fetch-report", "reopen-month"): handling_money,
        ("assign-discrepancy", "comment-discrepancy", "explain-discrepancy", "undo-discrepancy"): handling_money,
        ("propose-write-off", "propose-match", "withdraw-discrepancy"): handling_money,
        ("approve-discrepancy", "reject-discrepancy"): handling_money,
        ("approve", "decline", "agree-limit", "agree-write-off-limit"): approving,
        ("end-limit", "end-write-off-limit"): {"Administrator"},
    }
    told = {name: who for names, who in narrower.items() for name in names}
    assert roles == {name: told.get(name, all_but_the_auditor) for name in {*ACTIONS, *told}}


def test_a_lost_answer_is_told_as_unknown_and_the_next_refund_is_refused_in_words(desk, guest, bought):
    guest.sandbox.post("faults", gateway="adyen", operation="refund", fault="reset", times=1)

    told = carry_out(desk, "refund", bought, amount="10.00", **RAIN)

    refund = Transaction.objects.get(kind="REFUND")
    lost = "the answer was lost. It is asked about again by itself; do not ask for it anew."
    assert told == [f"Refund of 10.00 EUR: {lost} ({refund.reference})"]
    answer = look(desk, "refund", bought, amount="5.00", **RAIN)
    assert ["is unknown; nothing new may be asked till then." in str(each) for each in answer.context["messages"]] == [
        True
    ]
    assert len(refunds()) == 1
    assert "Ask the gateway again" in desk.get(page_of(bought)).content.decode()

    asked = carry_out(desk, "ask", bought)

    refund.refresh_from_db()
    assert refund.unknown_since_at is None
    assert refund.gateway_reference
    assert asked[0] == "1 undecided thing was looked into."
    assert "the gateway took it on as" in asked[1]
    assert audited()[-1][:2] == ("ada", "asked gateway")


def test_what_no_gateway_is_asked_about_any_more_is_ruled_out_once_by_who_may(desk, browser_with_role, guest, bought):
    guest.sandbox.post("faults", gateway="adyen", operation="refund", fault="reset", times=1)
    carry_out(desk, "refund", bought, amount="10.00", **RAIN)
    refund = Transaction.objects.get(kind="REFUND")
    assert page("rule-out", refund) not in desk.get(page_of(refund)).content.decode()
    too_old = {"first_sent_at": timezone.now() - timedelta(days=8), "next_check_at": None, "checks_made": 99}
    Transaction.objects.filter(pk=refund.pk).update(**too_old)

    told = carry_out(desk, "ask", bought)

    sentence = "nobody knows, and the gateway is asked no more. Look it up there before anything else."
    assert told[1] == f"Refund of 10.00 EUR: {sentence} ({refund.reference})"
    assert page("rule-out", refund) in desk.get(page_of(refund)).content.decode()
    assert browser_with_role(Role.AUDITOR).get(page("rule-out", refund)).status_code == 403
    token = token_for(desk, "rule-out", refund, reason="not in their list")
    twice = [press(desk, "rule-out", refund, token) for _ in range(2)]

    refund.refresh_from_db()
    assert (refund.status, refund.raw_text) == ("FAILED", "staff: the gateway did not do it")
    assert twice[0] == [f"Refund {refund.reference} of 10.00 EUR counts as not done."]
    assert "pressed before" in twice[1][0]
    assert [text for text, _ in reasons()] == ["rain", "not in their list", "not in their list"]


def test_an_opening_that_was_never_answered_is_asked_for_again(desk, house, guest):
    guest.sandbox.post("faults", gateway="adyen", operation="sessions", fault="reset", times=-1)
    payment = Payment.objects.get(order=house.reserve().order)
    assert payment.openings.get().status == "REQUESTED"
    guest.sandbox.delete("faults")

    carry_out(desk, "ask", payment)

    assert payment.openings.get().status == "OPEN"


def test_where_nothing_can_be_done_it_is_said_so(desk, paid):
    for name, row in (("capture", paid), ("void", paid), ("ask", paid), ("return-overpayment", paid.order)):
        answer = desk.get(page(name, row), follow=True)
        assert [str(message) for message in answer.context["messages"]] == [
            "There is nothing to do that with any more. Look at what happened."
        ]


def test_a_hold_is_captured_in_part(desk, guest, held):
    shown = desk.get(page_of(held)).content.decode()
    assert page("capture", held) in shown
    assert page("refund", held) not in shown

    carry_out(desk, "capture", held, amount="60.00")

    guest.deliver()
    held.refresh_from_db()
    assert (held.state, held.captured_minor, held.authorized_minor) == ("CAPTURED", 6000, 0)
    assert Transaction.objects.get(kind="CAPTURE").requested_by == "ada"
    assert [action for _, action, _ in audited()] == ["captured"]


def test_a_hold_is_released_once(desk, guest, held):
    tokens = [token_for(desk, "void", held, reason="the guest cannot come") for _ in range(2)]

    told = [press(desk, "void", held, token) for token in tokens]

    guest.deliver()
    held.refresh_from_db()
    assert held.state == "VOIDED"
    assert Transaction.objects.filter(kind="VOID").count() == 1
    assert told[1] == ["Something happened since you looked at it; nothing was done. Look again."]


def test_a_gateway_that_is_not_set_up_is_told_in_words(desk, bought, settings):
    token = token_for(desk, "refund", bought, amount="10.00", **RAIN)
    settings.GATEWAY_CREDENTIALS = {}

    told = press(desk, "refund", bought, token)

    assert len(told) == 1
    assert "It is sent again by itself" in told[0]
    Transaction.objects.filter(kind="REFUND").update(checks_made=99)
    assert "could not be reached and is tried no more" in carry_out(desk, "ask", bought)[1]


def test_a_fault_of_ours_is_told_in_words_and_never_as_a_broken_page(desk, paid, monkeypatch):
    token = token_for(desk, "refund", paid, amount="10.00", **RAIN)

    def broken(*_, **__):
        raise RuntimeError("secret detail")

    monkeypatch.setattr(refund_services.aftercare, "request_refund", broken)

    told = press(desk, "refund", paid, token)

    assert told == ["Something went wrong on our side; it is in the log. Look at what happened before you try again."]
    assert [action for _, action, _ in audited()] == ["may have refunded"]
    assert ActionPress.objects.get().action == "refund"


def test_a_fault_after_the_refund_was_written_is_not_logged_as_not_done(desk, bought, monkeypatch):
    token = token_for(desk, "refund", bought, amount="10.00", **RAIN)

    def broken(*_, **__):
        raise RuntimeError("secret detail")

    # The rows are committed by then, and a worker sends them whatever becomes of this page.
    monkeypatch.setattr("payments.services.order_refunds.perform", broken)

    press(desk, "refund", bought, token)

    assert [amount for amount, _, _ in refunds()] == [1000]
    assert [action for _, action, _ in audited()] == ["may have refunded"]


def test_who_may_not_release_a_hold_cannot_do_it_by_refunding_the_order(desk_with_limit, held):
    support = desk_with_limit(Role.SUPPORT, 1, currency="USD")
    assert support.get(page("void", held)).status_code == 403

    told = refused(support, "refund-order", held.order, amount="100.00", **RAIN)

    assert told == [
        "100.00 USD of it is held and not taken: to release a hold needs a permission that you do not have."
    ]
    assert not Transaction.objects.filter(kind="VOID").exists()


def test_presses_are_kept_until_their_pages_are_good_for_nothing(desk, paid):
    for _ in range(2):
        carry_out(desk, "refund", paid, amount="1.00", **RAIN)
    older, newer = ActionPress.objects.order_by("pressed_at")
    ActionPress.objects.filter(pk=older.pk).update(pressed_at=timezone.now() - timedelta(minutes=31))

    assert tasks.prune_presses() == 1

    assert list(ActionPress.objects.all()) == [newer]

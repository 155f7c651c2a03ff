"""Who may give back how much alone, and what a second person decides: once, never the same person, never twice."""

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.utils import timezone

from backoffice.actions import view
from backoffice.errors import NotDecidable
from backoffice.models import ApprovalRequest, ReasonCode, RefundLimit, TenderReturn, Wanted
from backoffice.roles import Role
from backoffice.services import approvals
from backoffice.services.refunds import RefundWish, version_seen
from money import Money
from payments.admin.columns import page_of, when_text
from payments.errors import RefundTooLarge
from payments.models import Transaction
from payments.services import aftercare, janitor
from tests.backoffice.actions.pressing import (
    audited,
    carry_out,
    look,
    page,
    press,
    presses,
    refunds,
    refused,
    token_for,
    written,
)
from tests.backoffice.limits import let_give_back
from tests.payments.gifts import sold_gift, spend
from tests.payments.races import run_together

pytestmark = pytest.mark.django_db
RAIN = {"reason_code": "goodwill", "reason": "rain"}
HEARD = {"reason": "talked to the guest"}


def person(username):
    return get_user_model().objects.get(username=username)


@pytest.fixture
def support(desk_with_limit):
    """Somebody who may give back 20.00 EUR of an order a day."""
    return desk_with_limit(Role.SUPPORT, 2000, username="sam")


@pytest.fixture
def manager(desk_with_limit):
    """Somebody who may give back 500.00 EUR."""
    return desk_with_limit(Role.MANAGER, 50_000, username="mia")


@pytest.fixture
def asked(support, paid) -> ApprovalRequest:
    """A refund of 90.00 EUR that waits for a second person."""
    carry_out(support, "refund", paid, amount="90.00", **RAIN)
    return ApprovalRequest.objects.get()


def approve(request, username="mia", *, clock=timezone.now):
    return approvals.approve(
        request_id=request.pk,
        person=person(username),
        reason="talked to the guest",
        seen=version_seen(approvals.wish_of(request)),
        clock=clock,
    )


def by_sql(changes):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE backoffice_approvalrequest SET {changes}")


def standing(request):
    request.refresh_from_db()
    return request.decision, request.decided_by and request.decided_by.username


class TestLimits:
    @pytest.mark.parametrize(("amount", "is_alone"), [("19.99", True), ("20.00", True), ("20.01", False)])
    def test_up_to_the_limit_a_refund_is_sent_and_above_it_a_second_person_is_asked(
        self, support, bought, amount, is_alone
    ):
        carry_out(support, "refund", bought, amount=amount, **RAIN)

        assert [amount for amount, _, _ in refunds()] == ([round(float(amount) * 100)] if is_alone else [])
        assert ApprovalRequest.objects.count() == (0 if is_alone else 1)
        assert [action for _, action, _ in audited()] == ["refunded"]

    def test_a_role_without_a_limit_for_the_currency_may_not_and_is_told(self, desk_with_limit, paid):
        support = desk_with_limit(Role.SUPPORT, 100_000, currency="JPY")
        before = written()

        told = refused(support, "refund", paid, amount="1.00", **RAIN)

        assert told == ["Your role may not give money back in EUR; an administrator sets the limits of roles."]
        assert (written(), presses(), ApprovalRequest.objects.count()) == (before, 0, 0)

    def test_of_several_roles_the_largest_limit_counts(self, support, bought):
        person("sam").groups.add(Group.objects.get(name="Finance"))
        let_give_back(Role.FINANCE, None)

        carry_out(support, "refund", bought, amount="90.00", **RAIN)

        assert [amount for amount, _, _ in refunds()] == [9000]

    def test_splitting_does_not_get_below_the_limit(self, support, bought, guest):
        carry_out(support, "refund", bought, amount="15.00", **RAIN)
        guest.deliver()

        carry_out(support, "refund", bought, amount="5.01", **RAIN)

        assert [amount for amount, _, _ in refunds()] == [1500]
        assert ApprovalRequest.objects.get().amount_minor == 501
        notes = look(support, "refund", bought, amount="5.00", **RAIN).context["preview"].notes
        assert not any("second person" in note for note in notes)

    def test_what_was_said_not_to_be_done_counts_for_it_may_have_been(self, house, support):
        payment = house.paid(house.payment())
        refund = aftercare.request_refund(
            payment_id=payment.pk, money=Money(2000, "EUR"), reason="rain", requested_by="sam", now=timezone.now()
        )[0]
        Transaction.objects.filter(pk=refund.pk).update(unknown_since_at=timezone.now(), first_sent_at=timezone.now())
        carry_out(support, "rule-out", refund, reason="not in their list")

        carry_out(support, "refund", payment, amount="20.00", **RAIN)

        assert [amount for amount, _, _ in refunds()] == [2000]
        assert ApprovalRequest.objects.get().amount_minor == 2000

    def test_the_next_day_and_another_order_are_counted_anew(self, house, support, bought, guest):
        carry_out(support, "refund", bought, amount="20.00", **RAIN)
        guest.deliver()
        Transaction.objects.filter(kind="REFUND").update(requested_at=timezone.now() - timedelta(hours=25))

        carry_out(support, "refund", bought, amount="20.00", **RAIN)

        assert [amount for amount, _, _ in refunds()] == [2000, 2000]

    @pytest.mark.django_db(transaction=True)
    def test_two_refunds_of_one_person_at_once_stay_within_the_limit(self, desk_with_limit, support, paid, monkeypatch):
        # The looks at what changed are taken away: only the order's lock is left.
        original = aftercare.request_refund
        monkeypatch.setattr(view, "_is_stale", lambda *_: False)
        monkeypatch.setattr(
            aftercare, "request_refund", lambda *, operations_seen, **wish: original(**wish, operations_seen=None)
        )
        other = Client()
        other.force_login(person("sam"))
        tokens = [token_for(support, "refund", paid, amount="15.00", **RAIN) for _ in range(2)]

        run_together(
            lambda: support.post(page("refund", paid), {"wish": tokens[0]}),
            lambda: other.post(page("refund", paid), {"wish": tokens[1]}),
        )

        assert [amount for amount, _, _ in refunds()] == [1500]

    def test_what_a_gift_had_back_is_counted_too(self, house, support, paid):
        booking = house.reserve(1, payment_request=None)
        spend(sold_gift(house), booking.order, now=house.clock())
        booking.order.refresh_from_db()
        carry_out(support, "refund-order", booking.order, amount="15.00", **RAIN)

        carry_out(support, "refund-order", booking.order, amount="6.00", **RAIN)

        assert TenderReturn.objects.get().amount_minor == 1500
        assert ApprovalRequest.objects.get().what == "ORDER_REFUND"


class TestAsking:
    def test_what_is_asked_is_shown_listed_and_sends_nothing(self, support, manager, paid):
        before = written()

        told = carry_out(support, "refund", paid, amount="90.00", **RAIN)

        request = ApprovalRequest.objects.get()
        assert written() == before
        until = when_text(request.expires_at)
        assert told == [f"Refund of a payment: 90.00 EUR waits for a second person until {until}."]
        assert (request.requested_by.username, request.reason, request.reason_code) == (
            "sam",
            "goodwill: rain",
            "goodwill",
        )
        shown = manager.get(page_of(request)).content.decode()
        assert page("approve", request) in shown
        assert page("approve", request) not in support.get(page_of(request)).content.decode()

    def test_one_request_of_a_payment_is_open_at_a_time(self, support, paid, asked):
        told = carry_out(support, "refund", paid, amount="30.00", **RAIN)

        assert told == ["A refund of the same waits for approval already; nothing was written."]
        assert ApprovalRequest.objects.count() == 1

    @pytest.mark.django_db(transaction=True)
    def test_two_who_ask_at_once_leave_one_request(self, house, ada, support, paid):
        wish = RefundWish(
            what=Wanted.PAYMENT_REFUND,
            order=paid.order,
            payment=paid,
            money=Money(9000, "EUR"),
            reason="goodwill: rain",
        )

        def ask():
            return approvals.ask_for_approval(
                wish, total=wish.money, reason_code=ReasonCode.GOODWILL, requested_by=ada, now=timezone.now()
            )

        results = run_together(ask, ask)

        assert sorted(type(each).__name__ for each in results) == ["ApprovalRequest", "RequestIsOpen"]
        assert ApprovalRequest.objects.count() == 1

    def test_after_a_decision_or_its_time_it_can_be_asked_for_again(self, support, manager, paid, asked):
        ApprovalRequest.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

        carry_out(support, "refund", paid, amount="90.00", **RAIN)

        assert sorted(ApprovalRequest.objects.values_list("decision", flat=True)) == ["", "EXPIRED"]
        newest = ApprovalRequest.objects.get(decision="")
        carry_out(manager, "decline", newest, reason="not ours")
        carry_out(support, "refund", paid, amount="90.00", **RAIN)
        assert ApprovalRequest.objects.filter(decision="").count() == 1


class TestDeciding:
    def test_a_second_person_approves_and_it_is_carried_out_once(self, support, manager, bought, guest):
        carry_out(support, "refund", bought, amount="90.00", **RAIN)
        request = ApprovalRequest.objects.get()
        token = token_for(manager, "approve", request, **HEARD)

        told = press(manager, "approve", request, token)
        again = press(manager, "approve", request, token)

        assert refunds() == [(9000, "goodwill: rain", "sam")]
        assert standing(request) == ("APPROVED", "mia")
        assert request.decision_reason == "talked to the guest"
        assert told[0].startswith("Refund of 90.00 EUR: the gateway took it on as")
        assert again == ["This was pressed before: it was not done a second time. Look at what happened."]
        guest.deliver()
        bought.refresh_from_db()
        assert bought.refunded_minor == 9000
        assert [(who, what) for who, what, _ in audited()] == [
            ("sam", "refunded"),
            ("mia", "approved refund"),
            ("mia", "not approved refund"),
        ]

    def test_a_second_person_declines_and_nothing_is_sent(self, manager, asked):
        before = written()

        told = carry_out(manager, "decline", asked, reason="not ours")

        assert standing(asked) == ("DECLINED", "mia")
        assert told == ["Declined: refund of a payment: 90.00 EUR. Nothing is sent."]
        assert written() == before

    def test_nobody_approves_what_they_asked_for_by_page_by_service_or_by_sql(self, manager, desk_with_limit, paid):
        RefundLimit.objects.update(amount_minor=1000)
        carry_out(manager, "refund", paid, amount="90.00", **RAIN)
        request = ApprovalRequest.objects.get()
        before = written()

        told = refused(manager, "approve", request, **HEARD)
        declined = carry_out(manager, "decline", request, **HEARD)
        with pytest.raises(NotDecidable, match="a second person decides"):
            approve(request)
        with pytest.raises(IntegrityError, match="approval_is_by_a_second_person"):
            by_sql("decision = 'APPROVED', decided_at = now(), decided_by_id = requested_by_id")

        assert told == ["You asked for it yourself: a second person decides."]
        assert declined == ["You asked for it yourself: a second person decides. Nothing was done."]
        assert standing(request) == ("", None)
        assert written() == before

    @pytest.mark.parametrize("statement", ["decision = 'APPROVED'", "decided_at = now()", "decision = 'DECLINED'"])
    def test_the_database_wants_who_and_when_with_a_decision(self, asked, statement):
        with pytest.raises(IntegrityError, match="approval_decision_says_who_and_when"):
            by_sql(statement)

    def test_who_has_a_smaller_limit_does_not_approve(self, desk_with_limit, asked):
        manager = desk_with_limit(Role.MANAGER, 8999, username="mia")

        told = refused(manager, "approve", asked, **HEARD)

        assert told == [
            "You may approve up to 89.99 EUR of one order within a day: this needs somebody with a larger limit."
        ]
        assert standing(asked) == ("", None)

    def test_who_approves_one_refund_of_an_order_after_another_stays_within_the_limit(
        self, support, desk_with_limit, bought, guest
    ):
        manager = desk_with_limit(Role.MANAGER, 5000, username="mia")
        for _ in range(2):
            carry_out(support, "refund", bought, amount="30.00", **RAIN)
            request = ApprovalRequest.objects.get(decision="")
            answer = manager.post(page("approve", request), HEARD)
            if 'name="wish"' in answer.content.decode():
                carry_out(manager, "approve", request, **HEARD)
            guest.deliver()

        assert [amount for amount, _, _ in refunds()] == [3000]
        assert standing(request) == ("", None)

    def test_what_was_given_back_meanwhile_is_noticed_and_the_request_stays_open(self, house, manager, paid, asked):
        token = token_for(manager, "approve", asked, **HEARD)
        aftercare.request_refund(
            payment_id=paid.pk, money=Money(1000, "EUR"), reason="x", requested_by="partner", now=house.clock()
        )

        told = press(manager, "approve", asked, token)
        with pytest.raises(RefundTooLarge):
            approve(asked)

        assert told == ["Something happened since you looked at it; nothing was done. Look again."]
        assert standing(asked) == ("", None)
        assert [amount for amount, _, _ in refunds()] == [1000]

    def test_what_is_over_is_not_decided(self, manager, asked):
        ApprovalRequest.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

        with pytest.raises(NotDecidable, match="Its time is over"):
            approve(asked)
        assert approvals.expire_requests(now=timezone.now()) == 1
        assert approvals.expire_requests(now=timezone.now()) == 0
        assert standing(asked) == ("EXPIRED", None)
        with pytest.raises(NotDecidable, match="Its time is over"):
            approvals.decline(request_id=asked.pk, person=person("mia"), reason="no", now=timezone.now())

    @pytest.mark.django_db(transaction=True)
    def test_approving_twice_at_once_refunds_once(self, desk_with_limit, manager, asked):
        desk_with_limit(Role.ADMINISTRATOR, 50_000, username="ann")

        results = run_together(lambda: approve(asked), lambda: approve(asked, "ann"))

        assert [type(each) for each in results if isinstance(each, Exception)] == [NotDecidable]
        assert [amount for amount, _, _ in refunds()] == [9000]
        assert standing(asked)[0] == "APPROVED"

    @pytest.mark.django_db(transaction=True)
    def test_approving_and_declining_at_once_do_one_of_them(self, desk_with_limit, manager, asked):
        desk_with_limit(Role.ADMINISTRATOR, 50_000, username="ann")

        def say_no():
            approvals.decline(request_id=asked.pk, person=person("ann"), reason="no", now=timezone.now())

        results = run_together(lambda: approve(asked), say_no)

        assert [type(each) for each in results if isinstance(each, Exception)] == [NotDecidable]
        decision, _ = standing(asked)
        assert [amount for amount, _, _ in refunds()] == ([9000] if decision == "APPROVED" else [])

    def test_a_process_that_dies_after_the_decision_leaves_a_refund_that_a_worker_sends_once(
        self, support, manager, bought, guest
    ):
        carry_out(support, "refund", bought, amount="90.00", **RAIN)
        request = ApprovalRequest.objects.get()
        seen = version_seen(approvals.wish_of(request))
        approvals._approve(request.pk, person("mia"), "talked to the guest", seen, timezone.now())
        assert [(row.kind, row.status, row.first_sent_at) for row in Transaction.objects.filter(kind="REFUND")] == [
            ("REFUND", "PENDING", None)
        ]

        assert janitor.send_pending(clock=timezone.now) == 1
        assert janitor.send_pending(clock=timezone.now) == 0
        with pytest.raises(NotDecidable, match="approved already, by mia"):
            approve(request)

        guest.deliver()
        bought.refresh_from_db()
        assert (bought.refunded_minor, bought.state) == (9000, "REFUNDED")
        assert Transaction.objects.filter(kind="REFUND").count() == 1

    def test_a_process_that_dies_before_the_refund_is_written_leaves_no_decision(self, manager, asked, monkeypatch):
        def dies(*_, **__):
            raise KeyboardInterrupt

        monkeypatch.setattr(approvals, "write_refund", dies)

        with pytest.raises(KeyboardInterrupt):
            approve(asked)

        assert standing(asked) == ("", None)
        assert refunds() == []

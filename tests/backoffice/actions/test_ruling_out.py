"""An operation whose answer was lost and that no gateway can be asked about: a person says that it was not done."""

import pytest
from django.utils import timezone

from backoffice.roles import Role
from money import Money
from payments.admin.columns import page_of
from payments.models import Transaction
from payments.services import aftercare
from tests.backoffice.actions.pressing import audited, page, press, presses, shown, token_for, written

pytestmark = pytest.mark.django_db

NOT_THERE = {"reason": "not in the gateway's list"}


@pytest.fixture
def lost(guest, bought) -> Transaction:
    """A refund of 10.00 EUR whose answer was lost, and which is not asked about any more."""
    guest.sandbox.post("faults", gateway="adyen", operation="refund", fault="reset", times=1)
    aftercare.refund_payment(
        payment=bought, money=Money(1000, "EUR"), reason="rain", requested_by="ada", clock=timezone.now
    )
    Transaction.objects.filter(kind="REFUND").update(next_check_at=None)
    return Transaction.objects.get(kind="REFUND")


def test_what_was_not_done_has_failed_once_and_is_in_the_audit_log_of_its_payment(desk, lost):
    assert page("rule-out", lost) in desk.get(page_of(lost)).content.decode()
    assert shown(desk, "rule-out", lost, **NOT_THERE)[1] == ("Key", lost.idempotency_key, "look for it there first")
    token = token_for(desk, "rule-out", lost, **NOT_THERE)

    told = press(desk, "rule-out", lost, token)
    again = press(desk, "rule-out", lost, token)

    lost.refresh_from_db()
    assert (lost.status, lost.raw_text) == ("FAILED", "staff: the gateway did not do it")
    assert len(told) == 1
    assert lost.reference in told[0]
    assert again == ["This was pressed before: it was not done a second time. Look at what happened."]
    question = f"Say that Refund {lost.reference} of 10.00 EUR was not done."
    assert audited()[0] == ("ada", "ruled out operation", f"{question} {told[0]}")


def test_what_is_still_asked_about_is_not_ruled_out(desk, lost):
    token = token_for(desk, "rule-out", lost, **NOT_THERE)
    Transaction.objects.filter(pk=lost.pk).update(next_check_at=timezone.now())
    before = written()

    told = press(desk, "rule-out", lost, token)

    assert told == ["It is decided, was accepted, or is still asked about by itself; nothing was written."]
    assert page("rule-out", lost) not in desk.get(page_of(lost)).content.decode()
    assert written() == before


def test_who_may_not_give_money_back_may_not_rule_out(browser_with_role, lost):
    auditor = browser_with_role(Role.AUDITOR)

    assert auditor.post(page("rule-out", lost), NOT_THERE).status_code == 403
    assert presses() == 0

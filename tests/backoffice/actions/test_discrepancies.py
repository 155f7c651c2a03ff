"""Work on discrepancies as people do it: by the one page of actions, each step audited, seen on its page, and once."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.urls import reverse
from django.utils import timezone

from backoffice.models import WriteOffLimit
from backoffice.roles import Role
from payments.admin.columns import page_of
from payments.models import LedgerEntry, Posting
from reconciliation.models import Discrepancy, Proposal
from reconciliation.movements import MOST_CANDIDATES
from reconciliation.services import resolving
from reconciliation.services.importing import source_for
from reconciliation.services.matching import look_for_missing
from tests.backoffice.actions.pressing import audited, carry_out, page, press, refused, shown, token_for
from tests.backoffice.limits import let_write_off
from tests.reconciliation.till import Till, payout, settled, till_of, written

pytestmark = pytest.mark.django_db


@pytest.fixture
def till(house):
    return till_of(house.payment())


@pytest.fixture
def discrepancy(till, tmp_path):
    """A line of 9.00 EUR that nothing of ours goes by, and a booked 9.50 EUR that nobody settled."""
    till.books(950, "P1")
    till.save()
    rows = [settled(900, "P9", **{"Merchant Reference": "G-9"})]
    till.imports(written(tmp_path / "batch.csv", [*rows, payout(rows)]))
    look_for_missing(source=source_for(till.account.slug, now=timezone.now()), now=timezone.now())
    return Discrepancy.objects.get(kind="MISSING_HERE")


@pytest.fixture
def finance(browser_with_role):
    return browser_with_role(Role.FINANCE, "fay")


@pytest.fixture
def manager(browser_with_role):
    return browser_with_role(Role.MANAGER, "mia")


def actions_on(browser, row):
    """Return which actions a row's page offers."""
    text = browser.get(page_of(row)).content.decode()
    return {
        name
        for name in (
            *("assign-discrepancy", "comment-discrepancy", "explain-discrepancy", "propose-write-off"),
            *("propose-match", "approve-discrepancy", "reject-discrepancy", "withdraw-discrepancy"),
            "undo-discrepancy",
        )
        if page(name, row) in text
    }


def test_a_write_off_is_proposed_by_one_approved_by_another_within_a_limit_and_undone(finance, manager, discrepancy):
    let_write_off(Role.MANAGER, 899)
    assert shown(finance, "propose-write-off", discrepancy, reason="too small")[-1] == (
        "Posted",
        "9.00 EUR",
        "WRITE_OFF to CLEARING",
    )

    assert carry_out(finance, "propose-write-off", discrepancy, reason="too small") == [
        "Proposed: a second person decides."
    ]

    assert refused(finance, "approve-discrepancy", discrepancy) == [
        "You proposed it yourself: a second person decides."
    ]
    assert refused(manager, "approve-discrepancy", discrepancy) == [
        "You may approve write-offs of up to 8.99 EUR within a day: this needs somebody with a larger limit."
    ]
    WriteOffLimit.objects.update(amount_minor=900)
    token = token_for(manager, "approve-discrepancy", discrepancy)
    assert press(manager, "approve-discrepancy", discrepancy, token) == ["Approved and posted."]
    assert press(manager, "approve-discrepancy", discrepancy, token)[0].startswith("This was pressed before")
    assert Posting.objects.filter(cause="written_off").count() == 1
    text = manager.get(page_of(discrepancy)).content.decode()
    assert "fay, approved by mia" in text
    assert "too small" in text
    assert actions_on(manager, discrepancy) == {"comment-discrepancy", "undo-discrepancy"}

    assert carry_out(finance, "undo-discrepancy", discrepancy, reason="the guest was found") == [
        "Proposed: a second person decides."
    ]
    assert actions_on(manager, discrepancy) == {
        *("comment-discrepancy", "approve-discrepancy", "reject-discrepancy", "withdraw-discrepancy")
    }
    assert page("approve-discrepancy", discrepancy) in manager.get("/admin/queues/discrepancies/").content.decode()
    assert Posting.objects.filter(cause="write_off_undone").count() == 0
    assert carry_out(manager, "approve-discrepancy", discrepancy) == ["Approved and undone."]

    assert Posting.objects.filter(cause="write_off_undone").count() == 1
    assert [(who, what) for who, what, _ in audited()] == [
        ("fay", "proposed write-off"),
        ("mia", "approved proposal"),
        ("mia", "not approved proposal"),
        ("fay", "proposed to undo discrepancy"),
        ("mia", "approved proposal"),
    ]


def test_an_address_that_names_no_row_is_not_found(finance, discrepancy):
    address = page("comment-discrepancy", discrepancy)

    assert [
        finance.get(address.replace(f"/{discrepancy.pk}/", f"/{name}/")).status_code
        for name in (discrepancy.pk, "abc", "9" * 30, "0")
    ] == [200, 404, 404, 404]


def test_a_limit_that_falls_between_look_and_press_is_the_one_that_counts(finance, manager, discrepancy):
    limit = let_write_off(Role.MANAGER, None)
    carry_out(finance, "propose-write-off", discrepancy, reason="too small")
    token = token_for(manager, "approve-discrepancy", discrepancy)
    WriteOffLimit.objects.filter(pk=limit.pk).update(ended_by="ann", ended_at=timezone.now())

    assert press(manager, "approve-discrepancy", discrepancy, token) == [
        "Your role may approve no write-off in EUR; an administrator sets the limits of roles."
    ]

    discrepancy.refresh_from_db()
    assert (discrepancy.state, Posting.objects.filter(cause="written_off").count()) == ("PROPOSED", 0)


def test_a_match_by_hand_shows_both_sums_before_it_is_proposed_and_approved(finance, manager, till, discrepancy):
    entry = LedgerEntry.objects.get(transaction__gateway_reference="P1")
    text = finance.get(page("propose-match", discrepancy)).content.decode()
    assert "9.50 EUR, sale" in text
    chosen = {"lines": [discrepancy.line_id], "movements": [entry.pk], "reason": "the gateway's mail says so"}

    lines = shown(finance, "propose-match", discrepancy, **chosen)

    assert [(name, value) for name, value, _ in lines] == [
        ("Settled", "9.00 EUR"),
        ("Together", "9.00 EUR"),
        ("Booked", "9.50 EUR"),
        ("Together", "9.50 EUR"),
        ("Difference", "-0.50 EUR"),
    ]
    carry_out(finance, "propose-match", discrepancy, **chosen)
    assert shown(manager, "approve-discrepancy", discrepancy)[0][:2] == ("Proposed by", "fay")
    assert carry_out(manager, "approve-discrepancy", discrepancy) == ["Approved and matched."]
    assert till.found() == {"AMOUNT": 1}
    left = Discrepancy.objects.get(kind="AMOUNT")
    assert (left.amount_minor, left.state) == (50, "OPEN")


def test_what_is_not_offered_is_found_by_its_reference_however_much_comes_near(finance, house, till, discrepancy):
    for number in range(MOST_CANDIDATES):
        till.books(900, f"NEAR{number}")
    till.save()
    payment = house.payment()
    group = Till(account=till.account, order=payment.order, payment=payment)
    group.books(70_000, "FAR-AWAY")
    group.save()
    offered = finance.get(page("propose-match", discrepancy)).content.decode()
    assert "700.00 EUR" not in offered
    wished = {"lines": [discrepancy.line_id], "reason": "a group's"}
    booking = payment.order.bookings.get()

    for name in ("FAR-AWAY", payment.reference, payment.order.reference, booking.reference):
        lines = shown(finance, "propose-match", discrepancy, **wished, more=name)
        assert [(told, value) for told, value, _ in lines if told == "Booked"] == [("Booked", "700.00 EUR")], name

    answer = finance.post(page("propose-match", discrepancy), {**wished, "more": "NOWHERE"})
    assert answer.context["form"].errors["more"] == ["Nothing that is free goes by that in this account and currency."]


def test_a_movement_that_nobody_settled_is_matched_with_a_line(finance, manager, till, discrepancy):
    missing = Discrepancy.objects.get(kind="MISSING_THERE")
    assert "9.00 EUR" in finance.get(page_of(missing)).content.decode()
    chosen = {"lines": [discrepancy.line_id], "movements": [missing.entry_id], "reason": "the same guest"}

    carry_out(finance, "propose-match", missing, **chosen)
    carry_out(manager, "approve-discrepancy", missing)

    assert till.found() == {"AMOUNT": 1}


def test_somebody_takes_it_on_says_what_they_found_and_explains_it(finance, discrepancy, user_with_role):
    fay = user_with_role(Role.MANAGER, "max")

    assert carry_out(finance, "assign-discrepancy", discrepancy, assignee=str(fay.pk)) == ["Assigned to max."]
    carry_out(finance, "comment-discrepancy", discrepancy, reason="asked the gateway about 4111 1111 1111 1111")
    carry_out(finance, "explain-discrepancy", discrepancy, reason="a test of the gateway's own")

    text = finance.get(page_of(discrepancy)).content.decode()
    for said in ("to max", "asked the gateway about", "a test of the gateway&#x27;s own", "explained"):
        assert said in text
    assert "4111 1111 1111 1111" not in text
    assert actions_on(finance, discrepancy) == {"comment-discrepancy", "undo-discrepancy"}


def test_a_page_that_is_no_longer_true_does_nothing(finance, manager, discrepancy):
    token = token_for(finance, "explain-discrepancy", discrepancy, reason="a test")
    carry_out(manager, "comment-discrepancy", discrepancy, reason="wait, I asked them")

    assert press(finance, "explain-discrepancy", discrepancy, token) == [
        "Something happened since you looked at it; nothing was done. Look again."
    ]

    discrepancy.refresh_from_db()
    assert discrepancy.state == "OPEN"


def test_a_proposal_is_rejected_by_another_and_withdrawn_by_its_own(finance, manager, discrepancy):
    let_write_off(Role.FINANCE, None)
    carry_out(finance, "propose-write-off", discrepancy, reason="too small")
    assert actions_on(manager, discrepancy) == {
        *("assign-discrepancy", "comment-discrepancy", "approve-discrepancy"),
        *("reject-discrepancy", "withdraw-discrepancy"),
    }

    assert refused(finance, "reject-discrepancy", discrepancy, reason="no") == [
        "You proposed it yourself: a second person decides."
    ]
    assert refused(manager, "withdraw-discrepancy", discrepancy) == ["fay proposed it: reject it instead."]
    carry_out(manager, "reject-discrepancy", discrepancy, reason="ask them first")
    carry_out(finance, "propose-write-off", discrepancy, reason="they do not answer")
    carry_out(finance, "withdraw-discrepancy", discrepancy)

    discrepancy.refresh_from_db()
    assert (discrepancy.state, discrepancy.proposals.count()) == ("OPEN", 2)


@pytest.mark.parametrize(("role", "status"), [(Role.AUDITOR, 200), (Role.SUPPORT, 403)])
def test_auditors_look_and_support_does_not(browser_with_role, discrepancy, role, status):
    browser = browser_with_role(role)

    assert browser.get(page_of(discrepancy)).status_code == status
    if status == 200:
        assert actions_on(browser, discrepancy) == set()
    assert browser.post(page("explain-discrepancy", discrepancy), {"reason": "it is"}).status_code == 403


def test_a_write_off_limit_is_set_by_one_and_counts_once_another_agreed(browser_with_role, discrepancy, finance):
    administrator, manager = browser_with_role(Role.ADMINISTRATOR, "ann"), browser_with_role(Role.MANAGER, "mia")
    wanted = {"group": Group.objects.get(name=Role.MANAGER).pk, "currency": "eur", "amount": "20.00"}
    administrator.post(reverse("admin:backoffice_writeofflimit_add"), wanted, follow=True)
    limit = WriteOffLimit.objects.get()
    carry_out(finance, "propose-write-off", discrepancy, reason="too small")
    assert refused(manager, "approve-discrepancy", discrepancy)[0].startswith("Your role may approve no write-off")

    assert refused(administrator, "agree-write-off-limit", limit) == [
        "You set it yourself: a second person agrees to it."
    ]
    assert carry_out(manager, "agree-write-off-limit", limit) == ["It counts: Manager: 20.00 EUR."]

    assert carry_out(manager, "approve-discrepancy", discrepancy) == ["Approved and posted."]
    assert carry_out(administrator, "end-write-off-limit", limit) == ["Ended: Manager: 20.00 EUR."]


def test_its_page_costs_the_same_for_one_event_as_for_many(finance, discrepancy, django_assert_max_num_queries):
    for number in range(30):
        resolving.comment(discrepancy_id=discrepancy.pk, text=f"look {number}", by="fay", now=timezone.now())

    with django_assert_max_num_queries(32):
        finance.get(page_of(discrepancy))


def test_money_that_is_written_off_in_two_currencies_needs_a_limit_in_both(finance, manager, till, tmp_path):
    till.books(4_500, "P1", currency="USD")
    till.save()
    rows = [settled(900, "P1")]
    till.imports(written(tmp_path / "batch.csv", [*rows, payout(rows)]))
    discrepancy = Discrepancy.objects.get(kind="CURRENCY")
    carry_out(finance, "propose-write-off", discrepancy, reason="converted on the way")
    let_write_off(Role.MANAGER, 900)

    assert refused(manager, "approve-discrepancy", discrepancy) == [
        "Your role may approve no write-off in USD; an administrator sets the limits of roles."
    ]
    limit = let_write_off(Role.MANAGER, 4_499, "USD")
    assert refused(manager, "approve-discrepancy", discrepancy) == [
        "You may approve write-offs of up to 44.99 USD within a day: this needs somebody with a larger limit."
    ]
    WriteOffLimit.objects.filter(pk=limit.pk).update(amount_minor=4_500)
    assert carry_out(manager, "approve-discrepancy", discrepancy) == ["Approved and posted."]
    assert not any(name.startswith("CLEARING") for name in till.balances())


def test_a_loss_that_is_split_into_several_does_not_get_below_the_limit(finance, manager, till, tmp_path):
    rows = [settled(500, f"S{number}", batch="77") for number in range(3)]
    till.imports(written(tmp_path / "split.csv", [*rows, payout(rows, batch="77")]))
    first, second, third = Discrepancy.objects.filter(kind="MISSING_HERE").order_by("id")
    for each in (first, second, third):
        carry_out(finance, "propose-write-off", each, reason="too small")
    let_write_off(Role.MANAGER, 1_000)
    carry_out(manager, "approve-discrepancy", first)
    token = token_for(manager, "approve-discrepancy", third)
    carry_out(manager, "approve-discrepancy", second)

    above = (
        "You may approve write-offs of up to 10.00 EUR within a day, of which 10.00 EUR is used since yesterday: "
        "this needs somebody with a larger limit."
    )
    assert refused(manager, "approve-discrepancy", third) == [above]
    # Nor by a page that was looked at before.
    assert press(manager, "approve-discrepancy", third, token) == [above]
    assert Posting.objects.filter(cause="written_off").count() == 2

    Proposal.objects.filter(discrepancy=first).update(decided_at=timezone.now() - timedelta(days=1))
    carry_out(manager, "approve-discrepancy", third)
    assert Posting.objects.filter(cause="written_off").count() == 3

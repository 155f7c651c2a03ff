"""Who sets how much a role may give back: never one person alone, by page, by service or by SQL."""

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from backoffice.errors import NoLimit, NotAgreeable
from backoffice.models import RefundLimit
from backoffice.roles import Role
from backoffice.services.agreeing import agree_to_limit, end_limit
from backoffice.services.limits import given_back_minor, limit_of
from money import Money
from payments.admin.columns import page_of
from tests.backoffice.actions.pressing import audited, carry_out, page, press, refused, shown, token_for
from tests.backoffice.limits import let_give_back
from tests.payments.races import run_together
from tests.plans import only_index, plan_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def administrator(browser_with_role):
    return browser_with_role(Role.ADMINISTRATOR, "ann")


@pytest.fixture
def manager(browser_with_role):
    return browser_with_role(Role.MANAGER, "mia")


@pytest.fixture
def sam(user_with_role):
    """Somebody in finance, whose limit it is."""
    return user_with_role(Role.FINANCE, "sam")


def person(username):
    return get_user_model().objects.get(username=username)


def set_limit(browser, amount, currency="EUR") -> RefundLimit:
    """Fill in the form for a new limit, and return what waits then."""
    finance = Group.objects.get(name=Role.FINANCE)
    wanted = {"group": finance.pk, "currency": currency, "amount": amount}
    answer = browser.post(reverse("admin:backoffice_refundlimit_add"), wanted, follow=True)
    assert "It counts once a second person has agreed to it" in answer.content.decode()
    return RefundLimit.objects.get(agreed_at=None, ended_at=None)


def by_sql(changes):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE backoffice_refundlimit SET {changes}")


def test_a_limit_counts_once_a_second_person_agreed_and_the_old_one_until_then(administrator, manager, sam):
    old = let_give_back(Role.FINANCE, 10_000)

    new = set_limit(administrator, "250.00", "eur")

    assert limit_of(sam, "EUR") == Money(10_000, "EUR")
    assert page("agree-limit", new) in manager.get(page_of(new)).content.decode()
    lines = shown(manager, "agree-limit", new)
    assert [(name, value) for name, value, _ in lines] == [
        ("Set by", "ann"),
        ("Counts until now", "100.00 EUR"),
        ("Counts from now on", "250.00 EUR"),
    ]
    assert carry_out(manager, "agree-limit", new) == ["It counts: Finance: 250.00 EUR."]
    assert limit_of(sam, "EUR") == Money(25_000, "EUR")
    old.refresh_from_db()
    new.refresh_from_db()
    assert (old.ended_by, new.set_by, new.agreed_by, new.ended_at) == ("mia", "ann", "mia", None)
    assert [(who, what) for who, what, _ in audited()] == [("ann", "added"), ("mia", "agreed to limit")]


def test_nobody_agrees_to_what_they_set_by_page_by_service_or_by_sql(administrator, sam):
    limit = set_limit(administrator, "")

    told = refused(administrator, "agree-limit", limit)
    with pytest.raises(NotAgreeable, match="a second person agrees"):
        agree_to_limit(limit, person=person("ann"), now=timezone.now())
    with pytest.raises(IntegrityError, match="is_agreed_by_a_second_person"):
        by_sql("agreed_by = set_by, agreed_at = now()")
    with pytest.raises(IntegrityError, match="says_who_agreed_and_when"):
        by_sql("agreed_at = now()")

    assert told == ["You set it yourself: a second person agrees to it."]
    with pytest.raises(NoLimit):
        limit_of(sam, "EUR")


def test_limits_are_set_in_major_units_by_who_may(administrator, manager):
    finance = Group.objects.get(name=Role.FINANCE)
    add = reverse("admin:backoffice_refundlimit_add")

    for currency, amount in (("eur", "250.00"), ("JPY", "30000"), ("USD", ""), ("EURO", "1"), ("CHF", "0")):
        administrator.post(add, {"group": finance.pk, "currency": currency, "amount": amount})

    limits = RefundLimit.objects.order_by("currency")
    assert list(limits.values_list("currency", "amount_minor")) == [("EUR", 25000), ("JPY", 30000), ("USD", None)]
    assert manager.get(add).status_code == 403


def test_what_is_set_anew_takes_the_place_of_what_waits_and_a_page_of_that_does_nothing(administrator, manager, sam):
    first = set_limit(administrator, "250.00")
    token = token_for(manager, "agree-limit", first)
    second = set_limit(administrator, "90000.00")

    told = press(manager, "agree-limit", first, token)

    assert told == ["Something happened since you looked at it; nothing was done. Look again."]
    with pytest.raises(NotAgreeable, match="ended by ann"):
        agree_to_limit(first, person=person("mia"), now=timezone.now())
    second.refresh_from_db()
    assert second.agreed_at is None


def test_ending_a_limit_takes_one_person_and_leaves_nothing(administrator, manager, sam):
    limit = let_give_back(Role.FINANCE, 10_000)

    told = carry_out(administrator, "end-limit", limit)

    assert told == ["Ended: Finance: 100.00 EUR."]
    with pytest.raises(NoLimit):
        limit_of(sam, "EUR")
    with pytest.raises(NotAgreeable, match="ended by ann already"):
        end_limit(limit, person=person("ann"), now=timezone.now())
    assert administrator.get(page_of(limit)).status_code == 200
    assert page("agree-limit", limit) not in manager.get(page_of(limit)).content.decode()


def test_what_a_limit_says_is_never_changed(administrator):
    limit = let_give_back(Role.FINANCE, 10_000)

    answer = administrator.post(page_of(limit), {"group": limit.group_id, "currency": "EUR", "amount": "9999.00"})

    assert answer.status_code == 403
    limit.refresh_from_db()
    assert limit.amount_minor == 10_000


def test_what_a_person_gave_back_in_a_currency_is_counted_by_an_index(sam):
    with CaptureQueriesContext(connection) as queries:
        given_back_minor(person=sam, now=timezone.now(), within={"currency": "EUR", "order__is_live": True})

    with only_index("refund_by_who_asked"):
        assert "refund_by_who_asked" in plan_of(queries[0]["sql"])


@pytest.mark.django_db(transaction=True)
def test_two_who_agree_at_once_do_it_once(administrator, manager, sam, browser_with_role):
    let_give_back(Role.FINANCE, 10_000)
    browser_with_role(Role.ADMINISTRATOR, "max")
    limit = set_limit(administrator, "250.00")

    def agree(username):
        return agree_to_limit(
            RefundLimit.objects.get(pk=limit.pk), person=person(username), now=timezone.now()
        ).agreed_by

    results = run_together(lambda: agree("mia"), lambda: agree("max"))

    assert [type(each) for each in results if isinstance(each, Exception)] == [NotAgreeable]
    counting = RefundLimit.objects.get(agreed_at__isnull=False, ended_at=None)
    assert (counting.amount_minor, counting.agreed_by in results) == (25_000, True)

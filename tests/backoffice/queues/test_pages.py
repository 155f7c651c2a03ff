"""The pages of the queues: who may see what, who may do what, and what is kept of it."""

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from backoffice.models import AuditEntry, ProbableDuplicate
from backoffice.queues.registry import QUEUES
from backoffice.roles import Role
from payments.models import Case, CaseStep
from tests.backoffice.queues.situations import names_in

pytestmark = pytest.mark.django_db


def address(slug: str) -> str:
    return reverse("admin:backoffice_queue", args=[slug])


def work(browser, case: Case, verb: str, **data: str):
    return browser.post(
        reverse("admin:backoffice_case_work", args=[case.pk, verb]), {"back": address("overpaid"), **data}, follow=True
    )


def steps() -> list[tuple[str, str, str]]:
    return list(CaseStep.objects.order_by("id").values_list("kind", "by", "text"))


@pytest.fixture
def case(situations) -> Case:
    reference = situations.overpaid()
    return Case.objects.get(payment__reference=reference)


@pytest.fixture
def desk(browser_with_role):
    return browser_with_role(Role.SUPPORT, "ben")


@pytest.mark.parametrize("queue", QUEUES, ids=[queue.slug for queue in QUEUES])
def test_a_queue_is_shown_to_those_who_may_see_it_and_to_nobody_else(queue, user_with_role, client):
    somebody = user_with_role(Role.SUPPORT, "ben")
    somebody.groups.clear()
    app, codename = queue.permission.split(".")
    allowed = Permission.objects.get(content_type__app_label=app, codename=codename)
    client.force_login(somebody)
    assert client.get(address(queue.slug)).status_code == 403

    somebody.user_permissions.add(allowed)
    page = client.get(address(queue.slug))

    assert page.status_code == 200
    assert queue.name in page.content.decode().replace("&#x27;", "'")


def test_what_is_told_to_programs_and_the_list_of_queues_are_guarded_too(case, user_with_role, client):
    assert client.get(reverse("admin:backoffice_queues")).status_code == 302
    outsider = user_with_role(Role.SUPPORT)
    outsider.groups.clear()
    client.force_login(outsider)

    assert client.get(reverse("admin:backoffice_at_risk_json")).status_code == 403
    assert "Overpaid" not in client.get(reverse("admin:backoffice_queues")).content.decode()


def test_a_queue_or_a_place_that_there_is_not_is_said_so(desk):
    assert desk.get(address("nothing")).status_code == 404
    assert desk.get(address("overpaid"), {"after": "nonsense"}).status_code == 404


def test_a_page_shows_who_it_is_about_and_what_can_be_done(desk, situations):
    reference = situations.paid_unconfirmed(name="Grace Hopper")

    page = desk.get(address("paid-unconfirmed")).content.decode()

    for shown in (reference, "Grace Hopper", "90.00 EUR", "departs in", "Refund …", "Assign to me"):
        assert shown in page


def test_the_home_page_shows_what_waits(desk, situations):
    situations.overpaid()

    page = desk.get(reverse("admin:index")).content.decode()

    assert f'<a href="{address("overpaid")}"><strong class="wq-count">1</strong>' in page
    assert address("disputes") not in page


def test_an_auditor_sees_cases_and_can_do_nothing_about_them(case, browser_with_role):
    auditor = browser_with_role(Role.AUDITOR)

    page = auditor.get(address("overpaid")).content.decode()

    assert case.payment.reference in page
    for hidden in ("Assign to me", "Close with this reason", "Refund …"):
        assert hidden not in page
    for verb in ("take", "release", "note", "close"):
        assert work(auditor, case, verb, text="done").status_code == 403
    case.refresh_from_db()
    assert (case.closed_at, steps(), AuditEntry.objects.filter(actor="auditor").count()) == (None, [], 0)


def test_a_case_is_taken_noted_and_closed_and_all_of_it_is_kept(case, desk):
    work(desk, case, "take", holder="")
    work(desk, case, "note", text="Called\x00 the guest")
    page = work(desk, case, "close", text="The surplus arrived").content.decode()

    case.refresh_from_db()
    assert case.closed_by == "ben"
    assert steps() == [
        ("TAKEN", "ben", ""),
        ("NOTED", "ben", "Called the guest"),
        ("CLOSED", "ben", "The surplus arrived"),
    ]
    assert list(AuditEntry.objects.filter(actor="ben").order_by("id").values_list("action", flat=True)) == [
        "took case",
        "noted on case",
        "closed case",
    ]
    # What was written can be erased with the guest, so that it is in no entry of the audit log.
    assert set(AuditEntry.objects.filter(actor="ben").values_list("detail", flat=True)) == {case.payment.reference}
    assert "Nothing waits here." in page
    assert names_in("overpaid") == []


def test_somebody_else_takes_a_case_over_when_they_saw_who_has_it(case, desk, browser_with_role):
    work(desk, case, "take", holder="")
    other = browser_with_role(Role.FINANCE, "eve")

    late = work(other, case, "take", holder="").content.decode()
    assert "ben has it by now; look again." in late
    assert "Take over from ben" in late
    work(other, case, "take", holder="ben")

    assert steps() == [("TAKEN", "ben", ""), ("TAKEN", "eve", "")]
    assert "Let go of it" in other.get(address("overpaid")).content.decode()


def test_a_second_click_changes_nothing(case, desk):
    work(desk, case, "take", holder="")
    work(desk, case, "take", holder="")
    work(desk, case, "close", text="dealt with")
    again = work(desk, case, "close", text="dealt with").content.decode()

    assert "ben has closed it." in again
    assert [kind for kind, _, _ in steps()] == ["TAKEN", "CLOSED"]


@pytest.mark.parametrize("verb", ["note", "close"])
def test_without_words_nothing_is_written_and_a_card_number_in_them_is_masked(case, desk, verb):
    assert "Write a few words." in work(desk, case, verb, text="  ").content.decode()
    assert steps() == []

    work(desk, case, verb, text="card 4111 1111 1111 1111")

    ((_, _, text),) = steps()
    assert "4111 1111" not in text
    assert "4111 1111" not in AuditEntry.objects.get(actor="ben").detail


def test_work_on_cases_is_posted_and_leads_back_to_the_queues_only(case, desk):
    take = reverse("admin:backoffice_case_work", args=[case.pk, "take"])

    assert desk.get(take).status_code == 405
    assert desk.post(reverse("admin:backoffice_case_work", args=[case.pk, "burn"])).status_code == 404
    assert desk.post(reverse("admin:backoffice_case_work", args=[10**9, "take"])).status_code == 404
    away = desk.post(take, {"back": "https://evil.example.com/"})
    assert away.url == reverse("admin:backoffice_queues")


def test_a_duplicate_is_put_aside_once_with_who_and_why(situations, desk, browser_with_role):
    situations.duplicate()
    (duplicate,) = ProbableDuplicate.objects.all()
    dismiss = reverse("admin:backoffice_dismiss_duplicate", args=[duplicate.pk])

    assert browser_with_role(Role.AUDITOR).post(dismiss, {"text": "two trips"}).status_code == 403
    assert "Say in a few words" in desk.post(dismiss, {"text": ""}, follow=True).content.decode()
    assert len(names_in("probable-duplicates")) == 1
    desk.post(dismiss, {"text": "two trips"})
    other = browser_with_role(Role.FINANCE, "eve")
    assert "ben has put it aside: two trips" in other.post(dismiss, {"text": "mine"}, follow=True).content.decode()

    duplicate.refresh_from_db()
    assert (duplicate.dismissed_by, duplicate.reason) == ("ben", "two trips")
    assert names_in("probable-duplicates") == []
    assert AuditEntry.objects.get(action="dismissed duplicate").detail == ""

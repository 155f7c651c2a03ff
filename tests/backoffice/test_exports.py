"""Staff ask for exports, see how far they are, take the files, which is kept, and set which come by themselves."""

from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from backoffice.models import AuditEntry
from backoffice.roles import Role
from reconciliation.models import ExportRun, ScheduledExport, ScheduledRun
from reconciliation.tasks import write_exports
from tests.reconciliation.month import ZONE, booked_month

LIST = reverse("admin:reconciliation_exportrun_changelist")
ASK = reverse("admin:reconciliation_exportrun_add")
SCHEDULE = reverse("admin:reconciliation_scheduledexport_add")
MARCH = {"report": "payments", "format": "csv", "is_live": "live", "period": "OWN"}


@pytest.fixture
def month(transactional_db, settings, tmp_path):
    settings.OPERATOR_TIME_ZONE = ZONE
    settings.RECONCILIATION = {**settings.RECONCILIATION, "EXPORT_DIRECTORY": tmp_path}
    return booked_month()


def test_an_export_is_asked_for_written_shown_with_its_seal_and_taken(month, browser_with_role):
    finance, auditor = browser_with_role(Role.FINANCE), browser_with_role(Role.AUDITOR)
    asked = finance.post(ASK, {**MARCH, "first_day": "2026-03-01", "end_day": "2026-04-01", "account": "march-cards"})
    run = ExportRun.objects.get()
    page = reverse("admin:reconciliation_exportrun_change", args=[run.pk])
    file = reverse("admin:reconciliation_exportrun_download", args=[run.pk])
    early = finance.get(file, follow=True)
    write_exports()

    taken = auditor.get(file)

    assert (asked.status_code, run.filters) == (
        *(302, {"account": "march-cards", "from": "2026-03-01", "to": "2026-04-01"}),
    )
    assert b"is not written yet." in early.content
    run.refresh_from_db()
    assert b"".join(taken).count(b"\n") == run.rows_written + 1 == 7
    assert taken["Content-Disposition"].endswith('"payments_2026-03-01_2026-04-01_Europe-Berlin_live.csv"')
    shown = auditor.get(page).content.decode()
    for fact in ("done: 6 rows", run.sha256, "amount_minor: 325.01 EUR", "Europe/Berlin", file):
        assert fact in shown
    assert file in auditor.get(LIST).content.decode()
    kept = AuditEntry.objects.filter(subject_id=str(run.pk)).order_by("at")
    assert [(entry.actor, entry.detail) for entry in kept if "ownload" in entry.detail] == [("auditor", "Downloaded.")]
    assert auditor.post(ASK, MARCH).status_code == 403
    assert ExportRun.objects.count() == 1


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"first_day": "2026-04-01", "end_day": "2026-03-01"}, "From is a day before to, which is not included."),
        ({"report": "trip-money", "account": "march-cards"}, "Trip-money cannot be narrowed by account."),
        ({"currency": "XXX"}, "&#x27;XXX&#x27; is no currency that we know."),
    ],
)
def test_what_cannot_be_exported_is_refused_on_the_form(month, browser_with_role, change, problem):
    answer = browser_with_role(Role.FINANCE).post(ASK, {**MARCH, **change})

    assert problem in answer.content.decode()
    assert not ExportRun.objects.exists()


@pytest.mark.django_db
def test_the_page_that_asks_offers_a_format_and_one_way_to_ask(browser_with_role):
    page = browser_with_role(Role.FINANCE).get(ASK).content.decode()

    assert '<option value="csv">CSV</option>' in page
    assert '<option value="">---------</option>' not in page
    assert "Day after the last" in page
    assert 'name="_save"' in page
    assert "_addanother" not in page
    assert "_continue" not in page


@pytest.mark.django_db
def test_an_export_says_what_it_leaves_out_how_large_it_is_and_whether_it_is_of_test_orders(browser_with_role):
    run = export(1, is_live=False)

    page = browser_with_role(Role.FINANCE).get(reverse("admin:reconciliation_exportrun_change", args=[run.pk]))

    shown = page.content.decode()
    for fact in ("from 2026-03-01, before 2026-04-01", "10 bytes", run.sha256, "TEST: it is about no real money"):
        assert fact in shown


def test_a_schedule_is_set_with_its_filters_and_one_that_could_never_run_is_refused(month, browser_with_role):
    finance = browser_with_role(Role.FINANCE)
    wish = {
        "report": "payments",
        "format": "xlsx",
        "is_live": "on",
        "period": "LAST_MONTH",
        "currency": "EUR",
        "cadence": "MONTHLY",
        "day": "2",
        "hour": "6",
        "recipients": "books@example.com,ada@example.com",
        "is_active": "on",
        "runs-TOTAL_FORMS": "0",
        "runs-INITIAL_FORMS": "0",
    }

    refused = finance.post(SCHEDULE, {**wish, "report": "trip-money"})
    saved = finance.post(SCHEDULE, wish)

    assert "Trip-money cannot be narrowed by from, to." in refused.content.decode()
    assert saved.status_code == 302
    schedule = ScheduledExport.objects.get()
    assert (schedule.filters, schedule.recipients, schedule.set_by) == (
        *({"currency": "EUR"}, ["books@example.com", "ada@example.com"], "finance"),
    )
    shown = finance.get(reverse("admin:reconciliation_scheduledexport_change", args=[schedule.pk]))
    assert b'value="EUR"' in shown.content


def export(number, **fields):
    now = timezone.now()
    return ExportRun.objects.create(
        **{
            "report": "payments", "format": "csv", "is_live": True, "zone": ZONE, "as_of": now, "asked_at": now,
            "filters": {"from": "2026-03-01", "to": "2026-04-01"}, "state": "DONE", "sha256": f"{number:064}",
            "byte_count": 10, "finished_at": now, "stored_path": f"{number}.csv", "asked_by": "fay",
            "totals": {"amount_minor": {"EUR": 1250}}, **fields,
        }
    )  # fmt: skip


def schedule_with_runs(count):
    schedule = ScheduledExport.objects.create(
        report="payments", recipients=["books@example.com"], set_by="fay", counts_from=timezone.now()
    )
    for number in range(count):
        first_day = date(2026, 1, 1) + timedelta(days=number)
        ScheduledRun.objects.create(
            schedule=schedule, run=export(number), first_day=first_day, end_day=first_day + timedelta(days=1),
            due_at=timezone.now(), next_try_at=timezone.now(),
        )  # fmt: skip
    return schedule


@pytest.mark.django_db
def test_every_page_of_exports_costs_as_many_queries_for_many_as_for_one(browser_with_role):
    finance = browser_with_role(Role.FINANCE)

    def costs(schedule):
        pages = {
            "list": LIST,
            "one": reverse("admin:reconciliation_exportrun_change", args=[ExportRun.objects.first().pk]),
            "ask": ASK,
            "schedules": reverse("admin:reconciliation_scheduledexport_changelist"),
            "one schedule": reverse("admin:reconciliation_scheduledexport_change", args=[schedule.pk]),
            "set one": SCHEDULE,
        }
        found = {}
        for name, page in pages.items():
            finance.get(page)
            with CaptureQueriesContext(connection) as queries:
                assert finance.get(page).status_code == 200, name
            found[name] = len(queries)
        return found

    few = costs(schedule_with_runs(1))
    for _ in range(4):
        schedule_with_runs(0)
    many = costs(schedule_with_runs(9))

    assert many == few
    assert max(many.values()) <= 12

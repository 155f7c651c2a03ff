"""Staff ask for exports, see how far they are, take the files, which is kept, and set which come by themselves."""

import pytest
from django.urls import reverse

from backoffice.models import AuditEntry
from backoffice.roles import Role
from reconciliation.models import ExportRun, ScheduledExport
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

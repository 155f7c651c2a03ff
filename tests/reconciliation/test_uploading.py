"""A file that staff upload waits on disk until a worker has taken it in, and goes then."""

from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile, UploadedFile
from django.utils.datastructures import MultiValueDict

from reconciliation.admin.reports import UploadForm
from reconciliation.models import SettlementLine, SettlementReport
from reconciliation.services.importing import source_for
from reconciliation.tasks import import_uploads, look_for_missing
from tests.reconciliation.till import ADYEN, NOON, payout, settled, till_of, written


@pytest.fixture
def folder(settings, tmp_path):
    directory = tmp_path / "uploads"
    settings.RECONCILIATION = {**settings.RECONCILIATION, "UPLOAD_DIRECTORY": directory}
    return directory


def upload(till, content: bytes, name: str = "batch.csv") -> UploadForm:
    source = source_for(till.account.slug, now=NOON)
    files: MultiValueDict[str, UploadedFile] = MultiValueDict({"file": [SimpleUploadedFile(name, content)]})
    form = UploadForm({"source": source.pk}, files)
    form.uploaded_by = "ada"
    return form


def test_an_upload_is_imported_by_a_worker_and_deleted(till, folder, tmp_path):
    till.books(4_500, "P1")
    till.save()
    rows = [settled(4_500, "P1")]
    content = written(tmp_path / "batch.csv", [*rows, payout(rows)]).read_bytes()

    assert upload(till, content).is_valid()
    waiting = [Path(path) for path in SettlementReport.objects.values_list("stored_path", flat=True)]
    were_there = [path.exists() for path in waiting]
    taken = [import_uploads(), import_uploads()]

    report = SettlementReport.objects.get()
    assert (were_there, taken, list(folder.iterdir())) == ([True], [1, 0], [])
    assert (report.state, report.received_by, report.stored_path, report.line_count) == ("MATCHED", "ada", "", 2)
    assert look_for_missing() == 1
    assert till.found() == {}


def test_an_upload_that_is_refused_says_why_and_leaves_nothing(till, folder):
    assert upload(till, b"a,b\n1,2\n").is_valid()

    assert import_uploads() == 0

    report = SettlementReport.objects.get()
    assert (report.state, report.problem[:34]) == ("REJECTED", "columns are missing: Merchant Acco")
    assert list(folder.iterdir()) == []
    assert not SettlementLine.objects.exists()


def test_a_file_that_is_too_large_is_refused_on_the_form(till, folder, settings):
    settings.RECONCILIATION = {**settings.RECONCILIATION, "MOST_BYTES": 3}

    form = upload(till, b"a,b\n")

    assert form.errors == {"__all__": ["the file has 4 bytes, and 3 are the most"]}
    assert list(folder.iterdir()) == []
    assert not SettlementReport.objects.exists()


def test_an_upload_that_cannot_be_read_does_not_keep_up_those_behind_it(till, folder, tmp_path, payment):
    assert upload(till, b"gone").is_valid()
    Path(SettlementReport.objects.get().stored_path).unlink()
    header = ",".join([*ADYEN, *(f"c{number}" for number in range(1_700))])
    assert upload(till, f"{header}\n".encode(), "wide.csv").is_valid()
    other = till_of(payment)
    late = settled(900, "P1") | {"Creation Date": "0202-11-12 12:00:00"}
    far = settled(900, "P2") | {"Creation Date": "9999-12-31 23:59:59", "TimeZone": "PST"}
    assert upload(other, written(tmp_path / "dates.csv", [late, far]).read_bytes(), "dates.csv").is_valid()
    rows = [settled(900, "P1")]
    assert upload(till, written(tmp_path / "good.csv", [*rows, payout(rows)]).read_bytes(), "good.csv").is_valid()

    assert import_uploads() == 1

    refused = SettlementReport.objects.filter(state="REJECTED").order_by("received_at")
    assert [each.problem for each in refused] == [
        "the file is gone from where it was kept; give it again",
        "the first line names 1,725 columns, and 500 are the most",
        "2 bad lines, nothing was taken in; line 2: Creation Date: “0202-11-12 1” is not of this century",
    ]

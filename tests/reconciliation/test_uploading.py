"""A file that staff upload waits on disk until a worker has taken it in, and goes then."""

from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile, UploadedFile
from django.utils.datastructures import MultiValueDict

from reconciliation.admin.reports import UploadForm
from reconciliation.models import SettlementLine, SettlementReport
from reconciliation.services.importing import source_for
from reconciliation.tasks import import_uploads, look_for_missing
from tests.reconciliation.till import NOON, payout, settled, written


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

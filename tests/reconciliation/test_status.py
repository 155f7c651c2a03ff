"""What a command tells of all that settlement has left open."""

import json
from io import StringIO

import pytest
from django.core.management import call_command
from django.utils import timezone

from gateways.models import AnnouncedReport
from tests.reconciliation.till import payout, settled, written

pytestmark = pytest.mark.django_db


def told(*arguments: str) -> str:
    output = StringIO()
    call_command("settlement_status", *arguments, stdout=output)
    return output.getvalue()


def test_the_status_names_what_differs_what_was_not_fetched_and_what_is_not_at_the_bank(till, tmp_path):
    till.books(4_500, "P1")
    till.books(1_000, "P2")
    till.save()
    at_first = told()
    rows = [settled(4_510, "P1"), settled(1_005, "P2")]
    till.imports(written(tmp_path / "batch.csv", [*rows, payout(rows)]))
    AnnouncedReport.objects.create(account=till.account, name="batch_43.csv", announced_at=timezone.now())

    status = json.loads(told("--json"))

    slug = till.account.slug
    assert at_first == "nothing is open\n"
    assert told().splitlines() == [
        f"{slug}: 2 AMOUNT, 0.15 EUR",
        f"{slug}: batch_43.csv was not fetched",
        f"{slug}: 42, 55.15 EUR, is not at the bank",
    ]
    assert status["files"] == ["batch.csv"]
    assert [len(status[name]) for name in ("discrepancies", "unfetched", "unpaid")] == [1, 1, 1]

"""A file may be larger than memory: what an import takes of it does not depend on its lines."""

import pytest

from bench.books import run_command
from config.volume.books import FAULTS, Books
from reconciliation.importing.columns import map_of
from reconciliation.services.importing import source_for
from tests.processes import process_environment
from tests.reconciliation.till import NOON, till_of

pytestmark = pytest.mark.django_db(transaction=True)
# Less than a large file has, and more than two runs of one differ.
MOST_GROWTH_MIB = 4


def test_fifteen_times_the_lines_take_no_more_memory(payment, tmp_path):
    peaks, sizes = [], []
    for operations in (3_000, 45_000):
        till = till_of(payment)
        source = source_for(till.account.slug, now=NOON)
        books = Books(account=till.account, operations=operations, plants=dict.fromkeys(FAULTS, 5), begun_at=NOON)
        books.enter()
        path = tmp_path / f"{operations}.csv"
        books.write(path, map_of(source)[0])

        ran = run_command(["import_settlement", str(path), "--account", source.slug], process_environment())

        assert till.found() == {kind: count for kind, count in books.found.items() if kind != "MISSING_THERE"}
        peaks.append(ran.peak_mib)
        sizes.append(path.stat().st_size / 2**20)
    assert sizes[1] - sizes[0] > MOST_GROWTH_MIB
    assert peaks[1] - peaks[0] < MOST_GROWTH_MIB

"""A file may be larger than memory: what an import or an export takes of it does not depend on its lines."""

import pytest

from bench.watching import run_command
from config.volume.books import FAULTS, Books
from reconciliation.importing.columns import map_of
from reconciliation.models import ExportFormat
from reconciliation.services.importing import source_for
from tests.processes import process_environment
from tests.reconciliation.till import NOON, till_of

pytestmark = pytest.mark.django_db(transaction=True)
# Less than a large file has, and more than two runs of one differ.
MOST_GROWTH_MIB = 4
MOST_MIB = 64


def test_ten_times_the_lines_take_no_more_memory(payment, tmp_path):
    imports, exports, sizes, written = [], [], [], []
    for operations in (3_000, 30_000):
        till = till_of(payment)
        source = source_for(till.account.slug, now=NOON)
        books = Books(
            account=till.account, operations=operations, plants=dict.fromkeys(FAULTS, operations // 12), begun_at=NOON
        )
        books.enter()
        path = tmp_path / f"{operations}.csv"
        books.write(path, map_of(source)[0])

        ran = run_command(["import_settlement", str(path), "--account", source.slug], process_environment())

        assert till.found() == {kind: count for kind, count in books.found.items() if kind != "MISSING_THERE"}
        imports.append(ran.peak_mib)
        sizes.append(path.stat().st_size)
        exports.append({})
        written.append({})
        for form in ExportFormat:
            target = tmp_path / f"{operations}.{form.value}"
            asked = ["export_report", "payments", "--account", source.slug, "--format", form.value, "--test"]
            exports[-1][form] = run_command([*asked, "--output", str(target)], process_environment()).peak_mib
            written[-1][form] = target.stat().st_size
    assert sizes[1] - sizes[0] > MOST_GROWTH_MIB * 2**20
    assert imports[1] - imports[0] < MOST_GROWTH_MIB
    for form in ExportFormat:
        assert written[1][form] > 9 * written[0][form]
        assert exports[1][form] - exports[0][form] < MOST_GROWTH_MIB

    assert max(*imports, *exports[0].values(), *exports[1].values()) <= MOST_MIB

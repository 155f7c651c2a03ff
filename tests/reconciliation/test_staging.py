"""A large file is copied by two connections, and nobody can tell from what comes of it."""

import pytest
from django.db import connection

from reconciliation.errors import BadLines, UnreadableFile
from reconciliation.importing.reading import middle_of
from reconciliation.importing.staging import WORTH_TWO_BYTES
from reconciliation.models import BadLine, Match, SettlementLine
from tests.reconciliation.till import ADYEN, account_row, settled, written

pytestmark = pytest.mark.django_db(transaction=True)
HEADER = [*ADYEN, "Note"]
LINES = 1_500
# Many lines, many commas and a quote: nobody reads it, and every way to count lines by their ends goes wrong over it.
NOTE = 'said ""no"",\n' * (2 * WORTH_TWO_BYTES // LINES // 13)


def rows(**changed):
    """Return the rows of a large file, some of them with cells of their own, by their line's number."""
    for number in range(2, LINES + 2):
        yield account_row("Fee", -number) | {"Note": NOTE} | changed.get(f"line_{number}", {})


def tables() -> list[str]:
    return [name for name in connection.introspection.table_names() if name.startswith("reconciliation_staging")]


def test_records_keep_their_numbers_on_both_sides_of_the_cut(till, tmp_path):
    masked = {"Merchant Reference": "paid with 4111 1111 1111 1111"}
    path = written(tmp_path / "batch.csv", rows(line_2=masked, line_1400=masked), header=HEADER)
    assert middle_of(path, "utf-8", least=WORTH_TWO_BYTES) is not None

    report = till.imports(path).report

    assert report.line_count == LINES
    lines = SettlementLine.objects.order_by("id")
    assert list(lines.values_list("line_number", "net_minor")) == [(number, -number) for number in range(2, LINES + 2)]
    assert sorted(lines.exclude(our_reference="").values_list("line_number", "our_reference")) == [
        (2, "paid with **** **** **** 1111"),
        (1_400, "paid with **** **** **** 1111"),
    ]
    assert Match.objects.filter(rule="BATCH").count() == LINES
    assert tables() == []


@pytest.mark.parametrize("number", [3, 1_499])
def test_a_bad_line_is_named_on_either_side_of_the_cut(till, tmp_path, number):
    path = written(tmp_path / "batch.csv", rows(**{f"line_{number}": {"Net Debit (NC)": "1e5"}}), header=HEADER)

    with pytest.raises(BadLines) as refusal:
        till.imports(path)

    assert [bad for bad, _ in refusal.value.first] == [number]
    assert not SettlementLine.objects.exists()
    assert tables() == []


@pytest.mark.parametrize("number", [3, 1_499])
def test_a_record_that_is_none_is_named_on_either_side_of_the_cut(till, tmp_path, number):
    path = written(tmp_path / "batch.csv", rows(), header=HEADER)
    text, amount = path.read_text(), f",{number / 100:.2f},"
    assert text.count(amount) == 1
    path.write_text(text.replace(amount, f"{amount},"))

    report = till.imports(path, skips=True).report

    assert list(BadLine.objects.values_list("line_number", "reason")) == [
        (number, f"it has {len(HEADER) + 1} columns and not {len(HEADER)}")
    ]
    assert report.line_count == LINES - 1
    assert tables() == []


def test_bytes_that_are_no_text_are_found_behind_the_cut(till, tmp_path):
    path = written(tmp_path / "batch.csv", rows(), header=HEADER)
    content = path.read_bytes()
    path.write_bytes(content[:-1_000] + b"\xff" + content[-1_000:])

    with pytest.raises(UnreadableFile, match=f"about byte {len(content) - 1_000} the file is not utf-8"):
        till.imports(path)

    assert not SettlementLine.objects.exists()
    assert tables() == []


def test_a_small_file_and_one_that_is_not_utf_8_are_not_cut(tmp_path):
    small = written(tmp_path / "small.csv", [settled(100, "P1")])
    large = written(tmp_path / "large.csv", rows(), header=HEADER)

    assert middle_of(small, "utf-8", least=WORTH_TWO_BYTES) is None
    assert middle_of(large, "utf-16", least=WORTH_TWO_BYTES) is None


def test_the_cut_is_behind_a_record_and_not_within_a_quotation(tmp_path):
    path = tmp_path / "quoted.csv"
    first, second = b'a,b\n1,"x\ny\nz\n"\n', b"2,y\n"
    path.write_bytes(first + second)

    assert middle_of(path, "utf-8", least=1) == len(first)


def test_a_quotation_over_the_whole_second_half_leaves_nothing_to_cut(tmp_path):
    path = tmp_path / "quoted.csv"
    path.write_bytes(b'a,b\n1,"' + b"x\n" * 5_000 + b'"\n')

    assert middle_of(path, "utf-8", least=1) is None

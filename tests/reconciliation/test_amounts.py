"""Lines without any reference are matched by amount and day where one line and one movement alone can be meant."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from payments.models import Payment, Transaction
from reconciliation.models import Discrepancy, LedgerConsumed, SettlementSource
from reconciliation.services.importing import source_for
from tests.reconciliation.till import NOON, Till, till_of

pytestmark = pytest.mark.django_db
WINDOW, TOLERANCE = 2, 5
COLUMNS = {
    "type": {"header": "Kind"},
    "gross": {"header": "Amount"},
    "gross_currency": {"header": "Currency"},
    "our_reference": {"header": "Order"},
    "occurred_at": {"header": "Day", "unit": "YYYY-MM-DD"},
}
KINDS = {"CAPTURE": "SALE", "REFUND": "REFUND"}


@dataclass(frozen=True)
class Moved:
    """Be money that moved on a day, as the file tells it or as it was booked."""

    kind: str
    minor: int
    currency: str
    day: int

    @property
    def at(self) -> datetime:
        return NOON + timedelta(days=self.day)

    @property
    def signed(self) -> int:
        return self.minor if self.kind == "CAPTURE" else -self.minor


MOVED = st.builds(
    Moved,
    kind=st.sampled_from([*KINDS]),
    minor=st.sampled_from([900, 904, 909, 2_000]),
    currency=st.sampled_from(["EUR", "EUR", "USD"]),
    day=st.integers(0, 6),
)


def a_till(payment: Payment) -> Till:
    till = till_of(payment, gateway="external")
    source = source_for(till.account.slug, now=NOON)
    SettlementSource.objects.filter(pk=source.pk).update(
        column_map={"columns": COLUMNS, "types": {kind: kind for kind in KINDS}},
        window_days=WINDOW,
        tolerance_minor=TOLERANCE,
        sla_days=400,
    )
    return till


def books(till: Till, movements: list[Moved]) -> list[Transaction]:
    operations = [
        till.books(each.signed, f"SLIP-{slip}", kind=KINDS[each.kind], currency=each.currency, at=each.at)
        for slip, each in enumerate(movements)
    ]
    till.save()
    return operations


def sale(day: int) -> Moved:
    return Moved("CAPTURE", 4_500, "EUR", day)


def told(path: Path, lines: list[Moved], *, orders: dict[int, str] | None = None) -> Path:
    rows = [
        f"{line.kind},{line.signed / 100:.2f},{line.currency},{(orders or {}).get(number, '')},{line.at:%Y-%m-%d}"
        for number, line in enumerate(lines)
    ]
    path.write_text("\n".join(["Kind,Amount,Currency,Order,Day", *rows]))
    return path


def may_be(line: Moved, movement: Moved) -> bool:
    return (
        (line.kind, line.currency) == (movement.kind, movement.currency)
        and abs(line.minor - movement.minor) <= TOLERANCE
        and abs(line.day - movement.day) <= WINDOW
    )


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(MOVED, min_size=1, max_size=7), movements=st.lists(MOVED, max_size=7))
def test_one_line_and_one_movement_that_can_only_be_each_other_are_a_match(payment, tmp_path, lines, movements):
    able = {
        number: [place for place, movement in enumerate(movements) if may_be(line, movement)]
        for number, line in enumerate(lines)
    }
    claims = [place for places in able.values() for place in places]
    matched = {number: places[0] for number, places in able.items() if len(places) == 1 == claims.count(places[0])}
    with transaction.atomic():
        till = a_till(payment)
        operations = books(till, movements)

        till.imports(told(tmp_path / "till.csv", lines))

        taken = LedgerConsumed.objects.values_list("match__line__line_number", "entry__transaction_id")
        assert {number - 2: operation for number, operation in taken} == {
            number: operations[place].pk for number, place in matched.items()
        }
        unplaced = Discrepancy.objects.filter(kind__in=("AMBIGUOUS", "MISSING_HERE"))
        assert {number - 2: kind for number, kind in unplaced.values_list("line__line_number", "kind")} == {
            number: "AMBIGUOUS" if places else "MISSING_HERE"
            for number, places in able.items()
            if number not in matched
        }
        transaction.set_rollback(True)


def test_what_an_order_s_line_may_be_about_is_nobody_else_s(payment, tmp_path):
    till = a_till(payment)
    books(till, [sale(0), sale(2)])

    till.imports(told(tmp_path / "till.csv", [sale(1), sale(-2)], orders={0: payment.reference}))

    # The one that names the payment may be either of two, and the other could only be the first.
    assert (till.found(), LedgerConsumed.objects.count()) == ({"AMBIGUOUS": 2}, 0)


def test_a_line_that_names_its_payment_goes_before_one_of_the_same_amount(payment, tmp_path):
    till = a_till(payment)
    books(till, [sale(0)])

    till.imports(told(tmp_path / "till.csv", [sale(0), sale(0)], orders={1: payment.reference}))

    taken = LedgerConsumed.objects.get()
    assert (taken.match.line.line_number, taken.match.rule, till.found()) == (3, "ORDER", {"MISSING_HERE": 1})


@pytest.mark.parametrize("other_line", [[], [Moved("CAPTURE", 2_000, "EUR", 0)]])
def test_a_part_of_an_operation_is_nobody_s_whatever_else_the_file_tells(payment, tmp_path, other_line):
    till = a_till(payment)
    operation = till.books(2_000, "SLIP-1")
    till.postings.clear()
    till.entries.clear()
    for part in (900, 1_100):
        till.books(part, "SLIP-1", of=operation)
    till.save()

    till.imports(told(tmp_path / "till.csv", [Moved("CAPTURE", 900, "EUR", 0), *other_line]))

    assert (till.found(), LedgerConsumed.objects.count()) == ({"MISSING_HERE": 1 + len(other_line)}, 0)


def test_thousands_of_one_price_are_counted_and_not_compared(payment, tmp_path):
    till = a_till(payment)
    days = [number % 3 for number in range(3_000)]
    books(till, [sale(day) for day in [*days, 20]])
    # Each with each would be nine million, and to count those for each of them would not end.
    till.imports(told(tmp_path / "till.csv", [sale(day) for day in [*days, 20]]))

    assert till.found() == {"AMBIGUOUS": 3_000}
    assert LedgerConsumed.objects.count() == 1

"""What is said to be different, from the outbox's few facts: a table."""

import pytest

from api.octo.diffs import BOOKING_PATHS, ORDER_PATHS, diff_of

SHOWN = {"status": "CONFIRMED", "productId": "p", "optionId": "o", "availabilityId": None, "pricing": {"retail": 900}}


def entry(op: str, path: str, was: object, value: object) -> dict[str, object]:
    return {"op": op, "path": path, "was": was, "value": value}


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ([], []),
        ([("extended", {})], []),
        ([("confirmed", {"status": "ON_HOLD"})], [entry("replace", "/status", "ON_HOLD", "CONFIRMED")]),
        ([("updated", {"retail_minor": 500}), ("updated", {"retail_minor": 700})],
         [entry("replace", "/pricing/retail", 500, 900)]),
        ([("updated", {"retail_minor": 900})], []),
        ([("updated", {"net_minor": 1})], []),
        ([("updated", {"availability_reference": "10:00"})], [entry("remove", "/availabilityId", "10:00", None)]),
        ([("updated", {"availability_reference": ""})], []),
        ([("money_recorded", {"money_in_minor": 5})], []),
        ([("reserved", {}), ("confirmed", {"status": "ON_HOLD"})], [entry("add", "/status", None, "CONFIRMED")]),
    ],
)  # fmt: skip
def test_the_oldest_fact_is_compared_with_what_is_shown(changes, wanted):
    assert diff_of(changes, SHOWN, BOOKING_PATHS) == wanted


def test_a_value_that_was_not_there_is_added():
    shown = {**SHOWN, "availabilityId": "14:00"}

    assert diff_of([("updated", {"availability_reference": ""})], shown, BOOKING_PATHS) == [
        entry("add", "/availabilityId", None, "14:00")
    ]


def test_an_order_is_not_told_the_facts_of_its_bookings():
    changes = [("updated", {"retail_minor": 500, "status": "ON_HOLD"})]

    assert diff_of(changes, SHOWN, ORDER_PATHS) == [entry("replace", "/status", "ON_HOLD", "CONFIRMED")]

"""Base and surcharge of whatever may happen to a payment: parts sum to the whole, whatever comes first."""

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.splitting import NOTHING, Movement, Parts, part_of, share_of, split

START = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
ATTEMPTS = ["first", "second"]


def taken(amount, *, of="first", at=0, asked=None, name=None):
    return movement(amount, is_return=False, of=of, at=at, asked=asked, name=name)


def returned(amount, *, of="first", at=5, asked=None, name=None):
    return movement(amount, is_return=True, of=of, at=at, asked=asked, name=name)


def movement(amount, *, is_return, of, at, asked, name):
    name = name or f"{'back' if is_return else 'in'}-{of}-{at}"
    return Movement(
        operation=name, attempt=of, is_return=is_return, amount_minor=amount, asked=asked,
        told_at=START + timedelta(minutes=at), key=name,
    )  # fmt: skip


AGREED = {"first": Parts(9000, 270)}


@pytest.mark.parametrize(
    ("movements", "parts"),
    [
        pytest.param([taken(9270)], [(9000, 270)], id="as agreed"),
        pytest.param([taken(9100)], [(9000, 100)], id="a short capture leaves the price whole"),
        pytest.param([taken(8000)], [(8000, 0)], id="a very short one takes no surcharge"),
        pytest.param([taken(9500)], [(9230, 270)], id="what is beyond the agreement is base"),
        pytest.param([taken(9270), returned(1000)], [(9000, 270), (1000, 0)], id="told: base first"),
        pytest.param([taken(9270), returned(9100)], [(9000, 270), (9000, 100)], id="told: then surcharge"),
        pytest.param([taken(9270), returned(9270)], [(9000, 270), (9000, 270)], id="all of it"),
        pytest.param([taken(9270), returned(9500)], [(9000, 270), (9230, 270)], id="overdrawn is base"),
        pytest.param([taken(9270), returned(103, asked=Parts(100, 3))], [(9000, 270), (100, 3)], id="ours: as asked"),
        pytest.param(
            [taken(9270), returned(9170, at=5), returned(100, at=9, asked=Parts(0, 100))],
            [(9000, 270), (9000, 170), (0, 100)],
            id="what we asked for keeps its parts though a gateway acted before",
        ),
        pytest.param([taken(9270), returned(90, asked=Parts(100, 3))], [(9000, 270), (90, 0)], id="ours, told less"),
        pytest.param([returned(500)], [(500, 0)], id="a refund told before the payment"),
        pytest.param([taken(500, of="unknown")], [(500, 0)], id="nothing was agreed"),
        pytest.param(
            [taken(4635, at=1, asked=Parts(4500, 135)), taken(4635, at=2)],
            [(4500, 135), (4500, 135)],
            id="two captures of one authorization, the second in a back office",
        ),
        pytest.param([taken(5000, at=1), taken(4270, at=2)], [(5000, 0), (4000, 270)], id="captures by a back office"),
    ],
)
def test_what_may_happen(movements, parts):
    found = split(movements, agreed=AGREED)

    assert [found[one.operation] for one in movements] == [Parts(*each) for each in parts]


@pytest.mark.parametrize(
    ("returns", "parts"),
    [
        pytest.param([1000], [(1000, 0, 0)], id="the price first"),
        pytest.param([9100], [(9000, 100, 0)], id="then the surcharge"),
        pytest.param([9300], [(9000, 270, 30)], id="the donation last"),
        pytest.param([9270, 500], [(9000, 270, 0), (0, 0, 500)], id="alone, when nothing else is left"),
        pytest.param([9900], [(9130, 270, 500)], id="overdrawn is price"),
    ],
)
def test_a_donation_goes_back_when_all_else_has(returns, parts):
    movements = [taken(9770), *(returned(amount, at=at) for at, amount in enumerate(returns, start=5))]

    found = split(movements, agreed={"first": Parts(9000, 270, 500)})

    assert found[movements[0].operation] == Parts(9000, 270, 500)
    assert [found[one.operation] for one in movements[1:]] == [Parts(*each) for each in parts]


def test_a_second_payment_goes_back_with_its_own_surcharge():
    movements = [taken(9270), taken(9270, of="second"), returned(9270, of="second")]

    found = split(movements, agreed={**AGREED, "second": Parts(9000, 270)})

    assert set(found.values()) == {Parts(9000, 270)}


@pytest.mark.parametrize(
    ("base", "surcharge"), [(0, 0), (9000, 270), (8999, 270), (4500, 135), (1, 0), (17, 1), (16, 0), (50, 2)]
)
def test_a_share_is_in_proportion_and_half_up(base, surcharge):
    assert share_of(base, Parts(9000, 270)) == Parts(base, surcharge)


amounts = st.integers(min_value=1, max_value=12_000)
parts = st.builds(
    Parts,
    st.integers(min_value=0, max_value=9_000),
    st.integers(min_value=0, max_value=900),
    st.just(0) | st.integers(min_value=0, max_value=500),
)


@st.composite
def histories(draw):
    """Return anything at all: in any number, of several attempts, more than was agreed, and back before in."""
    return [
        movement(
            draw(amounts), is_return=draw(st.booleans()), of=draw(st.sampled_from(ATTEMPTS)), at=index,
            asked=draw(st.none() | parts), name=str(index),
        )
        for index in range(draw(st.integers(min_value=1, max_value=7)))
    ]  # fmt: skip


@given(histories(), st.dictionaries(st.sampled_from(ATTEMPTS), parts), st.randoms())
def test_parts_always_sum_to_the_whole_and_surcharge_is_bounded(movements, agreed, chance):
    found = split(movements, agreed=agreed)

    for attempt in ATTEMPTS:
        came = total(found[one.operation] for one in movements if moves(one, attempt, is_return=False))
        went = total(found[one.operation] for one in movements if moves(one, attempt, is_return=True))
        room = agreed.get(attempt, NOTHING)
        assert 0 <= went.surcharge_minor <= came.surcharge_minor <= room.surcharge_minor
        assert 0 <= went.donation_minor <= came.donation_minor <= room.donation_minor
    for one in movements:
        assert found[one.operation].amount_minor == one.amount_minor
        assert min(dataclasses.astuple(found[one.operation])) >= 0
    shuffled = list(movements)
    chance.shuffle(shuffled)
    assert split(shuffled, agreed=agreed) == found


def total(parts_of_each):
    return sum(parts_of_each, NOTHING)


def moves(one, attempt, *, is_return):
    return one.attempt == attempt and one.is_return is is_return


@given(histories(), st.dictionaries(st.sampled_from(ATTEMPTS), parts))
def test_sums_do_not_hang_on_which_of_two_was_told_first(movements, agreed):
    """What is base, surcharge and donation of all that came and went is the same at any times of the operations.

    Of those that did as they were asked, that is: what falls short of what was asked has a surcharge or a donation by
    what the ones before it left.
    """
    movements = [
        one if one.asked is None else dataclasses.replace(one, amount_minor=max(1, one.asked.amount_minor))
        for one in movements
    ]
    count = len(movements)
    turned = [
        Movement(
            operation=one.operation, attempt=one.attempt, is_return=one.is_return, amount_minor=one.amount_minor,
            asked=one.asked, told_at=START + timedelta(minutes=count - index), key=one.key,
        )
        for index, one in enumerate(movements)
    ]  # fmt: skip

    def sums(those):
        found = split(those, agreed=agreed)
        return {
            (attempt, is_return): total(
                found[one.operation] for one in those if moves(one, attempt, is_return=is_return)
            )
            for attempt in ATTEMPTS
            for is_return in (True, False)
        }

    assert sums(turned) == sums(movements)


@given(amounts, parts)
def test_base_comes_first(amount, room):
    found = part_of(amount, room)

    assert found.amount_minor == amount
    assert found.surcharge_minor == 0 or found.base_minor >= room.base_minor
    assert found.donation_minor == 0 or found.surcharge_minor == room.surcharge_minor


@given(parts, st.lists(st.integers(min_value=1, max_value=3_000), min_size=1, max_size=8))
def test_shares_of_a_base_given_back_bit_by_bit_end_at_the_surcharge(room, bits):
    left = room
    for bit in bits:
        base = min(bit, left.base_minor)
        share = share_of(base, left)
        assert 0 <= share.surcharge_minor <= left.surcharge_minor
        assert share.donation_minor == (left.donation_minor if base == left.base_minor else 0)
        left -= share

    assert left - share_of(left.base_minor, left) == Parts(0, 0)

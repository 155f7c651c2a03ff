"""The batch of refunds: what happens equals what was planned, once, whatever comes in between."""

import csv
import io
from datetime import timedelta

import pytest

from backoffice.models import AuditEntry, DepartureItem, DepartureReturn, RefundPace
from backoffice.services.departure_batch import drain_departures
from backoffice.services.departure_reports import progress_of
from backoffice.services.departures import NotMovable, move_cancellation, retry_items, settle_item
from bookings.models import Booking, Change
from gateways.protocol import OutcomeKind as Kind
from payments.checking import ledger_findings, payment_findings
from payments.models import Case, Transaction
from payments.services import aftercare
from payments.services.janitor import resolve_unknown, send_pending
from tests.backoffice.departures.desk import (
    came_back,
    cancel,
    drain,
    item_of,
    paid_online,
    rehearse,
    returned_in_the_ledger,
    states,
)
from tests.payments.called_off import by_card, by_credit, by_gift_and_card, confirmed, elsewhere, unpaid
from tests.payments.guest import opening_of
from tests.payments.house import books

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def refund(house):
    """Return what tells the gateway's word on the newest refund of a booking."""

    def tell(booking: Booking, kind: Kind) -> None:
        row = Transaction.objects.filter(order=booking.order_id, kind="REFUND").latest("requested_at")
        house.tell(
            row.payment,
            kind,
            row.gateway_reference or "REF1",
            of=row.parent.gateway_reference,
            ours=row.reference,
            minor=row.amount_minor,
        )

    return tell


def test_a_departure_with_every_kind_of_money_is_given_back_to_the_cent(house, guest, ada):
    cards = [confirmed(house, paid_online(house, guest)) for _ in range(2)]
    held = paid_online(house, guest, currency="USD")
    tendered = by_credit(house)
    till, hold = elsewhere(house), unpaid(house)
    found = rehearse(house)
    cancellation = cancel(house, ada, found=found)

    drain(house, guest)

    cancellation.refresh_from_db()
    assert cancellation.state == "FINISHED"
    assert states(cancellation) == {"DONE": 5, "BY_HAND": 1}
    figures = {each.currency: each for each in progress_of(cancellation).figures}
    euros, dollars = figures["EUR"], figures["USD"]
    assert (euros.planned.minor, euros.done.minor, euros.by_hand.minor) == (36000, 27000, 9000)
    assert (dollars.planned.minor, dollars.done.minor) == (10000, 10000)
    assert [total.minor for total in found.totals] == [36000, 10000]
    assert came_back(cancellation) == returned_in_the_ledger(cancellation) == 27000
    for booking in (*cards, held, tendered, till, hold):
        booking.refresh_from_db()
        assert (booking.status, booking.cancellation_refund) == ("CANCELLED", "FULL")
        assert Change.objects.filter(subject_id=booking.pk, reason="cancelled").exists()
    assert {row.requested_by for row in Transaction.objects.filter(kind__in=["REFUND", "VOID"])} == {"ada"}
    assert item_of(till).state == "BY_HAND"
    assert AuditEntry.objects.filter(action="finished departure cancellation").count() == 1
    assert [*ledger_findings(), *payment_findings(now=house.clock())] == []


def test_the_report_names_every_part_and_adds_up_to_the_ledger(house, guest, ada, client):
    confirmed(house, paid_online(house, guest))
    by_credit(house)
    elsewhere(house)
    cancellation = cancel(house, ada)
    drain(house, guest)
    client.force_login(ada)

    answer = client.get(f"/admin/backoffice/departurecancellation/{cancellation.pk}/report.csv")

    rows = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode("utf-8-sig"))))
    done = [row for row in rows if row["Result"] == "done"]
    assert round(100 * sum(float(row["Amount"]) for row in done)) == returned_in_the_ledger(cancellation)
    assert {row["Way"] for row in rows} == {"refund to the card", "back to the guest's credit", "by hand"}
    assert {row["Started by"] for row in rows} == {"ada"}
    assert all(row["Reference at the gateway"] for row in rows)
    printed = client.get(f"/admin/backoffice/departurecancellation/{cancellation.pk}/report/").content.decode()
    assert "storm warning" in printed


def test_what_was_written_is_never_written_again(house, guest, ada):
    confirmed(house, paid_online(house, guest))
    guest.lose_webhooks()
    cancellation = cancel(house, ada)

    for _ in range(3):
        drain_departures(clock=house.clock)
        house.clock.move(minutes=5)

    assert Transaction.objects.filter(kind="REFUND").count() == DepartureReturn.objects.count() == 1
    assert states(cancellation) == {"DOING": 1}


def test_an_unknown_outcome_stays_undecided_until_the_gateway_speaks(house, guest, ada):
    confirmed(house, paid_online(house, guest))
    guest.sandbox.post("faults", gateway="adyen", operation="refund", fault="answer_lost", times=1)
    cancellation = cancel(house, ada)

    for _ in range(2):
        drain_departures(clock=house.clock)
        house.clock.move(minutes=5)
    assert states(cancellation) == {"UNDECIDED": 1}
    assert progress_of(cancellation).percent == 0

    resolve_unknown(clock=house.clock)
    drain(house, guest)

    cancellation.refresh_from_db()
    assert (states(cancellation), cancellation.state) == ({"DONE": 1}, "FINISHED")
    assert came_back(cancellation) == returned_in_the_ledger(cancellation) == 9000
    assert sum(row["refunded"] for row in guest.sandbox.get("money")["money"]) == 9000


def test_what_failed_is_tried_again_by_a_person_and_money_moves_once(house, guest, ada, refund):
    booking = confirmed(house, paid_online(house, guest))
    guest.lose_webhooks()
    cancellation = cancel(house, ada)
    drain_departures(clock=house.clock)
    refund(booking, Kind.REFUND_FAILED)
    drain(house)
    assert states(cancellation) == {"FAILED": 1}
    assert Transaction.objects.filter(kind="REFUND").count() == 1

    retry_items(cancellation_id=cancellation.pk, person=ada, item_ids=[item_of(booking).pk])
    drain_departures(clock=house.clock)
    refund(booking, Kind.REFUNDED)
    drain(house)

    cancellation.refresh_from_db()
    assert (states(cancellation), cancellation.state) == ({"DONE": 1}, "FINISHED")
    assert came_back(cancellation) == returned_in_the_ledger(cancellation) == 9000
    (figures,) = progress_of(cancellation).figures
    assert (figures.planned.minor, figures.done.minor, figures.failed.minor) == (9000, 9000, 0)
    with pytest.raises(NotMovable):
        retry_items(cancellation_id=cancellation.pk, person=ada, item_ids=[item_of(booking).pk])


def test_a_guest_who_pays_meanwhile_has_that_back(house, guest, ada):
    booking = house.reserve()
    cancellation = cancel(house, ada)
    guest.pay(opening_of(booking))
    guest.deliver()

    drain(house, guest)

    assert states(cancellation) == {"DONE": 1}
    assert books(booking.order) == {"RECEIVABLE>CLEARING": 9000, "CLEARING>RECEIVABLE": 9000}
    assert came_back(cancellation) == returned_in_the_ledger(cancellation) == 9000


def test_a_guest_who_pays_after_the_cancellation_has_it_back_too(house, guest, ada):
    booking = house.reserve()
    opening = opening_of(booking)
    cancel(house, ada)
    drain_departures(clock=house.clock)

    guest.pay(opening)
    guest.deliver()
    drain(house, guest)
    send_pending(clock=house.clock)
    guest.deliver()

    assert books(booking.order) == {"RECEIVABLE>CLEARING": 9000, "CLEARING>RECEIVABLE": 9000}
    assert [*ledger_findings(), *payment_findings(now=house.clock())] == []


def test_a_partner_that_cancels_meanwhile_is_given_back_once(house, ada):
    booking = by_card(house)
    cancellation = cancel(house, ada)
    aftercare.cancel_booking(booking=booking, reason="ill", force=False, clock=house.clock)

    drain(house)

    item = item_of(booking)
    assert (item.state, item.remark) == ("DONE", "ENDED_OTHERWISE")
    assert Transaction.objects.filter(kind="REFUND").count() == 1
    cancellation.refresh_from_db()
    assert cancellation.state == "FINISHED"


def test_a_paused_batch_waits_and_a_stopped_one_leaves_the_rest_alone(house, ada):
    booking = by_card(house)
    cancellation = cancel(house, ada)
    move_cancellation(cancellation_id=cancellation.pk, person=ada, to="PAUSED", now=house.clock())

    assert drain_departures(clock=house.clock) == 0
    assert states(cancellation) == {"WAITING": 1}

    move_cancellation(cancellation_id=cancellation.pk, person=ada, to="STOPPED", now=house.clock())
    assert drain_departures(clock=house.clock) == 0
    booking.refresh_from_db()
    assert booking.status == "CONFIRMED"


def test_what_a_stopped_batch_began_is_finished(house, guest, ada):
    booking = confirmed(house, paid_online(house, guest))
    unpaid(house)
    guest.sandbox.post("faults", gateway="adyen", operation="refund", fault="answer_lost", times=1)
    cancellation = cancel(house, ada)
    DepartureItem.objects.exclude(booking=booking).update(next_try_at=house.clock() + timedelta(days=1))
    drain_departures(clock=house.clock)
    move_cancellation(cancellation_id=cancellation.pk, person=ada, to="STOPPED", now=house.clock())

    house.clock.move(minutes=5)
    resolve_unknown(clock=house.clock)
    drain(house, guest)

    assert states(cancellation) == {"DONE": 1, "WAITING": 1}
    assert returned_in_the_ledger(cancellation) == 9000


def test_test_money_is_never_added_to_live_money(house, ada):
    by_card(house)
    house.paid(house.payment(is_live=False), "PSP2")
    found = rehearse(house)

    assert [(each.is_live, each.amount.minor) for each in found.sums] == [(True, 9000), (False, 9000)]
    assert [total.minor for total in found.totals] == [9000]
    figures = progress_of(cancel(house, ada, found=found)).figures
    assert [(each.is_live, each.planned.minor) for each in figures] == [(True, 9000), (False, 9000)]


def test_so_many_refunds_a_minute_begin_at_one_account(house, ada, settings):
    settings.BACKOFFICE = {**settings.BACKOFFICE, "DEPARTURE_REFUNDS_PER_MINUTE": 2}
    bookings = [by_card(house, f"PSP{number}") for number in range(3)]
    others = by_credit(house)
    cancellation = cancel(house, ada)

    assert drain_departures(clock=house.clock) == 3
    assert item_of(others).state == "DONE"
    assert states(cancellation)["WAITING"] == 1
    house.clock.move(seconds=30)
    assert drain_departures(clock=house.clock) == 0
    house.clock.move(seconds=31)
    assert drain_departures(clock=house.clock) == 1
    assert RefundPace.objects.get().begun == 1
    assert Transaction.objects.filter(kind="REFUND").count() == len(bookings)


def test_what_was_done_by_hand_is_settled_with_a_word(house, ada):
    booking = elsewhere(house)
    cancel(house, ada)
    drain(house)
    item = item_of(booking)
    with pytest.raises(NotMovable):
        settle_item(item_id=item.pk, person=ada, note=" ", now=house.clock())

    settle_item(item_id=item.pk, person=ada, note="Cash at the desk, card 4111 1111 1111 1111", now=house.clock())

    item.refresh_from_db()
    assert (item.state, item.settled_by) == ("DONE", "ada")
    assert Case.objects.get(kind="REFUND_BY_HAND").closed_by == "ada"
    assert "4111 1111" not in item.settled_note
    with pytest.raises(NotMovable):
        settle_item(item_id=item.pk, person=ada, note="again", now=house.clock())


def test_a_gift_has_its_money_back_at_once(house, ada):
    booking = by_gift_and_card(house)
    cancellation = cancel(house, ada)

    drain_departures(clock=house.clock)

    returns = DepartureReturn.objects.filter(item=item_of(booking)).order_by("id")
    assert [(each.way, each.amount_minor) for each in returns] == [("CARD", 3000), ("GIFT", 6000)]
    assert came_back(cancellation) == 6000

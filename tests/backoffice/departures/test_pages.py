"""The pages of cancelled departures: who sees what, who may do what, and what a double click does."""

import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from backoffice.models import DepartureCancellation, DepartureItem
from backoffice.roles import Role
from bookings.models import Availability
from tests.backoffice.departures.desk import cancel, departures_of, drain
from tests.payments.called_off import by_card, by_credit, elsewhere

pytestmark = pytest.mark.django_db

LIST = "/admin/backoffice/departurecancellation/"
PLAN = f"{LIST}plan/"


def plan_page(house) -> str:
    return f"{PLAN}?departure={departures_of(house)[0]}"


def token_of(page) -> str:
    found = re.search(r'name="token" value="([^"]+)"', page.content.decode())
    assert found is not None
    return found[1]


def press(browser, house, token: str | None = None, reason: str = "storm warning"):
    shown = token or token_of(browser.get(plan_page(house)))
    return browser.post(PLAN, {"token": shown, "reason": reason}, follow=True)


def test_the_dry_run_says_per_way_and_guest_what_goes_back(house, browser_with_role):
    booking = by_card(house)
    booking.contact_full_name = "Grace Hopper"
    booking.save()
    by_credit(house)
    elsewhere(house)

    page = browser_with_role(Role.SUPPORT).get(plan_page(house)).content.decode()

    for words in (
        "Grace Hopper",
        "refund to the card",
        "back to the guest",
        "by hand",
        "taken elsewhere",
        "270.00 EUR",
    ):
        assert words in page
    assert not Availability.objects.get().is_closed


def test_a_span_of_departures_is_planned_together(house, browser_with_role):
    by_card(house)
    day = Availability.objects.get().local_date

    browser = browser_with_role(Role.SUPPORT)
    query = {"option": house.option.pk, "first_day": day, "last_day": day}
    assert "90.00 EUR" in browser.get(PLAN, query).content.decode()
    backwards = browser.get(PLAN, {**query, "last_day": "2020-01-01"}).content.decode()
    assert "It ends before it begins." in backwards


def test_a_departure_that_has_begun_is_said_to_have(house, browser_with_role):
    by_card(house)
    browser = browser_with_role(Role.SUPPORT)
    assert "begun already" not in browser.get(plan_page(house)).content.decode()
    Availability.objects.update(starts_at=timezone.now() - timedelta(hours=1))

    assert "1 of them has begun already" in browser.get(plan_page(house)).content.decode()


def test_the_page_of_a_departure_leads_to_its_dry_run(house, browser_with_role):
    departure_id = departures_of(house)[0]
    address = f"/admin/bookings/availability/{departure_id}/change/"

    assert f"plan/?departure={departure_id}" in browser_with_role(Role.SUPPORT).get(address).content.decode()
    assert "Cancel this departure" not in browser_with_role(Role.AUDITOR).get(address).content.decode()


@pytest.mark.parametrize(
    ("role", "can_plan", "state"),
    [
        (Role.SUPPORT, True, "PROPOSED"),
        (Role.FINANCE, True, "PROPOSED"),
        (Role.AUDITOR, False, None),
    ],
)
def test_a_role_does_what_it_may(house, browser_with_role, role, can_plan, state):
    """Finance has no limit here, and so may give back nothing alone."""
    by_card(house)
    browser = browser_with_role(role)

    assert browser.get(plan_page(house)).status_code == (200 if can_plan else 403)
    if not can_plan:
        assert browser.post(PLAN, {"token": "x", "reason": "x"}).status_code == 403
        return
    press(browser, house)

    assert DepartureCancellation.objects.get().state == state
    assert not Availability.objects.get().is_closed


def test_support_may_not_start_or_stop_what_others_propose(house, ben, browser_with_role):
    by_card(house)
    cancellation = cancel(house, ben)
    browser = browser_with_role(Role.SUPPORT)

    for verb in ("start", "pause", "stop", "withdraw", "retry", "settle"):
        assert browser.post(f"{LIST}{cancellation.pk}/{verb}/do/", {"token": "x"}).status_code == 403

    cancellation.refresh_from_db()
    assert cancellation.state == "RUNNING"


@pytest.mark.parametrize("verb", ["pause", "retry", "settle"])
def test_a_cancellation_that_is_not_there_is_not_found(ada, client, verb):
    client.force_login(ada)

    assert client.post(f"{LIST}{uuid4()}/{verb}/do/", {"item": "7"}).status_code == 404


def test_only_a_booking_of_the_cancellation_itself_is_settled_on_its_page(house, ada, client):
    elsewhere(house)
    mine = cancel(house, ada)
    drain(house)
    item = mine.items.get()
    other = DepartureCancellation.objects.create(
        state="PROPOSED", reason="x", needs_second_person=True, proposed_by="eve", proposed_at=house.clock()
    )
    client.force_login(ada)

    def settle(cancellation, item_id):
        wish = {"item": str(item_id), "note": "cash \x00at the desk"}
        return client.post(f"{LIST}{cancellation.pk}/settle/do/", wish).status_code

    assert [settle(other, item.pk), settle(mine, "9" * 30), settle(mine, "")] == [404, 404, 404]
    item.refresh_from_db()
    assert item.state == "BY_HAND"
    assert client.post(f"{LIST}{mine.pk}/retry/do/", {"item": "9" * 30}).status_code == 302
    assert settle(mine, item.pk) == 302
    item.refresh_from_db()
    assert (item.state, item.settled_note) == ("DONE", "cash at the desk")


def test_a_second_click_and_a_stale_page_start_nothing_again(house, ada, client):
    by_card(house)
    client.force_login(ada)
    token = token_of(client.get(plan_page(house)))

    first = press(client, house, token)
    second = press(client, house, token)

    assert "The departures are closed" in first.content.decode()
    assert "is being cancelled already" in second.content.decode()
    assert DepartureCancellation.objects.count() == DepartureItem.objects.count() == 1


def test_a_page_that_is_no_longer_true_shows_the_dry_run_again(house, ada, client):
    by_card(house)
    client.force_login(ada)
    token = token_of(client.get(plan_page(house)))
    by_card(house, "PSP2")

    again = press(client, house, token).content.decode()

    assert "Something changed since the dry run" in again
    assert "2 bookings of 1 departure" in again
    assert not DepartureCancellation.objects.exists()


def test_the_dry_run_of_another_person_cannot_be_pressed(house, ada, ben, client):
    by_card(house)
    client.force_login(ada)
    token = token_of(client.get(plan_page(house)))
    client.force_login(ben)

    assert client.post(PLAN, {"token": token, "reason": "x"}).status_code == 403
    assert not DepartureCancellation.objects.exists()


def test_a_proposal_is_started_by_a_second_person_on_its_page(house, ben, eve, client):
    by_card(house, "PSP1")
    by_card(house, "PSP2")
    client.force_login(ben)
    press(client, house)
    cancellation = DepartureCancellation.objects.get()
    address = f"{LIST}{cancellation.pk}/change/"
    assert "Start: close" not in client.get(address).content.decode()

    client.force_login(eve)
    token = token_of(client.get(address))
    page = client.post(f"{LIST}{cancellation.pk}/start/do/", {"token": token}, follow=True).content.decode()

    cancellation.refresh_from_db()
    assert (cancellation.state, cancellation.started_by) == ("RUNNING", "eve")
    assert "0 percent of 2 bookings" in page


def test_the_progress_page_costs_the_same_for_few_and_for_many(house, ada, client):
    client.force_login(ada)

    def cost(cancellation) -> int:
        with CaptureQueriesContext(connection) as queries:
            assert client.get(f"{LIST}{cancellation.pk}/change/").status_code == 200
        return len(queries)

    by_credit(house)
    elsewhere(house)
    few = cancel(house, ada)
    drain(house)
    few_cost = cost(few)
    Availability.objects.update(is_closed=False)
    few.departures.update(is_current=False)
    for number in range(3):
        by_card(house, f"PSP{number}")
        elsewhere(house)
    many = cancel(house, ada)
    drain(house)

    assert cost(many) <= few_cost + 2
    assert client.get(LIST).status_code == 200

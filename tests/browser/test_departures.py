"""Cancelling a departure at a browser, from its page to the report."""

import pytest
from playwright.sync_api import expect

from backoffice.models import DepartureCancellation
from backoffice.roles import Role
from bookings.models import Availability
from tests.backoffice.departures.desk import drain
from tests.backoffice.limits import let_give_back
from tests.browser.conftest import PHONE
from tests.payments.called_off import by_credit, elsewhere

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_manager_cancels_a_departure_and_reads_the_report(desk_of, house):
    by_credit(house)
    elsewhere(house)
    desk = desk_of(Role.MANAGER)
    let_give_back(Role.MANAGER, None)
    departure = Availability.objects.get()

    desk.go("admin:bookings_availability_change", departure.pk)
    desk.follow(desk.page.get_by_role("link", name="Cancel this departure"))
    desk.reads("2 bookings of 1 departure", "back to the guest's credit", "taken elsewhere", "180.00 EUR")
    desk.page.get_by_label("Why").fill("Storm warning")
    desk.follow(desk.page.get_by_role("button", name="Cancel 1 departure"))
    desk.reads("0 percent of 2 bookings decided")

    drain(house, rounds=1)
    desk.page.reload()
    desk.reads("100 percent of 2 bookings decided")
    desk.page.get_by_label("How").fill("Cash at the desk")
    desk.follow(desk.page.get_by_role("button", name="Done by hand"))
    desk.reads("Cash at the desk")
    desk.follow(desk.page.get_by_role("link", name="Report to print"))
    desk.reads("Fees kept: none", "Storm warning")
    assert DepartureCancellation.objects.get().state == "FINISHED"


def test_on_a_phone_support_can_only_propose_it(desk_of, house):
    by_credit(house)
    desk = desk_of(Role.SUPPORT, size=PHONE)

    desk.go("admin:backoffice_departurecancellation_plan", query=f"?departure={Availability.objects.get().pk}")
    desk.page.get_by_label("Why").fill("Storm warning")
    desk.follow(desk.page.get_by_role("button", name="Cancel 1 departure"))

    desk.reads("Waits for a second person")
    expect(desk.page.get_by_role("button", name="Start: close")).to_have_count(0)
    assert not Availability.objects.get().is_closed

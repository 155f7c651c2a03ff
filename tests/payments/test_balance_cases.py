"""What takes a balance that nobody paid off a person's list."""

import pytest

from bookings.requests import BookingChanges
from gateways.protocol import ExternalCharge
from payments.models import Case
from payments.services import aftercare, balances, changing, janitor
from payments.services.collecting import PaymentRequest
from tests.payments.house import House
from tests.payments.test_balances import BALANCE, deposited, make_due


@pytest.fixture(autouse=True)
def switched_on(settings):
    settings.PAYMENTS = {**settings.PAYMENTS, "CHARGE_DUE_BALANCES": True}


def report(house: House, booking, amount_minor: int | None) -> None:
    """Let the partner say that it took so much of the balance."""
    changing.update_booking(
        booking=booking,
        changes=BookingChanges(),
        payment_request=PaymentRequest(
            gateway="external",
            notes=f"cash {amount_minor}",
            amount_minor=amount_minor,
            external=ExternalCharge(is_approved=True),
        ),
        clock=house.clock,
    )


@pytest.mark.django_db
class TestCases:
    @pytest.fixture
    def unpaid(self, house):
        """A confirmed booking whose balance is due, of a guest whom nobody can write to: a case."""
        booking = deposited(house, contact=None)
        make_due(booking)
        balances.charge_due_balances(clock=house.clock)
        assert self.open_cases() == ["BALANCE_UNPAID"]
        return booking

    @staticmethod
    def open_cases() -> list[str]:
        return list(Case.objects.filter(closed_at__isnull=True).values_list("kind", flat=True))

    def test_the_case_of_a_balance_closes_when_all_of_it_is_paid(self, house, unpaid):
        report(house, unpaid, BALANCE - 1)
        janitor.resolve_unknown(clock=house.clock)
        assert self.open_cases() == ["BALANCE_UNPAID"]

        house.clock.move(seconds=1)
        report(house, unpaid, 1)
        janitor.resolve_unknown(clock=house.clock)

        assert (self.open_cases(), Case.objects.get().closed_by) == ([], "system")

    @pytest.mark.parametrize("is_late", [True, False])
    def test_it_closes_when_the_order_is_cancelled(self, house, unpaid, is_late):
        janitor.resolve_unknown(clock=house.clock)
        assert self.open_cases() == ["BALANCE_UNPAID"]
        if is_late:
            house.clock.move(days=3)

        aftercare.cancel_booking(booking=unpaid, reason="", force=True, clock=house.clock)
        janitor.resolve_unknown(clock=house.clock)

        unpaid.refresh_from_db()
        assert unpaid.cancellation_refund == ("NONE" if is_late else "FULL")
        assert "BALANCE_UNPAID" not in self.open_cases()

    def test_looking_costs_the_same_for_one_case_or_many(self, house, unpaid, django_assert_num_queries):
        other = deposited(house, "PSP5", contact=None)
        make_due(other)
        balances.charge_due_balances(clock=house.clock)
        assert self.open_cases() == ["BALANCE_UNPAID"] * 2
        for booking in (unpaid, other):
            report(house, booking, 100)

        # Two ways of closing other cases, then the orders with bookings, installments and gifts.
        with django_assert_num_queries(6):
            janitor.close_what_resolved_itself(now=house.clock())

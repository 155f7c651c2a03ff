"""One booked month, the same in every run: what exports are tested with. Built once, and laid again by COPY."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection

from bookings.models import Order
from gateways.models import GatewayAccount
from payments.models import Payment, Transaction
from tests.payments.house import build_house
from tests.reconciliation.till import Till
from tests.remembered import remembered

ZONE = "Europe/Berlin"
# When everything of the month was recorded, and more was not.
CLOSED = datetime(2026, 4, 2, 6, tzinfo=UTC)
MARCH = {"from": "2026-03-01", "to": "2026-04-01"}


@dataclass
class BookedMonth:
    """Be March 2026 at two accounts; in Berlin the clocks go forward on the 29th, and in New York on the 8th."""

    card: Till
    cash: Till
    written: int = 0

    def books(self, till: Till, minor: int, at: datetime, **fields: Any) -> Transaction:
        """Book that an operation moved so much, under names that are the same in every run."""
        self.written += 1
        operation = till.books(minor, f"PSP{self.written:04}", at=at, **fields)
        operation.reference = f"tx_{self.written:04}"
        return operation


def _till(house: Any, number: int, slug: str, gateway: str) -> Till:
    account = GatewayAccount.objects.create(
        slug=slug, name=slug, gateway=gateway, environment="live", currencies=["EUR"], sources=["ECOM"]
    )
    payment: Payment = house.payment()
    Payment.objects.filter(pk=payment.pk).update(reference=f"cp_{number:04}", account=account)
    Order.objects.filter(pk=payment.order_id).update(reference=f"ORDER-{number:04}")
    payment.refresh_from_db()
    return Till(account=account, order=payment.order, payment=payment)


def count_from(number: int) -> None:
    """Let every sequence go on from a number that nothing else reaches, so that ids are the same in every run."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT setval(format('%%I.%%I', schemaname, sequencename)::regclass, %s)"
            " FROM pg_sequences WHERE schemaname = 'public' AND sequencename !~ '^(django|auth)_'",
            [number],
        )


@remembered
def booked_month() -> BookedMonth:
    """Book sales, captures, a refund and a chargeback at the edges of days, months and summer time."""
    count_from(5_000_000)
    house = build_house()
    month = BookedMonth(card=_till(house, 1, "march-cards", "adyen"), cash=_till(house, 2, "march-till", "external"))
    card, cash = month.card, month.cash
    berlin_midnight = datetime(2026, 2, 28, 23, tzinfo=UTC)
    month.books(card, 1_000, berlin_midnight - timedelta(seconds=1))
    month.books(card, 12_000, berlin_midnight, surcharge_minor=250)
    # The hour that Berlin does not have, and the last second of the month, in summer time.
    month.books(card, 8_000, datetime(2026, 3, 29, 0, 59, 59, tzinfo=UTC), kind="CAPTURE")
    month.books(card, 8_001, datetime(2026, 3, 29, 1, tzinfo=UTC), kind="CAPTURE")
    month.books(card, 4_500, datetime(2026, 3, 31, 21, 59, 59, 900_000, tzinfo=UTC))
    month.books(card, 4_501, datetime(2026, 3, 31, 22, tzinfo=UTC))
    month.books(card, 5_000, datetime(2026, 3, 8, 7, tzinfo=UTC), currency="JPY")
    month.books(card, 1_234_567, datetime(2026, 3, 8, 6, 59, 59, tzinfo=UTC), currency="KWD")
    month.books(card, -3_000, datetime(2026, 3, 10, 12, tzinfo=UTC), kind="REFUND")
    month.books(card, -5_000, datetime(2026, 3, 11, 12, tzinfo=UTC), kind="CHARGEBACK")
    receipt = month.books(cash, 2_500, datetime(2026, 3, 12, 9, 30, tzinfo=UTC))
    # What a till's receipt may be called; a spreadsheet would call somebody for it.
    receipt.gateway_reference = '=HYPERLINK("https://example.com";"Click")\n\x07'
    card.save()
    cash.save()
    return month

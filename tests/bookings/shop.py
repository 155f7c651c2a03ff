"""Words to book with in the tests of bookings."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from bookings.models import Booking, Option, Partner, Product, Unit
from bookings.requests import ReserveRequest, UnitItemRequest
from bookings.services import reserve_booking

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
MONDAY_10 = "2026-11-23T10:00:00+01:00"
MONDAY_14 = "2026-11-23T14:00:00+01:00"
TUESDAY_10 = "2026-11-24T10:00:00+01:00"


def tickets(*units: Unit) -> tuple[UnitItemRequest, ...]:
    """Ask for one ticket of each unit named."""
    return tuple(UnitItemRequest(unit_id=str(unit.pk)) for unit in units)


@dataclass(frozen=True, kw_only=True)
class Shop:
    """Be a partner in front of the kayak tour: departures at 10:00 and 14:00, ten seats each."""

    partner: Partner
    product: Product
    option: Option
    adult: Unit
    child: Unit
    family: Unit

    def request(self, units: Sequence[Unit] | None = None, **fields: Any) -> ReserveRequest:
        """Ask for the Monday departure at 10:00, two adults when nothing else is said."""
        wish = ReserveRequest(
            product_id=str(self.product.pk),
            option_id=str(self.option.pk),
            availability_id=MONDAY_10,
            unit_items=tickets(*(units if units is not None else [self.adult, self.adult])),
        )
        return replace(wish, **fields)

    def reserve(
        self,
        units: Sequence[Unit] | None = None,
        *,
        now: datetime = NOW,
        is_live: bool = True,
        partner: Partner | None = None,
        **fields: Any,
    ) -> Booking:
        """Hold seats as asked."""
        return reserve_booking(
            partner=partner or self.partner, is_live=is_live, request=self.request(units, **fields), now=now
        )

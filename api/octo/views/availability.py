"""When it can be visited."""

from collections.abc import Iterable

from rest_framework.request import Request
from rest_framework.response import Response

from api.fields import Fields
from api.octo.catalogue_requests import UnitCount, read_availability, read_calendar
from api.octo.presenters.catalogue import currencies_of, day_fields, slot_fields
from api.octo.schema import operation
from api.octo.views.base import OctoView
from api.openapi import list_of, shape
from bookings import selectors
from bookings.errors import CurrencyNotOffered
from bookings.models import AvailabilityType, Option, Product


class CalendarView(OctoView):
    """POST /availability/calendar."""

    @operation(
        "getAvailabilityCalendar",
        "List the days of an option",
        body=shape("CalendarRequest"),
        answer=list_of(shape("CalendarDay")),
        is_write=False,
    )
    def post(self, request: Request) -> Response:
        """List the days of an option that have departures, both ends included."""
        asked = read_calendar(Fields(request.data))
        product, option = _sold(self, asked.product_id, asked.option_id, asked.currency)
        days = selectors.calendar_days(
            product=product,
            option=option,
            local_date_start=asked.start,
            local_date_end=asked.end,
            now=self.now(),
            seats=_seats(option, asked.units),
        )
        if product.availability_type == AvailabilityType.OPENING_HOURS:
            # Clients need hours in every row of such a product; a day without them is no row.
            days = [day for day in days if any(slot.availability.opening_hours for slot in day.slots)]
        return Response(
            [
                day_fields(day.local_date, list(day.slots), option, product, self.capabilities, currency=asked.currency)
                for day in days
            ]
        )


class AvailabilityView(OctoView):
    """POST /availability."""

    @operation(
        "getAvailability",
        "List the departures of an option",
        body=shape("AvailabilityRequest"),
        answer=list_of(shape("Availability")),
        is_write=False,
    )
    def post(self, request: Request) -> Response:
        """List the departures of an option, by dates or by ids; sold-out ones are listed."""
        asked = read_availability(Fields(request.data))
        product, option = _sold(self, asked.product_id, asked.option_id, asked.currency)
        slots = selectors.availabilities(
            product=product,
            option=option,
            now=self.now(),
            local_date_start=asked.start,
            local_date_end=asked.end,
            availability_ids=asked.availability_ids,
            seats=_seats(option, asked.units),
        )
        return Response(
            [
                slot_fields(slot, option, product, self.capabilities, units=asked.units, currency=asked.currency)
                for slot in slots
            ]
        )


def _sold(view: OctoView, product_id: str, option_id: str | None, currency: str | None) -> tuple[Product, Option]:
    product = selectors.product_for_partner(view.partner, product_id)
    option = selectors.option_of(product, option_id)
    if currency is not None and currency not in (sold_in := currencies_of(product)):
        raise CurrencyNotOffered(currency, tuple(sold_in))
    return product, option


def _seats(option: Option, units: Iterable[UnitCount]) -> int:
    return max(1, selectors.seats_for(option, [(unit.unit_id, unit.quantity) for unit in units]))

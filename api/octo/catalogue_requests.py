"""Read what OCTO's catalogue and availability calls ask, from bodies and query strings, into frozen requests."""

from dataclasses import dataclass
from datetime import date, timedelta

from django.http import QueryDict
from django.utils.translation import gettext as _

from api.fields import Fields

LONGEST_ID = 120
DEFAULT_OPTION = "DEFAULT"  # the option a product sells when none is chosen
LONGEST_RANGE = timedelta(days=366)
MOST_IDS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitCount:
    """Ask for so many of one unit."""

    unit_id: str
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarRequest:
    """Ask for the days of an option, both ends included."""

    product_id: str
    option_id: str | None
    start: date
    end: date
    units: tuple[UnitCount, ...]
    currency: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AvailabilityRequest:
    """Ask for departures of an option: by a range of days, or by their ids."""

    product_id: str
    option_id: str | None
    start: date | None
    end: date | None
    availability_ids: tuple[str, ...] | None
    units: tuple[UnitCount, ...]
    currency: str | None


def read_calendar(fields: Fields) -> CalendarRequest:
    """Return what POST /availability/calendar asks."""
    start = fields.date("localDateStart", is_required=True)
    end = fields.date("localDateEnd", is_required=True)
    assert start is not None
    assert end is not None
    _refuse_bad_range(fields, start, end)
    product_id, option_id = product_and_option(fields)
    return CalendarRequest(
        product_id=product_id,
        option_id=option_id,
        start=start,
        end=end,
        units=_unit_counts(fields),
        currency=fields.currency("currency"),
    )


def read_availability(fields: Fields) -> AvailabilityRequest:
    """Return what POST /availability asks: exactly one of a date, a range of dates, or ids."""
    product_id, option_id = product_and_option(fields)
    one_date = fields.date("localDate")
    start = fields.date("localDateStart")
    end = fields.date("localDateEnd")
    ids = fields.texts("availabilityIds", most=MOST_IDS, longest=LONGEST_ID)
    one_id = fields.text("availabilityId", longest=LONGEST_ID)
    if one_id is not None:
        ids = [*(ids or []), one_id]
    if one_date is not None:
        if start is not None or end is not None:
            raise fields.refuse("localDate", _("cannot be combined with localDateStart and localDateEnd"))
        start = end = one_date
    if ids is not None and (start is not None or end is not None):
        raise fields.refuse("availabilityIds", _("cannot be combined with dates"))
    if ids is None:
        if start is None:
            raise fields.refuse("localDateStart", _("is required, unless localDate or availabilityIds is sent"))
        if end is None:
            raise fields.refuse("localDateEnd", _("is required with localDateStart"))
        _refuse_bad_range(fields, start, end)
    return AvailabilityRequest(
        product_id=product_id,
        option_id=option_id,
        start=start,
        end=end,
        availability_ids=None if ids is None else tuple(ids),
        units=_unit_counts(fields),
        currency=fields.currency("currency"),
    )


def read_currency(query: QueryDict) -> str | None:
    """Return the currency a catalogue query wants prices in, None for all of them."""
    return Fields(query_values(query)).currency("currency")


def read_product_ids(query: QueryDict) -> list[str] | None:
    """Return the products GET /products is narrowed to."""
    values = [*query.getlist("productIds"), *query.getlist("productIds[]")]
    split = [part.strip() for value in values for part in value.split(",") if part.strip()]
    return Fields({"productIds": split or None}).texts("productIds", most=MOST_IDS, longest=LONGEST_ID)


def product_and_option(fields: Fields) -> tuple[str, str | None]:
    """Return the ids of a product and an option, None for the default one; whether they exist is for the core to say.

    Both are needed.
    """
    product_id = fields.text("productId", longest=LONGEST_ID, is_required=True)
    option_id = fields.text("optionId", longest=LONGEST_ID, is_required=True)
    assert product_id is not None
    assert option_id is not None
    return product_id, None if option_id == DEFAULT_OPTION else option_id


def query_values(query: QueryDict, *, lists: tuple[str, ...] = ()) -> dict[str, object]:
    """Return a query string as an object: the last value of a name counts, an empty one is not there."""
    values: dict[str, object] = {name: value for name in query if (value := query.get(name))}
    for name in lists:
        sent = [*query.getlist(name), *query.getlist(f"{name}[]")]
        values[name] = [part for value in sent for part in value.split(",") if part] or None
    return values


def _refuse_bad_range(fields: Fields, start: date, end: date) -> None:
    if end < start:
        raise fields.refuse("localDateEnd", _("must not be before localDateStart"))
    if end - start > LONGEST_RANGE:
        raise fields.refuse("localDateEnd", _("cannot request more than 1 year"))


def _unit_counts(fields: Fields) -> tuple[UnitCount, ...]:
    counts = []
    for unit in fields.children("units", most=100) or ():
        unit_id = unit.text("id", longest=LONGEST_ID, is_required=True)
        quantity = unit.integer("quantity", least=0, most=10_000, is_required=True)
        assert unit_id is not None
        assert quantity is not None
        counts.append(UnitCount(unit_id=unit_id, quantity=quantity))
    return tuple(counts)

from datetime import datetime, timedelta

from django.conf import settings

from bookings.errors import InvalidValue


def hold_until(*, now: datetime, minutes: int | None) -> datetime:
    """Return when a hold of this many minutes ends; the house decides when none were asked, and caps what was.

    :raises InvalidValue: not a positive whole number.
    """
    if minutes is None:
        minutes = settings.BOOKINGS["HOLD_MINUTES"]
    if type(minutes) is not int or minutes <= 0:
        raise InvalidValue("expiration_minutes", "is not a positive whole number")
    return now + timedelta(minutes=min(minutes, settings.BOOKINGS["MAX_HOLD_MINUTES"]))

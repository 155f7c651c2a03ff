"""Periods that are named by where they lie from a day: yesterday, last month."""

from datetime import date, timedelta

from django.db import models


class RelativePeriod(models.TextChoices):
    """Name a period by the day it is looked at from."""

    YESTERDAY = "YESTERDAY", "the day before"
    LAST_WEEK = "LAST_WEEK", "the week before, Monday to Sunday"
    LAST_MONTH = "LAST_MONTH", "the month before"
    THIS_MONTH = "THIS_MONTH", "this month, up to the day before"
    NONE = "NONE", "none: everything up to then"


def days_of(period: RelativePeriod, day: date) -> tuple[date, date] | None:
    """Return a period, as seen from a day: its first day, and the day after its last; None for everything."""
    match period:
        case RelativePeriod.YESTERDAY:
            return day - timedelta(days=1), day
        case RelativePeriod.LAST_WEEK:
            monday = day - timedelta(days=day.weekday())
            return monday - timedelta(days=7), monday
        case RelativePeriod.LAST_MONTH:
            first = day.replace(day=1)
            return (first - timedelta(days=1)).replace(day=1), first
        case RelativePeriod.THIS_MONTH:
            # Seen from its first day, a month is still empty.
            first = (day - timedelta(days=1)).replace(day=1)
            return first, day
        case RelativePeriod.NONE:
            return None

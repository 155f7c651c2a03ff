"""How figures, times, modes and links look wherever staff read them."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from bookings.admin.mode import mode_badge
from gateways.models import Environment, GatewayAccount
from money import Money, MoneyError

Column = Callable[[Any], str]


def moves_real_money(*, is_live: bool, account: GatewayAccount | None) -> bool:
    """Say whether money is real: asked for with a live key, at a processor that is no test system."""
    return is_live and (account is None or account.environment == Environment.LIVE)


def real_money(*, is_live: str, account: str = "") -> Q:
    """Match rows whose money is real, as `moves_real_money` says it of one; by the paths to a mode and to an account.

    A row that names no account goes by its mode alone.
    """
    wanted = Q(**{is_live: True})
    return wanted & ~Q(**{f"{account}__environment": Environment.TEST}) if account else wanted


def money_mode(account: str) -> Column:
    """Return a column of whether a row's money is real: by its mode, and by the field that names its account."""

    @admin.display(description="mode", ordering="is_live")
    def column(row: Any) -> str:
        return mode_badge(is_live=moves_real_money(is_live=row.is_live, account=getattr(row, account)))

    return column


def money_text(minor: int | None, currency: str) -> str:
    """Return an amount in major units with its currency; a dash where there is none."""
    if minor is None:
        return "–"
    try:
        return str(Money(minor, currency))
    except MoneyError:
        return f"{minor} minor units of {currency or 'an unknown currency'}"


def when_text(at: datetime | None) -> str:
    """Return a moment to the second, with its zone; a dash where there is none."""
    return f"{timezone.localtime(at):%Y-%m-%d %H:%M:%S %Z}" if at else "–"


def money(field: str, description: str) -> Column:
    """Return a column of an amount field, in major units of the row's currency."""

    @admin.display(description=description, ordering=field)
    def column(row: Any) -> str:
        return unbroken(money_text(getattr(row, field), row.currency))

    return column


def when(field: str, description: str) -> Column:
    """Return a column of a time field, with its zone."""

    @admin.display(description=description, ordering=field)
    def column(row: Any) -> str:
        return unbroken(when_text(getattr(row, field)))

    return column


def unbroken(text: str) -> SafeString:
    """Return a text that stays on one line."""
    return format_html('<span class="whitespace-nowrap">{}</span>', text)


def link(path: str, description: str) -> Column:
    """Return a column that links to the row a foreign key names; `path` may follow several, by dots."""

    @admin.display(description=description)
    def column(row: Any) -> str:
        target = row
        for name in path.split("."):
            target = getattr(target, name) if target is not None else None
        return link_to(target)

    return column


def link_to(target: models.Model | None) -> str:
    """Return a link to a row's page; a dash where there is none."""
    return format_html('<a href="{}">{}</a>', page_of(target), target) if target is not None else "–"


def page_of(target: models.Model) -> str:
    """Return the address of a row's page in the admin."""
    return reverse(f"admin:{target._meta.app_label}_{target._meta.model_name}_change", args=[target.pk])


def pretty_json(value: Any) -> SafeString:
    """Return JSON as a person can read it."""
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, default=str)
    return format_html('<pre class="cp-raw">{}</pre>', text)

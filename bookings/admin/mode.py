"""How test and live look in every list: a TEST that nobody overlooks. The stylesheet marks the whole row by it."""

from typing import Any

from django.contrib import admin
from django.utils.html import format_html
from django.utils.safestring import SafeString


@admin.display(description="mode", ordering="is_live")
def mode(row: Any) -> str:
    """Return LIVE or a TEST that nobody overlooks."""
    return mode_badge(is_live=row.is_live)


def mode_badge(*, is_live: bool) -> SafeString:
    """Return LIVE or a TEST that nobody overlooks."""
    return format_html('<span class="{}">{}</span>', *(("cp-live", "live") if is_live else ("cp-test", "TEST")))

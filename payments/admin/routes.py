from typing import TYPE_CHECKING

from django.contrib import admin

from payments.admin.columns import mode
from payments.models import AccountRoute

if TYPE_CHECKING:
    _RouteAdmin = admin.ModelAdmin[AccountRoute]
else:
    _RouteAdmin = admin.ModelAdmin


@admin.register(AccountRoute)
class AccountRouteAdmin(_RouteAdmin):
    """Say which account takes which partner's money; the lowest rank comes first."""

    list_display = ["partner", "account", "mode", "currencies", "sources", "rank"]
    list_select_related = ["partner", "account"]
    list_filter = ["is_live", "account", "partner"]
    search_fields = ["partner__name", "partner__slug", "account__slug"]
    ordering = ["partner__name", "-is_live", "rank"]
    show_full_result_count = False
    mode = staticmethod(mode)

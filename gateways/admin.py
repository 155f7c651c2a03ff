from typing import TYPE_CHECKING

from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from gateways.models import GatewayAccount

if TYPE_CHECKING:
    _AccountAdmin = admin.ModelAdmin[GatewayAccount]
else:
    _AccountAdmin = ModelAdmin


@admin.register(GatewayAccount)
class GatewayAccountAdmin(_AccountAdmin):
    """Show the accounts; their credentials are in the environment and never here."""

    list_display = [
        "slug",
        "name",
        "gateway",
        "environment",
        "currencies",
        "sources",
        "captures_at_once",
        "is_active",
        "rests_until",
    ]
    list_filter = ["gateway", "environment", "is_active"]
    search_fields = ["slug", "name"]
    ordering = ["slug"]
    readonly_fields = ["rests_until", "created_at"]

    def get_readonly_fields(
        self,
        request: HttpRequest,
        obj: GatewayAccount | None = None,
    ) -> list[str]:
        """Freeze what payments were made under: an account that changed its gateway would orphan them."""
        return ["slug", "gateway", "environment", *self.readonly_fields] if obj else self.readonly_fields

    def has_delete_permission(self, request: HttpRequest, obj: GatewayAccount | None = None) -> bool:
        """Refuse: an account that is no longer used is made inactive."""
        return False

from django.contrib import admin

from backoffice.models import ProbableDuplicate
from bookings.admin.read_only import ReadOnlyAdmin
from payments.admin.columns import link, when


@admin.register(ProbableDuplicate)
class ProbableDuplicateAdmin(ReadOnlyAdmin):
    """Show every pair of charges that looked like one wish paid twice, and why it was put aside; the work on those that
    wait is done in their queue.
    """

    list_display = ["found", "payment_link", "twin_link", "dismissed", "dismissed_by", "reason"]
    list_display_links = ["found"]
    list_select_related = ["charge__payment", "twin__payment"]
    list_filter = [("dismissed_at", admin.EmptyFieldListFilter)]
    search_fields = ["=charge__payment__reference", "=twin__payment__reference", "=dismissed_by"]
    ordering = ["-id"]
    fields = ["found", "payment_link", "twin_link", "dismissed", "dismissed_by", "reason"]
    found = staticmethod(when("found_at", "found"))
    payment_link = staticmethod(link("charge.payment", "younger payment"))
    twin_link = staticmethod(link("twin.payment", "older payment"))
    dismissed = staticmethod(when("dismissed_at", "put aside"))

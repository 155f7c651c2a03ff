from contextlib import suppress

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from bookings.admin.read_only import ReadOnlyAdmin, ReadOnlyInline
from payments.admin.columns import link, when
from payments.admin.words import CASES
from payments.errors import CaseIsClosed
from payments.models import Case, CaseKind, CaseStep
from payments.services.case_work import close_case_for_reason


class CaseStepInline(ReadOnlyInline):
    """Show what people did about a case."""

    model = CaseStep
    fields = ["done", "kind", "by", "text"]
    ordering = ["id"]
    show_change_link = False
    verbose_name_plural = "what was done"
    done = staticmethod(when("at", "when"))


@admin.register(Case)
class CaseAdmin(ReadOnlyAdmin):
    """Show what waits for a person, the oldest first; what each kind means is in docs/operations.md."""

    list_display = ["meaning", "payment_link", "order", "detail", "opened", "closed", "closed_by"]
    list_display_links = ["meaning"]
    list_select_related = ["payment__order"]
    list_filter = [("closed_at", admin.EmptyFieldListFilter), "kind", "payment__account", "payment__is_live"]
    search_fields = ["=payment__reference", "=payment__order__reference"]
    ordering = ["closed_at", "opened_at", "pk"]
    fields = ["meaning", "kind", "payment_link", "order", "detail", "opened", "closed", "closed_by"]
    actions = ["close_cases"]
    inlines = [CaseStepInline]
    payment_link = staticmethod(link("payment", "payment"))
    order = staticmethod(link("payment.order", "order"))
    opened = staticmethod(when("opened_at", "opened"))
    closed = staticmethod(when("closed_at", "closed"))

    @admin.display(description="what", ordering="kind")
    def meaning(self, case: Case) -> str:
        """Say what the kind means."""
        return CASES[CaseKind(case.kind)]

    def has_close_permission(self, request: HttpRequest) -> bool:
        """Let those close who may change cases, which nobody can do otherwise."""
        return bool(request.user.has_perm("payments.change_case"))

    @admin.action(description="Close the selected cases: they are dealt with", permissions=["close"])
    def close_cases(self, request: HttpRequest, queryset: QuerySet[Case]) -> None:
        """Take cases off the list; one whose cause is still there comes back by itself."""
        closed = 0
        for case in queryset.filter(closed_at__isnull=True).select_related("payment"):
            with suppress(CaseIsClosed):
                close_case_for_reason(
                    case_id=case.pk,
                    by=request.user.get_username(),
                    reason="Closed in the list of cases.",
                    now=timezone.now(),
                )
                self.log_change(request, case, f"Closed: {CASES[CaseKind(case.kind)]}.")
                self.log_change_of_payment(request, case)
                closed += 1
        messages.success(request, f"{closed} cases closed.")

    def log_change_of_payment(self, request: HttpRequest, case: Case) -> None:
        """Say it on the payment's page as well."""
        self.log_change(request, case.payment, f"Closed the case: {CASES[CaseKind(case.kind)]}.")


@admin.register(CaseStep)
class CaseStepAdmin(ReadOnlyAdmin):
    """Show what people did about cases, the newest first."""

    list_display = ["done", "by", "kind", "text", "case_link", "payment_link"]
    list_display_links = ["done"]
    list_select_related = ["case__payment"]
    list_filter = ["kind"]
    search_fields = ["=by", "=case__payment__reference"]
    ordering = ["-id"]
    fields = ["done", "by", "kind", "text", "case_link", "payment_link"]
    done = staticmethod(when("at", "when"))
    case_link = staticmethod(link("case", "case"))
    payment_link = staticmethod(link("case.payment", "payment"))

"""Search the lists of what hangs on payments with the one search there is."""

from typing import Any

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from bookings.admin.read_only import ReadOnlyAdmin
from payments.finding.search import Group, find
from payments.finding.terms import read

# Of what a term is found by in many places, a list shows so many; the search box pages through all.
_MOST_OF_EACH = 200


class FoundAdmin(ReadOnlyAdmin):
    """Show rows of payments, found by whatever a support person pasted of the payment or its order.

    `payment_path` and `order_path` lead from a row there; a model with neither order nor operation has only the former.
    """

    payment_path = "payment_id"
    order_path = "payment__order_id"
    search_fields = ["pk"]
    search_help_text = "Whatever the search box finds, newest first; of what is common, the newest"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Find the payments and orders that were meant, and show what hangs on them."""
        if not search_term.replace("\x00", "").strip():
            return queryset, False
        sought = read(search_term)
        groups = find(sought, most=_MOST_OF_EACH) if sought is not None else []
        self._log_search(request, groups)
        return queryset.filter(self._of(groups) | self.called(search_term.strip())), False

    def called(self, term: str) -> Q:
        """Match the rows that go by a term themselves, beside those of payments and orders that do."""
        return Q(pk__in=[])

    def _of(self, groups: list[Group]) -> Q:
        """Match what hangs on the payments that were found, and on the orders that were found without naming one."""
        hits = [hit for group in groups for hit in group.hits]
        payments = {hit.payment_id for hit in hits if hit.payment_id is not None}
        orders = {hit.order_id for hit in hits if hit.payment_id is None}
        return Q(**{f"{self.payment_path}__in": payments}) | Q(**{f"{self.order_path}__in": orders})

    def _log_search(self, request: HttpRequest, groups: list[Group]) -> None:
        """Keep that somebody searched by a guest's data or card, and what was found; what was typed is not kept."""
        personal = [group for group in groups if group.lookup.is_personal]
        if personal and request.user.pk is not None:
            found = "; ".join(f"{group.lookup.label}: {len(group.hits)} orders" for group in personal)
            LogEntry.objects.create(
                user_id=request.user.pk,
                content_type=ContentType.objects.get_for_model(self.model),
                object_repr=str(self.opts.verbose_name_plural),
                action_flag=CHANGE,
                change_message=f"Searched the list. {found}",
            )

from contextlib import suppress
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.html import format_html
from unfold.contrib.filters.admin import TextFilter
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from bookings.admin.read_only import ReadOnlyAdmin
from bookings.free_text import is_web_address
from bookings.staff_text import MaskedForm, tell_what_was_masked
from money import EXPONENTS, Money, MoneyError
from payments.admin.buttons import faults_as_messages
from payments.admin.columns import link, link_to, money_text, page_of, unbroken, when
from payments.admin.contributions import sections_of
from payments.admin.words import OPERATIONS
from payments.models import ExternalNote
from payments.services.external_notes import amend_note
from payments.states import OperationKind

if TYPE_CHECKING:
    _TextFilter = admin.SimpleListFilter
else:
    _TextFilter = TextFilter


class DayFilter(_TextFilter):
    """Keep what was written on one day of the office's time zone."""

    title = "day, as 2026-11-03"
    parameter_name = "day"

    def queryset(self, request: HttpRequest, queryset: QuerySet[ExternalNote]) -> QuerySet[ExternalNote]:
        """Return the notes of the day; none where the text is no day."""
        if not self.value():
            return queryset
        try:
            day = date.fromisoformat(str(self.value()).strip())
        except ValueError:
            return queryset.none()
        start = timezone.make_aware(datetime.combine(day, time.min))
        following = timezone.make_aware(datetime.combine(day + timedelta(days=1), time.min))
        return queryset.filter(written_at__gte=start, written_at__lt=following)


class WriterFilter(_TextFilter):
    """Keep what one person wrote; "partner" is what partners sent with a payment."""

    title = "who wrote it"
    parameter_name = "who"

    def queryset(self, request: HttpRequest, queryset: QuerySet[ExternalNote]) -> QuerySet[ExternalNote]:
        """Return that person's notes."""
        return queryset.filter(written_by__iexact=str(self.value()).strip()) if self.value() else queryset


class AmountFilter(_TextFilter):
    """Keep the notes of payments of one amount, in whichever currency it is that amount."""

    title = "amount, as 49.90 or 49.90 EUR"
    parameter_name = "amount"

    def queryset(self, request: HttpRequest, queryset: QuerySet[ExternalNote]) -> QuerySet[ExternalNote]:
        """Return the notes of operations of the amount; none where the text is no amount."""
        if not self.value():
            return queryset
        text, _, currency = str(self.value()).strip().upper().partition(" ")
        found = Q(pk__in=[])
        for exponent in set(EXPONENTS.values()):
            # 49.90 is another number of minor units in yen than in euros, and none at all.
            codes = [code for code, decimals in EXPONENTS.items() if decimals == exponent and currency in ("", code)]
            with suppress(MoneyError, IndexError):
                minor = Money.parse(text.replace(",", "."), codes[0]).minor
                found |= Q(transaction__amount_minor=minor, transaction__currency__in=codes)
        return queryset.filter(found)


class AmendForm(MaskedForm, forms.Form):
    """Ask what is right, and where the proof is."""

    text = forms.CharField(
        max_length=500,
        label="What is right",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3, "autofocus": True}),
        help_text="The note that this corrects stays, and is shown below it.",
    )
    evidence = forms.CharField(
        max_length=300,
        required=False,
        label="Where the proof is",
        widget=UnfoldAdminTextInputWidget,
        help_text="A receipt's number, or the address of the file. Never a card's number.",
    )


@admin.register(ExternalNote)
class ExternalNoteAdmin(ReadOnlyAdmin):
    """Show what was written about payments taken elsewhere; a correction is a note of its own."""

    change_form_template = "admin/payments/externalnote/change_form.html"
    list_display = ["text", "says_now", "payment_link", "order", "kind", "amount", "evidence", "written_by", "written"]
    list_display_links = ["text"]
    list_select_related = ["payment__order", "payment__account", "transaction"]
    list_filter = ["payment__account", "transaction__kind", DayFilter, WriterFilter, AmountFilter]
    search_fields = ["text", "evidence", "=payment__reference", "=payment__order__reference"]
    ordering = ["-id"]
    fields = [
        *("text", "proof", "says_now", "amends_link", "payment_link", "order", "transaction_link"),
        *("kind", "amount", "written_by", "written", "redacted"),
    ]
    payment_link = staticmethod(link("payment", "payment"))
    order = staticmethod(link("payment.order", "order"))
    amends_link = staticmethod(link("amends", "corrects"))
    transaction_link = staticmethod(link("transaction", "operation"))
    written = staticmethod(when("written_at", "written"))
    redacted = staticmethod(when("redacted_at", "blacked out"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[ExternalNote]:
        """Read with each note what corrects it."""
        notes: QuerySet[ExternalNote] = super().get_queryset(request)
        return notes.prefetch_related("amendments")

    @admin.display(description="stands")
    def says_now(self, note: ExternalNote) -> str:
        """Say whether the note holds, or what corrects it."""
        amendment = next(iter(note.amendments.all()), None)
        if amendment is None:
            return "holds" if note.amends_id is None else "holds, and corrects another"
        return format_html("corrected by {}: {}", amendment.written_by, link_to(amendment))

    @admin.display(description="kind")
    def kind(self, note: ExternalNote) -> str:
        """Say what was done elsewhere."""
        return OPERATIONS[OperationKind(note.transaction.kind)] if note.transaction is not None else "–"

    @admin.display(description="amount")
    def amount(self, note: ExternalNote) -> str:
        """Show how much it was, in major units."""
        row = note.transaction
        return unbroken(money_text(row.amount_minor, row.currency)) if row is not None else "–"

    @admin.display(description="evidence")
    def proof(self, note: ExternalNote) -> str:
        """Show where the proof is, as a link where it is an address."""
        if is_web_address(note.evidence):
            return format_html('<a href="{0}" rel="noopener noreferrer" target="_blank">{0}</a>', note.evidence)
        return note.evidence or "–"

    def get_urls(self) -> list[URLPattern]:
        """Add the address of amending."""
        view = self.admin_site.admin_view(self.amend_view)
        return [path("<int:note_id>/amend/", view, name="payments_externalnote_amend"), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show a note, with the way to amend it while nobody did."""
        note = self.get_object(request, object_id)
        context = {
            **(extra_context or {}),
            "may_amend": note is not None and self._may_amend(request) and not note.amendments.all(),
            "sections": sections_of(note, request) if note is not None else [],
        }
        return super().change_view(request, object_id, form_url, context)

    def amend_view(self, request: HttpRequest, note_id: int) -> HttpResponse:
        """Ask what is right, and add it."""
        if not self._may_amend(request):
            raise PermissionDenied("You may not do that.")
        note: ExternalNote | None = self.get_object(request, str(note_id))
        if note is None:
            raise Http404
        form = AmendForm(request.POST or None, initial={"evidence": note.evidence})
        if request.method == "POST" and form.is_valid():
            tell_what_was_masked(request, [form])
            return self._amended(request, note, form.cleaned_data)
        context = {
            **self.admin_site.each_context(request),
            "title": "Amend a note",
            "opts": self.opts,
            "note": note,
            "form": form,
            "page": page_of(note.payment),
        }
        return TemplateResponse(request, "admin/payments/externalnote/amend.html", context)

    def _amended(self, request: HttpRequest, note: ExternalNote, words: dict[str, str]) -> HttpResponse:
        with faults_as_messages(request) as said:
            amend_note(
                note=note,
                text=words["text"],
                evidence=words["evidence"],
                written_by=request.user.get_username(),
                now=timezone.now(),
            )
            # Not what it says: a note can be blacked out, and the log cannot.
            self.log_change(request, note.payment, f"Amended the note of {note.written_by}.")
            messages.success(request, "The correction is added; what it corrects stays.")
        return HttpResponseRedirect(page_of(note) if said else page_of(note.payment))

    @staticmethod
    def _may_amend(request: HttpRequest) -> bool:
        return bool(request.user.has_perm("payments.add_externalnote"))

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from unfold.widgets import UnfoldAdminFileFieldWidget

from bookings.admin.read_only import ReadOnlyAdmin, ReadOnlyInline
from money import Money
from reconciliation.admin.batch_page import batch_context
from reconciliation.errors import UnreadableFile
from reconciliation.models import BadLine, SettlementBatch, SettlementReport
from reconciliation.services.uploading import take_upload

if TYPE_CHECKING:
    _UploadForm = forms.ModelForm[SettlementReport]
else:
    _UploadForm = forms.ModelForm


class UploadForm(_UploadForm):
    """Take a file for a source; Django keeps a large one on disk while it comes."""

    file = forms.FileField(widget=UnfoldAdminFileFieldWidget)

    class Meta:
        model = SettlementReport
        fields = ["source", "skips_bad_lines"]

    uploaded_by = ""

    def clean(self) -> dict[str, Any] | None:
        """Note the file, so that one that cannot be taken is refused on the form."""
        cleaned = super().clean()
        if cleaned is None or self.errors:
            return cleaned
        try:
            self.instance = take_upload(
                source=cleaned["source"],
                file_name=cleaned["file"].name,
                chunks=cleaned["file"].chunks(),
                skips_bad_lines=cleaned["skips_bad_lines"],
                uploaded_by=self.uploaded_by,
                now=timezone.now(),
            )
        except UnreadableFile as problem:
            raise forms.ValidationError(str(problem)) from None
        return cleaned


class BadLineInline(ReadOnlyInline):
    """Name the lines that could not be read."""

    model = BadLine
    fields = ["line_number", "reason"]
    ordering = ["line_number"]
    show_change_link = False


@admin.register(SettlementReport)
class SettlementReportAdmin(ReadOnlyAdmin):
    """Show the files that came, and take new ones: a worker imports what is uploaded within half a minute."""

    list_display = [
        "file_name",
        "source",
        "state",
        "line_count",
        "known_count",
        "superseded_count",
        "bad_count",
        "received_at",
    ]
    list_select_related = ["source"]
    list_filter = ["state", "source"]
    search_fields = ["file_name", "sha256"]
    ordering = ["-received_at"]
    inlines = [BadLineInline]
    exclude = ["stored_path"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Allow an upload to who may import."""
        return request.user.has_perm("reconciliation.import_settlement")

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Return the upload for a new file; what is there is only shown."""
        if obj is not None:
            return super().get_form(request, obj, change, **kwargs)
        return type("StaffUploadForm", (UploadForm,), {"uploaded_by": request.user.get_username()})

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return what an upload needs, or everything of a report."""
        return super().get_fields(request, obj) if obj else ["source", "file", "skips_bad_lines"]

    def get_inlines(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return the bad lines of a report; a new one has none."""
        return self.inlines if obj else []

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Do nothing more: the form has noted the file, for it may refuse it."""


@admin.register(SettlementBatch)
class SettlementBatchAdmin(ReadOnlyAdmin):
    """Show what was settled in one go, and whether it adds up and reached the bank."""

    list_display = ["reference", "source", "state", "settled_at", "net", "fees", "payout", "difference"]
    list_select_related = ["source"]
    list_filter = ["state", "source", "currency"]
    search_fields = ["reference"]
    ordering = ["-settled_at"]
    # All that its page shows is in the context.
    change_form_template = "admin/reconciliation/page.html"
    fields = ["reference"]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show its lines by kind, what was posted for it, and what does not agree."""
        batches = SettlementBatch.objects.select_related("source", "bank_line__report")
        batch = batches.filter(pk=object_id).first() if object_id.isdecimal() else None
        context = batch_context(batch) if batch is not None else {}
        return super().change_view(request, object_id, form_url, {**context, **(extra_context or {})})

    @admin.display(description="net", ordering="net_minor")
    def net(self, batch: SettlementBatch) -> str:
        """Return what the gateway owes for it."""
        return str(Money(batch.net_minor, batch.currency))

    @admin.display(description="fees", ordering="fee_minor")
    def fees(self, batch: SettlementBatch) -> str:
        """Return what the gateway kept."""
        return str(Money(batch.fee_minor, batch.currency))

    @admin.display(description="payout", ordering="payout_minor")
    def payout(self, batch: SettlementBatch) -> str:
        """Return what was paid out, once that is told."""
        return "-" if batch.payout_minor is None else str(Money(batch.payout_minor, batch.currency))

    @admin.display(description="difference", ordering="difference_minor")
    def difference(self, batch: SettlementBatch) -> str:
        """Return what its lines and its payout differ by."""
        return str(Money(batch.difference_minor, batch.currency))

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from bookings.admin.mode import mode
from bookings.admin.read_only import KeptAdmin, ReadOnlyAdmin, ReadOnlyInline
from payments.admin.columns import money_text, unbroken, when
from reconciliation.admin.export_forms import FILTERS, AskForm, ScheduleForm
from reconciliation.errors import FileIsGone
from reconciliation.models import ExportRun, ExportState, ScheduledExport, ScheduledRun
from reconciliation.services.export_files import file_name_of, file_of

_ASKED = ["report", "format", "is_live", "period", "first_day", "end_day", *FILTERS]


@admin.register(ExportRun)
class ExportRunAdmin(ReadOnlyAdmin):
    """Ask for exports, see how far they are and what they came to, and download them."""

    list_display = ["report", "narrowed", "format", "mode", "progress", "file", "as_of_text", "asked_by", "asked"]
    list_filter = ["state", "report", "format", "is_live"]
    search_fields = ["=sha256", "asked_by"]
    ordering = ["-asked_at", "-id"]
    fields = [
        *("report", "narrowed", "format", "mode", "zone", "as_of_text", "progress", "problem", "file"),
        *("sums", "size", "seal", "asked_by", "asked", "started", "finished", "tries"),
    ]
    mode = staticmethod(mode)
    as_of_text = staticmethod(when("as_of", "as of"))
    asked = staticmethod(when("asked_at", "asked"))
    started = staticmethod(when("started_at", "started"))
    finished = staticmethod(when("finished_at", "finished"))

    def get_urls(self) -> list[URLPattern]:
        """Add the download."""
        download = self.admin_site.admin_view(self.download)
        return [
            path("<path:object_id>/file/", download, name="reconciliation_exportrun_download"),
            *super().get_urls(),
        ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Allow to ask to who may export."""
        return request.user.has_perm("reconciliation.export_reports")

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Return what asks for a new one; what is there is only shown."""
        if obj is not None:
            return super().get_form(request, obj, change, **kwargs)
        return type("StaffAskForm", (AskForm,), {"asked_by": request.user.get_username()})

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return what is asked for, or everything of a run."""
        return super().get_fields(request, obj) if obj else _ASKED

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Show a run; ask for a new one."""
        return self.fields if obj else []

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Offer one way to ask: what was asked for is on the list, with how far it is."""
        context |= {"show_save_and_add_another": False, "show_save_and_continue": False}
        answer: HttpResponse = super().render_change_form(request, context, *args, **kwargs)
        return answer

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        """Say what comes now, on the list."""
        self.message_user(
            request, f"Asked for {obj.report}: it is written within seconds. Reload to see how far it is."
        )
        return HttpResponseRedirect(reverse("admin:reconciliation_exportrun_changelist"))

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Do nothing more: the form has asked, for what cannot be had it refuses."""

    def download(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """Stream the file; the log keeps who took it.

        :raises PermissionDenied: the person may not see exports.
        :raises Http404: there is no such export.
        """
        if not self.has_view_permission(request):
            raise PermissionDenied
        run = self.get_object(request, object_id)
        if run is None:
            raise Http404
        try:
            file = file_of(run)
        except FileIsGone as problem:
            self.message_user(request, f"{problem}.", messages.ERROR)
            return HttpResponseRedirect(reverse("admin:reconciliation_exportrun_change", args=[run.pk]))
        self.log_change(request, run, "Downloaded.")
        return FileResponse(file.open("rb"), as_attachment=True, filename=file_name_of(run))

    @admin.display(description="narrowed by")
    def narrowed(self, run: ExportRun) -> SafeString:
        """Return the period and the other filters."""
        # It is the day after the last: whoever reads "to" would have it included.
        told = [("before" if name == "to" else name, value) for name, value in sorted(run.filters.items())]
        return format_html_join(", ", "{} {}", told) or SafeString("–")

    @admin.display(description="progress", ordering="state")
    def progress(self, run: ExportRun) -> SafeString:
        """Return how far it is."""
        rows = f"{run.rows_written:,}"
        match run.state:
            case ExportState.DONE:
                return unbroken(f"done: {rows} rows")
            case ExportState.RUNNING:
                return unbroken(f"running: {rows} rows so far")
            case _:
                return unbroken(run.state.lower())

    @admin.display(description="file")
    def file(self, run: ExportRun) -> SafeString:
        """Return a link to the file, while there is one."""
        if run.state != ExportState.DONE or not run.stored_path:
            return SafeString("–")
        address = reverse("admin:reconciliation_exportrun_download", args=[run.pk])
        return format_html('<a class="underline" href="{}">{}</a>', address, "download")

    @admin.display(description="size")
    def size(self, run: ExportRun) -> str:
        """Return how large the file is or was."""
        return f"{run.byte_count:,} bytes" if run.byte_count is not None else "–"

    @admin.display(description="SHA-256")
    def seal(self, run: ExportRun) -> SafeString:
        """Return the file's digest, which a narrow page may break."""
        return format_html('<code class="cp-digest">{}</code>', run.sha256 or "–")

    @admin.display(description="totals")
    def sums(self, run: ExportRun) -> SafeString:
        """Return what each column of amounts comes to, by currency."""
        told = [
            (column, money_text(minor, currency))
            for column, by_currency in run.totals.items()
            for currency, minor in by_currency.items()
        ]
        return format_html_join(SafeString("<br>"), "{}: {}", told) or SafeString("–")


class ScheduledRunInline(ReadOnlyInline):
    """Show what a schedule made, period by period, and whether the mail went out."""

    model = ScheduledRun
    fields = ["first_day", "end_day", "due_at", "run", "mail_state", "mailed_at", "problem"]
    ordering = ["-due_at"]
    show_change_link = False
    per_page = 20

    def get_queryset(self, request: HttpRequest) -> Any:
        """Return the runs with what their links say."""
        return super().get_queryset(request).select_related("run")


@admin.register(ScheduledExport)
class ScheduledExportAdmin(KeptAdmin):
    """Set which exports are made and mailed by themselves."""

    form = ScheduleForm
    list_display = ["report", "format", "mode", "period", "cadence", "day", "hour", "mailed_to", "is_active", "set_by"]
    list_filter = ["is_active", "report", "cadence"]
    ordering = ["report", "id"]
    fields = [
        *("report", "format", "is_live", "period", *FILTERS),
        *("cadence", "day", "hour", "recipients", "attaches_file", "is_active"),
    ]
    inlines = [ScheduledRunInline]
    mode = staticmethod(mode)

    def get_inlines(self, request: HttpRequest, obj: Any = None) -> Any:
        """Show what was made where anything can have been."""
        return super().get_inlines(request, obj) if obj else []

    def save_model(self, request: HttpRequest, obj: ScheduledExport, form: Any, change: bool) -> None:
        """Keep who set it; it counts from now on."""
        obj.set_by, obj.counts_from = request.user.get_username(), timezone.now()
        super().save_model(request, obj, form, change)

    @admin.display(description="mailed to")
    def mailed_to(self, schedule: ScheduledExport) -> str:
        """Return the addresses."""
        return ", ".join(schedule.recipients)

"""The pages of cancelled departures: the dry run, how far it is, and the report."""

from collections.abc import Callable
from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin, messages
from django.core import signing
from django.core.exceptions import BadRequest, PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_POST

from backoffice.admin.departure_forms import ReasonForm, SpanForm
from backoffice.audit import record
from backoffice.departure_words import OBSTACLES, REMARKS, departure_in_words, guest_of
from backoffice.downloads import csv_pieces, neutralized
from backoffice.errors import BackofficeError
from backoffice.models import CancellationState, DepartureCancellation, DepartureItem, ItemState
from backoffice.services.departure_plans import DryRun, amount_of, dry_run, named_way_of
from backoffice.services.departure_reports import (
    HEADINGS,
    cells_of,
    items_to_show,
    parts_of,
    progress_of,
    report_rows,
)
from backoffice.services.departures import (
    cancel_departures,
    move_cancellation,
    retry_items,
    settle_item,
    start_cancellation,
)
from bookings.admin.read_only import ReadOnlyAdmin
from bookings.models import Availability
from bookings.staff_text import tell_what_was_masked
from money import Money
from payments.admin.columns import page_of, when
from payments.services.calling_off import Plan

_SALT = "backoffice.departures"
_TOKEN_LIVES_SECONDS = 30 * 60
_LINES_PER_PAGE = 100
_MOST_DEPARTURES = 200
_LONGEST_ID = 18  # digits that surely fit into the database's bigint
_PLAN = "backoffice.plan_departure_cancellation"
_START = "backoffice.start_departure_cancellation"
_MOVES: dict[str, CancellationState] = {
    "withdraw": CancellationState.WITHDRAWN,
    "pause": CancellationState.PAUSED,
    "resume": CancellationState.RUNNING,
    "stop": CancellationState.STOPPED,
}
_BUTTONS: dict[CancellationState, tuple[tuple[str, str], ...]] = {
    CancellationState.PROPOSED: (("withdraw", "Withdraw"),),
    CancellationState.RUNNING: (("pause", "Pause"), ("stop", "Stop for good")),
    CancellationState.PAUSED: (("resume", "Resume"), ("stop", "Stop for good")),
}


@admin.register(DepartureCancellation)
class DepartureCancellationAdmin(ReadOnlyAdmin):
    """Show cancelled departures; services change them."""

    list_display = ["departures_cancelled", "reason", "state", "proposed_by", "proposed", "started_by", "finished"]
    list_filter = ["state"]
    ordering = ["-proposed_at", "pk"]
    proposed = staticmethod(when("proposed_at", "proposed"))
    finished = staticmethod(when("finished_at", "finished"))
    change_list_template: ClassVar[str] = "admin/backoffice/departurecancellation/change_list.html"

    @admin.display(description="departures")
    def departures_cancelled(self, cancellation: DepartureCancellation) -> str:
        """Name the first departures, and say how many more there are."""
        departures = [departure_in_words(each.availability) for each in cancellation.departures.all()]
        more = f" and {len(departures) - 2} more" if len(departures) > 2 else ""
        return ", ".join(departures[:2]) + more

    def get_queryset(self, request: HttpRequest) -> Any:
        """Read the departures with them."""
        return super().get_queryset(request).prefetch_related("departures__availability__option__product")

    def get_urls(self) -> list[URLPattern]:
        """Add the pages."""
        pages: list[tuple[str, Callable[..., HttpResponseBase], str]] = [
            ("plan/", self.plan_view, "plan"),
            ("<uuid:cancellation_id>/report.csv", self.csv_view, "csv"),
            ("<uuid:cancellation_id>/report/", self.report_view, "report"),
            ("<uuid:cancellation_id>/<slug:verb>/do/", require_POST(self.act_view), "act"),
        ]
        mine = [
            path(address, self.admin_site.admin_view(view), name=f"backoffice_departurecancellation_{name}")
            for address, view, name in pages
        ]
        return [*mine, *super().get_urls()]

    def plan_view(self, request: HttpRequest) -> HttpResponse:
        """Show what cancelling departures would give back, and take the wish to do it.

        :raises PermissionDenied: the person may not plan it.
        """
        _require(request, _PLAN)
        if request.method == "POST":
            return self._cancel(request)
        form = SpanForm(request.GET if "option" in request.GET else None)
        departure_ids = _departures_named(request)
        if form.is_bound and form.is_valid():
            departure_ids = list(form.departures().values_list("pk", flat=True)[: _MOST_DEPARTURES + 1])
            if not departure_ids:
                messages.warning(request, "There is no departure in that span.")
        if len(departure_ids) > _MOST_DEPARTURES:
            messages.error(request, f"More than {_MOST_DEPARTURES} departures at once: take a shorter span.")
            departure_ids = []
        context: dict[str, Any] = {"title": "Cancel departures", "form": form}
        if departure_ids:
            found = dry_run(departure_ids=departure_ids, now=timezone.now())
            context |= _shown(request, found) | {"reason_form": ReasonForm()}
        return self._page(request, "plan", context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show how far a cancellation is; one that waits for a second person is shown with its dry run."""
        if not self.has_view_permission(request):
            raise PermissionDenied("You may not see that.")
        cancellation = self.get_object(request, object_id)
        if cancellation is None:
            raise Http404
        departures = [departure_in_words(each.availability) for each in cancellation.departures.all()]
        may_start = request.user.has_perm(_START)
        context: dict[str, Any] = {
            "title": "Cancelled departures",
            "original": cancellation,
            "departures": departures,
            "buttons": _BUTTONS.get(CancellationState(cancellation.state), ()) if may_start else (),
        }
        if cancellation.state in (CancellationState.PROPOSED, CancellationState.WITHDRAWN):
            if cancellation.state == CancellationState.PROPOSED:
                departure_ids = [each.availability_id for each in cancellation.departures.all()]
                context |= _shown(request, dry_run(departure_ids=departure_ids, now=timezone.now()))
            context["may_start"] = may_start and cancellation.proposed_by != request.user.get_username()
            return self._page(request, "proposal", context)
        state = request.GET.get("state", "")
        items = items_to_show(cancellation.items.order_by("id"))
        items = items.filter(state=state) if state in ItemState.values else items
        page = Paginator(items, _LINES_PER_PAGE).get_page(request.GET.get("page"))
        context |= {
            "progress": progress_of(cancellation),
            "state": state,
            "page": page,
            "lines": [(item, guest_of(item.booking), parts_of(item), page_of(item.booking)) for item in page],
            "may_act": may_start,
            "may_retry": may_start and cancellation.state != CancellationState.PAUSED,
        }
        return self._page(request, "progress", context)

    def report_view(self, request: HttpRequest, cancellation_id: UUID) -> HttpResponse:
        """Show the report as it is printed."""
        cancellation = self._to_report(request, cancellation_id, "printed departure report")
        context = {
            "title": "Report of cancelled departures",
            "original": cancellation,
            "departures": [departure_in_words(each.availability) for each in cancellation.departures.all()],
            "progress": progress_of(cancellation),
            "rows": ((item, guest_of(item.booking), part) for item, part in report_rows(cancellation)),
        }
        return self._page(request, "report", context)

    def csv_view(self, request: HttpRequest, cancellation_id: UUID) -> StreamingHttpResponse:
        """Answer with the report as a file."""
        cancellation = self._to_report(request, cancellation_id, "exported departure report")
        rows = (map(neutralized, cells_of(cancellation, item, part)) for item, part in report_rows(cancellation))
        response = StreamingHttpResponse(csv_pieces(HEADINGS, rows), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="departure-{cancellation.pk}.csv"'
        response["Cache-Control"] = "no-store"
        return response

    def act_view(self, request: HttpRequest, cancellation_id: UUID, verb: str) -> HttpResponse:
        """Do what a button says, and go back to the page.

        :raises PermissionDenied: the person may not.
        """
        _require(request, _START)
        person, now = request.user, timezone.now()
        assert not person.is_anonymous
        try:
            if verb == "start":
                token = _read_token(request)
                start_cancellation(
                    cancellation_id=cancellation_id,
                    person=person,
                    fingerprint=token["fingerprint"],
                    now=now,
                    request=request,
                )
                messages.success(request, "Started. The departures are closed.")
            elif verb in _MOVES:
                move_cancellation(
                    cancellation_id=cancellation_id, person=person, to=_MOVES[verb], now=now, request=request
                )
            elif verb == "retry":
                count = retry_items(
                    cancellation_id=cancellation_id, person=person, item_ids=_numbers(request), request=request
                )
                messages.success(request, f"{count} bookings are tried again.")
            elif verb == "settle":
                item_id = DepartureItem.objects.values_list("pk", flat=True).get(
                    cancellation=cancellation_id, pk__in=_numbers(request)[:1]
                )
                note = request.POST.get("note", "")
                settle_item(item_id=item_id, person=person, note=note, now=now, request=request)
            else:
                raise Http404
        except (DepartureCancellation.DoesNotExist, DepartureItem.DoesNotExist):
            raise Http404 from None
        except BackofficeError as refusal:
            messages.error(request, str(refusal))
        return HttpResponseRedirect(_page_of(cancellation_id))

    def _cancel(self, request: HttpRequest) -> HttpResponse:
        token = _read_token(request)
        departure_ids = [UUID(each) for each in token["departures"]]
        again = HttpResponseRedirect(plan_address(departure_ids))
        form = ReasonForm(request.POST)
        if not form.is_valid():
            messages.error(request, "Say why the departures are cancelled: guests and partners read it.")
            return again
        tell_what_was_masked(request, [form])
        person = request.user
        assert not person.is_anonymous
        try:
            cancellation = cancel_departures(
                person=person,
                departure_ids=departure_ids,
                reason=form.cleaned_data["reason"],
                fingerprint=token["fingerprint"],
                now=timezone.now(),
                may_start=person.has_perm(_START),
                request=request,
            )
        except BackofficeError as refusal:
            messages.error(request, str(refusal))
            return again
        if cancellation.state == CancellationState.PROPOSED:
            messages.warning(request, "Above your limit: a second person must start it. Nothing is closed yet.")
        else:
            messages.success(request, "Started. The departures are closed, and refunds begin within seconds.")
        return HttpResponseRedirect(_page_of(cancellation.pk))

    def _to_report(self, request: HttpRequest, cancellation_id: UUID, action: str) -> DepartureCancellation:
        if not self.has_view_permission(request):
            raise PermissionDenied("You may not see that.")
        found: DepartureCancellation | None = self.get_object(request, str(cancellation_id))
        if found is None:
            raise Http404
        record(actor=request.user.get_username(), action=action, subject=found, request=request)
        return found

    def _page(self, request: HttpRequest, name: str, context: dict[str, Any]) -> TemplateResponse:
        template = f"admin/backoffice/departurecancellation/{name}.html"
        whole = {**self.admin_site.each_context(request), "opts": self.opts, **context}
        return TemplateResponse(request, template, whole)


def plan_address(departure_ids: list[UUID]) -> str:
    """Return the address of the dry run of departures."""
    query = urlencode({"departure": [str(each) for each in departure_ids]}, doseq=True)
    return f"{reverse('admin:backoffice_departurecancellation_plan')}?{query}"


def _page_of(cancellation_id: UUID) -> str:
    return reverse("admin:backoffice_departurecancellation_change", args=[cancellation_id])


def _require(request: HttpRequest, permission: str) -> None:
    if not request.user.has_perm(permission):
        raise PermissionDenied("You may not do that.")


def _departures_named(request: HttpRequest) -> list[UUID]:
    try:
        wanted = [UUID(each) for each in request.GET.getlist("departure")]
    except ValueError:
        raise BadRequest("That is no departure.") from None
    return list(Availability.objects.filter(pk__in=wanted).values_list("pk", flat=True))


def _numbers(request: HttpRequest) -> list[int]:
    return [int(each) for each in request.POST.getlist("item") if each.isdecimal() and len(each) <= _LONGEST_ID]


def _shown(request: HttpRequest, found: DryRun) -> dict[str, Any]:
    """Return what a page shows of a dry run, with a token of exactly this one for this person."""
    page = Paginator(found.plans, _LINES_PER_PAGE).get_page(request.GET.get("page"))
    named = {
        "user": str(request.user.pk),
        "departures": [str(each.pk) for each in found.departures],
        "fingerprint": found.fingerprint,
    }
    return {
        "departures": [departure_in_words(each) for each in found.departures],
        "found": found,
        "begun": sum(each.starts_at <= timezone.now() for each in found.departures),
        "page": page,
        "lines": [_line_of(plan) for plan in page],
        "query": urlencode({"departure": named["departures"]}, doseq=True),
        "token": signing.dumps(named, salt=_SALT, compress=True),
    }


def _line_of(plan: Plan) -> dict[str, Any]:
    booking = plan.booking
    ways = [
        (
            named_way_of(way),
            way.parent.account.slug if way.parent is not None else "",
            Money(way.parts.amount_minor, booking.currency),
            OBSTACLES[way.obstacle] if way.obstacle is not None else "",
        )
        for way in plan.ways
    ]
    return {
        "booking": booking,
        "url": page_of(booking),
        "guest": guest_of(booking),
        "ways": ways,
        "total": Money(amount_of(plan), booking.currency),
        "undecided": Money(plan.undecided_minor, booking.currency) if plan.undecided_minor else None,
        "remark": REMARKS[plan.remark] if plan.remark is not None else "",
    }


def _read_token(request: HttpRequest) -> dict[str, Any]:
    """Return what a person saw and agrees to.

    :raises PermissionDenied: it is older than half an hour, or was shown to another.
    """
    try:
        token: dict[str, Any] = signing.loads(request.POST.get("token", ""), salt=_SALT, max_age=_TOKEN_LIVES_SECONDS)
    except signing.BadSignature:
        raise PermissionDenied("The dry run is too old. Nothing was done: look at it again.") from None
    if token["user"] != str(request.user.pk):
        raise PermissionDenied("The dry run was shown to somebody else. Nothing was done.")
    return token

"""The pages of the work queues, and what people do there about cases and probable duplicates."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.db import transaction as database
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme

from backoffice.audit import record
from backoffice.models import ProbableDuplicate
from backoffice.queues.at_risk import AT_RISK, total_json, totals_at_risk
from backoffice.queues.counting import queue_counts
from backoffice.queues.duplicates import MAY_DISMISS
from backoffice.queues.narrowing import Narrowing, choices, narrowed
from backoffice.queues.paging import NoSuchPlace, Page, Place, read_page
from backoffice.queues.queue import Queue, Row, countdown, duration
from backoffice.queues.registry import queue_named
from backoffice.services.duplicates import AlreadyDismissed, dismiss_duplicate
from payments.errors import NothingWritten, PaymentError
from payments.models import Case
from payments.services.case_work import close_case_for_reason, note_on_case, release_case, take_case

MAY_WORK = "payments.change_case"


def index(site: AdminSite, request: HttpRequest) -> HttpResponse:
    """Show the queues that a person may see, and how much waits in each."""
    context = {**site.each_context(request), "title": "Work queues", "counts": queue_counts(request.user)}
    return TemplateResponse(request, "admin/backoffice/queues/index.html", context)


def show(site: AdminSite, request: HttpRequest, slug: str) -> HttpResponse:
    """Show a page of a queue."""
    queue = _queue(request, slug)
    now, chosen = timezone.now(), Narrowing.read(request.GET, queue)
    page = _page(request, queue, chosen)
    context = {
        **site.each_context(request),
        "title": queue.name,
        "queue": queue,
        "entries": [_entry(request, row) for row in page.rows],
        "choices": choices(queue, chosen),
        "is_narrowed": bool(chosen.parameters()),
        "next_url": _next_url(chosen, page),
        "is_first": "after" not in request.GET,
        "here": request.get_full_path(),
        "username": request.user.get_username(),
        "may_work": request.user.has_perm(MAY_WORK),
        "may_dismiss": request.user.has_perm(MAY_DISMISS),
        "totals": totals_at_risk(now) if queue is AT_RISK else [],
        "sums": _sums(queue, chosen, now),
    }
    return TemplateResponse(request, queue.template, context)


def at_risk_json(request: HttpRequest) -> HttpResponse:
    """Answer with the money-at-risk board as JSON: what is at risk in all, a page of outcomes, and where it goes on."""
    queue = _queue(request, AT_RISK.slug)
    chosen = Narrowing.read(request.GET, queue)
    page = _page(request, queue, chosen)
    return JsonResponse(
        {
            "totals": [total_json(total) for total in totals_at_risk(timezone.now())],
            "outcomes": [dict(row.told) for row in page.rows],
            "next": _next_url(chosen, page) or None,
        }
    )


def _queue(request: HttpRequest, slug: str) -> Queue:
    queue = queue_named(slug)
    if queue is None:
        raise Http404
    if not request.user.has_perm(queue.permission):
        raise PermissionDenied("You may not see that.")
    return queue


def _page(request: HttpRequest, queue: Queue, chosen: Narrowing) -> Page:
    try:
        after = Place.read(request.GET["after"]) if "after" in request.GET else None
        return read_page(queue, chosen=chosen, after=after, now=timezone.now())
    except NoSuchPlace:
        raise Http404 from None


def _sums(queue: Queue, chosen: Narrowing, now: datetime) -> Any:
    """Return what is told of all rows that were chosen; of queues of one source."""
    if queue.sums is None:
        return None
    (source,) = queue.sources
    return queue.sums(narrowed(queue, source, source.rows(now), chosen, now), now)


def _next_url(chosen: Narrowing, page: Page) -> str:
    if page.next_place is None:
        return ""
    return f"?{urlencode({**chosen.parameters(), 'after': str(page.next_place)})}"


def _entry(request: HttpRequest, row: Row) -> dict[str, object]:
    """Return a row with the times of it counted from now, and only what this person may do."""
    now = timezone.now()
    allowed = tuple(each for each in row.buttons if request.user.has_perm(each.permission))
    return {
        "row": replace(row, buttons=allowed),
        "age": duration(now - row.since),
        "departs": countdown(row.departs_at, now),
        "due": countdown(row.due_at, now),
        "is_late": row.due_at is not None and row.due_at < now,
    }


def work_on_case(request: HttpRequest, case_id: int, verb: str) -> HttpResponse:
    """Take a case on, let go of it, write a note on it, or close it; say it in the audit log, and go back."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    if not request.user.has_perm(MAY_WORK):
        raise PermissionDenied("You may not do that.")
    if not Case.objects.filter(pk=case_id).exists():
        raise Http404
    by, now, text = request.user.get_username(), timezone.now(), _text(request)
    deeds: dict[str, tuple[str, Callable[[], Case]]] = {
        "take": (
            "took case",
            partial(take_case, case_id=case_id, by=by, holder_seen=request.POST.get("holder", ""), now=now),
        ),
        "release": ("released case", partial(release_case, case_id=case_id, by=by, now=now)),
        "note": ("noted on case", partial(note_on_case, case_id=case_id, by=by, text=text, now=now)),
        "close": ("closed case", partial(close_case_for_reason, case_id=case_id, by=by, reason=text, now=now)),
    }
    if verb not in deeds:
        raise Http404
    action, deed = deeds[verb]
    try:
        with database.atomic():
            case = deed()
            # Not what was written: that can be erased with the guest, and this entry cannot.
            record(actor=by, action=action, subject=case, detail=case.payment.reference, request=request)
    except PaymentError as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, f"{case.payment.reference}: {action}.")
    return _back(request)


def dismiss(request: HttpRequest, duplicate_id: int) -> HttpResponse:
    """Put a probable duplicate aside, say it in the audit log, and go back."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    if not request.user.has_perm(MAY_DISMISS):
        raise PermissionDenied("You may not do that.")
    by, reason = request.user.get_username(), _text(request)
    try:
        with database.atomic():
            duplicate = dismiss_duplicate(duplicate_id=duplicate_id, by=by, reason=reason, now=timezone.now())
            record(actor=by, action="dismissed duplicate", subject=duplicate, request=request)
    except ProbableDuplicate.DoesNotExist:
        raise Http404 from None
    except (AlreadyDismissed, NothingWritten) as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, "Put aside.")
    return _back(request)


def _text(request: HttpRequest) -> str:
    """Return what was written; PostgreSQL keeps no text with a NUL in it."""
    return request.POST.get("text", "").replace("\x00", "")


def _back(request: HttpRequest) -> HttpResponse:
    """Go back to the page of a queue that the person came from, and nowhere else."""
    queues, wanted = reverse("admin:backoffice_queues"), request.POST.get("back", "")
    is_ours = wanted.startswith(queues) and url_has_allowed_host_and_scheme(wanted, allowed_hosts=None)
    return HttpResponseRedirect(wanted if is_ours else queues)

"""The pages of the books: figures and charts, months, and closing one."""

from datetime import date, datetime
from typing import Any

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import Min
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from backoffice.audit import record
from backoffice.books.closing import total_lines, what_is_open, what_it_moved
from backoffice.books.figures import books_of, open_by_age
from backoffice.errors import BackofficeError, StaleWish
from backoffice.modes import environments_of
from backoffice.services.pressing import make_wish, press_once, read_wish, sign
from gateways.models import Environment
from money import Money
from payments.admin.buttons import faults_as_messages
from payments.models import ClosedPeriod, Posting
from payments.services.periods import close_month, month_after, month_of, next_to_close
from reconciliation.models import SettlementSource
from reconciliation.selectors import latest_drift_readings
from reconciliation.services.drift import PARTS

MAY_SEE = "reconciliation.view_settlementbatch"
MAY_SEE_MONTHS = "payments.view_closedperiod"
MAY_CLOSE = "payments.close_period"
MAY_READ_DRIFT = "reconciliation.work_discrepancies"
_ACTION = "close-month"


def show_books(site: AdminSite, request: HttpRequest) -> HttpResponse:
    """Show what was taken, settled and is outstanding, and what is open by age."""
    _refuse_without(request, MAY_SEE)
    environment, other = environments_of(request)
    now = timezone.now()
    context = {
        **site.each_context(request),
        "title": "Books",
        "is_live": environment == Environment.LIVE,
        "other": other,
        "books": books_of(environment=environment, now=now),
        "ages": open_by_age(environment=environment, now=now),
    }
    return TemplateResponse(request, "admin/backoffice/books/books.html", context)


def show_drift(site: AdminSite, request: HttpRequest) -> HttpResponse:
    """Show what each account holds by the ledger, and what explains it, part by part."""
    _refuse_without(request, MAY_SEE)
    context = {
        **site.each_context(request),
        "title": "Drift",
        "readings": [
            {
                "reading": reading,
                "balance": str(Money(reading.balance_minor, reading.currency)),
                "unexplained": str(Money(reading.unexplained_minor, reading.currency)),
                "parts": [
                    (words, str(Money(reading.parts[name], reading.currency)))
                    for name, words in PARTS.items()
                    if name in reading.parts
                ],
            }
            for reading in latest_drift_readings()
        ],
        "unread": SettlementSource.objects.filter(account__isnull=False, drift_readings__isnull=True).order_by("slug"),
        "may_read": request.user.has_perm(MAY_READ_DRIFT),
    }
    return TemplateResponse(request, "admin/backoffice/books/drift.html", context)


def show_months(site: AdminSite, request: HttpRequest) -> HttpResponse:
    """Show the months in which something was posted, newest first: open or closed, by whom, with what they moved."""
    _refuse_without(request, MAY_SEE_MONTHS)
    now = timezone.now()
    context = {
        **site.each_context(request),
        "title": "Months of the books",
        "months": _months(now),
        "next": next_to_close(now=now),
        "may_close": request.user.has_perm(MAY_CLOSE),
    }
    return TemplateResponse(request, "admin/backoffice/books/months.html", context)


def _months(now: datetime) -> list[dict[str, Any]]:
    closings = list(ClosedPeriod.objects.order_by("month", "id"))
    first = Posting.objects.aggregate(first=Min("counts_at"))["first"]
    starts = [month_of(first)] if first is not None else []
    starts += [closing.month for closing in closings]
    if not starts:
        return []
    months, month, last = [], min(starts), month_of(now)
    while month <= last:
        of_month = [closing for closing in closings if closing.month == month]
        standing = next((closing for closing in of_month if closing.reopened_at is None), None)
        months.append(
            {
                "month": month,
                "closing": standing,
                "reopened": [closing for closing in of_month if closing.reopened_at is not None],
                "totals": total_lines(standing.totals) if standing is not None else [],
                "is_over": month < last,
            }
        )
        month = month_after(month)
    return months[::-1]


def close(site: AdminSite, request: HttpRequest, month: str) -> HttpResponse:
    """Show what closing a month would seal and what is open in it, and close it once it is confirmed."""
    _refuse_without(request, MAY_CLOSE)
    try:
        wanted = date.fromisoformat(f"{month}-01")
    except ValueError:
        raise Http404 from None
    assert isinstance(request.user, User)
    if request.method == "POST":
        return _close(request, request.user.get_username(), wanted)
    if next_to_close(now=timezone.now()) != wanted:
        messages.error(request, f"{month} is not the month that can be closed now.")
        return HttpResponseRedirect(reverse("admin:books_months"))
    moved = what_it_moved(wanted)
    wish = make_wish(
        action=_ACTION,
        subject=_subject(wanted),
        person=request.user.get_username(),
        entered={},
        seen=month,
        words=f"Close {month}.",
    )
    context = {
        **site.each_context(request),
        "title": f"Close {month}",
        "month": month,
        "moved": moved,
        "open": list(what_is_open(wanted)),
        "token": sign(wish),
    }
    return TemplateResponse(request, "admin/backoffice/books/close.html", context)


def _close(request: HttpRequest, person: str, month: date) -> HttpResponse:
    subject, closing = _subject(month), None
    with faults_as_messages(request, also=(BackofficeError,)) as refused:
        wish = read_wish(request.POST.get("wish", ""), action=_ACTION, subject=subject, person=person)
        if wish.seen != f"{month:%Y-%m}":
            raise StaleWish("The confirmation belongs to another page; nothing was done.")
        now = timezone.now()
        press_once(wish, subject=subject, now=now)
        closing = close_month(month=month, by=person, now=now)
        messages.success(request, f"{closing} is closed.")
    what = (
        "closed month" if closing is not None else "may have closed month" if refused.is_unsure else "not closed month"
    )
    record(
        actor=person,
        action=what,
        subject=closing,
        detail=" ".join([f"{month:%Y-%m}.", *refused]),
        request=request,
    )
    return HttpResponseRedirect(reverse("admin:books_months"))


def _subject(month: date) -> ClosedPeriod:
    """Return what stands for a month that has no row yet."""
    return ClosedPeriod(month=month)


def _refuse_without(request: HttpRequest, permission: str) -> None:
    if not request.user.has_perm(permission):
        raise PermissionDenied("You may not do that.")

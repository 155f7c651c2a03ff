"""The pages of a guest's personal data: look up, download, erase."""

import json
from collections.abc import Callable

from django import forms
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.core.serializers.json import DjangoJSONEncoder
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from unfold.widgets import UnfoldAdminTextInputWidget

from backoffice.audit import record
from backoffice.services.personal_data import (
    Standing,
    StillNeeded,
    erase_guest,
    personal_data_of,
    standing_of_guest,
)
from bookings.staff_text import MaskedForm

EXPORT, ERASE = "backoffice.export_personal_data", "backoffice.erase_personal_data"


class GuestForm(MaskedForm, forms.Form):
    """Ask of whom."""

    guest = forms.CharField(
        max_length=254,
        widget=UnfoldAdminTextInputWidget(attrs={"autofocus": ""}),
        help_text="An e-mail address, an order's reference (OR-…), or a customer's number.",
    )


def guest_urls(site: AdminSite) -> list[URLPattern]:
    """Return the addresses of the pages, below the site's own."""

    def page(view: Callable[[AdminSite, HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
        return never_cache(site.admin_view(lambda request: view(site, request)))

    return [
        path("personal-data/", page(_look_up), name="personal_data"),
        path("personal-data/export/", page(_export), name="personal_data_export"),
        path("personal-data/erase/", page(_erase), name="personal_data_erase"),
    ]


def _look_up(site: AdminSite, request: HttpRequest) -> HttpResponse:
    """Show of whom something is held, what would go and what would stay. By POST: no address or log names a guest."""
    if not (request.user.has_perm(EXPORT) or request.user.has_perm(ERASE)):
        raise PermissionDenied("You may not do that.")
    form = GuestForm(request.POST or None)
    standing = None
    if request.method == "POST" and form.is_valid():
        standing = standing_of_guest(form.cleaned_data["guest"], now=timezone.now())
        if standing is None:
            form.add_error("guest", "Nothing is held of this guest, or no longer.")
    context = {
        **site.each_context(request),
        "title": "Personal data of a guest",
        "form": form,
        "standing": standing,
        "may_export": request.user.has_perm(EXPORT),
        "may_erase": request.user.has_perm(ERASE),
    }
    return TemplateResponse(request, "admin/personal_data.html", context)


def _export(_site: AdminSite, request: HttpRequest) -> HttpResponse:
    """Answer with everything that is held, as one file."""
    standing = _wanted(request, EXPORT)
    if standing is None:
        return _nothing(request)
    _keep(request, "exported personal data", standing)
    file = json.dumps(personal_data_of(standing.guest), cls=DjangoJSONEncoder, indent=2, ensure_ascii=False)
    return HttpResponse(
        file,
        content_type="application/json; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="personal-data-{timezone.now():%Y-%m-%d}.json"'},
    )


def _erase(_site: AdminSite, request: HttpRequest) -> HttpResponse:
    """Erase what was confirmed, unless something of it is still needed."""
    standing = _wanted(request, ERASE)
    if standing is None:
        return _nothing(request)
    if "confirmed" not in request.POST:
        messages.error(request, "Nothing was erased: tick that it cannot be undone.")
        return HttpResponseRedirect(reverse("admin:personal_data"))
    try:
        erased = erase_guest(standing.guest, requested_by=request.user.get_username(), now=timezone.now())
    except StillNeeded as refusal:
        messages.error(request, f"Nothing was erased. {refusal}")
    else:
        _keep(request, "erased personal data", standing)
        told = ", ".join(f"{kind} {count}" for kind, count in erased.items() if count)
        messages.success(request, f"Erased: {told}. The books are as they were.")
    return HttpResponseRedirect(reverse("admin:personal_data"))


def _wanted(request: HttpRequest, permission: str) -> Standing | None:
    """Return the guest that a button was pressed for.

    :raises PermissionDenied: the person may not press it.
    """
    if not request.user.has_perm(permission):
        raise PermissionDenied("You may not do that.")
    form = GuestForm(request.POST)
    return standing_of_guest(form.cleaned_data["guest"], now=timezone.now()) if form.is_valid() else None


def _nothing(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    messages.info(request, "Nothing is held of this guest, or no longer.")
    return HttpResponseRedirect(reverse("admin:personal_data"))


def _keep(request: HttpRequest, action: str, standing: Standing) -> None:
    """Keep who did it and of which orders; never of whom."""
    detail = f"orders {', '.join(standing.orders) or 'none'}"
    record(actor=request.user.get_username(), action=action, subject=None, detail=detail, request=request)

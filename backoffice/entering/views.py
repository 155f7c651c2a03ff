"""The pages of the second factor: enter it, set it up, get new recovery codes, take it away."""

from collections.abc import Callable
from typing import Any, cast

import segno
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect

from backoffice.audit import record
from backoffice.entering import second_factor
from backoffice.entering.forms import TOO_MANY, CodeForm
from backoffice.entering.lockout import is_locked, note_entry, note_failure

_WRONG = "That code is not right, or was used before. Wait for the next one."


def second_factor_urls(site: AdminSite) -> list[URLPattern]:
    """Return the addresses of the pages, below the site's own."""
    return [
        path("second-factor/", _for_staff(site, _enter), name="second_factor"),
        path("second-factor/set-up/", _for_staff(site, _set_up), name="second_factor_set_up"),
        path("second-factor/recovery-codes/", _for_staff(site, _new_codes), name="second_factor_codes"),
        path("second-factor/remove/", _for_staff(site, _remove), name="second_factor_remove"),
    ]


def second_factor_url(request: HttpRequest) -> str:
    """Return where somebody who gave a password goes on, and what they wanted."""
    wanted = request.GET.get("next") or request.POST.get("next") or ""
    page = reverse("admin:second_factor")
    return f"{page}?{urlencode({'next': wanted})}" if _is_ours(request, wanted) else page


_Page = Callable[[AdminSite, HttpRequest], HttpResponse]


def _for_staff(site: AdminSite, page: _Page) -> Callable[[HttpRequest], HttpResponse]:
    """Return a view for staff who gave their password; what it does beyond that, it checks itself."""

    @never_cache
    @csrf_protect
    def view(request: HttpRequest) -> HttpResponse:
        if not (request.user.is_active and request.user.is_staff):
            return HttpResponseRedirect(reverse("admin:login"))
        return page(site, request)

    return view


def _enter(site: AdminSite, request: HttpRequest) -> HttpResponse:
    """Ask for a code; show somebody who has given one how things stand."""
    if not second_factor.is_waited_for(request):
        return _show_standing(site, request)
    if not second_factor.has_app(request.user):
        return HttpResponseRedirect(reverse("admin:second_factor_set_up"))
    form = CodeForm(request.POST or None)
    username = request.user.get_username()
    if request.method == "POST" and form.is_valid():
        if is_locked(username, request):
            form.add_error(None, TOO_MANY)
        elif (device := second_factor.verify(request.user, form.cleaned_data["code"])) is None:
            note_failure(username, request, detail="second factor")
            form.add_error("code", _WRONG)
        else:
            second_factor.mark_session(request, device)
            note_entry(username, request, detail=f"with second factor: {device.name}")
            return HttpResponseRedirect(_wanted(request))
    context = {**site.each_context(request), "title": "Second factor", "form": form}
    return TemplateResponse(request, "admin/second_factor/enter.html", context)


def _set_up(site: AdminSite, request: HttpRequest) -> HttpResponse:
    """Show the secret of a new app, and confirm it by a code; one that is there is replaced only by who has it."""
    if second_factor.is_waited_for(request) and second_factor.has_app(request.user):
        return HttpResponseRedirect(reverse("admin:second_factor"))
    device = second_factor.begin_set_up(request.user)
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        finished = second_factor.finish_set_up(request.user, "".join(form.cleaned_data["code"].split()))
        if finished is not None:
            return _confirmed(site, request, *finished)
        form.add_error("code", _WRONG)
    context = {
        **site.each_context(request),
        "title": "Set up your second factor",
        "form": form,
        "secret": second_factor.secret_of(device),
        "picture": segno.make(device.config_url, micro=False).svg_data_uri(scale=4, light="#fff"),
    }
    return TemplateResponse(request, "admin/second_factor/set_up.html", context)


def _confirmed(site: AdminSite, request: HttpRequest, device: Any, codes: list[str]) -> HttpResponse:
    was_waited_for = second_factor.is_waited_for(request)
    second_factor.mark_session(request, device)
    username = request.user.get_username()
    record(actor=username, action="set up second factor", subject=_person(request), request=request)
    if was_waited_for:
        note_entry(username, request, detail="with second factor: set up")
    return _show_codes(site, request, codes)


def _new_codes(site: AdminSite, request: HttpRequest) -> HttpResponse:
    """Make new recovery codes for somebody who has a second factor and gave it."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    if getattr(request.user, "otp_device", None) is None:
        raise PermissionDenied("Give your second factor first.")
    codes = second_factor.make_recovery_codes(request.user)
    record(actor=request.user.get_username(), action="made recovery codes", subject=_person(request), request=request)
    return _show_codes(site, request, codes)


def _remove(_site: AdminSite, request: HttpRequest) -> HttpResponse:
    """Take the second factor away, where nobody needs one."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    if second_factor.is_required() or getattr(request.user, "otp_device", None) is None:
        raise PermissionDenied("A second factor is required.")
    second_factor.remove(request.user)
    second_factor.forget_in_session(request)
    record(actor=request.user.get_username(), action="removed second factor", subject=_person(request), request=request)
    messages.success(request, "Your second factor is removed.")
    return HttpResponseRedirect(reverse("admin:index"))


def _show_standing(site: AdminSite, request: HttpRequest) -> HttpResponse:
    context = {
        **site.each_context(request),
        "title": "Second factor",
        "has_app": second_factor.has_app(request.user),
        "codes_left": second_factor.recovery_codes_left(request.user),
        "is_required": second_factor.is_required(),
    }
    return TemplateResponse(request, "admin/second_factor/standing.html", context)


def _show_codes(site: AdminSite, request: HttpRequest, codes: list[str]) -> HttpResponse:
    """Show recovery codes in this answer and nowhere else."""
    context = {**site.each_context(request), "title": "Your recovery codes", "codes": codes}
    return TemplateResponse(request, "admin/second_factor/codes.html", context)


def _person(request: HttpRequest) -> User:
    """Return who is logged in; `_for_staff` let nobody else so far."""
    return cast(User, request.user)


def _wanted(request: HttpRequest) -> str:
    wanted = request.GET.get("next", "")
    return wanted if _is_ours(request, wanted) else reverse("admin:index")


def _is_ours(request: HttpRequest, address: str) -> bool:
    return bool(address) and url_has_allowed_host_and_scheme(
        address, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )

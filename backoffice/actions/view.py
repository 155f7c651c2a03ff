"""The one page of all actions: it asks, shows what would happen, and does it once."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from api.callbacks.errors import CallbackError
from backoffice.actions import ACTIONS
from backoffice.actions.action import Action, Done, Preview, Standing
from backoffice.audit import record
from backoffice.errors import BackofficeError, StaleWish
from backoffice.services.pressing import Wish, make_wish, press_once, read_wish, sign
from bookings.staff_text import tell_what_was_masked
from payments.admin.buttons import Said, faults_as_messages
from payments.admin.columns import page_of
from reconciliation.errors import ReconciliationError

_REFUSALS = (BackofficeError, CallbackError, ReconciliationError)


@never_cache
@require_http_methods(["GET", "POST"])
def do(request: HttpRequest, name: str, row_id: str) -> HttpResponse:
    """Ask for what an action needs, show what it would do, and do what is confirmed."""
    action = ACTIONS.get(name)
    if action is None:
        raise Http404
    assert isinstance(request.user, User)
    if not request.user.has_perm(action.permission):
        raise PermissionDenied("You may not do that.")
    row = _row(action, row_id)
    if request.method == "POST" and "wish" in request.POST:
        return _confirmed(request, request.user, action, row)
    return _asked(request, request.user, action, row)


def _row(action: Action[Any], row_id: str) -> Model:
    try:
        row = action.rows().filter(pk=row_id).first()
    except (ValidationError, ValueError):
        row = None
    if row is None:
        raise Http404
    return row


def _asked(request: HttpRequest, person: User, action: Action[Any], row: Model) -> HttpResponse:
    """Show the form or, once it is filled in, what would happen."""
    if not action.makes_sense(row, Standing(row)):
        messages.error(request, "There is nothing to do that with any more. Look at what happened.")
        return HttpResponseRedirect(page_of(row))
    form = action.form(row, request.POST if request.method == "POST" else None)
    if not form.fields:
        form = action.form(row, {})
    preview: Preview | None = None
    token = ""
    if form.is_valid():
        tell_what_was_masked(request, [form])
        # What was seen is read before what is shown: whatever happens in between is noticed.
        seen = action.seen(row)
        with faults_as_messages(request, also=_REFUSALS):
            preview = action.preview(row, form.cleaned_data, person)
            wish = make_wish(
                action=action.name,
                subject=row,
                person=person.get_username(),
                entered={**form.cleaned_data, **preview.also},
                seen=seen,
                words=f"{preview.question.removesuffix('?')}.",
            )
            token = sign(wish)
        if preview is None and not form.fields:
            return HttpResponseRedirect(page_of(row))
    context = {
        **admin.site.each_context(request),
        "title": action.label.removesuffix(" …"),
        "action": action,
        "original": row,
        "page": page_of(row),
        "form": form,
        "preview": preview,
        "token": token,
    }
    return TemplateResponse(request, "admin/backoffice/action.html", context)


def _confirmed(request: HttpRequest, person: User, action: Action[Any], row: Model) -> HttpResponse:
    """Do what was confirmed, once, and keep in the audit log what came of it."""
    done = Done(told=())
    asked = reason = ""
    with faults_as_messages(request, also=_REFUSALS) as refused:
        wish = read_wish(request.POST["wish"], action=action.name, subject=row, person=person.get_username())
        asked, reason = wish.words, wish.entered.get("reason", "")
        press_once(wish, subject=row, now=timezone.now())
        if _is_stale(action, row, wish):
            raise StaleWish("Something happened since you looked at it; nothing was done. Look again.")
        done = action.carry_out(row, wish.entered, person, wish.seen)
    for told in done.told:
        (messages.success if told.is_well else messages.warning)(request, told.sentence)
    words = [asked, *(told.sentence for told in done.told), *refused]
    record(
        actor=person.get_username(),
        action=_logged_as(done.logged_as or action.done, refused),
        subject=action.subject(row),
        detail=" ".join(filter(None, words)),
        reason=reason,
        request=request,
    )
    return HttpResponseRedirect(page_of(done.leads_to or row))


def _logged_as(done: str, refused: Said) -> str:
    """Return how the audit log calls what came of an action: after a fault of ours nobody knows."""
    if not refused:
        return done
    return f"may have {done}" if refused.is_unsure else f"not {done}"


def _is_stale(action: Action[Any], row: Model, wish: Wish) -> bool:
    """Say whether something happened since the person looked; services that move money look again, locked."""
    return action.seen(row) != wish.seen

"""What holds for every admin of our site, whichever app it is from: the site puts it in front of each."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.admin.views.main import SEARCH_VAR
from django.core.exceptions import FieldDoesNotExist, PermissionDenied
from django.db import models
from django.forms import BaseForm
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from backoffice.audit import MAY_READ_AUDIT, record
from backoffice.finding.typed import CARD_NUMBER
from bookings.staff_text import MaskedForm, tell_what_was_masked
from payments.finding.terms import without_card_number

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Any]
else:
    _ModelAdmin = object

# Whoever looks at one of these is in the audit log.
_LOOKS_ARE_KEPT = {"payments.reusablecard": "viewed card"}
# Lists that find a card by its last four digits, and keep nothing of that themselves.
_FIND_CARDS = frozenset({"payments.reusablecard", "payments.cardconsent"})
_LAST_FOUR = re.compile(r"\s*\d{4}\s*")


class GuardedAdmin(_ModelAdmin):
    """Let no card number in, answer 403 to what somebody may not do, and keep who looked at cards."""

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Return the form, with card numbers masked in what it takes."""
        return masked(super().get_form(request, obj, change=change, **kwargs))

    def get_formsets_with_inlines(self, request: HttpRequest, obj: Any = None) -> Iterator[Any]:
        """Yield the formsets of the rows below, masked as the form is."""
        for formset, inline in super().get_formsets_with_inlines(request, obj):
            formset.form = masked(formset.form)
            yield formset, inline

    def save_form(self, request: HttpRequest, form: Any, change: bool) -> Any:
        """Say what was masked in it."""
        tell_what_was_masked(request, [form])
        return super().save_form(request, form, change)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Say what was masked in the rows below."""
        tell_what_was_masked(request, formset.forms)
        super().save_formset(request, form, formset, change)

    def lookup_allowed(  # type: ignore[override]  # the request is always given since Django 5.1
        self, lookup: str, value: str, request: HttpRequest
    ) -> bool:
        """Filter by no text that the list does not offer as a filter.

        Django lets whoever writes an address filter by any column: guests and cards would be looked for past the audit
        log, and digests guessed sign by sign. What is searched is looked for by the search.
        """
        name = lookup.partition("__")[0]
        is_offered = name in {_name_of_filter(each) for each in self.get_list_filter(request)}
        return (is_offered or not _is_text(self.opts, name)) and super().lookup_allowed(lookup, value, request)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Search for no card number, and refuse a list action that the person may not use, which Django would leave out
        without a word.

        :raises PermissionDenied: nothing was done.
        """
        term = request.GET.get(SEARCH_VAR, "")
        if (safe := without_card_number(term)) != term:
            messages.warning(request, CARD_NUMBER)
            chosen = request.GET.copy()
            chosen[SEARCH_VAR] = safe
            return HttpResponseRedirect(f"{request.path}?{chosen.urlencode()}")
        wanted = set(request.POST.getlist("action")) - {""}
        if wanted - self.get_actions(request).keys():
            raise PermissionDenied("You may not do that.")
        response = super().changelist_view(request, extra_context)
        if self.opts.label_lower in _FIND_CARDS and response.status_code == 200 and _LAST_FOUR.fullmatch(term):
            record(
                actor=request.user.get_username(),
                action="searched by last four digits",
                subject=None,
                detail=f"{self.opts.verbose_name_plural}: {term.strip()}",
                request=request,
            )
        return response

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show a row's page; of some kinds it is kept who looked."""
        response = super().changeform_view(request, object_id, form_url, extra_context)
        action = _LOOKS_ARE_KEPT.get(self.opts.label_lower)
        if action and object_id is not None and response.status_code == 200:
            looked_at = self.get_object(request, object_id)
            record(actor=request.user.get_username(), action=action, subject=looked_at, request=request)
        return response

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Lead to the audit log of a row, which knows more than the admin's own log.

        :raises PermissionDenied: the person may not read it.
        """
        row = self.get_object(request, unquote(object_id))
        if row is None:
            raise Http404
        if not (self.has_view_permission(request, row) and request.user.has_perm(MAY_READ_AUDIT)):
            raise PermissionDenied("You may not read the audit log.")
        about = {SEARCH_VAR: row.pk, "subject_kind": self.opts.label_lower}
        return HttpResponseRedirect(f"{reverse('admin:backoffice_auditentry_changelist')}?{urlencode(about)}")


def _name_of_filter(listed: Any) -> str:
    """Return the column, or the parameter, of one entry of `list_filter`."""
    first = listed[0] if isinstance(listed, list | tuple) else listed
    return str(getattr(first, "parameter_name", first))


def _is_text(options: Any, name: str) -> bool:
    try:
        column = options.get_field(name)
    except FieldDoesNotExist:
        return False
    return isinstance(column, models.CharField | models.TextField | models.BinaryField | models.JSONField)


def guarded(admin_class: type[Any]) -> type[Any]:
    """Return an admin class behind the guard."""
    if issubclass(admin_class, GuardedAdmin):
        return admin_class
    return type(admin_class.__name__, (GuardedAdmin, admin_class), {"__module__": admin_class.__module__})


def masked(form: type[BaseForm]) -> Any:
    """Return a form class whose texts are masked."""
    metaclass: Any = type(form)
    return form if issubclass(form, MaskedForm) else metaclass(form.__name__, (MaskedForm, form), {})

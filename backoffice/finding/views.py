"""The pages of the search box."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from backoffice.audit import record
from backoffice.finding.answers import HEADERS, Answer, answers_to, only_place
from backoffice.finding.lookups import ALL_LOOKUPS, BY_NAME
from backoffice.finding.typed import safe_term
from payments.finding.search import Group, Place, find, find_by
from payments.finding.terms import Sought, read

_OF_EACH = 8
_ON_A_PAGE = 40
_PERMISSION = "payments.view_payment"


def find_view(site: AdminSite, request: HttpRequest) -> HttpResponse:
    """Answer a search; what a form posts is made safe first, so that it may stand in the address of the answer."""
    if not request.user.has_perm(_PERMISSION):
        raise PermissionDenied("You may not look for payments.")
    typed = request.POST.get("q", "") if request.method == "POST" else request.GET.get("q", "")
    term, warning = safe_term(typed)
    if warning:
        messages.warning(request, warning)
    if request.method == "POST" or term != typed:
        return HttpResponseRedirect(f"{reverse('admin:find')}?{urlencode({'q': term})}")
    sought = read(term)
    lookup = BY_NAME.get(request.GET.get("in", ""))
    groups: list[Group] = []
    if sought is not None and lookup is not None:
        groups = [find_by(sought, lookup, most=_ON_A_PAGE, place=_place(request))]
    elif sought is not None:
        groups = find(sought, most=_OF_EACH, lookups=ALL_LOOKUPS)
        if there := only_place(groups):
            return HttpResponseRedirect(there)
    answers = answers_to(groups)
    _record(request, groups)
    context: dict[str, Any] = {
        **site.each_context(request),
        "title": "Find",
        "term": term,
        "groups": [_shown(term, group, answers[group.lookup.name]) for group in groups if group.hits],
        "everything": urlencode({"q": term}),
        "is_one_group": lookup is not None,
        "was_read": _in_words(sought),
    }
    return TemplateResponse(request, "admin/find/results.html", context)


def _place(request: HttpRequest) -> Place | None:
    if "newer" in request.GET:
        return Place.read(request.GET["newer"], is_backwards=True)
    return Place.read(request.GET.get("older", ""), is_backwards=False)


def _shown(term: str, group: Group, answers: list[Answer]) -> dict[str, Any]:
    """Return a group as the page shows it; the addresses of newer and older hits are empty where there are none."""
    here = {"q": term, "in": group.lookup.name}
    return {
        "label": group.lookup.label,
        "table": {"headers": HEADERS, "rows": [answer.cells for answer in answers]},
        "newer": urlencode({**here, "newer": group.first}) if group.has_newer else "",
        "older": urlencode({**here, "older": group.last}) if group.has_older else "",
    }


def _record(request: HttpRequest, groups: list[Group]) -> None:
    """Keep that somebody found orders by a guest's data or card, and which; what was typed is not kept."""
    personal = [group for group in groups if group.lookup.is_personal and group.hits]
    if not personal:
        return
    found = "; ".join(
        f"{group.lookup.label}: orders {', '.join(sorted({str(hit.order_id) for hit in group.hits}))}"
        for group in personal
    )
    record(
        actor=request.user.get_username(),
        action="found by a guest's data or card",
        subject=None,
        detail=found,
        request=request,
    )


def _in_words(sought: Sought | None) -> str:
    """Say how the search was read, where several things were typed."""
    if sought is None or len(sought.terms) < 2:
        return ""
    return " and ".join(f"{term.kind} “{term.text}”" for term in sought.terms)

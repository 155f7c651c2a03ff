"""The theme's command palette: it shows what the search box finds, and where lists are.

The theme's own view takes what is typed from the address and keeps what it found in the cache for minutes. Ours is
asked by POST, and keeps nothing: what staff type is a guest's name, or a card number pasted by mistake.
"""

from typing import Any
from urllib.parse import urlencode

from django.contrib.admin import AdminSite
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.dataclasses import SearchResult

from backoffice.finding.typed import safe_term
from payments.finding.terms import read

_MOST_LISTS = 20


def palette_view(site: AdminSite, request: HttpRequest) -> HttpResponse:
    """Answer with the lists that are called so, and with the way to what the search box finds."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    term, _ = safe_term(request.POST.get("s", ""))
    results = _lists(site, request, term) if term else []
    if read(term) is not None and request.user.has_perm("payments.view_payment"):
        there = f"{reverse('admin:find')}?{urlencode({'q': term})}"
        results.insert(
            0, SearchResult(title=term, description="Find payments, orders and guests", link=there, icon="search")
        )
    page = Paginator(results, _MOST_LISTS).page(1)
    context: dict[str, Any] = {
        "page_obj": page.paginator,
        "results": page,
        "page_counter": 0,
        "execution_time": 0,
        "command_show_history": False,
    }
    template = (
        "unfold/helpers/command_results.html" if "extended" in request.GET else "unfold/helpers/search_results.html"
    )
    return TemplateResponse(request, template, context, headers={"HX-Trigger": "search"})


def _lists(site: AdminSite, request: HttpRequest, term: str) -> list[SearchResult]:
    return [
        SearchResult(title=model["name"], description=app["name"], link=model["admin_url"], icon="tag")
        for app in site.get_app_list(request)
        for model in app["models"]
        if term.lower() in str(model["name"]).lower() and model["admin_url"]
    ][:_MOST_LISTS]

"""What staff see where an address leads nowhere or cannot be read; everybody else gets Django's own bare page."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import add_never_cache_headers
from django.views import defaults


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 400, and repeat nothing of what was asked."""
    if _is_at_work(request):
        return _page(request, "admin/400.html", "That cannot be read", 400)
    return defaults.bad_request(request, exception)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 404, and say nothing of what is there for others."""
    if _is_at_work(request):
        return _page(request, "admin/404.html", "There is no such page", 404)
    return defaults.page_not_found(request, exception)


def _is_at_work(request: HttpRequest) -> bool:
    """Say whether somebody who works here asked for a page of the back office.

    What is refused before anybody is signed in, such as a host that is not ours, comes from nobody.
    """
    return (
        request.path.startswith(reverse("admin:index"))
        and hasattr(request, "user")
        and admin.site.has_permission(request)
    )


def _page(request: HttpRequest, template: str, title: str, status: int) -> HttpResponse:
    response = render(request, template, {**admin.site.each_context(request), "title": title}, status=status)
    add_never_cache_headers(response)
    return response

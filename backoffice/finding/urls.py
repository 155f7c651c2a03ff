from functools import partial

from django.contrib.admin import AdminSite
from django.urls import URLPattern, path

from backoffice.finding.palette import palette_view
from backoffice.finding.views import find_view


def find_urls(site: AdminSite) -> list[URLPattern]:
    """Return the addresses of the search box; `search` is the theme's own, and asked by POST alone."""
    return [
        path("find/", site.admin_view(partial(find_view, site)), name="find"),
        path("search/", site.admin_view(partial(palette_view, site)), name="search"),
    ]

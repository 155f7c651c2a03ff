from typing import Any

from django.http import HttpRequest
from django.template.response import TemplateResponse
from unfold.sites import UnfoldAdminSite

from backoffice.home import home_context


class BackofficeSite(UnfoldAdminSite):
    """Be the one admin site; its look is in `config.settings.backoffice`."""

    index_title = "What staff look after"
    index_template = "backoffice/home.html"
    site_url = None  # there is no page at /

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """Show the home page: search, what waits, what was taken."""
        return super().index(request, {**home_context(request), **(extra_context or {})})

from typing import Any

from django.apps import apps
from django.contrib.admin.exceptions import NotRegistered
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, path

from backoffice.entering.site import GuardedSite
from backoffice.guests import guest_urls


class BackofficeSite(GuardedSite):
    """Be the one admin site; its look is in `config.settings.backoffice`."""

    index_title = "What staff look after"
    index_template = "backoffice/home.html"
    site_url = None  # there is no page at /

    def get_urls(self) -> list[URLPattern | URLResolver]:
        """Add the pages that belong to no single model."""
        csv = path("<slug:app_label>/<slug:model_name>/csv/", self.admin_view(self.csv_view), name="csv")
        # What actions stand on registers its pages with this site, so that it has to be there before.
        from backoffice.actions.view import do
        from backoffice.books.urls import books_urls
        from backoffice.finding.urls import find_urls
        from backoffice.queues.urls import queue_urls

        action = path("do/<slug:name>/<str:row_id>/", self.admin_view(do), name="do")
        return [
            csv,
            action,
            *find_urls(self),
            *queue_urls(self),
            *books_urls(self),
            *guest_urls(self),
            *super().get_urls(),
        ]

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """Show the home page: search, what waits, what was taken."""
        # Not at the top, for the reason below.
        from backoffice.home import home_context

        return super().index(request, {**home_context(request), **(extra_context or {})})

    def csv_view(self, request: HttpRequest, app_label: str, model_name: str) -> HttpResponseBase:
        """Answer with a list as a file; here, so that no list lacks it."""
        # Not at the top: admins are registered at the site, and so cannot be loaded before it.
        from backoffice.downloads import list_as_csv

        try:
            model_admin = self.get_model_admin(apps.get_model(app_label, model_name))
        except (LookupError, NotRegistered):
            raise Http404 from None
        try:
            return list_as_csv(request, model_admin)
        except IncorrectLookupParameters:
            raise BadRequest("The list has no such filter.") from None

from django.urls import URLPattern, URLResolver
from unfold.sites import UnfoldAdminSite


class BackofficeSite(UnfoldAdminSite):
    """Be the one admin site; its look is in `config.settings.backoffice`."""

    index_title = "What staff look after"
    site_url = None  # there is no page at /

    def get_urls(self) -> list[URLPattern | URLResolver]:
        """Add the pages that belong to no single model."""
        from backoffice.finding.urls import find_urls  # models are not ready when the site is made

        return [*find_urls(self), *super().get_urls()]

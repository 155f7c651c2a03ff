from django.urls import URLPattern, path
from unfold.sites import UnfoldAdminSite


class BackofficeSite(UnfoldAdminSite):
    """Be the one admin site; its look is in `config.settings.backoffice`."""

    index_title = "What staff look after"
    site_url = None  # there is no page at /

    def extra_urls(self) -> list[URLPattern]:
        """Add the one address of all actions."""
        # What they stand on registers its pages with this site, so that it has to be there before.
        from backoffice.actions.view import do

        return [path("do/<slug:name>/<str:row_id>/", self.admin_view(do), name="do")]

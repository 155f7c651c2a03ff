from unfold.sites import UnfoldAdminSite


class BackofficeSite(UnfoldAdminSite):
    """Be the one admin site; its look is in `config.settings.backoffice`."""

    index_title = "What staff look after"
    site_url = None  # there is no page at /

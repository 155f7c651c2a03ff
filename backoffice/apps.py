from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class BackofficeConfig(AppConfig):
    """Be what staff work with: above every other app, and called by none."""

    name = "backoffice"

    def ready(self) -> None:
        """Add to the pages of other apps what they cannot know of."""
        from backoffice.contributions import contribute

        contribute()


class BackofficeAdminConfig(AdminConfig):
    """Have every app's admin registered on our site."""

    default_site = "backoffice.site.BackofficeSite"

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class BackofficeConfig(AppConfig):
    """Be what staff work with: above every other app, and called by none."""

    name = "backoffice"


class BackofficeAdminConfig(AdminConfig):
    """Have every app's admin registered on our site."""

    default_site = "backoffice.site.BackofficeSite"

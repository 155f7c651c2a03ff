from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.contrib import admin
from django.contrib.admin.apps import SimpleAdminConfig
from django.contrib.admin.checks import check_admin_app, check_dependencies
from django.core import checks


class BackofficeConfig(AppConfig):
    """Be what staff work with: above every other app, and called by none."""

    name = "backoffice"


class BackofficeAdminConfig(SimpleAdminConfig):
    """Have every app's admin registered on our site, once its pages are asked for (`config/urls.py`) or checked.

    A command shows no pages: every form, filter and service behind them would cost it 18 MiB and a third of a second.
    """

    default_site = "backoffice.site.BackofficeSite"

    def ready(self) -> None:
        """Register the system checks of the admin, which look at what is registered by then."""
        checks.register(_check_admin, checks.Tags.admin)


def _check_admin(app_configs: Sequence[AppConfig] | None, **options: Any) -> list[checks.CheckMessage]:
    """Check every app's admin."""
    admin.autodiscover()
    return [*check_dependencies(**options), *check_admin_app(app_configs, **options)]

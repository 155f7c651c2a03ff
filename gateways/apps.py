from django.apps import AppConfig


class GatewaysConfig(AppConfig):
    """Be the app that talks to processors."""

    name = "gateways"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the system checks."""
        from gateways import checks  # noqa: F401

from django.apps import AppConfig


class PaymentsConfig(AppConfig):
    """Register the core."""

    name = "payments"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the system checks."""
        from payments import checks  # noqa: F401

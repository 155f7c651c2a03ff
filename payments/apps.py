from django.apps import AppConfig


class PaymentsConfig(AppConfig):
    """Register the core."""

    name = "payments"
    default_auto_field = "django.db.models.BigAutoField"

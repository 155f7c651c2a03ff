from django.apps import AppConfig


class ApiConfig(AppConfig):
    """Be the partner edges: HTTP in, one core call, HTTP out."""

    name = "api"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = "Partner APIs"

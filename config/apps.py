from django.apps import AppConfig


class ProjectConfig(AppConfig):
    """Load what belongs to no single app once Django is set up."""

    name = "config"
    verbose_name = "Project"

    def ready(self) -> None:
        """Make our Celery app the current one, so that shared tasks publish through it in every process."""
        from config import celery  # noqa: F401

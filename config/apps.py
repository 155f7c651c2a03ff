from django.apps import AppConfig


class ProjectConfig(AppConfig):
    """Be what belongs to no single app: commands that make data, and templates."""

    name = "config"
    verbose_name = "Project"

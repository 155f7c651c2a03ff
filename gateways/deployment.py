from django.conf import settings


def is_production() -> bool:
    """Say whether these are the settings of a deployment."""
    return str(settings.SETTINGS_MODULE).rpartition(".")[2] == "production"

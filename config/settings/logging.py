"""One event per line: JSON for machines, colors for a person at a terminal."""

from typing import Any

from config.logs import logging_settings
from config.settings.environment import env

LOG_FORMAT = env.str("LOG_FORMAT", default="json")
LOG_LEVEL = env.str("LOG_LEVEL", default="INFO")

# Ours is complete: Django's own defaults (mail to admins, console only under DEBUG) stay out.
LOGGING_CONFIG = "config.logs.configure"
LOGGING: dict[str, Any] = logging_settings(log_format=LOG_FORMAT, level=LOG_LEVEL)

#!/usr/bin/env python
"""Run one of the project's management commands."""

import os
import sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")
    from django.core.management import execute_from_command_line

    from config.embedded import ServersAreDown

    try:
        execute_from_command_line(sys.argv)
    except ServersAreDown as error:
        sys.exit(f"manage.py: {error}")

#!/usr/bin/env python
"""Run one of the project's management commands."""

import os
import sys


def main() -> None:
    """Run the command line; say what to do where the embedded servers are needed and not running."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")
    from django.core.management import execute_from_command_line
    from django.db.utils import OperationalError

    try:
        execute_from_command_line(sys.argv)
    except OperationalError:
        from django.conf import settings

        from config.servers import ADVICE, read_servers
        from config.settings.environment import VAR_DIR

        if getattr(settings, "EMBEDDED_SERVERS", False) and read_servers(VAR_DIR) is None:
            sys.exit(ADVICE)
        raise


if __name__ == "__main__":
    main()

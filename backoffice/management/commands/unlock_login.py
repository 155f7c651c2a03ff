from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from backoffice.entering.lockout import unlock


class Command(BaseCommand):
    help = "Let somebody try to log in again at once who was locked out."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take whose login."""
        parser.add_argument("username")

    def handle(self, *_: Any, username: str, **__: Any) -> None:
        """Unlock the name, whether somebody has it or not."""
        unlock(username)
        self.stdout.write(f"{username} may try again.")

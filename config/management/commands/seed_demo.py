import json
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from config.seeding import seed_demo
from gateways.deployment import is_production


class Command(BaseCommand):
    help = "Make the demo's catalogue, partners, keys and staff, or bring them in line, and print how to get in."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take how the result is written."""
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")

    def handle(self, *_: Any, **options: Any) -> None:
        """Seed and print.

        :raises CommandError: these are not the settings of a checkout or of its tests.
        """
        # Only those settings have secrets to derive keys from: a deployment's own would refuse too, whatever its name.
        secrets = getattr(settings, "LOCAL_SECRETS", None)
        if secrets is None or is_production():
            raise CommandError("seed_demo is for a checkout: its keys can be guessed from a file, so not here.")
        demo = seed_demo(secrets=secrets, now=timezone.now()).as_json()
        if options["json"]:
            self.stdout.write(json.dumps(demo, indent=2))
            return
        for name, value in demo.items():
            if isinstance(value, dict):
                self.stdout.write(name)
                for inner, text in value.items():
                    self.stdout.write(f"  {inner:<18} {text}")
            else:
                self.stdout.write(f"{name:<20} {value}")

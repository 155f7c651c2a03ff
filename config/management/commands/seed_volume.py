import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from config.volume import DatabaseIsInUse, Wish, seed_volume
from gateways.deployment import is_production


class Command(BaseCommand):
    help = "Fill the database with a volume of believable payments, of which every check holds, to measure on."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take how much is wanted."""
        parser.add_argument("--transactions", type=int, required=True, help="At least so many.")
        parser.add_argument("--partners", type=int, default=12, help="Shops that sold the tours.")
        parser.add_argument("--seed", type=int, default=1, help="The same seed at the same time gives the same rows.")
        parser.add_argument(
            "--beside-other-data", action="store_true", help="Also where there are orders that nobody seeded."
        )

    def handle(self, *_: Any, **options: Any) -> None:
        """Seed, telling how far it is.

        :raises CommandError: this is a deployment, or a database that holds something else.
        """
        if is_production():
            raise CommandError("seed_volume invents payments: not here.")
        if options["transactions"] < 1 or options["partners"] < 1:
            raise CommandError("There is nothing to seed.")
        started = time.monotonic()

        def say(text: str) -> None:
            self.stdout.write(f"  {time.monotonic() - started:6.1f} s  {text}")
            self.stdout.flush()

        wish = Wish(
            transactions=options["transactions"],
            partners=options["partners"],
            seed=options["seed"],
            until=timezone.now(),
            is_beside_others=options["beside_other_data"],
        )
        try:
            transactions = seed_volume(wish, say=say)
        except DatabaseIsInUse as fault:
            raise CommandError(f"Not here: {fault}.") from fault
        say(f"done: {transactions:,} transactions")

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from reconciliation.selectors import settlement_status


class Command(BaseCommand):
    help = "Say what settlement has left open: discrepancies, reports that were not fetched, payouts not at the bank."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take how it is written."""
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")

    def handle(self, *_: Any, **options: Any) -> None:
        """Print it."""
        status = settlement_status()
        if options["json"]:
            self.stdout.write(json.dumps(status, indent=2))
            return
        for row in status["discrepancies"]:
            self.stdout.write(f"{row['source']}: {row['count']} {row['kind']}, {row['amount']} {row['currency']}")
        for row in status["unfetched"]:
            self.stdout.write(f"{row['account']}: {row['report']} was not fetched")
        for row in status["unpaid"]:
            self.stdout.write(f"{row['source']}: {row['batch']}, {row['amount']} {row['currency']}, is not at the bank")
        if not any(status[name] for name in ("discrepancies", "unfetched", "unpaid")):
            self.stdout.write("nothing is open")

import json
import sys
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand
from django.db import connection

from payments.checking import MOST_FINDINGS, Total, ledger_findings, ledger_totals


class Command(BaseCommand):
    help = (
        "Prove that the ledger holds what the operations say, and print what every account holds. Exit code 1 if not."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take how the report is written."""
        parser.add_argument("--json", action="store_true", help="Print the report as one JSON object.")
        parser.add_argument("--limit", type=int, default=MOST_FINDINGS, help="Stop after so many findings.")

    def handle(self, *_: Any, **options: Any) -> None:
        """Print the report."""
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = 0")
        findings = ledger_findings(limit=options["limit"])
        totals = ledger_totals()
        if options["json"]:
            report = {
                "ok": not findings,
                "totals": [_as_json(total) for total in totals],
                "findings": [asdict(finding) for finding in findings],
            }
            self.stdout.write(json.dumps(report, indent=2))
        else:
            for total in totals:
                mode = "live" if total.is_live else "test"
                self.stdout.write(
                    f"{mode:<5} {total.account:<16} {total.balance.format():>16} {total.balance.currency}"
                )
            for finding in findings:
                self.stdout.write(f"{finding.severity:<7}  {finding.code:<22}  {finding.subject}  {finding.message}")
            self.stdout.write(f"{len(findings)} faults" if findings else "the ledger is in order")
        if findings:
            sys.exit(1)


def _as_json(total: Total) -> dict[str, Any]:
    return {
        "account": total.account,
        "is_live": total.is_live,
        "currency": total.balance.currency,
        "balance_minor": total.balance.minor,
        "balance": total.balance.format(),
    }

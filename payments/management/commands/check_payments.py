import json
import sys
from argparse import ArgumentParser
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand
from django.db import connection
from django.utils import timezone

from payments.checking import MOST_FINDINGS, STUCK_AFTER, Severity, payment_findings, size_of_the_books


class Command(BaseCommand):
    help = (
        "Prove that payments follow from what gateways said, that what is confirmed was paid, and that nothing is "
        "stuck. Exit code 1 when anything is wrong."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take how the report is written and how patient it is."""
        parser.add_argument("--json", action="store_true", help="Print the report as one JSON object.")
        parser.add_argument("--limit", type=int, default=MOST_FINDINGS, help="Stop after so many findings.")
        parser.add_argument(
            "--stuck-minutes",
            type=float,
            default=STUCK_AFTER.total_seconds() / 60,
            help="Work that nobody went on with for so long is stuck.",
        )

    def handle(self, *_: Any, **options: Any) -> None:
        """Print the report."""
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = 0")
        findings = payment_findings(
            now=timezone.now(), stuck_after=timedelta(minutes=options["stuck_minutes"]), limit=options["limit"]
        )
        size = size_of_the_books()
        faults = sum(finding.severity is Severity.FAULT for finding in findings)
        if options["json"]:
            report = {"ok": not faults, "checked": size, "findings": [asdict(finding) for finding in findings]}
            self.stdout.write(json.dumps(report, indent=2))
        else:
            self.stdout.write("checked  " + " · ".join(f"{count} {name}" for name, count in size.items()))
            for finding in findings:
                self.stdout.write(f"{finding.severity:<7}  {finding.code:<22}  {finding.subject}  {finding.message}")
            notices = len(findings) - faults
            self.stdout.write(f"{faults} faults, {notices} notices" if findings else "payments are in order")
        if faults:
            sys.exit(1)

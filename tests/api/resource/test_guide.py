"""What the guide for partners shows is what happens: its first ten minutes, run as they stand there."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command

from bookings.models import Booking

GUIDE = Path(settings.BASE_DIR) / "docs" / "resource.md"


def ten_minutes(**values: str) -> str:
    """Return the quick start's commands, with other values for what is set in its first lines."""
    commands = GUIDE.read_text().split("## Ten minutes")[1].split("```sh\n")[1].split("```")[0]
    for name, value in values.items():
        commands, count = re.subn(rf"(?m)^{name}=.*$", lambda _: f"{name}={value}", commands)  # noqa: B023
        assert count == 1, name
    return commands


@pytest.mark.skipif(shutil.which("curl") is None, reason="the quick start is curl's")
@pytest.mark.django_db(transaction=True)
def test_the_first_ten_minutes_of_the_guide_pay_a_part_of_the_printed_booking(live_server, sandbox, capsys):
    call_command("seed_demo", "--json")
    printed = capsys.readouterr().out
    commands = ten_minutes(API=live_server.url, DEMO=f"'{printed.strip()}'")

    done = subprocess.run(["bash", "-euc", commands], capture_output=True, text=True, check=True, timeout=180)

    paid, *document, owed = done.stdout.splitlines()
    booking = Booking.objects.get(number=json.loads(printed)["booking_id"])
    assert paid == "PROCESSED 10.00"
    assert document[0].startswith("<?xml")
    assert "<amount>10.00</amount>" in document[1]
    assert owed == "10.00 157.00 ON_HOLD"
    assert booking.order.money_in_minor == 1000

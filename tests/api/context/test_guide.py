"""What the guide for partners shows is what happens: its ten minutes, run as they stand there."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from django.conf import settings

from tests.payments.house import books

GUIDE = Path(settings.BASE_DIR) / "docs" / "context.md"


def ten_minutes(**values: str) -> str:
    """Return the quick start's commands, with other values for what is set in its first lines."""
    commands = GUIDE.read_text().split("## Ten minutes")[1].split("```sh\n")[1].split("```")[0]
    for name, value in values.items():
        (line,) = re.findall(rf"(?m)^{name}=.*$", commands)
        commands = commands.replace(line, f"{name}={value}")
    return commands


@pytest.mark.skipif(shutil.which("curl") is None, reason="the quick start is curl's")
@pytest.mark.django_db(transaction=True)
def test_the_ten_minutes_of_the_guide_pay_by_card_by_3d_secure_and_by_credit(desk, told_guest, live_server):
    demo = {"context_key": desk.key, "booking_id": desk.booking.number, "customer_id": desk.customer.number}
    commands = ten_minutes(API=live_server.url, DEMO=f"'{json.dumps(demo)}'")

    done = subprocess.run(["bash", "-euc", commands], capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stdout + done.stderr

    assert done.stdout.splitlines() == [
        "22053 20.0",
        "22053 10.0",
        "22053 50.0",
        "22053 5.0",
        "[('Adyen', 20.0), ('Adyen', 10.0), ('Customer credit', 5.0)]",
    ]
    assert books(desk.booking.order) == {
        "RECEIVABLE>CLEARING": 3000,
        "DONATION>CLEARING": 250,
        "RECEIVABLE>CUSTOMER_CREDIT": 500,
    }

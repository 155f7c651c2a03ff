"""What the guide for partners shows is what happens: its first ten minutes, run as they stand there."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from django.conf import settings

from bookings.models import Booking

GUIDE = Path(settings.BASE_DIR) / "docs" / "octo.md"


def ten_minutes(**values: str) -> str:
    """Return the quick start's commands, with other values for what is set in its first lines."""
    commands = GUIDE.read_text().split("## Ten minutes")[1].split("```sh\n")[1].split("```")[0]
    for name, value in values.items():
        commands, count = re.subn(rf"(?m)^{name}=.*$", f"{name}={value}", commands)
        assert count == 1, name
    return commands


@pytest.mark.skipif(shutil.which("curl") is None, reason="the quick start is curl's")
@pytest.mark.django_db(transaction=True)
def test_the_first_ten_minutes_of_the_guide_end_with_a_confirmed_booking(shop, guest, live_server):
    commands = ten_minutes(OCTO=f"{live_server.url}/octo", BOX=guest.sandbox.url, KEY=shop.key)

    done = subprocess.run(["bash", "-euc", commands], capture_output=True, text=True, check=True, timeout=180)

    booking = Booking.objects.get()
    assert done.stdout.startswith("CONFIRMED 9000 [{'deliveryFormat': 'QRCODE', 'deliveryValue': ")
    assert (booking.status, booking.contact_full_name, booking.order.money_in_minor) == ("CONFIRMED", "Ada Vos", 9000)
    assert booking.voucher_code in done.stdout

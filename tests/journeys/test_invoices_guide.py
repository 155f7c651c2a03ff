"""What the guide to payment invoices shows is what happens: its first ten minutes, run as they stand there."""

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.utils import timezone

from api.invoices.models import Invoice
from bookings.services import mint_partner_key
from tests.payments.house import build_house

GUIDE = Path(django_settings.BASE_DIR) / "docs" / "invoices.md"


def ten_minutes(**values: str) -> str:
    """Return the quick start's commands, with other values for what is set in its first lines."""
    commands = GUIDE.read_text().split("## Ten minutes")[1].split("```sh\n")[1].split("```")[0]
    for name, value in values.items():
        commands, found = re.subn(rf"(?m)^{name}=.*$", f"{name}={shlex.quote(value)}", commands)
        assert found == 1, name
    return commands


@pytest.mark.skipif(shutil.which("curl") is None, reason="the quick start is curl's")
def test_the_first_ten_minutes_end_with_money_taken_and_some_of_it_given_back(
    transactional_db, live_server, sandbox, journeys_worker, settings
):
    settings.PUBLIC_BASE_URL = live_server.url
    house = build_house()
    key = mint_partner_key(partner=house.partner, dialects=["invoices"], is_live=True, label="", now=timezone.now())[1]
    demo = json.dumps({"invoices_user": house.partner.slug, "invoices_password": key})
    commands = ten_minutes(API=live_server.url, BOX=sandbox.url, DEMO=demo)

    done = subprocess.run(["bash", "-euc", commands], capture_output=True, text=True, timeout=180)

    assert (done.returncode, done.stderr) == (0, "")
    reference = Invoice.objects.get().order.partner_reference
    assert done.stdout == f"processed 100.55 [(30.0, 'back-{reference}')]\n"

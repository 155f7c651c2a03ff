"""What every process of ours loads before it does anything: commands are not to carry the pages."""

import os
import subprocess
import sys

import pytest
from django.conf import settings

# What only web processes, workers or calls to a gateway need.
HEAVY = {
    "adyen",
    "Adyen",
    "celery",
    "cryptography",
    "drf_spectacular.openapi",
    "kombu",
    "openpyxl",
    "payments.admin",
    "redis",
    "requests",
    "rest_framework.views",
    "stripe",
    "unfold.admin",
    "xlsxwriter",
}


def loaded_by(statements: str) -> set[str]:
    """Return every module that a fresh process has loaded after Django was set up and these statements ran."""
    looks = f"import sys, django\ndjango.setup()\n{statements}\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", looks], capture_output=True, text=True, check=True, env=os.environ)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "statements",
    [
        "pass",
        "import reconciliation.management.commands.import_settlement",
        "import reconciliation.management.commands.export_report",
    ],
)
def test_a_command_loads_neither_pages_nor_brokers_nor_vendors(statements: str) -> None:
    loaded = loaded_by(statements)

    assert "payments.models" in loaded
    assert loaded & HEAVY == set()


@pytest.mark.parametrize("slug", sorted(settings.GATEWAYS))
def test_who_reads_a_gateway_s_report_does_not_load_what_calls_it(slug: str) -> None:
    loaded = loaded_by(f"from gateways.registry import gateway_class; gateway_class({slug!r}).settlement_columns")

    assert f"gateways.adapters.{slug}.gateway" in loaded
    assert loaded & HEAVY == set()


def test_a_web_process_has_read_every_page_before_its_first_request() -> None:
    loaded = loaded_by("import config.wsgi")

    assert {"config.urls", "payments.admin", "reconciliation.admin", "backoffice.site", "api.octo.urls"} <= loaded


def test_the_checks_look_at_every_admin_though_no_page_was_asked_for() -> None:
    looks = """
import django
django.setup()
from django.contrib import admin
from django.core import checks
from payments.models import Payment
found = checks.run_checks(tags=[checks.Tags.admin])
wrong = type(admin.site._registry[Payment])
wrong.list_display = ["nothing of the kind"]
print(len(found), [problem.id for problem in checks.run_checks(tags=[checks.Tags.admin])])
"""

    done = subprocess.run([sys.executable, "-c", looks], capture_output=True, text=True, check=True, env=os.environ)

    assert done.stdout.strip() == "0 ['admin.E108']"

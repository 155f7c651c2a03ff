"""The OpenAPI document is true, and the page for developers names what is in it and runs as it stands."""

import json
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from jsonschema import Draft202012Validator

from api.finance.schema import openapi_document
from api.finance.urls import ROUTES
from reconciliation.exporting.registry import REPORTS
from reconciliation.tasks import write_exports
from tests.processes import wait_until

GUIDE = Path(settings.BASE_DIR) / "docs" / "finance.md"


def valid(answer, shape):
    document = openapi_document()
    schema = {"$ref": f"#/components/schemas/{shape}", "components": document["components"]}
    Draft202012Validator(schema).validate(answer.json())


def test_every_route_is_documented_and_what_is_answered_is_valid_by_it(month, desk, client):
    document = openapi_document()
    documented = {path: set(operations) for path, operations in document["paths"].items()}

    asked = desk.ask(report="payments")
    valid(asked, "Export")
    valid(desk.get(f"/exports/{asked.json()['id']}/file"), "Problem")
    write_exports()
    valid(desk.get("/exports"), "Exports")
    valid(desk.get(f"/exports/{asked.json()['id']}"), "Export")
    valid(desk.ask(report="nothing"), "Problem")

    assert documented == {
        "/" + route.replace("<str:", "{").replace(">", "}"): {
            name for name in ("get", "post", "patch", "put", "delete") if hasattr(view, name)
        }
        for route, view in ROUTES.items()
    }
    assert client.get("/schema/finance").json() == document
    for shape in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(shape)
    page = client.get("/finance/docs/").content.decode()
    assert "/schema/finance" in page
    assert not re.search(r'(src|href)="https?://', page)


def test_the_page_for_developers_names_every_route_report_and_status():
    page = GUIDE.read_text()
    paths = openapi_document()["paths"]

    assert [path for path in paths if f" {path.replace('export_id', 'id')}`" not in page] == []
    assert [slug for slug in REPORTS if f"`{slug}`" not in page] == []
    statuses = {status for operations in paths.values() for each in operations.values() for status in each["responses"]}
    assert [status for status in statuses if f" {status} " not in page] == []


@pytest.mark.skipif(shutil.which("curl") is None, reason="the quick start is curl's")
@pytest.mark.django_db(transaction=True)
def test_the_first_ten_minutes_of_the_guide_ask_wait_download_and_compare(live_server, folder, tmp_path):
    call_command("seed_demo", "--json", stdout=(tmp_path / "demo.json").open("w"))
    commands = GUIDE.read_text().split("## Ten minutes")[1].split("```sh\n")[1].split("```")[0]
    for name, value in {"API": live_server.url, "DEMO": f"$(cat {tmp_path}/demo.json)"}.items():
        commands, count = re.subn(rf"(?m)^{name}=.*$", lambda _, line=f"{name}={value}": line, commands)
        assert count == 1

    with ThreadPoolExecutor(1) as pool:
        run = pool.submit(
            subprocess.run,
            ["bash", "-euc", commands],
            capture_output=True,
            text=True,
            check=True,
            timeout=180,
            cwd=tmp_path,
        )
        wait_until(lambda: run.done() or write_exports() == 1, seconds=150)
        told = run.result().stdout.splitlines()

    assert told[0] == ", ".join(REPORTS)
    assert told[1].startswith("DONE ")
    assert told[2] == "payments.csv: OK"
    assert json.loads((tmp_path / "demo.json").read_text())["finance_key"].startswith("fk_test_")
    assert (tmp_path / "payments.csv").read_text().startswith("operation,")

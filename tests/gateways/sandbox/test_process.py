import json
import os
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest
import requests

from tests.gateways.sandbox.conftest import MERCHANT, ROOT, VISA, Box, Receiver, session_request, wait_until


def run_sandbox(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("DJANGO_")}
    return subprocess.run(
        [sys.executable, "-m", "gateways.sandbox", "--port", "0", *arguments],
        cwd=ROOT,
        env={**clean, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize(
    "environment",
    [
        {"DJANGO_SETTINGS_MODULE": "config.settings.production"},
        {"DJANGO_ENV": "production"},
        {"ENVIRONMENT": "Production"},
    ],
)
def test_sandbox_refuses_to_start_in_production(environment: dict[str, str]) -> None:
    ended = run_sandbox(**environment)

    assert ended.returncode == 2
    assert "must not run in production" in ended.stderr
    assert ended.stdout == ""


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "is not valid JSON"),
        ("[]", "must be a JSON object"),
        ('{"adyen": {"accounts": [{"merchant_account": "A"}]}}', "needs api_key"),
        ('{"adyen": {"accounts": [{"merchant_account": "A", "api_key": "k", "hmac_key": "xyz"}]}}', "hexadecimal"),
        ('{"adyen": {"accounts": [{"merchant_account": "A", "colour": "red"}]}}', "no field 'colour'"),
        ('{"webhook_retry_scale": -1}', "webhook_retry_scale must be a number of zero or more"),
    ],
)
def test_sandbox_says_what_is_wrong_with_its_configuration(text: str, sentence: str, tmp_path: Path) -> None:
    config = tmp_path / "sandbox.json"
    config.write_text(text)

    ended = run_sandbox("--config", str(config))

    assert ended.returncode == 2
    assert sentence in ended.stderr
    assert "Traceback" not in ended.stderr


def test_sandbox_imports_nothing_of_the_project() -> None:
    code = (
        "import sys, gateways.sandbox.__main__\n"
        "ours = {'api', 'bookings', 'checkout', 'config', 'django', 'money', 'payments', 'reconciliation'}\n"
        "loaded = {name for name in sys.modules if name.split('.')[0] in ours}\n"
        "loaded |= {n for n in sys.modules if n.startswith('gateways.') and not n.startswith('gateways.sandbox')}\n"
        "sys.exit(repr(loaded) if loaded else 0)"
    )

    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)

    assert (ended.returncode, ended.stderr) == (0, "")


def test_sigterm_ends_the_sandbox_at_once_even_with_a_hung_request(tmp_path: Path) -> None:
    box = Box(tmp_path)
    box.control("POST", "/faults", {"gateway": "adyen", "operation": "sessions", "fault": "hang"})

    def ask() -> None:
        with suppress(requests.RequestException):
            requests.post(f"{box.url}/adyen/v72/sessions", json=session_request(), timeout=60)

    hung = threading.Thread(target=ask)
    hung.start()
    wait_until(lambda: box.control("GET", "/requests")["requests"])
    started = time.monotonic()

    code = box.stop()

    assert code == 0
    assert time.monotonic() - started < 30
    hung.join(timeout=60)
    assert not hung.is_alive()


def test_restart_remembers_everything_that_a_client_was_told(tmp_path: Path, receiver: Receiver) -> None:
    state = tmp_path / "state.sqlite3"
    box = Box(tmp_path, state=state)
    # Nobody listens on the discard port, so webhooks stay undelivered.
    box.control("PUT", f"/adyen/accounts/{MERCHANT}", {"webhook_url": "http://127.0.0.1:9/"})
    first = box.api("POST", "/sessions", session_request(), key="opening-1").json()
    paid = box.pay(first["id"], holderName="DECLINED")
    open_session = box.new_session()
    assert box.stop(9) == -9

    box = Box(tmp_path, state=state)

    again = box.api("POST", "/sessions", session_request(), key="opening-1")
    assert again.json() == first
    assert box.payment(paid["pspReference"])["refusalReasonCode"] == "2"
    assert box.control("GET", f"/adyen/sessions/{open_session['id']}")["status"] == "active"
    frozen = box.api("GET", f"/sessions/{first['id']}", query={"sessionResult": paid["sessionResult"]})
    assert frozen.json()["status"] == "active"
    # The configuration file wins over what was set while running: it names no endpoint.
    box.control("PUT", f"/adyen/accounts/{MERCHANT}", {"webhook_url": receiver.url})
    box.control("POST", "/webhooks/flush", {"lost": True})
    assert [item["pspReference"] for item in receiver.items("AUTHORISATION")] == [paid["pspReference"]]
    assert box.stop() == 0

    with sqlite3.connect(state) as connection:
        kept = json.dumps(connection.execute("SELECT * FROM documents").fetchall())
    assert VISA["number"].replace(" ", "") not in kept
    assert VISA["number"] not in kept


def test_undelivered_webhooks_go_out_by_themselves_after_a_restart(tmp_path: Path, receiver: Receiver) -> None:
    state, config = tmp_path / "state.sqlite3", tmp_path / "sandbox.json"
    box = Box(tmp_path, state=state)
    box.control("PUT", f"/adyen/accounts/{MERCHANT}", {"webhook_url": receiver.url})
    fault = {"gateway": "adyen", "operation": "webhook", "fault": "delayed", "seconds": 1}
    box.control("POST", "/faults", fault)
    psp_reference = box.authorized()
    box.stop(9)

    written = json.loads(config.read_text())
    written["adyen"]["accounts"][0]["webhook_url"] = receiver.url
    text = json.dumps(written)
    config.write_text(text)
    command = [sys.executable, "-m", "gateways.sandbox", "--port", "0", "--config", str(config), "--state", str(state)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        wait_until(receiver.items, what="the delivery")
    finally:
        process.terminate()
        process.wait(timeout=60)

    assert [item["pspReference"] for item in receiver.items()] == [psp_reference]

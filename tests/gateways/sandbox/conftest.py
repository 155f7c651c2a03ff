"""A sandbox of its own in a process of its own, and a merchant's endpoint that receives its webhooks."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.gateways.sandbox.specification import answer_problems, webhook_problems

ROOT = Path(__file__).parents[3]
MERCHANT = "FernwegToursEU"
OTHER_MERCHANT = "HarborToursUS"
HMAC_KEY = "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056"
ACCOUNT = {
    "merchant_account": MERCHANT,
    "api_key": "key-of-fernweg",
    "client_key": "test_fernweg",
    "hmac_key": HMAC_KEY,
    "webhook_url": "",
    "webhook_user": "adyen",
    "webhook_password": "a long password",
}
OTHER_ACCOUNT = {**ACCOUNT, "merchant_account": OTHER_MERCHANT, "api_key": "key-of-harbor"}
VISA = {
    "number": "4111 1111 1111 1111",
    "expiryMonth": "03",
    "expiryYear": "2030",
    "cvc": "737",
    "holderName": "Ada Vos",
}


def wait_until(is_so: Callable[[], Any], *, seconds: float = 60, what: str = "what the test waits for") -> Any:
    """Return the first true value, asking every 10 ms until the deadline."""
    deadline = time.monotonic() + seconds
    while not (value := is_so()):
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds} s"
        time.sleep(0.01)
    return value


class Receiver:
    """A merchant's webhook endpoint. `statuses` is what it answers next; then 200."""

    def __init__(self) -> None:
        self.deliveries: list[dict[str, Any]] = []
        self.statuses: list[int] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if not receiver.url.endswith(self.path):
                    # On its way when the test before ended.
                    self.send_error(410)
                    return
                status = receiver.statuses.pop(0) if receiver.statuses else 200
                receiver.deliveries.append(
                    {"headers": dict(self.headers), "body": json.loads(body), "status": status, "at": time.monotonic()}
                )
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *arguments: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._tests = 0
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        """Return the address of this test."""
        return f"http://127.0.0.1:{self._server.server_port}/webhooks/{self._tests}/"

    def begin(self) -> None:
        """Take deliveries for another test, at another address."""
        self._tests += 1
        self.deliveries.clear()
        self.statuses.clear()

    def items(self, event: str | None = None, *, accepted: bool = True) -> list[dict[str, Any]]:
        """Return the items that were delivered, those answered 200 unless told otherwise."""
        return [
            item
            for delivery in list(self.deliveries)
            if delivery["status"] == 200 or not accepted
            for item in [delivery["body"]["notificationItems"][0]["NotificationRequestItem"]]
            if event in (None, item["eventCode"])
        ]

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()


class Box:
    """A running sandbox and a client for it that holds every answer against the specification."""

    def __init__(self, folder: Path, *, scale: float = 0.01, state: Path | None = None) -> None:
        config = folder / "sandbox.json"
        config.write_text(json.dumps({"adyen": {"accounts": [ACCOUNT, OTHER_ACCOUNT]}}))
        command = [sys.executable, "-m", "gateways.sandbox", "--port", "0", "--config", str(config)]
        command += ["--webhook-retry-scale", str(scale)] + (["--state", str(state)] if state else [])
        self.log = folder / "sandbox.log"
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("DJANGO_", "ENVIR"))}
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=log, text=True
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("sandbox ready on http://127.0.0.1:"), (line, self.log.read_text())
        self.url = line.split(" on ")[1].strip()
        self.http = requests.Session()
        self.http.trust_env = False

    def api(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        api_key: str | None = "key-of-fernweg",
        key: str | None = None,
        query: dict[str, str] | None = None,
        timeout: float = 60,
    ) -> requests.Response:
        """Call the Checkout API; the answer has been held against the specification."""
        headers = {} if api_key is None else {"X-API-Key": api_key}
        if key is not None:
            headers["Idempotency-Key"] = key
        url = f"{self.url}/adyen/v72{path}"
        answer = self.http.request(method, url, json=body, headers=headers, params=query, timeout=timeout)
        if answer.headers.get("Content-Type", "").startswith("application/json"):
            assert answer_problems(method, path, answer.status_code, answer.json()) == []
        elif not answer.content:
            assert answer_problems(method, path, answer.status_code, None) == []
        return answer

    def control(self, method: str, path: str, body: Any = None, *, status: int | None = None) -> Any:
        """Call the control API and return its JSON; the answer must be a success unless `status` says otherwise."""
        answer = self.http.request(method, f"{self.url}/control{path}", json=body, timeout=60)
        assert answer.status_code == status if status else answer.ok, answer.text
        return answer.json()

    def new_session(self, value: int = 12050, currency: str = "EUR", **more: Any) -> dict[str, Any]:
        """Make a session and return Adyen's answer."""
        answer = self.api("POST", "/sessions", session_request(value, currency, **more))
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def pay(self, session_id: str, *, status: int | None = None, **card: Any) -> Any:
        """Pay a session with a Visa card, unless told otherwise."""
        return self.control("POST", f"/adyen/sessions/{session_id}/pay", {**VISA, **card}, status=status)

    def authorized(self, value: int = 12050, **more: Any) -> str:
        """Pay a session and return the pspReference of its payment."""
        holder = more.pop("holder", "Ada Vos")
        return str(self.pay(self.new_session(value, **more)["id"], holderName=holder)["pspReference"])

    def payment(self, psp_reference: str) -> dict[str, Any]:
        """Return the sandbox's record of a payment."""
        return dict(self.control("GET", f"/adyen/payments/{psp_reference}"))

    def flush(self) -> None:
        """Deliver all webhooks and see that none is left."""
        self.control("POST", "/webhooks/flush")
        assert self.control("GET", "/webhooks/idle") == {"pending": 0}

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End the process and return its exit code."""
        self.http.close()
        self.process.send_signal(number)
        code = self.process.wait(timeout=60)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code


def session_request(value: int = 12050, currency: str = "EUR", **more: Any) -> dict[str, Any]:
    """Return the body of POST /sessions."""
    return {
        "merchantAccount": MERCHANT,
        "amount": {"currency": currency, "value": value},
        "reference": "cp_7Qm2",
        "returnUrl": "https://example.com/return?booking=17",
        **more,
    }


def payment_request(**more: Any) -> dict[str, Any]:
    """Return the body of POST /payments with a raw card."""
    return session_request(**{"paymentMethod": {"type": "scheme", **VISA}, **more})


@pytest.fixture(scope="session")
def _receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture
def receiver(_receiver: Receiver) -> Iterator[Receiver]:
    """The merchant's endpoint; every webhook that it got is held against the specification in the end."""
    _receiver.begin()
    yield _receiver
    assert [problem for one in _receiver.deliveries for problem in webhook_problems(one["body"])] == []


@pytest.fixture(scope="session")
def _box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    box = Box(tmp_path_factory.mktemp("sandbox"))
    yield box
    assert box.stop() == 0
    assert box.log.read_text() == "", "the sandbox complained"


@pytest.fixture
def box(_box: Box, receiver: Receiver) -> Box:
    """A sandbox that knows its two accounts and nothing else; its webhooks go to `receiver`."""
    _box.control("POST", "/reset")
    for account in (ACCOUNT, OTHER_ACCOUNT):
        body = {**account, "webhook_url": receiver.url, "capture_delay_hours": None, "send_auto_capture": False}
        body.update({"multiple_partial_captures": False, "raw_cards": True, "live": False, "token_webhooks": False})
        _box.control("PUT", f"/adyen/accounts/{account['merchant_account']}", body)
    return _box

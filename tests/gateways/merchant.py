"""A merchant at one of the sandbox's processors: our gateway to it, and everything that it sends to us."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from gateways.errors import Unsupported
from gateways.protocol import Delivery, Outcome, OutcomeKind
from tests.processes import Sandbox, wait_until

SUMS = ("authorized", "captured", "refunded", "cancelled", "charged_back")


@dataclass(kw_only=True)
class Merchant:
    """Be an account of ours at the processor that goes by `slug`; `webhook_url` is where it takes deliveries."""

    slug: str
    gateway: Any
    sandbox: Sandbox
    deliveries: list[Delivery] = field(default_factory=list)
    webhook_url: str = ""

    def fails(self, operation: str, fault: str, **more: Any) -> None:
        """Have something go wrong with the next call of an operation."""
        self.sandbox.post("faults", gateway=self.slug, operation=operation, fault=fault, **more)

    def asked(self, operation: str) -> int:
        """Return how often an operation was asked for."""
        return len(self.sandbox.get("requests", gateway=self.slug, operation=operation)["requests"])

    def told(self) -> list[Outcome]:
        """Return what the deliveries so far say; all of them must be genuine."""
        outcomes: list[Outcome] = []
        for delivery in list(self.deliveries):
            self.gateway.verify_webhook(delivery)
            outcomes.extend(self.gateway.read_webhook(delivery))
        return outcomes

    def news(self, kind: OutcomeKind, count: int = 1) -> list[Outcome]:
        """Wait for exactly that many verified pieces of news of a kind."""

        def told() -> list[Outcome] | None:
            found = [outcome for outcome in self.told() if outcome.kind is kind]
            return found if len(found) >= count else None

        outcomes: list[Outcome] = wait_until(told, what=f"{count} x {kind}")
        assert len(outcomes) == count
        return outcomes

    def arrive(self, count: int) -> None:
        """Wait for that many deliveries, genuine or not."""
        wait_until(lambda: len(self.deliveries) >= count, what=f"{count} deliveries")

    def rows(self) -> list[dict[str, Any]]:
        """Return the processor's own record of money: a row for each account, reference and currency."""
        return [row for row in self.sandbox.get("money")["money"] if row["gateway"] == self.slug]


@contextmanager
def listening(merchant: Merchant) -> Iterator[None]:
    """Take deliveries for a merchant, and greet a processor that wants to be greeted first."""

    class Receiver(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            try:
                self._say(merchant.gateway.greet_webhook().body.encode())
            except Unsupported:
                self.send_error(404)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            merchant.deliveries.append(Delivery(headers=headers, body=body, received_at=datetime.now(UTC)))
            self._say(b"{}")

        def _say(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: Any) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as receiver:
        # Shutting down waits for the next look, so looks are often.
        thread = threading.Thread(target=receiver.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        merchant.webhook_url = f"http://127.0.0.1:{receiver.server_address[1]}/"
        yield
        receiver.shutdown()
        thread.join()

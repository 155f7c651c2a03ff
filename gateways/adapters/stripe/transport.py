"""Our HTTP client where the library's own stands."""

import logging
from collections.abc import Mapping
from typing import Any

import stripe

from gateways.adapters.stripe.calls import OPERATION
from gateways.http import HttpClient

# Telemetry would write into the home folder and tell Stripe about this machine.
stripe.enable_telemetry = False
# The library logs what it sends and is answered as it is, card tokens included; our client's own log has it scrubbed.
logging.getLogger("stripe").setLevel(logging.CRITICAL)

_KEPT_HEADERS = {"request-id": "Request-Id", "idempotent-replayed": "Idempotent-Replayed"}
# Its answer is the card itself, whose `id` is the token.
_ABOUT_TOKENS = frozenset({"revoke_card"})


class Transport(stripe.HTTPClient):
    """Stand where the library's own HTTP client stands.

    Its own would follow redirects with the key, read without limit, and raise errors in which "not sent" and "answer
    lost" cannot be told apart.
    """

    name = "card-payments"

    def __init__(self, http_client: HttpClient) -> None:
        super().__init__()
        self._http_client = http_client
        self._about_tokens = HttpClient(
            gateway=http_client.gateway,
            secret_fields={*http_client.secret_fields, "id"},
            connect_seconds=http_client.connect_seconds,
            read_seconds=http_client.read_seconds,
            total_seconds=http_client.total_seconds,
        )

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        *,
        _usage: list[str] | None = None,
    ) -> tuple[str, int, Mapping[str, str]]:
        """Return body, status and the few headers the library may know of, as it wants them.

        A `Stripe-Notice` would become a Python warning and `Stripe-Should-Retry` a second call.
        """
        sent = dict(headers or {})
        operation = sent.pop(OPERATION, "call")
        body = post_data.encode() if isinstance(post_data, str) else post_data
        client = self._about_tokens if operation in _ABOUT_TOKENS else self._http_client
        answer = client.send(operation, method.upper(), url, headers=sent, body=body)
        # The library cannot cope with JSON that is no object; to us that is as good as no answer.
        text = answer.body.decode(errors="replace") if answer.json_object() is not None else ""
        told = {name: answer.headers[key] for key, name in _KEPT_HEADERS.items() if key in answer.headers}
        return text, answer.status, told

    def close(self) -> None:
        """Close nothing: connections are not kept."""

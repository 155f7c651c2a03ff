"""The official library, talking through our HTTP client, and what its errors mean for money."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import stripe

from gateways.adapters.stripe.refusals import text_of
from gateways.errors import AnswerLost, Busy, KeyRefused, Rejected
from gateways.http import HttpClient, json_object

# The version our reading was written for. It is said with every call, so that an account's default changes nothing.
API_VERSION = "2026-10-28.endive"

# Telemetry would write into the home folder and tell Stripe about this machine.
stripe.enable_telemetry = False
# The library logs what it sends and is answered as it is, card tokens included; our client's own log has it scrubbed.
logging.getLogger("stripe").setLevel(logging.CRITICAL)

# A header of ours that never leaves: the library has no other way to tell its transport what a call is for.
_OPERATION = "X-Operation"
_KEPT_HEADERS = {"request-id": "Request-Id", "idempotent-replayed": "Idempotent-Replayed"}
# Its answer is the card itself, whose `id` is the token.
_ABOUT_TOKENS = frozenset({"revoke_card"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Be the error in an answer of Stripe's; `card` and `intent` hold secrets."""

    status: int
    code: str = ""
    decline_code: str = ""
    param: str = ""
    message: str = ""
    card: Mapping[str, Any] = field(default_factory=dict, repr=False)
    intent: Mapping[str, Any] | None = field(default=None, repr=False)


class Refused(Rejected):
    """Say that Stripe answered 400 or 404: it understood who we are and refused the request itself."""

    def __init__(self, text: str, problem: Problem) -> None:
        super().__init__(text)
        self.problem = problem


class CardRefused(Refused):
    """Say that Stripe answered 402: a bank, or Stripe in its place, said no to a card."""


class Stripe:
    """Be the library's services for one account."""

    def __init__(self, *, secret_key: str, base_url: str, http_client: HttpClient) -> None:
        base = base_url.rstrip("/")
        addresses = {"api": base, "files": base, "connect": base, "meter_events": base} if base else None
        services = stripe.StripeClient(
            secret_key,
            stripe_version=API_VERSION,
            base_addresses=addresses,  # type: ignore[arg-type]
            # Repeating is for the one who knows whether the answer is still wanted.
            max_network_retries=0,
            http_client=_Transport(http_client),
        ).v1
        self.intents = services.payment_intents
        self.charges = services.charges
        self.refunds = services.refunds
        self.disputes = services.disputes
        self.customers = services.customers
        self.cards = services.payment_methods
        self.payouts = services.payouts
        self.report_runs = services.reporting.report_runs


def call(
    operation: str,
    verb: Callable[..., Any],
    *identifiers: str,
    parameters: Mapping[str, Any] | None = None,
    idempotency_key: str | None = None,
) -> dict[str, Any]:
    """Make one call and return the answer's JSON object.

    Nothing of the library's exception is chained or kept but its codes: it carries the whole answer.

    :raises NotSent: nothing left, or (Busy) Stripe turned it away unread.
    :raises AnswerLost: Stripe may have acted. So it may on 409, where a twin of this call is still being worked on.
    :raises Rejected: Stripe refused; nothing happened. Refused and CardRefused have a meaning of their own.
    """
    options: dict[str, Any] = {"headers": {_OPERATION: operation}}
    if idempotency_key:
        options["idempotency_key"] = idempotency_key
    try:
        answer = verb(*identifiers, dict(parameters or {}), options)
        found = json_object(answer.last_response.body.encode())
    except stripe.StripeError as problem:
        raise _meaning(operation, problem) from None
    except (TypeError, AttributeError, KeyError, ValueError, RecursionError):
        # The library trusts answers to be of the documented form.
        raise AnswerLost(f"stripe {operation}: the answer cannot be read") from None
    if found is None:
        raise AnswerLost(f"stripe {operation}: the answer is no JSON object")
    return found


def _meaning(operation: str, problem: stripe.StripeError) -> Exception:
    status = problem.http_status
    if not isinstance(status, int):
        # Raised before anything is sent: an identifier or parameter that cannot be written down.
        return Rejected(f"stripe {operation}: the library refused the call ({type(problem).__name__})")
    error = _error_in(problem.http_body)
    code = text_of(error.get("code"))[:60]
    said = f"stripe {operation}: HTTP {status}" + (f", {code}" if code else "")
    if status == 429 or (status == 400 and code == "rate_limit"):
        return Busy(said)
    if status in (400, 402, 404):
        intent = error.get("payment_intent")
        details = Problem(
            status=status,
            code=code,
            decline_code=text_of(error.get("decline_code"))[:60],
            param=text_of(error.get("param"))[:60],
            message=text_of(error.get("message")),
            card=error,
            intent=intent if isinstance(intent, Mapping) else None,
        )
        return (CardRefused if status == 402 else Refused)(said, details)
    if status in (401, 403):
        return KeyRefused(said)
    if 400 < status < 500 and status not in (408, 409, 424, 425):
        return Rejected(said)
    return AnswerLost(said)


def _error_in(body: object) -> Mapping[str, Any]:
    raw = body.encode() if isinstance(body, str) else body if isinstance(body, bytes) else b""
    error = (json_object(raw) or {}).get("error")
    return error if isinstance(error, Mapping) else {}


class _Transport(stripe.HTTPClient):
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
        operation = sent.pop(_OPERATION, "call")
        body = post_data.encode() if isinstance(post_data, str) else post_data
        client = self._about_tokens if operation in _ABOUT_TOKENS else self._http_client
        answer = client.send(operation, method.upper(), url, headers=sent, body=body)
        # The library cannot cope with JSON that is no object; to us that is as good as no answer.
        text = answer.body.decode(errors="replace") if answer.json_object() is not None else ""
        told = {name: answer.headers[key] for key, name in _KEPT_HEADERS.items() if key in answer.headers}
        return text, answer.status, told

    def close(self) -> None:
        """Close nothing: connections are not kept."""

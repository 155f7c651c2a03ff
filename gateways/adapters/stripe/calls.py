"""The official library, talking through our HTTP client, and what its errors mean for money.

It is imported where it is called, for it brings HTTP clients of its own that we never use: who only reads what Stripe
sent or settled need not carry 9 MiB of it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gateways.adapters.stripe.refusals import text_of
from gateways.errors import AnswerLost, Busy, KeyRefused, Rejected
from gateways.http import HttpClient, json_object

if TYPE_CHECKING:
    from stripe import StripeError

# The version our reading was written for. It is said with every call, so that an account's default changes nothing.
API_VERSION = "2026-10-28.endive"

# A header of ours that never leaves: the library has no other way to tell its transport what a call is for.
OPERATION = "X-Operation"


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
        import stripe

        from gateways.adapters.stripe.transport import Transport

        base = base_url.rstrip("/")
        addresses = {"api": base, "files": base, "connect": base, "meter_events": base} if base else None
        services = stripe.StripeClient(
            secret_key,
            stripe_version=API_VERSION,
            base_addresses=addresses,  # type: ignore[arg-type]
            # Repeating is for the one who knows whether the answer is still wanted.
            max_network_retries=0,
            http_client=Transport(http_client),
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
    from stripe import StripeError

    options: dict[str, Any] = {"headers": {OPERATION: operation}}
    if idempotency_key:
        options["idempotency_key"] = idempotency_key
    try:
        answer = verb(*identifiers, dict(parameters or {}), options)
        found = json_object(answer.last_response.body.encode())
    except StripeError as problem:
        raise _meaning(operation, problem) from None
    except (TypeError, AttributeError, KeyError, ValueError, RecursionError):
        # The library trusts answers to be of the documented form.
        raise AnswerLost(f"stripe {operation}: the answer cannot be read") from None
    if found is None:
        raise AnswerLost(f"stripe {operation}: the answer is no JSON object")
    return found


def _meaning(operation: str, problem: "StripeError") -> Exception:
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

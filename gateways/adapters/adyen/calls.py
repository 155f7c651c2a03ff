"""The official library, talking through our HTTP client, and what its errors mean for money.

It is imported where it is called, for it brings an HTTP client of its own that we never use: who only reads what Adyen
sent or settled need not carry 6 MiB of it.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from gateways.errors import AnswerLost, Busy, KeyRefused, Rejected
from gateways.http import HttpClient

_DUPLICATE_IN_PROGRESS = "704"
# A 500 that Adyen documents as our configuration's fault.
_NOT_CONFIGURED = "905"


class Refused(Rejected):
    """Say that Adyen answered 400 or 422: it understood who we are and refused the request itself."""

    def __init__(self, text: str, *, error_code: str, psp_reference: str | None, message: str) -> None:
        super().__init__(text)
        self.error_code = error_code
        self.psp_reference = psp_reference
        self.message = message


class NotFound(Rejected):
    """Say that Adyen knows no such thing (404)."""


class Checkout:
    """Be the library's Checkout services for one merchant account."""

    def __init__(
        self, *, api_key: str, environment: str, live_prefix: str, base_url: str, http_client: HttpClient
    ) -> None:
        import Adyen  # type: ignore[import-untyped]
        from Adyen.services.checkout import (  # type: ignore[import-untyped]
            ModificationsApi,
            PaymentsApi,
            RecurringApi,
        )

        # An address of our own is used as it is: under "live" the library would demand a prefix and rewrite it.
        is_live = environment != "test" and not base_url
        client = Adyen.AdyenClient(
            xapikey=api_key,
            platform="live" if is_live else "test",
            live_endpoint_prefix=live_prefix if is_live else None,
        )
        client.http_client = _Transport(http_client, library_version=Adyen.settings.LIB_VERSION)
        client.http_init = True
        self.payments = PaymentsApi(client=client)
        self.modifications = ModificationsApi(client=client)
        self.recurring = RecurringApi(client=client)
        if base_url:
            for service in (self.payments, self.modifications, self.recurring):
                service.baseUrl = base_url.rstrip("/")


def call(operation: str, verb: Callable[..., Any], *arguments: Any, **options: Any) -> dict[str, Any]:
    """Make one call and return the answer's JSON object, which is empty where Adyen answered with none.

    Nothing of the library's exception is chained or kept but its codes: it carries the whole request.

    :raises NotSent: nothing left, or (Busy) Adyen turned it away unread.
    :raises AnswerLost: Adyen may have acted. So it may on 409 or 704, where a twin of this call is still being
        worked on.
    :raises Rejected: Adyen refused; nothing happened. Refused and NotFound are the ones with a meaning of their own.
    """
    from Adyen import AdyenError

    try:
        answer = verb(*arguments, operation=operation, **options)
    except AdyenError as problem:
        raise _meaning(operation, problem) from None
    message: dict[str, Any] = answer.message
    return message


def _meaning(operation: str, problem: Any) -> Exception:
    status, code = problem.status_code, str(problem.error_code or "")
    said = f"adyen {operation}: HTTP {status}" + (f", error {code}" if code else "")
    if not isinstance(status, int):
        # Raised before anything is sent: no key, no live prefix.
        return Rejected(f"adyen {operation}: the library refused the call ({type(problem).__name__})")
    if status == 429:
        return Busy(said)
    if code == _DUPLICATE_IN_PROGRESS or status in (408, 409):
        return AnswerLost(said)
    if status in (400, 422):
        body: Mapping[str, Any] = problem.message if isinstance(problem.message, Mapping) else {}
        psp_reference = body.get("pspReference") or problem.psp
        return Refused(
            said,
            error_code=code,
            psp_reference=str(psp_reference) if psp_reference else None,
            message=str(body.get("message", "")),
        )
    if status == 404:
        return NotFound(said)
    if status in (401, 403):
        return KeyRefused(said)
    if 400 < status < 500 or code == _NOT_CONFIGURED:
        return Rejected(said)
    return AnswerLost(said)


class _Transport:
    """Stand where the library's own HTTP client stands: the one place it leaves open for another.

    Its own would follow redirects with the key, read without limit, and raise errors in which "not sent" and "answer
    lost" cannot be told apart.
    """

    def __init__(self, http_client: HttpClient, *, library_version: str) -> None:
        self._http_client = http_client
        self.user_agent = f"card-payments adyen-python-api-library/{library_version}"

    def request(
        self,
        method: str,
        url: str,
        *,
        operation: str,
        json: Mapping[str, Any] | None = None,
        xapikey: str,
        headers: Mapping[str, str],
    ) -> tuple[str, None, int, dict[str, str | None]]:
        """Return body, nothing where the library would keep the request, status and headers, as it wants them."""
        sent = {**headers, "x-api-key": xapikey}
        body = None
        if json is not None:
            body = _encoded(json)
            sent["Content-Type"] = "application/json"
        answer = self._http_client.send(operation, method, url, headers=sent, body=body)
        # The library cannot cope with JSON that is no object; to us that is as good as no answer.
        text = answer.body.decode(errors="replace") if answer.json_object() is not None else ""
        return text, None, answer.status, {"pspReference": answer.headers.get("pspreference")}


def _encoded(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body).encode()

"""The OpenAPI document of the context payments: shapes by hand, operations by drf-spectacular."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeVar

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema

from api.context.models import PaymentContext
from api.context.shapes import SHAPES
from api.openapi import LANGUAGE_HEADER, RATE_LIMIT_HEADERS, Schema, answer_headers, document_of, idempotency_key, shape

_View = TypeVar("_View", bound=Callable[..., Any])

DESCRIPTION = """
Payments for a booking, or on a customer's account, by a card that was encrypted in the guest's browser.

Amounts are numbers in major units, times are UTC. The status says how a payment stands: 201 taken (200 for partners who
asked for that), 202 not decided yet, 200 refused; look at `isSuccessfulPayment` and `errorCode`. Every path answers in
any case, with and without a trailing slash, and never redirects.
"""

_IDEMPOTENCY_KEY = idempotency_key("pay")
_SUCCESSES = {
    "PaymentResult": {
        200: "The payment was refused; or it was taken, for partners who asked for this status.",
        201: "The payment was taken.",
        202: "The payment is not decided yet: the guest must go to the bank, or nobody knows.",
    }
}
_ERRORS = {
    400: "The request cannot be used.",
    401: "The key is missing, or opens nothing here.",
    404: "There is no such booking, customer or payment.",
    429: "Too many requests; wait for Retry-After seconds.",
    500: "A fault of ours; repeat the request under the same Idempotency-Key.",
}
_WRITE_ERRORS = {
    403: "It is paid in full, cancelled or decided already; or no account takes such cards.",
    409: "Another payment, or the first request with this key, is undecided; wait for Retry-After seconds.",
    503: "The gateway was not reached and nothing was sent; repeat the request.",
}
_PATH = {
    "context": OpenApiParameter("context", str, OpenApiParameter.PATH, enum=list(PaymentContext)),
    "context_id": OpenApiParameter(
        "context_id", str, OpenApiParameter.PATH, description="The booking's or customer's number."
    ),
    "payment_id": OpenApiParameter("payment_id", str, OpenApiParameter.PATH, description="The `id` in the list."),
}


def operation(
    operation_id: str,
    summary: str,
    *,
    answer: str,
    body: str | None = None,
    path: tuple[str, ...] = (),
    query: dict[str, tuple[Schema, str]] | None = None,
) -> Callable[[_View], _View]:
    """Describe one operation of a view: its headers, errors and its shapes."""
    parameters = [LANGUAGE_HEADER, *(() if body is None else (_IDEMPOTENCY_KEY,)), *(_PATH[name] for name in path)]
    parameters += [
        OpenApiParameter(name, form, OpenApiParameter.QUERY, required=True, description=text)
        for name, (form, text) in (query or {}).items()
    ]
    successes = _SUCCESSES.get(answer, {200: "Success."})
    errors = _ERRORS if body is None else {**_ERRORS, **_WRITE_ERRORS}
    parameters += answer_headers(RATE_LIMIT_HEADERS, *successes)
    responses = {code: OpenApiResponse(shape(answer), text) for code, text in successes.items()}
    responses |= {code: OpenApiResponse(shape("Error"), text) for code, text in errors.items()}
    return extend_schema(
        operation_id=operation_id,
        summary=summary,
        tags=["payments"],
        parameters=parameters,
        request={"application/json": shape(body)} if body is not None else None,
        responses=responses,
        auth=[{"apiKey": []}],  # type: ignore[list-item]
    )


@lru_cache(maxsize=1)
def openapi_document() -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of this API."""
    return document_of(
        urlconf="api.context.documented_urls",
        title="Context payments",
        description=DESCRIPTION,
        server="/",
        tags=("payments",),
        shapes=SHAPES,
        security={"apiKey": {"type": "apiKey", "in": "header", "name": "X-Api-Key"}},
    )

"""The OpenAPI document of our OCTO: shapes by hand, operations by drf-spectacular, one document per process."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeVar

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema

from api.octo.capabilities import CARD_PAYMENTS, CART, GIFTS, REGISTRY, WEBHOOKS, Capability
from api.octo.request_shapes import REQUEST_SHAPES
from api.octo.shapes import CATALOGUE_SHAPES
from api.octo.sold_shapes import SOLD_SHAPES
from api.octo.webhook_shapes import DELIVERIES, WEBHOOK_SHAPES
from api.openapi import (
    CONTENT_LANGUAGE,
    LANGUAGE_HEADER,
    RATE_LIMIT_HEADERS,
    answer_headers,
    document_of,
    idempotency_key,
    path_parameters,
    shape,
)
from payments.services.talks import partner_talks

_View = TypeVar("_View", bound=Callable[..., Any])

DESCRIPTION = """
Reservations by OCTO, with prices (`octo/pricing`), card payments (`octo/cardPayments`), orders
(`octo/cart`), gifts (`octo/gifts`) and webhooks (`octo/webhooks`).

Success is always 200 and a refusal always 400 with `error` and `errorMessage`; only a missing key (401), a bad key
(403), a limit (429) and a fault of ours (500) differ. Every path answers with and without a trailing slash. Amounts are
integers in minor units.
"""

_HEADERS = (
    OpenApiParameter(
        "Octo-Capabilities",
        str,
        OpenApiParameter.HEADER,
        required=True,
        description=f"Comma list of {', '.join(REGISTRY)}. Required, and may be empty. `X-Capabilities` is an alias.",
    ),
    OpenApiParameter(
        "Octo-Env",
        str,
        OpenApiParameter.HEADER,
        enum=["live", "test"],
        description="`test` with a live key makes test bookings; a test key never leaves test mode.",
    ),
    LANGUAGE_HEADER,
)
_IDEMPOTENCY_KEY = idempotency_key("do the work")
_CHANNELS = tuple(
    OpenApiParameter(
        talk.channel_header,
        str,
        OpenApiParameter.HEADER,
        enum=list(talk.channels),
        description=f"Channel of the payment session; comes before cardPayment.{talk.name}.channel.",
    )
    for talk in partner_talks().values()
    if talk.channel_header
)
_ANSWER_HEADERS = (
    ("Octo-Capabilities", "The capabilities that were applied."),
    ("Octo-Env", "The mode that was used: live or test."),
    CONTENT_LANGUAGE,
    *RATE_LIMIT_HEADERS,
)
_ERRORS = {
    400: "The request was refused.",
    401: "There is no key in the request.",
    403: "The key opens nothing here.",
    429: "Too many requests; wait for Retry-After seconds.",
    500: "A fault of ours; repeat the request.",
}


def operation(
    operation_id: str,
    summary: str,
    *,
    answer: dict[str, Any],
    body: dict[str, Any] | None = None,
    query: dict[str, str] | None = None,
    path: dict[str, str] | None = None,
    needs: Capability | None = None,
    takes_payment: bool = False,
    is_write: bool = True,
) -> Callable[[_View], _View]:
    """Describe one operation of a view: its headers, errors and its shapes."""
    parameters: list[OpenApiParameter] = [*_HEADERS]
    parameters += path_parameters(path)
    parameters += [OpenApiParameter(n, str, OpenApiParameter.QUERY, description=d) for n, d in (query or {}).items()]
    if body is not None and is_write:
        parameters.append(_IDEMPOTENCY_KEY)
    if takes_payment:
        parameters += _CHANNELS
    parameters += answer_headers(_ANSWER_HEADERS, 200, 400)
    responses: dict[int, OpenApiResponse] = {200: OpenApiResponse(answer, "Success.")}
    responses.update({code: OpenApiResponse(shape("Error"), text) for code, text in _ERRORS.items()})
    return extend_schema(
        operation_id=operation_id,
        summary=summary,
        description=f"Needs the capability `{needs.id}`." if needs else "",
        tags=[needs.id if needs else "octo/core"],
        parameters=parameters,
        request={"application/json": body} if body is not None else None,
        responses=responses,
        auth=[{"bearerKey": []}],  # type: ignore[list-item]
    )


@lru_cache(maxsize=1)
def openapi_document() -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of everything under /octo."""
    document = document_of(
        urlconf="api.octo.urls",
        title="OCTO with card payments",
        description=DESCRIPTION,
        server="/octo",
        tags=("octo/core", CARD_PAYMENTS.id, CART.id, GIFTS.id, WEBHOOKS.id),
        shapes={**CATALOGUE_SHAPES, **SOLD_SHAPES, **REQUEST_SHAPES, **WEBHOOK_SHAPES},
        security={"bearerKey": {"type": "http", "scheme": "bearer"}},
    )
    return {**document, "webhooks": DELIVERIES}

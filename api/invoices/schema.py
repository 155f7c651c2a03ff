"""The OpenAPI document of payment invoices: shapes by hand, operations by drf-spectacular."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema

from api.invoices.media_types import JSON_API
from api.invoices.requests import A_PAGE, MOST_A_PAGE
from api.invoices.shapes import SHAPES
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

_View = TypeVar("_View", bound=Callable[..., Any])

DESCRIPTION = """
Payment invoices by JSON:API: ask for an amount, send the guest to the page of `flow_data`, hear by signed callbacks
what became of it, charge a kept card by its token, give money back.

Amounts are JSON numbers in major units, times are epoch seconds, and empty objects are written as `[]`. Every path
answers below `/api/` too, with and without a trailing slash, and never redirects.
"""
_MEDIA_TYPES = (JSON_API, "application/json")
_BASIC, _SALE = "accountKey", "saleToken"
PAGE_PARAMETERS = (
    OpenApiParameter("page[number]", OpenApiTypes.INT, description="From 1."),
    OpenApiParameter("page[size]", OpenApiTypes.INT, description=f"At most {MOST_A_PAGE}, {A_PAGE} when not sent."),
)
_IDEMPOTENCY_KEY = idempotency_key("do the work")
_ANSWER_HEADERS = (CONTENT_LANGUAGE, *RATE_LIMIT_HEADERS)
_ERRORS = {
    400: "The request cannot be read.",
    401: "The credentials are missing or wrong.",
    403: "The key is unknown, was revoked, or may not use this API.",
    404: "There is no such invoice.",
    406: "We have none of the media types that are accepted.",
    429: "Too many requests; wait for Retry-After seconds.",
    500: "A fault of ours; look at the invoice, or repeat the request.",
}
_WRITE_ERRORS = {
    409: "A charge or refund, or the first request with this key, is undecided; wait for Retry-After seconds.",
    415: "The body is of another media type.",
    422: "The document cannot be used; `source.pointer` says what of it.",
}


def operation(
    operation_id: str,
    summary: str,
    *,
    answer: dict[str, Any],
    body: dict[str, Any] | None = None,
    status: int = 200,
    path: dict[str, str] | None = None,
    query: tuple[OpenApiParameter, ...] = (),
    security: str = _BASIC,
) -> Callable[[_View], _View]:
    """Describe one operation of a view: its headers, errors and shapes."""
    is_once = body is not None and security == _BASIC
    parameters = [LANGUAGE_HEADER, *query, *([_IDEMPOTENCY_KEY] if is_once else [])]
    parameters += path_parameters(path)
    parameters += answer_headers(_ANSWER_HEADERS, status)
    errors = {**_ERRORS, **(_WRITE_ERRORS if body is not None else {})}
    told = {status: (answer, "Success."), **{code: (shape("Errors"), text) for code, text in errors.items()}}
    responses = {
        (code, kind): OpenApiResponse(schema, text) for code, (schema, text) in told.items() for kind in _MEDIA_TYPES
    }
    return extend_schema(
        operation_id=operation_id,
        summary=summary,
        tags=["payment-invoices"],
        parameters=parameters,
        request=dict.fromkeys(_MEDIA_TYPES, body) if body is not None else None,
        responses=responses,
        auth=[{security: []}],  # type: ignore[list-item]
    )


@lru_cache(maxsize=1)
def openapi_document() -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of everything this API routes."""
    return document_of(
        urlconf="api.invoices.urls",
        title="Payment invoices",
        description=DESCRIPTION,
        server="/",
        tags=("payment-invoices",),
        shapes=SHAPES,
        security={
            _BASIC: {"type": "http", "scheme": "basic"},
            _SALE: {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
        },
    )

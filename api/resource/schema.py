"""The OpenAPI document of the payments resource: shapes by hand, operations by drf-spectacular."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema

from api.openapi import (
    CONTENT_LANGUAGE,
    RATE_LIMIT_HEADERS,
    answer_headers,
    document_of,
    idempotency_key,
    path_parameters,
    shape,
)
from api.resource.negotiation import ACCEPTED_LANGUAGES
from api.resource.paging import MOST_ROWS_A_PAGE, ROWS_A_PAGE
from api.resource.shapes import SHAPES

_View = TypeVar("_View", bound=Callable[..., Any])

DESCRIPTION = """
Payments of bookings, with the bookings and customers they are for: JSON or XML, by `Accept` and `Content-Type`.

Ids and amounts are texts, times are UTC in whole seconds. A payment that failed was made all the same: 201 with the
`status` FAILED and an `error`. Every other failure is an HTTP error with the standard error object. Every path answers
with and without a trailing slash, and never redirects.
"""

_IDEMPOTENCY_KEY = idempotency_key("charge")
_LANGUAGE = OpenApiParameter(
    "Accept-Language",
    str,
    OpenApiParameter.HEADER,
    enum=sorted(ACCEPTED_LANGUAGES),
    description="Language of the sentences; those that are not translated are in English.",
)
_ANSWER_HEADERS = (CONTENT_LANGUAGE, *RATE_LIMIT_HEADERS)
_ERRORS = {
    400: "The request cannot be used; `errors` says why.",
    401: "The key is missing, or opens nothing here.",
    404: "There is no such thing.",
    406: "We have neither the format, the charset nor the language that was asked for.",
    429: "Too many requests; wait for Retry-After seconds.",
    500: "A fault of ours; repeat the request under the same Idempotency-Key.",
}
_WRITE_ERRORS = {
    403: "No account is set up to charge card details for you.",
    409: "Another charge, or the first request with this key, is undecided; wait for Retry-After seconds.",
    415: "The body is neither JSON nor XML.",
}


def operation(
    operation_id: str,
    summary: str,
    *,
    answer: str,
    body: str | None = None,
    status: int = 200,
    path: dict[str, str] | None = None,
    query: tuple[OpenApiParameter, ...] = (),
) -> Callable[[_View], _View]:
    """Describe one operation of a view: `answer` and `body` are names of shapes."""
    errors = {**_ERRORS, **(_WRITE_ERRORS if body else {})}
    parameters = [_LANGUAGE, *query, *([_IDEMPOTENCY_KEY] if body else [])]
    parameters += path_parameters(path)
    parameters += answer_headers(_ANSWER_HEADERS, status)
    responses: dict[int, OpenApiResponse] = {status: OpenApiResponse(shape(answer), "Success.")}
    responses.update({code: OpenApiResponse(shape("Error"), text) for code, text in errors.items()})
    return extend_schema(
        operation_id=operation_id,
        summary=summary,
        tags=["payments"],
        parameters=parameters,
        request={kind: shape(body) for kind in ("application/json", "application/xml")} if body else None,
        responses=responses,
        auth=[{"applicationKey": []}],  # type: ignore[list-item]
    )


def paged() -> tuple[OpenApiParameter, ...]:
    """Return the query parameters of a list."""
    return (
        OpenApiParameter("page", OpenApiTypes.INT, description="From 1."),
        OpenApiParameter(
            "max_per_page", OpenApiTypes.INT, description=f"At most {MOST_ROWS_A_PAGE}, {ROWS_A_PAGE} when not sent."
        ),
    )


@lru_cache(maxsize=1)
def openapi_document() -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of everything this API routes."""
    return document_of(
        urlconf="api.resource.urls",
        title="Payments resource",
        description=DESCRIPTION,
        server="/",
        tags=("payments",),
        shapes=SHAPES,
        security={"applicationKey": {"type": "apiKey", "in": "header", "name": "X-Application-Key"}},
    )

"""The OpenAPI document of finance's API: shapes by hand, operations by drf-spectacular."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeVar

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema

from api.finance.errors import PROBLEM
from api.finance.shapes import SHAPES
from api.openapi import RATE_LIMIT_HEADERS, Schema, answer_headers, document_of, path_parameters, shape

_View = TypeVar("_View", bound=Callable[..., Any])

DESCRIPTION = """
Reports for finance's own systems: ask for one, see how far it is, download the file.

A file is sealed: rows, totals by currency, SHA-256, and the watermark `as_of`, after which nothing that was recorded is
in it. The same report, filters, watermark and format give the same bytes. Amounts ending in `_minor` are whole minor
units. A key is live or test, and sees its own mode alone.
"""
_ERRORS = {
    401: "There is no key.",
    403: "The key opens nothing here, or may not do this.",
    429: "Too many requests; wait for Retry-After seconds.",
    500: "A fault of ours; repeat the request.",
}
_MORE = {
    400: "The request cannot be read.",
    404: "There is no such export in the key's mode.",
    409: "It is not to be had yet; wait for Retry-After seconds.",
    410: "The file was deleted after its time, is not whole any more, or could not be written.",
    415: "The body is not JSON.",
    416: "The file has no such byte; Content-Range says how many it has.",
    422: "A field cannot be used, and `field` says which; or the Idempotency-Key was used for something else.",
    503: "A twin under the same Idempotency-Key is not done yet; wait for Retry-After seconds.",
}


def operation(
    operation_id: str,
    summary: str,
    *,
    answer: Schema,
    refusals: tuple[int, ...],
    kind: str = "application/json",
    body: str | None = None,
    status: int = 200,
    path: dict[str, str] | None = None,
    query: tuple[OpenApiParameter, ...] = (),
    headers: tuple[OpenApiParameter, ...] = (),
    others: dict[int, str] | None = None,
) -> Callable[[_View], _View]:
    """Describe one operation of a view; `refusals` are the errors that not every operation has, `others` what it may
    answer besides: the same with another status, or nothing with a 304.
    """
    errors = {**_ERRORS, **{code: _MORE[code] for code in refusals}}
    responses: dict[tuple[int, str], OpenApiResponse] = {(status, kind): OpenApiResponse(answer, "Success.")}
    for code, text in (others or {}).items():
        responses[code, kind] = OpenApiResponse(None if code == 304 else answer, text)
    responses.update({(code, PROBLEM): OpenApiResponse(shape("Problem"), text) for code, text in errors.items()})
    return extend_schema(
        operation_id=operation_id,
        summary=summary,
        tags=["exports"],
        parameters=[*query, *headers, *path_parameters(path), *answer_headers(RATE_LIMIT_HEADERS, status)],
        request={"application/json": shape(body)} if body else None,
        responses=responses,
        auth=[{"financeKey": []}],  # type: ignore[list-item]
    )


@lru_cache(maxsize=1)
def openapi_document() -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of everything this API routes."""
    return document_of(
        urlconf="api.finance.urls",
        title="Finance's exports",
        description=DESCRIPTION,
        server="/",
        tags=("exports",),
        shapes=SHAPES,
        security={"financeKey": {"type": "http", "scheme": "bearer"}},
    )

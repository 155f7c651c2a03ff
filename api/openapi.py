"""What the OpenAPI documents of the dialects share: small shapes of JSON Schema, and how a document is made.

Shapes are written by hand and closed, so that a test finds what we forgot; operations come from drf-spectacular.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.settings import patched_settings
from drf_spectacular.utils import OpenApiParameter

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
WHOLE: Schema = {"type": "integer"}
YES_NO: Schema = {"type": "boolean"}
DATE: Schema = {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"}
CURRENCY: Schema = {"type": "string", "pattern": "^[A-Z]{3}$"}

LANGUAGE_HEADER = OpenApiParameter(
    "Accept-Language", str, OpenApiParameter.HEADER, description="Language of the sentences: en or de."
)
CONTENT_LANGUAGE = ("Content-Language", "The language of the sentences.")
# The headers of `api.throttling`, with what they say.
RATE_LIMIT_HEADERS = (
    ("RateLimit-Limit", "Requests a minute of this key."),
    ("RateLimit-Remaining", "Requests left in this sliding minute."),
    ("RateLimit-Reset", "Seconds until there is room for more."),
    ("RateLimit-Policy", "The limit and its window in seconds."),
)


def shape(name: str) -> Schema:
    """Return a reference to one of a document's shapes."""
    return {"$ref": f"#/components/schemas/{name}"}


def list_of(item: Schema) -> Schema:
    """Return a list of one shape."""
    return {"type": "array", "items": item}


def or_null(schema: Schema) -> Schema:
    """Return a shape that may be null."""
    if isinstance(schema.get("type"), str) and "enum" not in schema:
        return {**schema, "type": [schema["type"], "null"]}
    return {"oneOf": [schema, {"type": "null"}]}


def closed(properties: dict[str, Schema], *, optional: dict[str, Schema] | None = None) -> Schema:
    """Return an object with all of these fields and nothing but them and the optional ones."""
    return {
        "type": "object",
        "properties": {**properties, **(optional or {})},
        "required": list(properties),
        "additionalProperties": False,
    }


def words(*values: str) -> Schema:
    """Return a text out of a few."""
    return {"type": "string", "enum": list(values)}


def idempotency_key(promise: str) -> OpenApiParameter:
    """Return the header by which a write is repeated; `promise` says what happens once."""
    return OpenApiParameter(
        "Idempotency-Key",
        str,
        OpenApiParameter.HEADER,
        description=f"1 to 255 printable ASCII characters; the same key and request {promise} once.",
    )


def path_parameters(names: Mapping[str, str] | None) -> list[OpenApiParameter]:
    """Return the parameters of a path from their names and what they are."""
    return [OpenApiParameter(n, str, OpenApiParameter.PATH, description=text) for n, text in (names or {}).items()]


def answer_headers(headers: Iterable[tuple[str, str]], *statuses: int) -> list[OpenApiParameter]:
    """Return the headers that answers with these statuses have, from their names and what they say."""
    return [
        OpenApiParameter(name, str, OpenApiParameter.HEADER, description=text, response=[*statuses])
        for name, text in headers
    ]


def document_view(document: Callable[[], dict[str, Any]]) -> Callable[[HttpRequest], HttpResponse]:
    """Return the view that shows a dialect's document; it needs no key."""

    @require_safe
    def show(_request: HttpRequest) -> JsonResponse:
        return JsonResponse(document())

    return show


def without_twin_paths(endpoints: list[Any], **_settings: Any) -> list[Any]:
    """Leave out the paths with a trailing slash, and those below /api/: each is the twin of one without."""
    return [endpoint for endpoint in endpoints if not endpoint[0].endswith("/") and not endpoint[0].startswith("/api/")]


def document_of(
    *,
    urlconf: str,
    title: str,
    description: str,
    server: str,
    tags: tuple[str, ...],
    shapes: dict[str, Schema],
    security: dict[str, Schema],
) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of everything that a dialect routes."""
    settings = {
        "TITLE": title,
        "DESCRIPTION": description.strip(),
        "VERSION": "1.0.0",
        "OAS_VERSION": "3.1.0",
        "SERVERS": [{"url": server}],
        "TAGS": [{"name": name} for name in tags],
        "SCHEMA_PATH_PREFIX": "",
        "PREPROCESSING_HOOKS": ["api.openapi.without_twin_paths"],
        "POSTPROCESSING_HOOKS": [],
        "APPEND_COMPONENTS": {"schemas": shapes, "securitySchemes": security},
    }
    with patched_settings(settings):
        document: dict[str, Any] = SchemaGenerator(urlconf=urlconf).get_schema(request=None, public=True)
    return document

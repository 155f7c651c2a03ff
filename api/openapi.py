"""What the OpenAPI documents of the dialects share: small shapes of JSON Schema, and how a document is made.

Shapes are written by hand and closed, so that a test finds what we forgot; operations come from drf-spectacular.
"""

from typing import Any

from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.settings import patched_settings

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
WHOLE: Schema = {"type": "integer"}
YES_NO: Schema = {"type": "boolean"}
DATE: Schema = {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"}
CURRENCY: Schema = {"type": "string", "pattern": "^[A-Z]{3}$"}

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

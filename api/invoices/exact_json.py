"""JSON by the wire of this API: amounts are numbers, written from exact decimals and never by way of a float.

The library for JSON:API, djangorestframework-jsonapi, is not used: it wants a serializer for every resource, writes
decimals as texts or floats, and this wire is not quite JSON:API, with its `[]` for an empty object.
"""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from rest_framework.renderers import BaseRenderer

from api.json_body import StrictJsonParser

JSON_API = "application/vnd.api+json"


def exact_json(value: Any) -> str:
    """Return a JSON text in which a Decimal is a number with all of its digits."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{exact_json(str(name))}:{exact_json(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(exact_json, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


class JsonApiRenderer(BaseRenderer):
    """Write a document as JSON:API's own media type."""

    media_type = JSON_API
    format = "json-api"
    charset = None

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        """Return the document's bytes."""
        return b"" if data is None else exact_json(data).encode()


class PlainJsonRenderer(JsonApiRenderer):
    """Write the same document as plain JSON."""

    media_type = "application/json"
    format = "json"


class JsonApiParser(StrictJsonParser):
    """Read JSON:API's own media type as strictly as plain JSON."""

    media_type = JSON_API

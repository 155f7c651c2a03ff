"""The media types of this API.

The library for JSON:API, djangorestframework-jsonapi, is not used: it wants a serializer for every resource, writes
decimals as texts or floats, and this wire is not quite JSON:API, with its `[]` for an empty object.
"""

from api.exact_json import ExactJsonRenderer
from api.json_body import StrictJsonParser

JSON_API = "application/vnd.api+json"


class JsonApiRenderer(ExactJsonRenderer):
    """Write a document as JSON:API's own media type."""

    media_type = JSON_API
    format = "json-api"


class JsonApiParser(StrictJsonParser):
    """Read JSON:API's own media type as strictly as plain JSON."""

    media_type = JSON_API

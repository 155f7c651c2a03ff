"""Write JSON whose amounts are numbers, digit by digit: a float would be a guess at money."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from rest_framework.renderers import BaseRenderer


def exact_json(value: object) -> str:
    """Return a JSON text in which a Decimal is a number with all of its digits."""
    match value:
        case Decimal():
            return f"{value:f}"
        case Mapping():
            return "{" + ",".join(f"{exact_json(str(name))}:{exact_json(item)}" for name, item in value.items()) + "}"
        case list() | tuple():
            return "[" + ",".join(map(exact_json, value)) + "]"
        case _:
            return json.dumps(value, ensure_ascii=False)


class ExactJsonRenderer(BaseRenderer):
    """Render plain values; a Decimal becomes a JSON number with all of its digits."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        """Return the JSON text."""
        return b"" if data is None else exact_json(data).encode()

"""Write JSON whose amounts are numbers, digit by digit: a float would be a guess at money."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from rest_framework.renderers import BaseRenderer


class ExactJsonRenderer(BaseRenderer):
    """Render plain values; a Decimal becomes a JSON number with all of its digits."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        """Return the JSON text."""
        return b"" if data is None else written(data).encode()


def written(value: object) -> str:
    """Return a value as JSON."""
    match value:
        case Decimal():
            return f"{value:f}"
        case Mapping():
            return "{" + ",".join(f"{written(str(name))}:{written(item)}" for name, item in value.items()) + "}"
        case list() | tuple():
            return "[" + ",".join(written(item) for item in value) + "]"
        case _:
            return json.dumps(value, ensure_ascii=False)

"""Read a page as a person does."""

import html
import re
from typing import Any


def text_of(response: Any) -> str:
    """Return what a person reads."""
    page = re.sub(r"<(style|script)\b.*?</\1>", " ", response.content.decode(), flags=re.DOTALL)
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page)))

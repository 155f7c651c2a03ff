"""Read JSON bodies strictly: refuse what two parsers could read differently, or a database could not store."""

import json
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

from django.utils.translation import gettext as _
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

LARGEST_BODY = 1024 * 1024
DEEPEST_NESTING = 32
# Nineteen digits hold every 64-bit integer; a longer one is no amount, no count and no id of ours.
LONGEST_INTEGER = 20


class StrictJsonParser(BaseParser):
    """Parse `application/json` into plain Python values.

    Refused, each with a sentence of its own: more than 1 MiB (before a byte is read), no UTF-8, invalid JSON, NaN, a
    key twice in one object, NUL and lone surrogates, numbers too long, nesting too deep, anything but an object.
    """

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> dict[str, object]:
        """Return the object in the body of a request.

        :raises ParseError: the body is refused.
        """
        refuse_large_body(parser_context["request"].META)
        try:
            text = stream.read().decode("utf-8")
        except UnicodeDecodeError:
            raise ParseError(_("The body is not UTF-8.")) from None
        return parse_object(text)


def refuse_large_body(meta: dict[str, Any]) -> None:
    """Refuse a request whose declared body is too large, without reading it.

    :raises ParseError: the body is larger than 1 MiB, or its length is not declared.
    """
    if meta.get("HTTP_TRANSFER_ENCODING") and not meta.get("CONTENT_LENGTH"):
        raise ParseError(_("Send the body with a Content-Length header."))
    try:
        length = int(meta.get("CONTENT_LENGTH") or 0)
    except ValueError:
        raise ParseError(_("The Content-Length header is not a number.")) from None
    if length > LARGEST_BODY:
        raise ParseError(_("The body is larger than 1 MiB."))


def parse_object(text: str) -> dict[str, object]:
    """Return the JSON object in a text.

    :raises ParseError: it is not one that every parser would read in the same way.
    """
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object_without_twins,
            parse_constant=_refuse_constant,
            parse_float=Decimal,
            parse_int=_short_integer,
        )
    except RecursionError:
        raise ParseError(_("The body is nested too deeply.")) from None
    except InvalidOperation:
        # An exponent that no Decimal has.
        raise ParseError(_("The body has a number that is too long.")) from None
    except ValueError:
        raise ParseError(_("The body is not valid JSON.")) from None
    if not isinstance(value, dict):
        raise ParseError(_("The body must be a JSON object."))
    _refuse_hostile_values(value)
    return value


def _object_without_twins(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ParseError(_("The body has the same key twice in one object."))
    return result


def _refuse_constant(_constant: str) -> NoReturn:
    raise ValueError


def _short_integer(digits: str) -> int:
    if len(digits) > LONGEST_INTEGER:
        raise ParseError(_("The body has a number that is too long."))
    return int(digits)


def _refuse_hostile_values(value: object) -> None:
    waiting: list[tuple[object, int]] = [(value, 1)]
    while waiting:
        current, depth = waiting.pop()
        if isinstance(current, str):
            if not is_storable(current):
                raise ParseError(_("The body has a text with a NUL or an unpaired surrogate in it."))
        elif isinstance(current, dict | list):
            if depth > DEEPEST_NESTING:
                raise ParseError(_("The body is nested too deeply."))
            if isinstance(current, dict):
                waiting.extend((key, depth) for key in current)
            waiting.extend((item, depth + 1) for item in (current.values() if isinstance(current, dict) else current))


def is_storable(text: str) -> bool:
    """Say whether PostgreSQL can store a text."""
    return "\x00" not in text and not any("\ud800" <= character <= "\udfff" for character in text)

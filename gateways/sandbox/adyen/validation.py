"""A small checker of request bodies that fails in Adyen's words and with Adyen's codes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from gateways.sandbox.adyen.currencies import DECIMALS
from gateways.sandbox.adyen.errors import invalid, malformed

# Codes that Adyen publishes for a required field that is absent; other fields get DEFAULT_MISSING.
MISSING = {
    "reference": "130",
    "returnUrl": "14_030",
    "paymentMethod": "14_004",
    "paymentReference": "130",
    "shopperReference": "180",
    "city": "131",
    "street": "132",
    "houseNumberOrName": "133",
    "country": "134",
    "stateOrProvince": "135",
}
DEFAULT_MISSING = "702"


@dataclass(frozen=True, slots=True)
class Text:
    """A string; `longest` and `shortest` are its bounds, `code` what is answered outside them."""

    longest: int | None = None
    shortest: int = 0
    code: str = "702"


@dataclass(frozen=True, slots=True)
class Choice:
    """A string out of a list, exactly as written."""

    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number within bounds; `code` is what is answered outside them."""

    smallest: int | None = None
    largest: int | None = None
    code: str = "702"


@dataclass(frozen=True, slots=True)
class Truth:
    """A boolean."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A date and time in ISO 8601 with an offset."""


@dataclass(frozen=True, slots=True)
class Sum:
    """An amount: currency and value in minor units."""

    smallest: int = 0


@dataclass(frozen=True, slots=True)
class Anything:
    """An object whose inside the sandbox does not check."""


@dataclass(frozen=True, slots=True)
class Texts:
    """An object of strings; with `is_metadata`, within Adyen's limits for metadata."""

    is_metadata: bool = False


@dataclass(frozen=True, slots=True)
class Many:
    """An array."""

    of: "Rule"


@dataclass(frozen=True, slots=True)
class Shape:
    """An object with exactly these fields, some required. The order of `required` is the order of complaints."""

    name: str
    fields: Mapping[str, "Rule"] = field(repr=False)
    required: tuple[str, ...] = ()


Rule = Text | Choice | Whole | Truth | Moment | Sum | Anything | Texts | Many | Shape


def check(body: Any, shape: Shape) -> None:
    """Check a request body.

    :raises ApiError: 400 when the structure is wrong, 422 when a value is.
    """
    _check_shape(body, shape, "")


def _check(value: Any, rule: Rule, path: str) -> None:
    match rule:
        case Shape():
            _check_shape(value, rule, path)
        case Sum(smallest):
            _check_amount(value, path, smallest)
        case Text(longest, shortest, code):
            if not isinstance(value, str):
                raise _unexpected(value, "a string", path)
            if (longest is not None and len(value) > longest) or len(value) < shortest:
                raise invalid(code, f"Field '{path}' is not valid: its length must be {shortest} to {longest}.")
        case Choice(values):
            if value not in values:
                raise _unexpected(value, "one of " + ", ".join(values), path)
        case Whole(smallest_whole, largest, code):
            if not isinstance(value, int) or isinstance(value, bool):
                raise _unexpected(value, "an integer", path)
            if (smallest_whole is not None and value < smallest_whole) or (largest is not None and value > largest):
                raise invalid(code, f"Field '{path}' is not valid: it must be {smallest_whole} to {largest}.")
        case Truth():
            if not isinstance(value, bool):
                raise _unexpected(value, "a boolean", path)
        case Moment():
            if read_moment(value) is None:
                raise _unexpected(value, "a date and time with an offset", path)
        case Anything():
            if not isinstance(value, dict):
                raise _unexpected(value, "an object", path)
        case Texts(is_metadata):
            _check_texts(value, path, is_metadata=is_metadata)
        case Many(of):
            if not isinstance(value, list):
                raise _unexpected(value, "an array", path)
            for position, item in enumerate(value):
                _check(item, of, f"{path}[{position}]")


def read_moment(value: Any) -> datetime | None:
    """Return a date and time, or None when it is not one or lacks its offset."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None and "T" in value else None


def _check_shape(body: Any, shape: Shape, path: str) -> None:
    if not isinstance(body, dict):
        raise _unexpected(body, "an object", path or shape.name)
    unknown = sorted(set(body) - set(shape.fields))
    if unknown:
        raise malformed(f"Structure of {shape.name} contains the following unknown fields: {[*unknown]}")
    for name in shape.required:
        if body.get(name) in (None, "", {}):
            raise _missing(name, path)
    for name, value in body.items():
        _check(value, shape.fields[name], f"{path}.{name}" if path else name)


def _check_amount(value: Any, path: str, smallest: int) -> None:
    if not isinstance(value, dict):
        raise _unexpected(value, "an object", path)
    unknown = sorted(set(value) - {"currency", "value"})
    if unknown:
        raise malformed(f"Structure of Amount contains the following unknown fields: {[*unknown]}")
    currency, figure = value.get("currency"), value.get("value")
    if figure is not None and (not isinstance(figure, int) or isinstance(figure, bool)):
        raise _unexpected(figure, "an integer", f"{path}.value")
    if not isinstance(currency, str) or currency not in DECIMALS:
        raise invalid("138", "Unsupported currency specified")
    if figure is None or not smallest <= figure < 10**12:
        raise invalid("137", "Invalid amount specified")


def _check_texts(value: Any, path: str, *, is_metadata: bool) -> None:
    if not isinstance(value, dict):
        raise _unexpected(value, "an object", path)
    for name, text in value.items():
        if not isinstance(text, str):
            raise _unexpected(text, "a string", f"{path}.{name}")
    if is_metadata and (len(value) > 20 or any(len(name) > 20 or len(text) > 80 for name, text in value.items())):
        raise invalid("177", "Metadata size exceeds limit")


def _missing(name: str, path: str) -> Exception:
    where = f"{path}.{name}" if path else name
    if name == "amount":
        return invalid("100", "Required object 'amount' is not provided.")
    if name == "returnUrl":
        return invalid("14_030", "Return URL is missing.")
    if name == "merchantAccount":
        return invalid("901", "Invalid Merchant Account")
    return invalid(MISSING.get(name, DEFAULT_MISSING), f"Required field '{where}' is not provided.")


def _unexpected(value: Any, expected: str, path: str) -> Exception:
    # The value itself is not repeated: it may be part of a card.
    return malformed(f"Unexpected input in field '{path}': {type(value).__name__}, expected: {expected}")

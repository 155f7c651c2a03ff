"""Read one JSON object field by field, into the types we want; every refusal names the field."""

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import TypeVar

from django.utils.translation import gettext as _

from api.json_body import is_storable
from money import EXPONENTS

LARGEST_AMOUNT = 10**12
_Item = TypeVar("_Item")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


class FieldRefused(Exception):
    """Say that one field of a request cannot be used, and why, in a sentence of ours."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class Fields:
    """Read the fields of one object; a field that is absent or null reads as None unless it is required."""

    __slots__ = ("path", "values")

    def __init__(self, values: Mapping[str, object], path: str = "") -> None:
        self.values = values
        self.path = path

    def name_of(self, name: str) -> str:
        """Return the full name of a field, such as `unitItems[0].unitId`."""
        return f"{self.path}.{name}" if self.path else name

    def refuse(self, name: str, reason: str) -> FieldRefused:
        """Return the refusal of one field, to be raised."""
        return FieldRefused(self.name_of(name), reason)

    def has(self, name: str) -> bool:
        """Say whether a field was sent, null included."""
        return name in self.values

    def text(self, name: str, *, longest: int, is_required: bool = False) -> str | None:
        """Return a text of at most `longest` characters."""
        value = self._present(name, is_required=is_required)
        if value is None:
            return None
        if not isinstance(value, str):
            raise self.refuse(name, _("must be a text"))
        if len(value) > longest:
            raise self.refuse(name, _("must have at most %(count)s characters") % {"count": longest})
        if not is_storable(value):
            raise self.refuse(name, _("has a character that cannot be stored"))
        if is_required and not value.strip():
            raise self.refuse(name, _("must not be empty"))
        return value

    def choice(self, name: str, choices: list[str] | tuple[str, ...], *, is_required: bool = False) -> str | None:
        """Return one of a few words; the refusal names all of them."""
        value = self.text(name, longest=64, is_required=is_required)
        if value is not None and value not in choices:
            raise self.refuse(name, _("must be one of %(choices)s") % {"choices": ", ".join(choices)})
        return value

    def integer(self, name: str, *, least: int, most: int, is_required: bool = False) -> int | None:
        """Return a whole number; true, "3" and 3.0 are none."""
        value = self._present(name, is_required=is_required)
        if value is None:
            return None
        if type(value) is not int:
            raise self.refuse(name, _("must be a whole number"))
        if not least <= value <= most:
            raise self.refuse(name, _("must be from %(least)s to %(most)s") % {"least": least, "most": most})
        return value

    def amount(self, name: str) -> int | None:
        """Return an amount in minor units, more than zero."""
        return self.integer(name, least=1, most=LARGEST_AMOUNT)

    def boolean(self, name: str) -> bool | None:
        """Return true or false."""
        value = self._present(name)
        if value is not None and not isinstance(value, bool):
            raise self.refuse(name, _("must be true or false"))
        return value

    def currency(self, name: str, *, is_required: bool = False) -> str | None:
        """Return an ISO 4217 code."""
        value = self.text(name, longest=16, is_required=is_required)
        if value is not None and value not in EXPONENTS:
            raise self.refuse(name, _("must be an ISO 4217 currency code, such as EUR"))
        return value

    def date(self, name: str, *, is_required: bool = False) -> date | None:
        """Return a date written as 2026-11-21."""
        value = self.text(name, longest=32, is_required=is_required)
        if value is None:
            return None
        try:
            if _DATE.fullmatch(value):
                return date.fromisoformat(value)
        except ValueError:
            pass
        raise self.refuse(name, _("must be a date such as 2026-11-21"))

    def moment(self, name: str, *, is_required: bool = False) -> datetime | None:
        """Return a date and time with an offset, such as 2026-11-21T10:00:00Z."""
        value = self.text(name, longest=40, is_required=is_required)
        if value is None:
            return None
        try:
            # A plus sign that a client forgot to encode arrives in a query string as a space.
            moment = datetime.fromisoformat(value.replace(" ", "+") if "T" in value else value)
            if moment.tzinfo is not None:
                moment.timestamp()
                return moment
        except (ValueError, OverflowError):
            pass
        raise self.refuse(name, _("must be a date and time with an offset, such as 2026-11-21T10:00:00Z"))

    def identifier(self, name: str, *, is_required: bool = False) -> str | None:
        """Return a uuid in its usual lower case form."""
        value = self.text(name, longest=80, is_required=is_required)
        if value is None:
            return None
        # Python also reads braces, urn: and missing dashes, which other parsers take for other texts.
        if not _UUID.fullmatch(value):
            raise self.refuse(name, _("must be a uuid"))
        return value.lower()

    def child(self, name: str) -> "Fields | None":
        """Return an object inside this one."""
        value = self._present(name)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise self.refuse(name, _("must be an object"))
        return Fields(value, self.name_of(name))

    def children(self, name: str, *, most: int) -> "list[Fields] | None":
        """Return a list of objects."""
        items = self._items(name, dict, most, _("must be an object"))
        if items is None:
            return None
        return [Fields(item, f"{self.name_of(name)}[{index}]") for index, item in enumerate(items)]

    def texts(self, name: str, *, most: int, longest: int) -> list[str] | None:
        """Return a list of texts."""
        items = self._items(name, str, most, _("must be a text"))
        for index, item in enumerate(items or ()):
            if len(item) > longest:
                raise self.refuse(f"{name}[{index}]", _("must have at most %(count)s characters") % {"count": longest})
        return items

    def text_map(self, name: str, *, most: int, longest_key: int, longest: int) -> dict[str, str] | None:
        """Return an object whose values are all texts."""
        child = self.child(name)
        if child is None:
            return None
        if len(child.values) > most:
            raise self.refuse(name, _("must have at most %(count)s entries") % {"count": most})
        if any(len(key) > longest_key for key in child.values):
            raise self.refuse(name, _("has a key that is too long"))
        return {key: child.text(key, longest=longest) or "" for key in child.values}

    def _present(self, name: str, *, is_required: bool = False) -> object | None:
        value = self.values.get(name)
        if value is None and is_required:
            raise self.refuse(name, _("is required"))
        return value

    def _items(self, name: str, kind: type[_Item], most: int, reason: str) -> list[_Item] | None:
        value = self._present(name)
        if value is None:
            return None
        if not isinstance(value, list):
            raise self.refuse(name, _("must be a list"))
        if len(value) > most:
            raise self.refuse(name, _("must have at most %(count)s entries") % {"count": most})
        for index, item in enumerate(value):
            if not isinstance(item, kind):
                raise self.refuse(f"{name}[{index}]", reason)
        return value

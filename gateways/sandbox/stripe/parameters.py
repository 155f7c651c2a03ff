"""Read the parameters of a request as Stripe does: everything is text, and what it does not know it refuses."""

from collections.abc import Collection
from typing import Any

from gateways.sandbox.scrub import mask
from gateways.sandbox.store import Document
from gateways.sandbox.stripe.currencies import LARGEST, smallest, step
from gateways.sandbox.stripe.errors import malformed

EXPANDABLE = frozenset({"latest_charge", "data.latest_charge"})
_LONGEST_METADATA_NAME, _LONGEST_METADATA_VALUE, _MOST_METADATA = 40, 500, 50


class Parameters:
    """One request's parameters, each taken out by what it is; the names that nobody may send are refused first."""

    def __init__(self, given: Document, known: Collection[str]) -> None:
        """Take a nested form.

        :raises ApiError: a parameter is not known.
        """
        self._given = given
        for name in given:
            if name not in known and name != "expand":
                raise malformed(f"Received unknown parameter: {name}", code="parameter_unknown", param=name)
        for path in self.texts("expand"):
            if path not in EXPANDABLE:
                raise malformed(f"This property cannot be expanded ({path}).", param="expand")

    def __contains__(self, name: str) -> bool:
        return name in self._given

    def text(self, name: str, default: str = "") -> str:
        """Return a text."""
        value = self._given.get(name, default)
        if not isinstance(value, str):
            raise malformed(f"Invalid string: {name}", param=name)
        return value

    def needed(self, name: str) -> str:
        """Return a text that must be there."""
        value = self.text(name)
        if not value:
            raise malformed(f"Missing required param: {name}.", code="parameter_missing", param=name)
        return value

    def choice(self, name: str, choices: Collection[str], default: str) -> str:
        """Return one of some words."""
        value = self.text(name, default)
        if value not in choices:
            raise malformed(f"Invalid {name}: must be one of {', '.join(sorted(choices))}", param=name)
        return value

    def boolean(self, name: str) -> bool:
        """Return a yes or no, which is no where it is not given."""
        return self.choice(name, ("true", "false"), "false") == "true"

    def integer(self, name: str) -> int | None:
        """Return a whole number, None where it is not given."""
        value = self._given.get(name)
        if value is None:
            return None
        if not isinstance(value, str) or not value.isascii() or not value.isdigit() or len(value) > 15:
            raise malformed(f"Invalid integer: {value}", code="parameter_invalid_integer", param=name)
        return int(value)

    def amount(self, currency: str) -> int:
        """Return the amount of a charge."""
        value = self.integer("amount")
        if value is None:
            raise malformed("Missing required param: amount.", code="parameter_missing", param="amount")
        if value < smallest(currency):
            raise malformed("Amount must convert to at least 50 cents.", code="amount_too_small", param="amount")
        if value > LARGEST:
            raise malformed("Amount must be no more than 999,999,999,999", code="amount_too_large", param="amount")
        if value % step(currency):
            message = f"Invalid amount: {currency} amounts must be divisible by {step(currency)}."
            raise malformed(message, code="parameter_invalid_integer", param="amount")
        return value

    def currency(self) -> str:
        """Return a currency: three letters in lower case."""
        value = self.needed("currency")
        if len(value) != 3 or not value.isascii() or not value.isalpha() or not value.islower():
            raise malformed(f"Invalid currency: {value}", param="currency")
        return value

    def metadata(self) -> dict[str, str]:
        """Return the metadata without card numbers, empty where there is none."""
        value = self._given.get("metadata", {})
        if not isinstance(value, dict) or len(value) > _MOST_METADATA:
            raise malformed("Invalid metadata", param="metadata")
        for name, text in value.items():
            if not isinstance(text, str) or len(name) > _LONGEST_METADATA_NAME or len(text) > _LONGEST_METADATA_VALUE:
                raise malformed("Metadata values can have up to 500 characters", param="metadata")
        return {mask(name): mask(text) for name, text in value.items()}

    def texts(self, name: str) -> list[str]:
        """Return a list of texts, empty where there is none."""
        value = self._given.get(name, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise malformed(f"Invalid array: {name}", param=name)
        return value

    def child(self, name: str) -> dict[str, Any]:
        """Return an object, empty where there is none."""
        value = self._given.get(name, {})
        if not isinstance(value, dict):
            raise malformed(f"Invalid object: {name}", param=name)
        return value

"""One authenticated request to the API."""

from dataclasses import dataclass, field
from typing import Any

from gateways.sandbox.processor import Call
from gateways.sandbox.stripe.accounts import Account


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A call whose key is known; `given` are its parameters as a nested form, and may hold card data.

    `is_secret` says that the key is the secret one: a publishable key opens only what a browser may do.
    """

    call: Call
    account: Account
    is_secret: bool
    given: dict[str, Any] = field(repr=False)

    @property
    def name(self) -> str:
        """Return the identifier in the path."""
        return self.call.parameters["id"]

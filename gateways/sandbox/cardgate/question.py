"""One authenticated request."""

from dataclasses import dataclass, field
from typing import Any

from gateways.sandbox.cardgate.accounts import Account
from gateways.sandbox.cardgate.errors import ApiError
from gateways.sandbox.processor import Call


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A call whose account is known. `body` has exact decimals; `sid` is the invoice that a sale's token is for."""

    call: Call
    account: Account
    body: dict[str, Any] = field(repr=False)
    sid: str = ""

    def attributes(self, kind: str) -> dict[str, Any]:
        """Return the attributes of the resource that was sent.

        :raises ApiError: 422, it is not of that type.
        """
        resource = self.body.get("data")
        if not isinstance(resource, dict) or resource.get("type") != kind:
            raise ApiError(422, f"The type must be {kind}.")
        attributes = resource.get("attributes")
        # An empty object may be written as an empty list.
        return attributes if isinstance(attributes, dict) else {}

"""One authenticated request to the Checkout API."""

from dataclasses import dataclass, field
from typing import Any

from gateways.sandbox.adyen.accounts import Account
from gateways.sandbox.adyen.errors import wrong_merchant_account
from gateways.sandbox.processor import Call


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A call whose API key is known. `accounts` are those that the key may use; `body` may hold card data."""

    call: Call
    accounts: tuple[Account, ...]
    body: dict[str, Any] = field(repr=False)

    def merchant(self, name: object = None) -> Account:
        """Return the merchant account that the request names, in its body unless given.

        :raises ApiError: 901, the key may not use it.
        """
        wanted = self.body.get("merchantAccount") if name is None else name
        for account in self.accounts:
            if account.merchant_account == wanted:
                return account
        raise wrong_merchant_account()

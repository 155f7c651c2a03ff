"""A processor's own record of money: a row for each account, reference of the merchant's and currency."""

from gateways.sandbox.store import Document

SUMS = ("authorized", "captured", "refunded", "cancelled", "charged_back")

# Account, the merchant's reference, currency.
Key = tuple[str, str, str]


class Sums:
    """Rows in minor units by ISO 4217, which grow by what is added."""

    def __init__(self, gateway: str) -> None:
        self._gateway = gateway
        self._rows: dict[Key, Document] = {}

    def add(self, key: Key, /, **moved: int) -> None:
        """Add what one payment moved, by the names of the sums."""
        account, reference, currency = key
        row = self._rows.setdefault(
            key,
            {
                "gateway": self._gateway,
                "merchantAccount": account,
                "merchantReference": reference,
                "currency": currency,
                **dict.fromkeys(SUMS, 0),
            },
        )
        for name, minor in moved.items():
            row[name] += minor

    def rows(self) -> list[Document]:
        """Return the rows, in the order in which they were begun."""
        return list(self._rows.values())

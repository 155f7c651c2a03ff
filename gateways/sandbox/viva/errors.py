"""Viva's two error bodies: the newer API's, and the older one's, which also comes with HTTP 200.

Source: Viva docs for the newer one; VivaPayments/API, issues 1093 and 1099, for the older. Where neither says what a
situation is answered with, docs/viva.md says which answer was chosen.
"""

from gateways.sandbox.processor import Answer
from gateways.sandbox.store import Document

OLDER_NULLS = (
    "Emv",
    "Amount",
    "CurrencyCode",
    "TransactionId",
    "TransactionTypeId",
    "ReferenceNumber",
    "AuthorizationId",
    "RetrievalReferenceNumber",
    "Loyalty",
    "ThreeDSecureStatusId",
    "RedirectUrl",
)


class NewerError(Exception):
    """A request to the newer API that is not answered with 200."""

    def __init__(self, status: int, message: str | None = None) -> None:
        super().__init__(message or str(status))
        self.status = status
        self.message = message

    def answer(self) -> Answer:
        """Return the error as an answer."""
        body = {"status": self.status, "message": self.message, "eventId": "0"}
        return Answer(status=self.status, body=body, headers={"X-Viva-EventId": "0"})


class OlderError(Exception):
    """A request to the older API that made no transaction."""

    def __init__(self, code: int, text: str, *, status: int | None = None) -> None:
        super().__init__(text)
        self.status = code if status is None else status
        self.code = code
        self.text = text

    def answer(self) -> Answer:
        """Return the error as an answer."""
        body: Document = {
            **dict.fromkeys(OLDER_NULLS),
            "StatusId": "E",
            "ErrorCode": self.code,
            "ErrorText": self.text,
            "CorrelationId": None,
            "EventId": 0,
            "Success": False,
        }
        return Answer(status=self.status, body=body)


def turned_off() -> OlderError:
    """Return the error for what is switched off under API Access."""
    return OlderError(403, "The specified api action is disabled for the merchant")


def unknown_transaction() -> OlderError:
    """Return the error for a transaction that this merchant does not have."""
    return OlderError(404, "Transaction not found")

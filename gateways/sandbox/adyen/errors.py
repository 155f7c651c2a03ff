"""Adyen's error body and the codes that the sandbox uses.

Source: Adyen, "Error codes" and the ServiceError schema of Checkout v72. Where Adyen does not publish the code of a
situation, docs/sandbox.md says which one was chosen.
"""

from gateways.sandbox.processor import Answer


class ApiError(Exception):
    """A request that Adyen would answer with anything but 2xx."""

    def __init__(
        self, status: int, code: str, message: str, kind: str = "validation", *, is_transient: bool = False
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.kind = kind
        self.is_transient = is_transient

    def answer(self, psp_reference: str | None = None) -> Answer:
        """Return the error as an answer, with the reference under which Adyen noted the request."""
        body = {"status": self.status, "errorCode": self.code, "message": self.message, "errorType": self.kind}
        headers = {}
        if psp_reference:
            body["pspReference"] = psp_reference
            headers["pspReference"] = psp_reference
        if self.is_transient:
            headers["transient-error"] = "true"
        return Answer(status=self.status, body=body, headers=headers)


def unauthorized() -> ApiError:
    """Return the error for a missing or unknown API key."""
    return ApiError(401, "000", "HTTP Status Response - Unauthorized", "security")


def wrong_merchant_account() -> ApiError:
    """Return the error for a merchant account that the API key may not use."""
    return ApiError(403, "901", "Invalid Merchant Account", "security")


def malformed(message: str) -> ApiError:
    """Return the error for a body that does not fit the request's structure."""
    return ApiError(400, "702", message)


def invalid(code: str, message: str) -> ApiError:
    """Return the error for a well-formed body with a value that cannot be."""
    return ApiError(422, code, message)


def unknown_payment() -> ApiError:
    """Return the error for a modification of a payment that this merchant account does not have."""
    return invalid("167", "Original pspReference required for this operation")


def already_in_progress(status: int = 422) -> ApiError:
    """Return the error for a second request while the first with the same key is still being worked on."""
    message = "The request with this idempotency key is still being processed"
    return ApiError(status, "704", message, is_transient=True)

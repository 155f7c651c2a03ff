"""Stripe's error body and the errors that the sandbox uses.

Source: Stripe docs, "Errors" and "Error codes". Where Stripe does not publish what a situation is answered with,
docs/stripe.md says what was chosen.
"""

from typing import Any

from gateways.sandbox.processor import Answer
from gateways.sandbox.store import Document


class ApiError(Exception):
    """A request that Stripe would answer with anything but 200.

    `is_validation` says that nothing was executed, so that no idempotency key remembers it.
    """

    def __init__(
        self,
        status: int,
        kind: str,
        message: str,
        *,
        code: str = "",
        param: str = "",
        is_validation: bool = False,
        **more: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.message = message
        self.code = code
        self.is_validation = is_validation
        self.more = {**({"param": param} if param else {}), **more}

    def answer(self) -> Answer:
        """Return the error as an answer."""
        error: Document = {"message": self.message, "type": self.kind, **self.more}
        if self.code:
            error["code"] = self.code
            error["doc_url"] = f"https://stripe.com/docs/error-codes/{self.code.replace('_', '-')}"
        return Answer(status=self.status, body={"error": error})


def invalid(message: str, *, code: str = "", param: str = "", **more: Any) -> ApiError:
    """Return the error for a request that cannot be carried out as things stand."""
    return ApiError(400, "invalid_request_error", message, code=code, param=param, **more)


def malformed(message: str, *, code: str = "", param: str = "") -> ApiError:
    """Return the error for a request that cannot be understood."""
    return ApiError(400, "invalid_request_error", message, code=code, param=param, is_validation=True)


def missing(what: str, name: str, *, param: str = "id", status: int = 404) -> ApiError:
    """Return the error for something that is not there."""
    message = f"No such {what}: '{name}'"
    return ApiError(status, "invalid_request_error", message, code="resource_missing", param=param, is_validation=True)


def unauthorized() -> ApiError:
    """Return the error for a missing or unknown key."""
    return ApiError(401, "invalid_request_error", "Invalid API Key provided", is_validation=True)


def unexpected_state(intent: Document, verb: str) -> ApiError:
    """Return the error for an intent that is not in a state for this."""
    message = f"This PaymentIntent could not be {verb} because it has a status of {intent['status']}."
    return invalid(message, code="payment_intent_unexpected_state", payment_intent=intent)


def key_in_use() -> ApiError:
    """Return the error for a second request while the first with the same key is still being worked on."""
    message = "There is currently another in-progress request using this idempotency key."
    return ApiError(409, "idempotency_error", message, code="idempotency_key_in_use", is_validation=True)


def other_parameters() -> ApiError:
    """Return the error for a key that was used for another request."""
    message = "Keys for idempotent requests can only be used with the same parameters they were first used with."
    return ApiError(400, "idempotency_error", message, is_validation=True)

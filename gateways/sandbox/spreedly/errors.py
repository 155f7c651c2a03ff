"""What Spreedly answers when it stops a call itself.

Source: Spreedly docs, "Response codes", and the messages in the tests of its Ruby library. Keys that it does not
publish are chosen here; docs/sandbox.md says which.
"""

from gateways.sandbox.processor import Answer


class ApiError(Exception):
    """A call that reached no processor."""

    def __init__(self, status: int, key: str, message: str, attribute: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.key = key
        self.message = message
        self.attribute = attribute

    def answer(self) -> Answer:
        """Return the error in Spreedly's form."""
        error = {"key": self.key, "message": self.message}
        if self.attribute:
            error = {"attribute": self.attribute, **error}
        return Answer(status=self.status, body={"errors": [error]})


def access_denied() -> ApiError:
    """Return the error for a wrong environment key or access secret."""
    return ApiError(
        401,
        "errors.access_denied",
        "Unable to authenticate using the given environment_key and access_token. Please check your credentials.",
    )


def not_activated() -> ApiError:
    """Return the error for a card that is no test card at a test gateway."""
    return ApiError(
        402,
        "errors.account_inactive",
        "Your environment has not been activated for real transactions with real payment methods.",
    )


def gateway_not_found() -> ApiError:
    """Return the error for a gateway that the environment does not have."""
    return ApiError(404, "errors.gateway_not_found", "Unable to find the specified gateway.")


def card_not_found() -> ApiError:
    """Return the error for a token that was never made, or was purged."""
    return ApiError(
        404,
        "errors.payment_method_not_found",
        "There is no payment method corresponding to the specified payment method token.",
    )


def card_redacted() -> ApiError:
    """Return the error for a card that the merchant had redacted."""
    return ApiError(422, "errors.payment_method_redacted", "The payment method has been redacted.")


def transaction_not_found() -> ApiError:
    """Return the error for a transaction that the environment does not have."""
    return ApiError(404, "errors.transaction_not_found", "Unable to find the specified reference transaction.")


def not_a_reference(message: str) -> ApiError:
    """Return the error for a follow-up of a transaction that cannot have it."""
    return ApiError(422, "errors.invalid_reference_transaction", message)


def invalid(attribute: str, key: str = "errors.invalid") -> ApiError:
    """Return the error for a field that is not there or makes no sense."""
    words = {"errors.blank": "can't be blank", "errors.expired": "is expired", "errors.invalid": "is invalid"}
    return ApiError(422, key, f"{attribute.replace('_', ' ').capitalize()} {words[key]}", attribute)

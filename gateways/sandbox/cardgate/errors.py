"""How a request is refused.

The vendor publishes no error body. It says that it speaks JSON:API, so this is JSON:API's; docs/sandbox.md says so.
"""

from gateways.sandbox.processor import Answer

TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    422: "Unprocessable Entity",
    429: "Too Many Requests",
    500: "Internal Server Error",
    502: "Bad Gateway",
}


class ApiError(Exception):
    """A request that CardGate would answer with anything but 2xx; `field` is the attribute it complains of."""

    def __init__(self, status: int, detail: str, field: str = "") -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.field = field

    def answer(self) -> Answer:
        """Return the error as an answer."""
        error: dict[str, object] = {"status": str(self.status), "title": TITLES[self.status], "detail": self.detail}
        if self.field:
            error["source"] = {"pointer": f"/data/attributes/{self.field}"}
        return Answer(status=self.status, body={"errors": [error]})


def unauthorized() -> ApiError:
    """Return the error for missing or wrong credentials."""
    return ApiError(401, "The credentials are missing or wrong.")


def not_found() -> ApiError:
    """Return the error for an invoice that this account does not have."""
    return ApiError(404, "There is no such payment invoice.")


def invalid(field: str, detail: str) -> ApiError:
    """Return the error for an attribute that cannot be."""
    return ApiError(422, detail, field)

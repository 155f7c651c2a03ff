"""Show an attempt to take money as a payment, and what is given back as a refund."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from api.resource.values import amount_text, href_of, reference_to, utc_time
from gateways.errors import ErrorCode
from payments.attempts import changed_at, error_code_of, state_of
from payments.models import Transaction
from payments.states import OperationKind, State, Status

PENDING, FAILED, PROCESSED = "PENDING", "FAILED", "PROCESSED"
# Total: a test goes through every State. What is only held is not approved money yet; what was released never will be.
STATUS_WORDS: dict[State, str] = {
    State.CREATED: PENDING,
    State.ACTION_REQUIRED: PENDING,
    State.PENDING: PENDING,
    State.AUTHORIZED: PENDING,
    State.CAPTURED: PROCESSED,
    State.REFUNDED: PROCESSED,
    State.VOIDED: FAILED,
    State.FAILED: FAILED,
    State.EXPIRED: FAILED,
}
# As the API's documentation has them, spelling included: clients compare them.
DETAILS: dict[ErrorCode, str | Promise] = {
    ErrorCode.PROCESSOR_UNAVAILABLE: _("Our credit card processor is currently unavailable, please try back later."),
    ErrorCode.TRANSACTION_DECLINED: _("The transaction was declined, please use a different card."),
    ErrorCode.INVALID_CARD_NUMBER: _(
        "Invalid card information. Please ensure the card number, expiry, and CVV are correct."
    ),
    ErrorCode.INVALID_CARD_EXPIRY: _("Invalid card expiry date."),
    ErrorCode.CREDIT_LIMIT_EXCEEDED: _("The card limit has been exceeeded, please use a different card."),
    ErrorCode.UNDEFINED_CARD_ERROR: _(
        "An error was encountered while processing your payment. Please check the information entered, and if all "
        "details have been entered correctly try again. If the problem persists, you will be contacted by a sales "
        "representative in the next 48 hours. Error code: %(number)s."
    ),
}
# Every charge of ours is one of a card.
TRANSACTION_TYPE = {"name": "Credit card", "code": "CREDIT_CARD"}


def payment_fields(charge: Transaction) -> dict[str, object]:
    """Return a payment; of the card nothing is kept that could be shown."""
    status = STATUS_WORDS[state_of(charge)]
    return {
        **_named("payments", charge),
        "status": status,
        "error": _error(error_code_of(charge), charge.number) if status == FAILED else None,
        "date_created": utc_time(charge.requested_at),
        "date_last_modified": utc_time(changed_at(charge)),
        **_what_moves(charge),
        "customer": _customer(charge),
        "capture": charge.kind == OperationKind.SALE,
        "note": charge.reason or None,
        "is_online_payment": charge.payment.source == "ECOM",
    }


def refund_fields(refund: Transaction) -> dict[str, object]:
    """Return a refund; none of ours pays a commission."""
    return {
        **_named("refunds", refund),
        "status": Status(refund.status).value,
        "error": _error(ErrorCode(refund.error_code), refund.number) if refund.status == Status.FAILED else None,
        "date_created": utc_time(refund.requested_at),
        "date_last_modified": utc_time(refund.decided_at or refund.requested_at),
        **_what_moves(refund),
        "commission": False,
    }


def listed_payment(charge: Transaction) -> dict[str, object]:
    """Return a payment's row in a list: clients fetch the rest."""
    status = STATUS_WORDS[state_of(charge)]
    return {**_named("payments", charge), "status": status, "amount": _amount(charge)}


def listed_refund(refund: Transaction) -> dict[str, object]:
    """Return a refund's row in a list."""
    return {**_named("refunds", refund), "status": Status(refund.status).value, "amount": _amount(refund)}


def _named(resource: str, operation: Transaction) -> dict[str, object]:
    return {"id": str(operation.number), "href": href_of(resource, operation.number)}


def _what_moves(operation: Transaction) -> dict[str, object]:
    return {
        "transaction_type": TRANSACTION_TYPE,
        "booking": reference_to("bookings", operation.booking_number),  # type: ignore[attr-defined]
        "amount": _amount(operation),
    }


def _amount(operation: Transaction) -> str:
    """Return what it pays of the price: a surcharge is on top of it and pays nothing."""
    return amount_text(operation.parts.base_minor, operation.currency)


def _customer(operation: Transaction) -> dict[str, object] | None:
    customer = operation.order.customer
    return reference_to("customers", customer.number) if customer is not None else None


def _error(code: ErrorCode, number: int) -> dict[str, object]:
    """Return why it failed; the number lets a guest and our staff speak of the same one."""
    return {"code": code.value, "detail": str(DETAILS[code]) % {"number": number}}

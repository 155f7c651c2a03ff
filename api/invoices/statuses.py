"""What an invoice is said to be: a total map from our states to the API's words, and from our codes to its resolutions.

Source: the vendor's "Payment invoices", statuses, and its page of test cards, which lists the resolutions.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from bookings.models import BookingStatus
from gateways.errors import ErrorCode
from payments.states import State


class InvoiceStatus(StrEnum):
    """Name what an invoice can be said to be."""

    PROCESS_PENDING = "process_pending"
    PROCESS_ERROR = "process_error"
    PROCESS_FAILED = "process_failed"
    PROCESSED = "processed"
    PARTIALLY_PROCESSED = "partially_processed"
    EXPIRED = "expired"
    TERMINATED = "terminated"
    REFUND_PENDING = "refund_pending"
    REFUND_FAILED = "refund_failed"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"
    CHARGED_BACK = "charged_back"


OK = "ok"
# What a payment alone makes of its invoice. Nothing but money is final: a guest who was refused may try again, and what
# was opened at a gateway ends before the invoice does.
STATUS_OF_STATE: Mapping[State, InvoiceStatus] = {
    State.CREATED: InvoiceStatus.PROCESS_PENDING,
    State.ACTION_REQUIRED: InvoiceStatus.PROCESS_PENDING,
    State.PENDING: InvoiceStatus.PROCESS_PENDING,
    State.AUTHORIZED: InvoiceStatus.PROCESS_PENDING,
    State.CAPTURED: InvoiceStatus.PROCESSED,
    State.REFUNDED: InvoiceStatus.REFUNDED,
    State.VOIDED: InvoiceStatus.PROCESS_PENDING,
    State.FAILED: InvoiceStatus.PROCESS_ERROR,
    State.EXPIRED: InvoiceStatus.PROCESS_PENDING,
}
# The one resolution of each of our codes that says no more than we know. Whoever reads them by the vendor's list comes
# back to our code.
RESOLUTION_OF_CODE: Mapping[ErrorCode, str] = {
    ErrorCode.PROCESSOR_UNAVAILABLE: "provider_error",
    ErrorCode.TRANSACTION_DECLINED: "declined",
    ErrorCode.INVALID_CARD_NUMBER: "invalid_card",
    ErrorCode.INVALID_CARD_EXPIRY: "card_expired",
    ErrorCode.CREDIT_LIMIT_EXCEEDED: "insufficient_funds",
    ErrorCode.UNDEFINED_CARD_ERROR: "error",
}
_EXPLAINED = frozenset({InvoiceStatus.PROCESS_ERROR, InvoiceStatus.PROCESS_FAILED, InvoiceStatus.REFUND_FAILED})
# Once it is one of these nobody can pay it any more.
OVER = frozenset(
    {
        InvoiceStatus.PROCESS_FAILED,
        InvoiceStatus.PROCESSED,
        InvoiceStatus.EXPIRED,
        InvoiceStatus.TERMINATED,
        InvoiceStatus.REFUND_PENDING,
        InvoiceStatus.REFUND_FAILED,
        InvoiceStatus.PARTIALLY_REFUNDED,
        InvoiceStatus.REFUNDED,
        InvoiceStatus.CHARGED_BACK,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Be what decides about an invoice's status: its order and payment, and the price that moved, in minor units.

    `is_charging` says that something is undecided, as is what is `returning`; `has_failed_refund` that the newest
    refund failed, `has_page` that a guest could still try again.
    """

    order_status: BookingStatus
    state: State
    asked_minor: int
    paid_minor: int
    refunded_minor: int
    charged_back_minor: int
    returning_minor: int
    is_charging: bool
    has_failed_refund: bool
    has_page: bool


def status_of(facts: Facts) -> InvoiceStatus:
    """Return what an invoice is said to be: money first, then its end, then what its payment says."""
    if facts.charged_back_minor > 0:
        return InvoiceStatus.CHARGED_BACK
    if facts.paid_minor > 0:
        return _paid(facts)
    if facts.order_status == BookingStatus.EXPIRED:
        return InvoiceStatus.EXPIRED
    if facts.order_status == BookingStatus.CANCELLED:
        return InvoiceStatus.TERMINATED
    if facts.is_charging:
        return InvoiceStatus.PROCESS_PENDING
    status = STATUS_OF_STATE[facts.state]
    if status is InvoiceStatus.PROCESS_ERROR and not facts.has_page:
        return InvoiceStatus.PROCESS_FAILED
    return status


def resolution_of(status: InvoiceStatus, error_code: str) -> str:
    """Return what explains a status: "ok", unless it is a refusal."""
    if status not in _EXPLAINED or not error_code:
        return OK
    return RESOLUTION_OF_CODE[ErrorCode(error_code)]


def _paid(facts: Facts) -> InvoiceStatus:
    """Return what a paid invoice is said to be: what was paid twice and goes back takes nothing away from it."""
    surplus_minor = max(0, facts.paid_minor - facts.asked_minor)
    if facts.returning_minor > 0 and facts.refunded_minor + facts.returning_minor > surplus_minor:
        return InvoiceStatus.REFUND_PENDING
    if facts.refunded_minor >= facts.paid_minor:
        return InvoiceStatus.REFUNDED
    if facts.refunded_minor > surplus_minor:
        return InvoiceStatus.PARTIALLY_REFUNDED
    if facts.paid_minor < facts.asked_minor:
        return InvoiceStatus.PARTIALLY_PROCESSED
    is_failed = facts.has_failed_refund and facts.refunded_minor == surplus_minor
    return InvoiceStatus.REFUND_FAILED if is_failed else InvoiceStatus.PROCESSED

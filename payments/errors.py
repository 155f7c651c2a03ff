"""What the core refuses or cannot know; each class owns a stable code and never an HTTP status."""

from datetime import datetime
from typing import ClassVar

from gateways.errors import ErrorCode
from money import Money


class PaymentError(Exception):
    """Be the root of what the core says no to; `code` is stable, `payment_reference` is our `cp_` id when there is
    one.
    """

    code: ClassVar[str] = "PAYMENT_ERROR"

    def __init__(self, message: str, *, payment_reference: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.payment_reference = payment_reference


class InvalidSource(PaymentError):
    """Say that no account of the partner takes cards from that source."""

    code = "INVALID_SOURCE"


class CurrencyMismatch(PaymentError):
    """Say that the currency asked for is not the order's; `due` is what is owed, in the order's currency."""

    code = "CURRENCY_MISMATCH"

    def __init__(self, message: str, *, due: Money, payment_reference: str | None = None) -> None:
        super().__init__(message, payment_reference=payment_reference)
        self.due = due


class AmountMismatch(PaymentError):
    """Say that the amount asked for is not what is due."""

    code = "AMOUNT_MISMATCH"

    def __init__(self, message: str, *, due: Money, payment_reference: str | None = None) -> None:
        super().__init__(message, payment_reference=payment_reference)
        self.due = due


class GatewayMismatch(PaymentError):
    """Say that the gateway asked for is not one this partner may use here."""

    code = "GATEWAY_MISMATCH"


class InvalidCard(PaymentError):
    """Say that a card is no reusable card of this order's gateway, partner and mode."""

    code = "INVALID_CARD"


class InvalidEvidence(PaymentError):
    """Say that a session or reference is not one of this order's."""

    code = "INVALID_EVIDENCE"


class NoAccount(PaymentError):
    """Say that nothing is set up to take this partner's money in this currency."""

    code = "NO_ACCOUNT"


class CardDetailsNotTaken(PaymentError):
    """Say that no account which may take the order's money takes a card in the form it was sent in."""

    code = "CARD_DETAILS_NOT_TAKEN"


class NotPayable(PaymentError):
    """Say that an order is cancelled, or its hold is over: nothing can be paid for it."""

    code = "NOT_PAYABLE"


class AlreadyPaid(PaymentError):
    """Say that nothing is left to pay of an order."""

    code = "ALREADY_PAID"


class PaymentDue(PaymentError):
    """Say that money is still due and nobody claims to have paid it."""

    code = "PAYMENT_DUE"

    def __init__(self, message: str, *, due: Money, payment_reference: str | None = None) -> None:
        super().__init__(message, payment_reference=payment_reference)
        self.due = due


class PaymentPending(PaymentError):
    """Say that the gateway has not decided, or that we do not know what it decided; ask again."""

    code = "PAYMENT_PENDING"

    def __init__(self, message: str, *, retry_after_seconds: int, payment_reference: str | None = None) -> None:
        super().__init__(message, payment_reference=payment_reference)
        self.retry_after_seconds = retry_after_seconds


class PaymentRefused(PaymentError):
    """Say that the bank, the gateway or the partner's own processor said no.

    `was_charged` is False where the request charged nothing, but asked about a session: its guest may still pay there.
    """

    code = "PAYMENT_REFUSED"

    def __init__(
        self,
        message: str,
        *,
        error_code: ErrorCode,
        reason: str = "",
        payment_reference: str | None = None,
        was_charged: bool = True,
    ) -> None:
        super().__init__(message, payment_reference=payment_reference)
        self.error_code = error_code
        self.reason = reason
        self.was_charged = was_charged


class GatewayUnavailable(PaymentError):
    """Say that the gateway was not reached and nothing was sent; safe to repeat."""

    code = "GATEWAY_UNAVAILABLE"


class OutcomeUnknown(PaymentError):
    """Say that an operation's answer was lost: nothing new may be asked until it is known."""

    code = "OUTCOME_UNKNOWN"

    def __init__(self, message: str, *, since: datetime, payment_reference: str | None = None) -> None:
        super().__init__(message, payment_reference=payment_reference)
        self.since = since


class StillOpen(PaymentError):
    """Say that a person cannot decide an operation: it is decided, or its gateway has not had its last word."""

    code = "STILL_OPEN"


class RefundTooLarge(PaymentError):
    """Say that more would be given back than was taken and is not given back already."""

    code = "REFUND_TOO_LARGE"

    def __init__(self, message: str, *, refundable: Money, payment_reference: str | None = None) -> None:
        super().__init__(message, payment_reference=payment_reference)
        self.refundable = refundable


class NothingOverpaid(PaymentError):
    """Say that an order has no money beyond its price that could be given back."""

    code = "NOTHING_OVERPAID"


class AlreadyRecorded(PaymentError):
    """Say that a payment of the same amount was recorded on the order under the same note before."""

    code = "ALREADY_RECORDED"


class PaymentChanged(PaymentError):
    """Say that something was asked or told of a payment since the caller looked at it."""

    code = "PAYMENT_CHANGED"


class CaptureTooLarge(PaymentError):
    """Say that more would be captured than was authorized and is not captured already."""

    code = "CAPTURE_TOO_LARGE"


class NothingToVoid(PaymentError):
    """Say that there is no authorization left to release."""

    code = "NOTHING_TO_VOID"


class NotCancellableByPartner(PaymentError):
    """Say that a recorded external payment of a confirmed booking is for staff to undo."""

    code = "NOT_CANCELLABLE_BY_PARTNER"


class LinkUnknown(PaymentError):
    """Say that an address is that of no payment link."""

    code = "LINK_UNKNOWN"


class NotPayableByLink(PaymentError):
    """Say that an order, or a link, is none by which a guest could pay."""

    code = "NOT_PAYABLE_BY_LINK"


class GiftNotUsable(PaymentError):
    """Say that a gift cannot pay for an order: another currency, partner or mode, not confirmed, or nothing left."""

    code = "GIFT_NOT_USABLE"


class GiftUnknown(GiftNotUsable):
    """Say that a code opens nothing here, whatever the reason: a guesser must not learn which."""

    code = "GIFT_UNKNOWN"


class GiftCurrencyMismatch(GiftNotUsable):
    """Say that a gift is in another currency than the order; `currency` is the gift's."""

    code = "GIFT_CURRENCY_MISMATCH"

    def __init__(self, message: str, *, currency: str) -> None:
        super().__init__(message)
        self.currency = currency


class GiftEmpty(GiftNotUsable):
    """Say that nothing is left of a gift."""

    code = "GIFT_EMPTY"


class GiftPaymentKept(PaymentError):
    """Say that what a gift paid on a confirmed order goes back only when the order is cancelled."""

    code = "GIFT_PAYMENT_KEPT"


class CreditTooSmall(PaymentError):
    """Say that a customer's credit is less than was to be paid by it; `available` is what can be spent."""

    code = "CREDIT_TOO_SMALL"

    def __init__(self, message: str, *, available: Money) -> None:
        super().__init__(message)
        self.available = available


class NoteAmended(PaymentError):
    """Say that a note was corrected by somebody else meanwhile."""

    code = "NOTE_AMENDED"


class UnknownSubject(PaymentError):
    """Say that news speaks of something we have no record of (yet)."""

    code = "UNKNOWN_SUBJECT"


class SubjectUndecided(UnknownSubject):
    """Say that news may speak of an operation of ours whose own answer is still missing: wait, then match."""

    code = "SUBJECT_UNDECIDED"


class CaseIsClosed(PaymentError):
    """Say that a case is no longer open, so that nothing is to be done about it."""

    code = "CASE_IS_CLOSED"


class CaseIsTaken(PaymentError):
    """Say that a case is not whose the caller thought it was."""

    code = "CASE_IS_TAKEN"


class NothingWritten(PaymentError):
    """Say that a note or a reason is needed and has no words."""

    code = "NOTHING_WRITTEN"


class PeriodRefused(PaymentError):
    """Say why a month of the books cannot be closed or reopened; nothing was done."""

    code = "PERIOD_REFUSED"

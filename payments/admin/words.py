"""What happened, in words a support agent understands."""

from gateways.protocol import OutcomeKind
from payments.admin.columns import money_text
from payments.models import CaseKind, EventSource, GatewayEvent, LedgerAccount, LedgerEntry, Transaction
from payments.services.challenges import waits_for_guest
from payments.states import OperationKind, State

STATES: dict[State, str] = {
    State.CREATED: "nothing has happened yet",
    State.ACTION_REQUIRED: "the guest can pay now",
    State.PENDING: "the gateway has not decided",
    State.AUTHORIZED: "held on the guest's card, not taken",
    State.CAPTURED: "taken",
    State.REFUNDED: "all of it was given back",
    State.VOIDED: "the hold was released, nothing was taken",
    State.FAILED: "the last attempt failed",
    State.EXPIRED: "the guest's time to pay ran out",
}
OPERATIONS: dict[OperationKind, str] = {
    OperationKind.SALE: "Payment",
    OperationKind.AUTHORIZATION: "Hold",
    OperationKind.CAPTURE: "Capture",
    OperationKind.VOID: "Release",
    OperationKind.REFUND: "Refund",
    OperationKind.CHARGEBACK: "Chargeback",
}
SOURCES: dict[EventSource, str] = {
    EventSource.ANSWER: "its answer",
    EventSource.WEBHOOK: "webhook",
    EventSource.POLL: "asked again",
    EventSource.REPORT: "settlement report",
    EventSource.STAFF: "entered by staff",
}
ACCOUNTS: dict[LedgerAccount, str] = {
    LedgerAccount.RECEIVABLE: "owed by the guest",
    LedgerAccount.CLEARING: "at the gateway",
    LedgerAccount.BANK: "our bank",
    LedgerAccount.FEES: "fees",
    LedgerAccount.RESERVE: "held back by the gateway",
    LedgerAccount.SURCHARGE: "surcharge",
    LedgerAccount.DONATION: "donations",
    LedgerAccount.GIFT_LIABILITY: "gift vouchers",
    LedgerAccount.GIFT_SALES: "gift vouchers sold",
    LedgerAccount.CUSTOMER_CREDIT: "the guest's credit",
    LedgerAccount.TOP_UPS: "paid on account",
    LedgerAccount.DISPUTED: "in dispute",
    LedgerAccount.WRITE_OFF: "written off",
    LedgerAccount.EXTERNAL: "taken elsewhere",
    LedgerAccount.CONVERSION: "currency conversion",
}
CASES: dict[CaseKind, str] = {
    CaseKind.OUTCOME_UNKNOWN: "Nobody knows what the gateway did",
    CaseKind.WEBHOOK_MISSING: "The gateway has not told the result",
    CaseKind.OVERPAID: "More was paid than was due",
    CaseKind.PAID_WITHOUT_SEATS: "Paid, and the seats are gone",
    CaseKind.PAID_UNCONFIRMED: "Paid, and never confirmed",
    CaseKind.AMOUNT_DIFFERS: "Another amount was paid than was asked",
    CaseKind.CURRENCY_DIFFERS: "Paid in another currency",
    CaseKind.FIGURES_CONFLICT: "The gateway told two figures for one thing",
    CaseKind.OVERDRAWN: "More went back than was taken",
    CaseKind.CAPTURE_FAILED: "The money could not be taken",
    CaseKind.REFUND_FAILED: "The money could not be given back",
    CaseKind.CHARGEBACK: "The guest's bank wants the money back",
    CaseKind.BALANCE_REOPENED: "Given back at the gateway, and the booking is still confirmed",
    CaseKind.BALANCE_UNPAID: "The balance is due and was not collected by itself",
    CaseKind.REJECTED_BY_GATEWAY: "The gateway would not take our request",
    CaseKind.CARD_NOT_DELETED: "A revoked card is still stored at the gateway",
    CaseKind.CREDIT_OVERDRAWN: "A top-up went back to the card after its credit was spent",
    CaseKind.REFUND_BY_HAND: "Money of a cancelled departure must be given back by hand",
}
_EVENTS: dict[OutcomeKind, str] = {
    OutcomeKind.ACTION_REQUIRED: "The gateway opened a payment page for the guest",
    OutcomeKind.PENDING: "The gateway took it on and has not decided",
    OutcomeKind.AUTHORIZED: "The bank approved {money}",
    OutcomeKind.CAPTURED: "{money} was taken",
    OutcomeKind.CAPTURE_FAILED: "Taking {money} failed",
    OutcomeKind.DECLINED: "The bank declined {money}",
    OutcomeKind.EXPIRED: "The guest's time to pay ran out",
    OutcomeKind.VOIDED: "The hold was released; nothing was taken",
    OutcomeKind.VOID_FAILED: "Releasing the hold failed",
    OutcomeKind.REFUNDED: "{money} was given back to the guest",
    OutcomeKind.REFUND_FAILED: "Giving back {money} failed; the money is still with us",
    OutcomeKind.REFUND_REVERSED: "The refund of {money} came back to us",
    OutcomeKind.DISPUTE_OPENED: "The guest objected at the bank",
    OutcomeKind.CHARGEBACK: "The guest's bank took {money} back",
    OutcomeKind.CHARGEBACK_REVERSED: "The chargeback of {money} was withdrawn",
    OutcomeKind.CARD_STORED: "The guest agreed to keep the card for later",
    OutcomeKind.CARD_REVOKED: "The card was deleted at the gateway",
    OutcomeKind.REPORT_AVAILABLE: "The gateway has a settlement report",
    OutcomeKind.NOTE: "The gateway sent a note",
}
GOOD = frozenset({OutcomeKind.AUTHORIZED, OutcomeKind.CAPTURED, OutcomeKind.REFUNDED, OutcomeKind.CHARGEBACK_REVERSED})
BAD = frozenset(
    {
        OutcomeKind.DECLINED,
        OutcomeKind.CAPTURE_FAILED,
        OutcomeKind.VOID_FAILED,
        OutcomeKind.REFUND_FAILED,
        OutcomeKind.REFUND_REVERSED,
        OutcomeKind.DISPUTE_OPENED,
        OutcomeKind.CHARGEBACK,
    }
)


def event_sentence(event: GatewayEvent, operation: Transaction | None) -> str:
    """Say what a gateway's word means; a sale's approval is a payment."""
    kind = OutcomeKind(event.kind)
    amount = event.amount_minor if event.amount_minor is not None else (operation.amount_minor if operation else None)
    currency = event.currency or (operation.currency if operation else "")
    told = "the payment" if amount is None else money_text(amount, currency)
    sentence = _EVENTS[kind]
    if kind is OutcomeKind.AUTHORIZED and operation is not None and operation.kind == OperationKind.SALE:
        sentence = "The guest paid {money}"
    return sentence.format(money=told)


def booking_sentence(entry: LedgerEntry) -> str:
    """Say what a ledger entry moved."""
    ways = (ACCOUNTS[LedgerAccount(account)] for account in (entry.from_account, entry.to_account))
    return "Booked: {} → {}".format(*ways)


def outcome_sentence(operation: Transaction) -> tuple[str, bool]:
    """Say what became of an operation that staff asked for, and whether all went as wished."""
    what = f"{OPERATIONS[OperationKind(operation.kind)]} of {money_text(operation.amount_minor, operation.currency)}"
    if operation.status == "PROCESSED":
        return f"{what}: done.", True
    if operation.status == "FAILED":
        return f"{what}: the gateway refused ({operation.raw_text or operation.error_code}).", False
    if operation.unknown_since_at is not None and operation.next_check_at is None:
        return f"{what}: nobody knows, and the gateway is asked no more. Look it up there before anything else.", False
    if operation.unknown_since_at is not None:
        return f"{what}: the answer was lost. It is asked about again by itself; do not ask for it anew.", False
    if waits_for_guest(operation):
        return f"{what}: the guest is at the bank; it is decided when they come back, or ends with their time.", True
    if operation.gateway_reference:
        return f"{what}: the gateway took it on as {operation.gateway_reference}; the result comes by webhook.", True
    if operation.checks_made and operation.next_check_at is None:
        return (
            f"{what}: the gateway could not be reached and is tried no more. Ask it again on the payment's page.",
            False,
        )
    return f"{what}: the gateway could not be reached. It is sent again by itself; do not ask for it anew.", False

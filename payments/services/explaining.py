"""Why an order could not be confirmed: refused, undecided, or not paid at all."""

from uuid import UUID

from bookings.models import Order
from gateways.errors import ErrorCode
from gateways.protocol import OutcomeKind
from money import Money
from payments.errors import PaymentDue, PaymentPending, PaymentRefused
from payments.models import GatewayEvent, Opening, OpeningStatus, Transaction
from payments.selectors import CHARGE_KINDS, OrderMoney, current_payment, is_reported_paid
from payments.services.collecting import PaymentRequest, prepare_payment
from payments.services.operations import Clock, Patience
from payments.services.viewing import asked_for
from payments.states import Status

RETRY_AFTER_SECONDS = 2


def explain(
    order_id: UUID,
    money: OrderMoney,
    request: PaymentRequest,
    charged: Transaction | None,
    clock: Clock,
    patience: Patience,
) -> Order:
    """Say why an order could not be confirmed; return it where the request was met: recorded in part, or cancelled.

    :raises PaymentPending: nobody has decided, or we do not know.
    :raises PaymentRefused: it was refused; a new session stands ready.
    :raises PaymentDue: it was simply not paid.
    """
    order = Order.objects.get(pk=order_id)
    payment = current_payment(order)
    reference = payment.reference if payment else None
    if charged is not None and charged.status == Status.PROCESSED and request.external is not None:
        return order
    if request.is_cancellation:
        return order
    if charged is not None and charged.status == Status.FAILED:
        reason = request.external.refusal_reason if request.external else ""
        if charged.opening is not None:
            _offer_anew(order_id, charged.opening, request, clock, patience)
        raise _refused(ErrorCode(charged.error_code), reference, reason)
    refusal = _refusal(order_id, request)
    if refusal is not None:
        _close_refused(order_id, request)
        if patience.allows_a_call():
            again = PaymentRequest(channel=request.channel, locale=request.locale)
            prepare_payment(order_id=order_id, payment_request=again, clock=clock)
        current = current_payment(order)
        raise PaymentRefused(
            "The payment was refused.",
            error_code=refusal,
            payment_reference=current.reference if current else reference,
            was_charged=False,
        )
    is_charge_open = charged is not None and charged.status == Status.PENDING
    is_undecided = is_charge_open or (money.due_minor == 0 and money.asked_minor + money.held_minor > 0)
    if is_undecided or _names_something_undecided(order_id, request) or is_reported_paid(order_id):
        raise pending(reference)
    # What the guest has to pay, and the only amount a request may name: with the surcharge.
    due = asked_for(order, payment, Money(money.due_minor, money.currency))
    raise PaymentDue("The booking has not been paid.", due=due, payment_reference=reference)


def _offer_anew(order_id: UUID, opening: Opening, request: PaymentRequest, clock: Clock, patience: Patience) -> None:
    """Close the Opening whose card was refused, and have a new one ready."""
    Opening.objects.filter(pk=opening.pk, status=OpeningStatus.OPEN).update(
        status=OpeningStatus.CLOSED, client_encrypted=None
    )
    if patience.allows_a_call():
        again = PaymentRequest(channel=request.channel, locale=request.locale)
        prepare_payment(order_id=order_id, payment_request=again, clock=clock)


def pending(reference: str | None) -> PaymentPending:
    """Return the answer to a confirmation whose payment nobody has decided yet."""
    return PaymentPending(
        "The payment has not been confirmed by the gateway yet; repeat the request.",
        retry_after_seconds=RETRY_AFTER_SECONDS,
        payment_reference=reference,
    )


def _refused(error_code: ErrorCode, reference: str | None, reason: str = "") -> PaymentRefused:
    return PaymentRefused("The payment was refused.", error_code=error_code, reason=reason, payment_reference=reference)


def _refusal(order_id: UUID, request: PaymentRequest) -> ErrorCode | None:
    """Return why what the partner speaks of was refused: by its last attempt, or by the last word on the Opening."""
    attempts = Transaction.objects.filter(order_id=order_id, kind__in=CHARGE_KINDS)
    if request.opening_reference is not None:
        attempts = attempts.filter(opening__gateway_reference=request.opening_reference)
    elif request.gateway_reference is not None:
        attempts = attempts.filter(gateway_reference=request.gateway_reference)
    else:
        return None
    last = attempts.order_by("-requested_at", "-id").first()
    if last is not None and last.status != Status.PENDING:
        return ErrorCode(last.error_code) if last.status == Status.FAILED else None
    if request.opening_reference is None:
        return None
    word = GatewayEvent.objects.filter(
        payment__order_id=order_id,
        opening__gateway_reference=request.opening_reference,
        transaction__isnull=True,
        kind__in=[OutcomeKind.DECLINED, OutcomeKind.EXPIRED],
    ).last()
    return ErrorCode(word.decline_code or ErrorCode.TRANSACTION_DECLINED) if word is not None else None


def _close_refused(order_id: UUID, request: PaymentRequest) -> None:
    """Offer the refused Opening no longer; a guest who pays it all the same is booked, and a surplus given back."""
    openings = Opening.objects.filter(payment__order_id=order_id)
    if request.opening_reference is not None:
        openings = openings.filter(gateway_reference=request.opening_reference)
    else:
        openings = openings.filter(transactions__gateway_reference=request.gateway_reference)
    named = list(openings.values_list("pk", flat=True))
    Opening.objects.filter(pk__in=named).update(reported_paid_at=None)
    Opening.objects.filter(pk__in=named, status=OpeningStatus.OPEN).update(
        status=OpeningStatus.CLOSED, client_encrypted=None
    )


def _names_something_undecided(order_id: UUID, request: PaymentRequest) -> bool:
    """Say whether the partner speaks of a payment of which the gateway has said nothing that decides it."""
    attempts = Transaction.objects.filter(order_id=order_id, kind__in=CHARGE_KINDS, status=Status.PROCESSED)
    if request.opening_reference is not None:
        return not attempts.filter(opening__gateway_reference=request.opening_reference).exists()
    if request.gateway_reference is not None:
        return not attempts.filter(gateway_reference=request.gateway_reference).exists()
    return False

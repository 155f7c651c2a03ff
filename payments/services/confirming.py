"""Confirm an order: only when money taken, or a capture the gateway accepted, covers what cards must pay.

The order's lock is taken for moments, never across a call: look -> ask the gateway -> look again and confirm.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction as database

from bookings import services as booking_services
from bookings.errors import AlreadyConfirmed, BookingError, HoldExpired
from bookings.models import Booking, BookingStatus, Order
from bookings.requests import BookingChanges
from gateways.errors import ErrorCode, GatewayError, Rejected
from gateways.protocol import CompleteRequest, OutcomeKind
from gateways.registry import gateway_for
from money import Money
from payments.errors import (
    InvalidEvidence,
    NotCancellableByPartner,
    PaymentDue,
    PaymentPending,
    PaymentRefused,
)
from payments.metrics import gateway_call
from payments.models import (
    EventSource,
    GatewayEvent,
    Opening,
    OpeningStatus,
    Transaction,
)
from payments.selectors import CHARGE_KINDS, OrderMoney, Subject, current_payment, has_undecided_money, order_money
from payments.services.charging import cancel_external, charge
from payments.services.collecting import PaymentRequest, check_request, prepare_payment
from payments.services.locking import tried_again_after_lock_timeout
from payments.services.operations import Clock, Patience, perform
from payments.services.routing import Wish, choose_account
from payments.services.surplus import has_been_used, new_operation, return_surplus
from payments.services.transitions import apply_outcome
from payments.splitting import Parts, share_of
from payments.states import OperationKind, Status

RETRY_AFTER_SECONDS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """Say whether the order is confirmed; False only after a part payment taken elsewhere was recorded.

    `money` is what the books say of the order and `booking` the one that was asked for, where both were just read under
    the lock.
    """

    order: Order
    is_confirmed: bool
    booking: Booking | None = None
    money: OrderMoney | None = None


def confirm_booking(
    *, booking: Booking, changes: BookingChanges | None, request: PaymentRequest, clock: Clock
) -> Confirmation:
    """Confirm a booking, after finding out about its payment and taking what may be taken without the guest.

    Confirming what is confirmed changes nothing. `changes` are applied with the confirmation or not at all.

    :raises PaymentPending: the gateway has not decided or we do not know; repeat the same call.
    :raises PaymentRefused: it was refused; a new session stands ready.
    :raises PaymentDue: money is missing and nobody says that it was paid; nothing was changed.
    :raises BookingError: the booking cannot be confirmed, or a change is impossible; nothing was changed.
    """
    order_id = booking.order_id
    patience = Patience(clock)
    has_run_out = booking.expires_at is not None and booking.expires_at <= clock()
    if request.evidence and (has_run_out or booking.status == BookingStatus.EXPIRED):
        # The guest may have paid while the hold ran out; what the gateway says of it may bring the seats back.
        _ask_about_evidence(order_id, request, clock)
    done = _confirm_if_covered(order_id, booking, changes, clock(), request=request)
    if isinstance(done, Confirmation):
        return done
    money = done
    if request.is_cancellation:
        cancel_external(order_id=order_id, request=request, clock=clock)
    _ask_about_evidence(order_id, request, clock)
    if request.card_id is not None and not patience.allows_a_call():
        raise _pending(None)
    charged = charge(order_id=order_id, request=request, clock=clock, to_collect_minor=money.to_collect_minor)
    _capture_holds(order_id, money.to_collect_minor, clock, patience)
    try:
        done = _confirm_if_covered(order_id, booking, changes, clock())
    except BookingError:
        _give_back(charged, clock)
        raise
    if isinstance(done, Confirmation):
        return done
    return _explain(order_id, done, request, charged, clock, patience)


class _NotCovered(Exception):
    """Carry what is missing out of a confirmation that changed nothing."""

    def __init__(self, money: OrderMoney) -> None:
        super().__init__("not covered")
        self.money = money


@tried_again_after_lock_timeout
def _confirm_if_covered(
    order_id: UUID,
    booking: Booking,
    changes: BookingChanges | None,
    now: datetime,
    request: PaymentRequest | None = None,
) -> Confirmation | OrderMoney:
    """Confirm in one transaction if nothing is missing; otherwise change nothing and return what is."""

    covering: list[OrderMoney] = []

    def check(order: Order, to_collect: Money) -> None:
        money = order_money(order, to_collect=to_collect)
        if order.expires_at is not None and order.expires_at <= now and not has_undecided_money(order):
            raise HoldExpired(str(booking.uuid))
        if request is not None:
            check_request(request, order=order, due=Money(money.due_minor, order.currency))
            if request.gateway is not None and money.due_minor > 0:
                choose_account(order=order, wish=Wish(gateway=request.gateway, source=request.source))
        if not money.is_covered or (request is not None and request.is_cancellation):
            raise _NotCovered(money)
        covering.append(money)

    try:
        confirmed = booking_services.confirm_order(
            order=booking.order, now=now, booking=booking, changes=changes, check=check
        )
    except AlreadyConfirmed:
        if request is not None and request.is_cancellation:
            words = "A confirmed booking's payment is for the supplier's staff to undo."
            raise NotCancellableByPartner(words) from None
        return Confirmation(order=Order.objects.get(pk=order_id), is_confirmed=True)
    except _NotCovered as missing:
        return missing.money
    asked_for = next(one for one in confirmed.bookings.all() if one.pk == booking.pk)
    return Confirmation(order=confirmed, is_confirmed=True, booking=asked_for, money=covering[0])


def _ask_about_evidence(order_id: UUID, request: PaymentRequest, clock: Clock) -> None:
    """Take in what the gateway says of the Opening the partner names; without evidence there is nobody to ask."""
    opening = _named_opening(order_id, request)
    if opening is None:
        return
    if not _is_decided(opening):
        Opening.objects.filter(pk=opening.pk, reported_paid_at__isnull=True).update(reported_paid_at=clock())
    if not request.evidence or opening.gateway_reference is None:
        return
    try:
        with gateway_call(gateway=opening.account.gateway, operation="complete"):
            outcomes = gateway_for(opening.account).complete(
                CompleteRequest(
                    opening_reference=opening.gateway_reference,
                    reference=opening.reference,
                    money=Money(opening.amount_minor, opening.currency),
                    evidence=request.evidence,
                    requested_at=clock(),
                )
            )
    except Rejected:
        raise InvalidEvidence("The session result is not one of this session's.") from None
    except GatewayError:
        return  # a question that was not answered leaves the payment as it was: undecided
    for outcome in outcomes:
        apply_outcome(
            account=opening.account,
            outcome=outcome,
            source=EventSource.POLL,
            now=clock(),
            subject=Subject(opening.payment, opening, _attempt_of(opening, outcome.reference.gateway)),
        )


def _named_opening(order_id: UUID, request: PaymentRequest) -> Opening | None:
    if request.opening_reference is None:
        return None
    opening = (
        Opening.objects.filter(payment__order_id=order_id, gateway_reference=request.opening_reference)
        .select_related("payment", "account")
        .first()
    )
    if opening is None:
        raise InvalidEvidence("The session is not one of this order's.")
    return opening


def _attempt_of(opening: Opening, gateway_reference: str | None) -> Transaction | None:
    if gateway_reference is None:
        return None
    return Transaction.objects.filter(
        account=opening.account, gateway_reference=gateway_reference, kind__in=CHARGE_KINDS
    ).first()


def _is_decided(opening: Opening) -> bool:
    return opening.transactions.exclude(status=Status.PENDING).exists()


def _capture_holds(order_id: UUID, to_collect_minor: int, clock: Clock, patience: Patience) -> None:
    """Ask for authorized money up to what is to collect, with the surcharge on it; one capture of an authorization
    lives at a time.
    """
    now = clock()
    captures = []
    with database.atomic():
        order = booking_services.lock_order(order_id=order_id)
        money = order_money(order, to_collect=Money(to_collect_minor, order.currency))
        missing = to_collect_minor - money.money_in_minor - money.accepted_minor + money.returning_minor
        unused = _unused_authorizations(order)
        if sum(hold.parts.base_minor for hold in unused) < missing:
            return  # a capture that does not cover the price would confirm nothing
        for authorization in unused if missing > 0 else []:
            base = min(missing, authorization.parts.base_minor)
            if base <= 0:
                break
            parts = Parts(base, share_of(base, authorization.parts))
            captures.append(
                new_operation(
                    parent=authorization,
                    kind=OperationKind.CAPTURE,
                    amount_minor=parts.amount_minor,
                    surcharge_minor=parts.surcharge_minor,
                    reason="confirmed",
                    requested_by="partner",
                    now=now,
                )
            )
            missing -= base
    for capture in captures:
        if patience.allows_a_call():
            perform(transaction_id=capture.id, clock=clock)


def _give_back(charged: Transaction | None, clock: Clock) -> None:
    """Return what was charged for a confirmation that turned out to be impossible."""
    if charged is None or charged.status != Status.PROCESSED:
        return
    with database.atomic():
        order = booking_services.lock_order(order_id=charged.order_id)
        surplus = min(order_money(order).certain_surplus_minor, charged.parts.base_minor)
        if surplus > 0:
            return_surplus(order=order, newest=charged, amount_minor=surplus, now=clock())


def _unused_authorizations(order: Order) -> list[Transaction]:
    rows = Transaction.objects.filter(order=order, kind=OperationKind.AUTHORIZATION, status=Status.PROCESSED)
    return [row for row in rows.order_by("requested_at") if not has_been_used(row)]


def _explain(
    order_id: UUID,
    money: OrderMoney,
    request: PaymentRequest,
    charged: Transaction | None,
    clock: Clock,
    patience: Patience,
) -> Confirmation:
    """Say why the order could not be confirmed: recorded in part, refused, undecided, or simply not paid."""
    order = Order.objects.get(pk=order_id)
    payment = current_payment(order)
    reference = payment.reference if payment else None
    if charged is not None and charged.status == Status.PROCESSED and request.external is not None:
        return Confirmation(order=order, is_confirmed=False)
    if request.is_cancellation:
        return Confirmation(order=order, is_confirmed=False)
    if charged is not None and charged.status == Status.FAILED:
        reason = request.external.refusal_reason if request.external else ""
        raise _refused(ErrorCode(charged.error_code), reference, reason)
    refusal = _refusal(order_id, request)
    if refusal is not None:
        _close_refused(order_id, request)
        if patience.allows_a_call():
            prepare_payment(
                order_id=order_id,
                payment_request=PaymentRequest(channel=request.channel, locale=request.locale),
                clock=clock,
            )
        current = current_payment(order)
        raise _refused(refusal, current.reference if current else reference)
    is_charge_open = charged is not None and charged.status == Status.PENDING
    is_undecided = is_charge_open or (money.due_minor == 0 and money.asked_minor + money.held_minor > 0)
    if is_undecided or _names_something_undecided(order_id, request):
        raise _pending(reference)
    # What the guest has to pay, and the only amount a request may name: with the surcharge of the payment that waits.
    is_for_this = payment is not None and payment.parts.base_minor == money.due_minor
    due_minor = payment.amount_minor if payment is not None and is_for_this else money.due_minor
    raise PaymentDue(
        "The booking has not been paid.", due=Money(due_minor, money.currency), payment_reference=reference
    )


def _pending(reference: str | None) -> PaymentPending:
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

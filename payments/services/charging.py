"""Take money without the guest: by a reusable card, or by recording what somebody else took."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError
from django.db import transaction as database

from bookings import services as booking_services
from bookings.models import BookingStatus, Order
from card_numbers import mask_card_numbers
from gateways.errors import ErrorCode
from gateways.protocol import Capability
from gateways.registry import gateway_for
from money import Money
from payments.errors import (
    AmountMismatch,
    CardDetailsNotTaken,
    GatewayMismatch,
    NotCancellableByPartner,
    PaymentPending,
    PaymentRefused,
)
from payments.models import ExternalNote, Opening, OpeningStatus, Origin, Payment, ReusableCard, Transaction
from payments.models.claims import claimed_from_the_start
from payments.references import new_reference
from payments.selectors import OrderMoney
from payments.services.cards import card_for_order, check_payment_token
from payments.services.collecting import PaymentRequest, ensure_payment
from payments.services.locking import tried_again_after_lock_timeout
from payments.services.openings import usable_opening
from payments.services.operations import Clock, OnlyTold, perform
from payments.services.routing import takes_details
from payments.services.surplus import refund_rows, refundable_of
from payments.splitting import Parts, part_of
from payments.states import OperationKind, Status

RETRY_AFTER_SECONDS = 2


def write_charge(
    *,
    order: Order,
    request: PaymentRequest,
    money: OrderMoney,
    now: datetime,
    requested_by: str = "partner",
    payments: Collection[Payment] | None = None,
) -> Transaction | None:
    """Write the row of a charge under the order's lock, claimed by the caller, who commits and then sends it.

    A charge is what may be taken at once: a payment reported from elsewhere, a reusable card, what the guest's browser
    got for a card, or a card in the clear; None when the request asks for none of them, or nothing is due. `money` is
    what the books say of the order, measured by the price that it will have. A report of the same payment from
    elsewhere returns the row of the first one. A caller that has the order's payments in hand, all of them, passes
    them.

    :raises PaymentError: the charge cannot be made; nothing was written.
    """
    if not asks_for_a_charge(request):
        return None
    twin = _same_external_charge(order, request)
    if twin is not None:
        return twin
    payment, _ = ensure_payment(order=order, request=request, money=money, now=now, payments=payments)
    if payment is None:
        return None
    return _charge_row(order, payment, request, money.wanted_minor, requested_by, now)


def asks_for_a_charge(request: PaymentRequest) -> bool:
    """Say whether a request brings what money can be taken by at once."""
    return any(each is not None for each in (request.external, request.card_id, request.payment_token, request.card))


def told_by(request: PaymentRequest) -> OnlyTold:
    """Return what of a request goes to the gateway with a charge and is kept nowhere."""
    return OnlyTold(
        external=request.external,
        payment_token=request.payment_token,
        browser_info=request.browser_info or "",
        keeps_card=request.keeps_card,
        card=request.card,
        shopper=request.shopper,
    )


def _needed_for(request: PaymentRequest) -> Capability:
    if request.external is not None:
        return Capability.CHARGE_EXTERNAL
    return Capability.CHARGE_STORED_CARD if request.card_id is not None else Capability.CHARGE_PAYMENT_TOKEN


def _charge_row(
    order: Order, payment: Payment, request: PaymentRequest, wanted_minor: int, requested_by: str, now: datetime
) -> Transaction:
    """Commit the row of a charge before the gateway hears of it; one guest-less charge of an order lives at a time."""
    if request.card is not None:
        if not takes_details(payment.account, request.card, captures=payment.captures_at_once):
            raise CardDetailsNotTaken("The account that takes this order's money takes no card details.")
    elif _needed_for(request) not in gateway_for(payment.account).capabilities:
        raise GatewayMismatch("The gateway that takes this order's money cannot do that.")
    due = Money(payment.amount_minor, payment.currency)
    amount_minor = payment.amount_minor
    if request.amount_minor is not None:
        is_part_payment = request.external is not None and 0 < request.amount_minor <= payment.amount_minor
        if not is_part_payment and request.amount_minor != payment.amount_minor:
            raise AmountMismatch("The amount is not what is due.", due=due, payment_reference=payment.reference)
        amount_minor = request.amount_minor
    card = None
    if request.card_id is not None:
        card = card_for_order(order=order, account=payment.account, card_id=request.card_id, now=now)
    opening = None
    if request.payment_token is not None:
        check_payment_token(order=order, account=payment.account, token=request.payment_token)
        opening = _entered_in(payment, order, request, now)
    charge = new_charge(
        order=order,
        payment=payment,
        parts=part_of(amount_minor, payment.parts),
        is_sale=payment.captures_at_once or request.external is not None,
        expected_total_minor=wanted_minor,
        requested_by=requested_by,
        now=now,
        card=card,
        opening=opening,
    )
    if request.notes and request.external is not None:
        ExternalNote.objects.create(
            payment=payment,
            transaction=charge,
            text=mask_card_numbers(request.notes)[:500],
            written_by=requested_by,
            written_at=now,
        )
    return charge


def new_charge(
    *,
    order: Order,
    payment: Payment,
    parts: Parts,
    is_sale: bool,
    expected_total_minor: int,
    requested_by: str,
    now: datetime,
    card: ReusableCard | None = None,
    opening: Opening | None = None,
    reason: str = "",
) -> Transaction:
    """Write the row of a charge that takes the money, or only holds it, under the order's lock; claimed by the caller.

    :raises PaymentPending: another charge without a page is undecided. The caller's transaction is lost with it, and
        needs no savepoint: a charge that cannot be made ends it.
    """
    reference = new_reference("tx")
    try:
        return Transaction.objects.create(
            payment=payment,
            order=order,
            account=payment.account,
            card=card,
            opening=opening,
            kind=OperationKind.SALE if is_sale else OperationKind.AUTHORIZATION,
            origin=Origin.OURS,
            amount_minor=parts.amount_minor,
            surcharge_minor=parts.surcharge_minor,
            donation_minor=parts.donation_minor,
            currency=payment.currency,
            reference=reference,
            idempotency_key=reference,
            reason=mask_card_numbers(reason)[:200],
            expected_total_minor=expected_total_minor,
            requested_by=requested_by,
            requested_at=now,
            **claimed_from_the_start(now),
        )
    except IntegrityError:
        raise undecided_charge(payment.reference) from None


def undecided_charge(payment_reference: str | None = None) -> PaymentPending:
    """Return the answer to who would charge an order while another charge of it is undecided."""
    return PaymentPending(
        "Another charge of this order is still undecided.",
        retry_after_seconds=RETRY_AFTER_SECONDS,
        payment_reference=payment_reference,
    )


def _entered_in(payment: Payment, order: Order, request: PaymentRequest, now: datetime) -> Opening | None:
    """Return the Opening in which a guest entered a card: the one that is named, else that of the partner's page; in
    one that is not open yet nobody can be shown anything.
    """
    found = payment.openings.filter(gateway_reference=request.opening_reference).first()
    if request.opening_reference is None:
        found = usable_opening(payment, order=order, now=now)
    return found if found is not None and found.status == OpeningStatus.OPEN else None


def _same_external_charge(order: Order, request: PaymentRequest) -> Transaction | None:
    """Return a payment from elsewhere that was recorded under the same note and amount: a repeat of the same report."""
    if (
        request.external is None
        or not request.external.is_approved
        or not request.notes
        or request.amount_minor is None
    ):
        return None
    return (
        Transaction.objects.filter(
            order=order,
            external_notes__text=mask_card_numbers(request.notes)[:500],
            amount_minor=request.amount_minor,
            status=Status.PROCESSED,
        )
        .exclude(children__kind=OperationKind.REFUND)
        .first()
    )


def cancel_external(*, order_id: UUID, request: PaymentRequest, clock: Clock) -> None:
    """Undo the payments from elsewhere recorded so far on an order that is not confirmed.

    :raises NotCancellableByPartner: the order is confirmed; nothing was written.
    """
    for operation in _lock_and_cancel(order_id, request, clock()):
        perform(transaction_id=operation.id, clock=clock)


@tried_again_after_lock_timeout
def _lock_and_cancel(order_id: UUID, request: PaymentRequest, now: datetime) -> list[Transaction]:
    with database.atomic():
        order = booking_services.lock_order(order_id=order_id)
        return write_external_cancellation(order=order, request=request, now=now)


def write_external_cancellation(*, order: Order, request: PaymentRequest, now: datetime) -> list[Transaction]:
    """Write, under the order's lock, what undoes the payments from elsewhere; the caller commits and then sends it.

    :raises NotCancellableByPartner: the order is confirmed; nothing was written.
    """
    if order.status == BookingStatus.CONFIRMED:
        raise NotCancellableByPartner("A confirmed booking's payment is for the supplier's staff to undo.")
    sales = Transaction.objects.filter(order=order, kind=OperationKind.SALE, status=Status.PROCESSED)
    undone: list[Transaction] = []
    for taken in sales.select_related("account"):
        if Capability.CHARGE_EXTERNAL in gateway_for(taken.account).capabilities:
            undone += refund_rows(
                [taken],
                amount_minor=refundable_of(taken).amount_minor,
                reason=request.notes or "cancelled by the partner",
                requested_by="partner",
                now=now,
            )
    return undone


def refuse_what_was_refused(request: PaymentRequest | None) -> None:
    """Say no when a partner reports, with a reservation or a change, that its own processor said no.

    :raises PaymentRefused: with the partner's reason.
    """
    if request is None or request.external is None or request.external.is_approved:
        return
    raise PaymentRefused(
        "The payment was refused.",
        error_code=ErrorCode.TRANSACTION_DECLINED,
        reason=request.external.refusal_reason,
    )

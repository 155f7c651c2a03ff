"""What is paid after a confirmation: the balance that a deposit left, asked for by partners, guests and beat."""

from datetime import date, datetime, timedelta
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction as database
from django.db.models import Exists, OuterRef

from bookings import services as booking_services
from bookings.mailing import mail_language
from bookings.models import BookingStatus, Installment, InstallmentKind, MailKind, Order, SettlementMethod
from bookings.rules import zone_of
from gateways.protocol import Capability, Source
from money import Money
from payments.errors import AmountMismatch
from payments.models import BalanceCollection, CaseKind, Payment, ReusableCard, Transaction
from payments.selectors import OrderMoney, current_payment, order_money
from payments.services.cards import usable_cards
from payments.services.cases import open_case
from payments.services.charging import asks_for_a_charge, write_charge
from payments.services.collecting import PaymentRequest, ensure_payment
from payments.services.draining import drain
from payments.services.links import create_link, guest_address, live_bookings, locales_of, mail_facts
from payments.services.online import asked_of_guest, online_accounts, page_account
from payments.services.operations import Clock, perform_claimed
from payments.states import OperationKind, Status

log = structlog.get_logger(__name__)
# The first place on earth where a day begins is fourteen hours ahead of UTC.
_FIRST_ZONE_AHEAD_OF_UTC = timedelta(hours=14)
_RETURNS = (OperationKind.REFUND, OperationKind.CHARGEBACK, OperationKind.VOID)
_ASKED_BY_US = ("partner", "system")
# What became of asking the guest for a balance.
_MAILED = "the guest was mailed a link"
_UNDECIDED = "another payment of it is undecided"


def write_balance_charge(
    *, order: Order, request: PaymentRequest, money: OrderMoney, now: datetime
) -> Transaction | None:
    """Write the row by which a partner pays the balance of a confirmed order with a card, kept or just entered, or
    reports that it was paid elsewhere; the caller commits and then sends it, or lets its transaction fail with the
    refusal.

    None where the request takes no money, or nothing is due. The amount must be named: a call that was made for the
    deposit and comes again, late, must not take the balance.

    :raises AmountMismatch: the amount is not named, or is not what is due; nothing was written.
    :raises PaymentError: the charge cannot be made; nothing was written.
    """
    if order.settlement_method != SettlementMethod.DEPOSIT or not asks_for_a_charge(request) or money.due_minor == 0:
        return None
    if request.amount_minor is None:
        asked, _ = ensure_payment(order=order, request=request, money=money, now=now)
        minor = asked.amount_minor if asked is not None else money.due_minor
        raise AmountMismatch("A payment of the balance names its amount.", due=Money(minor, order.currency))
    return write_charge(order=order, request=request, money=money, now=now)


def charge_due_balances(*, clock: Clock, limit: int = 200) -> int:
    """Collect, once for each order and due date, the balances of live orders that are due; return how many were asked
    for.

    A kept card with consent is charged. Without one, and after a refusal, the guest is mailed a link; a refusal is a
    case for staff as well. An answer that is lost waits for the janitor, and is looked at again when it is known.
    Nothing happens unless CHARGE_DUE_BALANCES is on.
    """
    if not settings.PAYMENTS["CHARGE_DUE_BALANCES"]:
        return 0
    now = clock()
    latest = (now + _FIRST_ZONE_AHEAD_OF_UTC).date()
    done = BalanceCollection.objects.filter(
        order=OuterRef("order"), due_date=OuterRef("due_date"), done_at__isnull=False
    )
    due = Installment.objects.filter(
        ~Exists(done),
        kind=InstallmentKind.BALANCE,
        amount_minor__gt=0,
        due_date__lte=latest,
        order__status=BookingStatus.CONFIRMED,
        order__is_live=True,
        order__settlement_method=SettlementMethod.DEPOSIT,
    )
    orders = list(due.order_by("due_date", "pk").values_list("order_id", flat=True)[:limit])
    return drain(orders, lambda order_id: _collect(order_id, clock), what="due balance", clock=clock)


def _collect(order_id: UUID, clock: Clock) -> bool:
    """Ask for one order's balance, or finish what was asked before; say whether it was asked for now."""
    now = clock()
    with database.atomic():
        order = booking_services.lock_order(order_id=order_id)
        due_date = _due_date(order, now)
        if due_date is None:
            return False
        known = BalanceCollection.objects.filter(order=order, due_date=due_date).select_related("charge").first()
        if known is None:
            known = _write(order, due_date, now)
            is_new = True
        else:
            is_new = False
    if known is None:
        return False
    if is_new and known.charge is not None:
        known.charge = perform_claimed(operation=known.charge, clock=clock)
    _finish(known, clock())
    return is_new


def _due_date(order: Order, now: datetime) -> date | None:
    """Return since when the order's balance is due, by the calendar of what it sells; None where it is not."""
    if order.status != BookingStatus.CONFIRMED:
        return None
    balance = order.installments.filter(kind=InstallmentKind.BALANCE, amount_minor__gt=0).first()
    if balance is None or balance.due_date is None:
        return None
    bookings = order.bookings.filter(status=BookingStatus.CONFIRMED, balance_due_date=balance.due_date)
    zones = [zone_of(booking.product) for booking in bookings.select_related("product")]
    is_due = any(now.astimezone(zone).date() >= balance.due_date for zone in zones)
    return balance.due_date if is_due else None


def _write(order: Order, due_date: date, now: datetime) -> BalanceCollection | None:
    """Write, under the order's lock, how the balance is asked for; None while nobody knows what is due."""
    money = order_money(order)
    if money.asked_minor > 0 or money.held_minor > 0:
        return None
    collection = BalanceCollection(
        order=order, due_date=due_date, amount_minor=money.due_minor, currency=order.currency, created_at=now
    )
    if money.due_minor == 0:
        collection.done_at = now  # it was paid before it was due
    elif _was_given_back_on_purpose(order):
        # Charging again what people gave back would undo what they decided.
        _show(order, "money of the order was given back; nobody was charged and nobody was written to", now)
        collection.done_at = now
    else:
        card = _card_for(order, now)
        if card is not None:
            collection.charge = write_charge(
                order=order,
                request=PaymentRequest(gateway=card.account.gateway, source=Source.ECOM, card_id=str(card.pk)),
                money=money,
                now=now,
                requested_by="system",
            )
    collection.save(force_insert=True)
    return collection


def _finish(collection: BalanceCollection, now: datetime) -> None:
    """Write to the guest where no card paid, show a refusal to staff, and ask no more for this date."""
    charge = collection.charge
    if collection.done_at is not None or (charge is not None and charge.status == Status.PENDING):
        return
    with database.atomic():
        order = booking_services.lock_order(order_id=collection.order_id)
        is_refused = charge is not None and charge.status == Status.FAILED
        money = order_money(order)
        is_paid = money.due_minor == 0 and money.asked_minor == 0 and money.held_minor == 0
        if (charge is None or is_refused) and not is_paid:
            told = _write_to_guest(order, collection, now) if money.due_minor > 0 else _UNDECIDED
            if is_refused or told not in (_MAILED, _UNDECIDED):
                words = f"the card was refused ({charge.error_code})" if charge is not None else "there is no card"
                _show(order, f"{Money(collection.amount_minor, collection.currency)}: {words}; {told}", now)
        BalanceCollection.objects.filter(pk=collection.pk, done_at__isnull=True).update(done_at=now)
    log.info("balance_asked_for", order=order.reference, has_card=charge is not None, is_refused=is_refused)


def _write_to_guest(order: Order, collection: BalanceCollection, now: datetime) -> str:
    """Mail the guest a link to pay by, where that can be done; return what became of it, for staff."""
    if page_account(order) is None:
        return "no account that takes this order's money can be paid on our page"
    bookings = live_bookings(order)
    address = guest_address(order, bookings)
    if not address:
        return "there is no address to mail a link to"
    asked = asked_of_guest(order, Money(collection.amount_minor, collection.currency))
    until = now + timedelta(days=settings.BOOKINGS["PAY_LINK_DAYS"])
    link = create_link(order=order, expires_at=until, now=now, created_by="system")
    booking_services.write_mail(
        kind=MailKind.BALANCE_DUE,
        subject_key=f"{order.pk}:{collection.due_date.isoformat()}",
        to=address,
        language=mail_language(*locales_of(order, bookings)),
        now=now,
        order=order,
        context={
            **mail_facts(link, asked, collection.currency),
            "due_date": collection.due_date.isoformat(),
        },
    )
    return _MAILED


def _card_for(order: Order, now: datetime) -> ReusableCard | None:
    """Return the card kept last that may be charged without the guest, at an account that can do so."""
    for account in online_accounts(order, Capability.CHARGE_STORED_CARD):
        if account.stores_cards:
            cards = usable_cards(order=order, account=account, now=now)
            if cards:
                return cards[-1]
    return None


def _was_given_back_on_purpose(order: Order) -> bool:
    returns = Transaction.objects.filter(order=order, kind__in=_RETURNS).exclude(status=Status.FAILED)
    return returns.exclude(requested_by__in=_ASKED_BY_US).exists()


def _show(order: Order, detail: str, now: datetime) -> None:
    payment = current_payment(order) or Payment.objects.filter(order=order).order_by("-created_at").first()
    if payment is None:
        log.error("balance_without_payment", order=order.reference)
        return
    open_case(payment=payment, kind=CaseKind.BALANCE_UNPAID, detail=detail, now=now)

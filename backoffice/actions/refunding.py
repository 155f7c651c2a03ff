"""Give money back: of a payment, of an order over all that paid it, or what was overpaid."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.text import capfirst

from backoffice.actions.action import Action, Done, Line, Preview, Row, Standing, Told, told_of
from backoffice.actions.forms import RefundForm
from backoffice.models import ReasonCode, Wanted
from backoffice.services.approvals import ask_for_approval
from backoffice.services.limits import allowance_for, refuse_release
from backoffice.services.refunds import RefundWish, preview_refund, refund_now, version_seen, what_to_know
from bookings.models import Order
from money import Money
from payments.admin.columns import when_text
from payments.models import Payment
from payments.services.order_refunds import Returned, overpaid_of_order, returnable_of_order
from payments.services.previewing import RefundPreview, Share
from payments.services.surplus import left_minor, refundable_of_payment

_BANKS_RATE = (
    "The guest is paid back in {currency}, as was paid. What a card in another currency makes of it is for its bank, "
    "at its own rate of the day: no difference is ours to pay."
)


class RefundAction(Action[Row]):
    """Give money back, or ask a second person to where it is above the limit of who asks."""

    permission = "payments.refund_payment"
    is_grave = True
    what: ClassVar[Wanted]
    is_whole: ClassVar[bool] = False

    @abstractmethod
    def limit(self, row: Row, standing: Standing) -> Money:
        """Return the most that can be given back."""

    @abstractmethod
    def wish(self, row: Row, minor: int, reason: str) -> RefundWish:
        """Return what is to be given back of a row."""

    def makes_sense(self, row: Row, standing: Standing) -> bool:
        return self.limit(row, standing).minor > 0

    def form(self, row: Row, entered: Any) -> forms.Form:
        return RefundForm(entered, limit=self.limit(row, Standing(row)), is_fixed=self.is_whole)

    def seen(self, row: Row) -> str:
        return str(version_seen(self.wish(row, 0, "")))

    def preview(self, row: Row, entered: Mapping[str, Any], person: User) -> Preview:
        now = timezone.now()
        wish = self._wish(row, entered)
        allowance = allowance_for(person=person, order=wish.order, now=now)
        preview = preview_refund(wish, now=now)
        refuse_release(person=person, released=preview.released)
        is_request = not allowance.covers(preview.total)
        also = {"is_request": is_request, "total": preview.total.minor}
        if is_request:
            return Preview(
                question=f"Ask a second person to give back {preview.total} to the guest?",
                button=f"Ask for approval of {preview.total}",
                lines=refund_lines(preview),
                notes=[f"You may give back {allowance.in_words()}. Nothing is sent now.", *_notes(preview, wish)],
                also=also,
            )
        return Preview(
            question=f"Give back {preview.total} to the guest?",
            button=f"Yes, refund {preview.total}",
            lines=refund_lines(preview),
            notes=[*_notes(preview, wish), "It is sent at once and cannot be taken back."],
            also=also,
        )

    def carry_out(self, row: Row, entered: Mapping[str, Any], person: User, seen: str) -> Done:
        wish = self._wish(row, entered)
        if entered["is_request"]:
            request = ask_for_approval(
                wish,
                total=Money(entered["total"], wish.money.currency),
                reason_code=ReasonCode(entered["reason_code"]),
                requested_by=person,
                now=timezone.now(),
            )
            told = f"{capfirst(str(request))} waits for a second person until {when_text(request.expires_at)}."
            return Done(told=[Told(sentence=told)])
        return Done(told=told_of_return(refund_now(wish, person=person, seen=int(seen), clock=timezone.now)))

    def _wish(self, row: Row, entered: Mapping[str, Any]) -> RefundWish:
        return self.wish(row, entered["amount"], f"{entered['reason_code']}: {entered['reason']}")


class RefundPayment(RefundAction[Payment]):
    """Give back all or part of one payment, surcharge and donation included."""

    name = "refund"
    label = "Refund …"
    done = "refunded"
    what = Wanted.PAYMENT_REFUND

    def rows(self) -> QuerySet[Payment]:
        return Payment.objects.select_related("order", "account")

    def makes_sense(self, row: Payment, standing: Standing) -> bool:
        # One query however many captures there are, of which each has a limit of its own.
        return left_minor(row) > 0

    def limit(self, row: Payment, standing: Standing) -> Money:
        return refundable_of_payment(row)

    def wish(self, row: Payment, minor: int, reason: str) -> RefundWish:
        money = Money(minor, row.currency)
        return RefundWish(what=self.what, order=row.order, payment=row, money=money, reason=reason)


class OrderRefundAction(RefundAction[Order]):
    """Give money of an order back to all that paid it, newest first."""

    def rows(self) -> QuerySet[Order]:
        return Order.objects.all()

    def wish(self, row: Order, minor: int, reason: str) -> RefundWish:
        money = Money(minor, row.currency)
        return RefundWish(what=self.what, order=row, payment=None, money=money, reason=reason)


class RefundOrder(OrderRefundAction):
    """Give back all or part of an order's price: gift to gift, credit to credit, card to card."""

    name = "refund-order"
    label = "Refund the order …"
    done = "refunded order"
    what = Wanted.ORDER_REFUND

    def limit(self, row: Order, standing: Standing) -> Money:
        return returnable_of_order(row, standing.money)


class ReturnOverpayment(OrderRefundAction):
    """Give back what is there beyond an order's price, all of it."""

    name = "return-overpayment"
    label = "Give back what is too much …"
    done = "returned overpayment"
    what = Wanted.OVERPAYMENT
    is_whole = True

    def limit(self, row: Order, standing: Standing) -> Money:
        return overpaid_of_order(row, standing.money)


def refund_lines(preview: RefundPreview) -> list[Line]:
    """Say who gets what, in the order in which it is given back, and what it comes to."""
    lines = [_share_line(share, preview.currency) for share in preview.shares]
    lines.append(Line(name="The guest gets", value=str(preview.total)))
    if preview.surcharge.minor:
        lines.append(Line(name="of it surcharge", value=str(preview.surcharge)))
    stays = preview.total.minor - preview.leaves.minor
    detail = f"{Money(stays, preview.currency)} stays with us, owed to the guest" if stays else ""
    return [*lines, Line(name="Leaves us", value=str(preview.leaves), detail=detail)]


def told_of_return(returned: Returned) -> list[Told]:
    """Say what became of money that was given back."""
    told = told_of(returned.operations)
    if returned.tendered_minor:
        back = Money(returned.tendered_minor, returned.order.currency)
        told.append(Told(sentence=f"{back} is back on what the guest paid with: gift or credit."))
    return told


def _share_line(share: Share, currency: str) -> Line:
    amount = str(Money(share.parts.amount_minor, currency))
    if share.is_release:
        return Line(name=share.to, value=amount, detail="is held and not taken: it is released")
    details = []
    if share.parts.surcharge_minor:
        details.append(f"{Money(share.parts.surcharge_minor, currency)} of it surcharge")
    if share.parts.donation_minor:
        details.append(f"{Money(share.parts.donation_minor, currency)} of it donation")
    details.append(_lands(share.within_days))
    return Line(name=share.to, value=amount, detail=" · ".join(details))


def _lands(within_days: int | None) -> str:
    match within_days:
        case 0:
            return "there at once"
        case None:
            return "when it is there is for the guest's bank; the gateway promises nothing"
        case _:
            return f"there within {within_days} business days, sooner where the guest's bank is quick"


def _notes(preview: RefundPreview, wish: RefundWish) -> list[str]:
    rate = [_BANKS_RATE.format(currency=preview.currency)] if preview.leaves.minor else []
    return [*what_to_know(wish), *due_again_notes(preview), *rate, f"Reason: {wish.reason}"]


def due_again_notes(preview: RefundPreview) -> list[str]:
    """Say what a refund leaves to be asked of the guest, whose order still costs what it did."""
    if not preview.due_again.minor:
        return []
    said = (
        f"The price stays as it is: after this {preview.due_again} of the order is due again, the guest can be asked "
        "for it, and partners are told so. To let the guest keep it, have the price lowered or the order cancelled."
    )
    return [said]

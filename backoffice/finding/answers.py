"""What is shown of what was found: whose order it is, what became of its money, and where it leads."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Prefetch
from django.urls import reverse
from django.utils.html import format_html

from bookings.admin.mode import mode_badge
from bookings.models import Booking, Order
from bookings.services.customers import guest_name
from payments.admin.columns import money_text, moves_real_money, unbroken, when_text
from payments.admin.words import STATES
from payments.finding.search import Group, Hit
from payments.models import Payment
from payments.states import State

HEADERS = ("found", "order", "guest", "partner", "amount", "state", "date", "mode")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Be one line: why it was found, and what a member of staff needs to see that it is the right one."""

    why: str
    url: str
    order: str
    order_url: str
    guest: str
    partner: str
    amount: str
    state: str
    is_live: bool
    at: datetime

    @property
    def cells(self) -> list[str]:
        """Return the line under its headers."""
        return [
            format_html('<a class="text-primary-600 dark:text-primary-500" href="{}">{}</a>', self.url, self.why),
            format_html(
                '<a class="text-primary-600 dark:text-primary-500" href="{}">{}</a>', self.order_url, self.order
            ),
            format_html('<span class="cp-guest">{}</span>', self.guest),
            self.partner,
            unbroken(self.amount),
            self.state,
            unbroken(when_text(self.at)),
            mode_badge(is_live=self.is_live),
        ]


def answers_to(groups: Sequence[Group]) -> dict[str, list[Answer]]:
    """Return the lines of every group by its lookup's name; three queries, however many there are."""
    hits = [hit for group in groups for hit in group.hits]
    orders = _orders(hit.order_id for hit in hits)
    return {
        group.lookup.name: [_answer(hit, orders[hit.order_id]) for hit in group.hits if hit.order_id in orders]
        for group in groups
    }


def only_place(groups: Sequence[Group]) -> str:
    """Return the address of the one thing that was named exactly; empty where there is more to choose from."""
    if any(not group.lookup.is_exact or group.has_older for group in groups):
        return ""
    hits = [hit for group in groups for hit in group.hits]
    if len({hit.order_id for hit in hits}) != 1:
        return ""
    payments = {hit.payment_id for hit in hits}
    payment_id = hits[0].payment_id
    if len(payments) == 1 and payment_id is not None:
        return _payment_url(payment_id)
    return _order_url(hits[0].order_id)


def _orders(ids: Iterable[UUID]) -> dict[UUID, Order]:
    payments = Payment.objects.select_related("account").order_by("-number")
    bookings = Booking.objects.only(
        "order", "reference", "contact_full_name", "contact_first_name", "contact_last_name", "retail_minor"
    )
    orders = Order.objects.filter(pk__in=set(ids)).select_related("partner", "customer")
    found = orders.prefetch_related(
        Prefetch("payments", queryset=payments, to_attr="found_payments"),
        Prefetch("bookings", queryset=bookings.order_by("number"), to_attr="found_bookings"),
    )
    return {order.pk: order for order in found}


def _answer(hit: Hit, order: Order) -> Answer:
    payments: list[Payment] = order.found_payments  # type: ignore[attr-defined]
    bookings: list[Booking] = order.found_bookings  # type: ignore[attr-defined]
    payment = next((each for each in payments if each.pk == hit.payment_id), None) or _telling(payments)
    names = dict.fromkeys(filter(None, map(guest_name, bookings)))
    asked = order.asked_minor or sum(booking.retail_minor for booking in bookings)
    return Answer(
        why=f"{hit.lookup.label} {hit.text}".strip(),
        # Who is found by a guest's name wants to know what became of the money, as the line tells it.
        url=_payment_url(payment.pk) if payment else _order_url(order.pk),
        order=order.reference,
        order_url=_order_url(order.pk),
        guest=", ".join(names) or (order.customer.full_name if order.customer else ""),
        partner=str(order.partner),
        amount=money_text(payment.amount_minor, payment.currency) if payment else money_text(asked, order.currency),
        state=STATES[State(payment.state)] if payment else "no payment",
        is_live=moves_real_money(is_live=order.is_live, account=payment.account) if payment else order.is_live,
        at=payment.created_at if payment else order.created_at,
    )


def _telling(payments: Sequence[Payment]) -> Payment | None:
    """Return the payment of an order that tells what became of its money: the newest that took or holds some, else the
    newest that is not decided, else the newest.
    """
    by_money = (
        lambda payment: payment.captured_minor > 0 or payment.authorized_minor > 0,
        lambda payment: payment.state == State.PENDING,
    )
    for tells in by_money:
        if found := next(filter(tells, payments), None):
            return found
    return payments[0] if payments else None


def _payment_url(payment_id: UUID) -> str:
    return reverse("admin:payments_payment_change", args=[payment_id])


def _order_url(order_id: UUID) -> str:
    return reverse("admin:bookings_order_change", args=[order_id])

"""Have an order paid or confirmed: by a link, a kept card, what was taken elsewhere, or what is there already."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.utils import timezone

from backoffice.actions.action import Action, Done, Line, Preview, Standing, Told, told_of
from backoffice.actions.forms import CardForm, ExternalForm, LinkForm
from bookings.models import BookingStatus, Order
from bookings.requests import OrderChanges
from money import Money
from payments.admin.columns import when_text
from payments.errors import AlreadyPaid, NotPayableByLink
from payments.models import ReusableCard
from payments.selectors import order_money
from payments.services.collecting import NO_REQUEST
from payments.services.confirming import confirm_order
from payments.services.guarding import order_version
from payments.services.links import PAYABLE, guest_address, live_bookings, send_new_link
from payments.services.staff_charges import (
    charge_stored_card,
    chargeable_cards,
    cost_of_card_charge,
    external_route,
    record_external_payment,
)


class OrderAction(Action[Order]):
    """Do something to one order, whose money is as it was when the person looked."""

    def rows(self) -> QuerySet[Order]:
        return Order.objects.select_related("partner", "customer")

    def seen(self, row: Order) -> str:
        return str(order_version(row))

    def due(self, row: Order) -> Money:
        """Return what the guest is still to be asked for, of the price."""
        return Money(order_money(row).due_minor, row.currency)


class SendLink(OrderAction):
    """Make a payment link for an order, and mail it."""

    name = "send-link"
    label = "Send a payment link …"
    done = "made payment link"
    permission = "payments.add_paymentlink"

    def makes_sense(self, row: Order, standing: Standing) -> bool:
        return _is_to_be_paid(row, standing)

    def form(self, row: Order, entered: Any) -> forms.Form:
        return LinkForm(entered, days=settings.BOOKINGS["PAY_LINK_DAYS"])

    def seen(self, row: Order) -> str:
        return f"{super().seen(row)} {row.payment_links.count()}"

    def preview(self, row: Order, entered: Mapping[str, Any], person: User) -> Preview:
        due = self.due(row)
        if due.minor == 0:
            raise AlreadyPaid("Nothing is left to pay.")
        address = guest_address(row, live_bookings(row))
        if entered["is_mailed"] and not address:
            raise NotPayableByLink("There is no address to mail a link to. Make it without mailing it.")
        until = timezone.now() + timedelta(days=entered["days"])
        return Preview(
            question=f"Make a link by which the guest can pay {due}?",
            button="Yes, mail it" if entered["is_mailed"] else "Yes, make it",
            lines=[
                Line(name="Mailed to", value=address if entered["is_mailed"] else "nobody: you pass it on"),
                Line(name="Good until", value=when_text(until)),
            ],
            notes=["Whoever has the link can pay by it."],
        )

    def carry_out(self, row: Order, entered: Mapping[str, Any], person: User, seen: str) -> Done:
        now = timezone.now()
        version, links = seen.split()
        link, mail = send_new_link(
            order=row,
            expires_at=now + timedelta(days=entered["days"]),
            created_by=person.get_username(),
            is_mailed=entered["is_mailed"],
            now=now,
            links_seen=int(links),
            version_seen=int(version),
        )
        told = "The link goes out within seconds." if mail is not None else "The link is made; its address is below."
        return Done(told=[Told(sentence=told)], leads_to=link)


class ChargeCard(OrderAction):
    """Charge a kept card without its guest."""

    name = "charge-card"
    label = "Charge a stored card …"
    done = "charged stored card"
    permission = "backoffice.charge_card"
    is_grave = True

    def makes_sense(self, row: Order, standing: Standing) -> bool:
        return _is_to_be_paid(row, standing) and bool(chargeable_cards(row, now=timezone.now()))

    def form(self, row: Order, entered: Any) -> forms.Form:
        cards = [(str(card.pk), _card_words(card)) for card in chargeable_cards(row, now=timezone.now())]
        return CardForm(entered, cards=cards, limit=self.due(row))

    def preview(self, row: Order, entered: Mapping[str, Any], person: User) -> Preview:
        money = Money(entered["amount"], row.currency)
        cost = cost_of_card_charge(order=row, card_id=entered["card"], money=money, now=timezone.now())
        surcharge = [Line(name="Surcharge on it", value=str(cost.surcharge))] if cost.surcharge.minor else []
        return Preview(
            question=f"Charge {cost.total} to {cost.card}?",
            button=f"Yes, charge {cost.total}",
            lines=[
                Line(name="Price", value=str(money)),
                *surcharge,
                Line(name="The guest agreed to this", value=when_text(cost.consented_at)),
            ],
            notes=[
                "The guest is not there: a bank that asks for the guest refuses.",
                "Links by which the guest could pay the same are withdrawn.",
            ],
        )

    def carry_out(self, row: Order, entered: Mapping[str, Any], person: User, seen: str) -> Done:
        charge = charge_stored_card(
            order_id=row.pk,
            card_id=entered["card"],
            money=Money(entered["amount"], row.currency),
            requested_by=person.get_username(),
            clock=timezone.now,
            version_seen=int(seen),
        )
        return Done(told=told_of([charge]), leads_to=charge.payment)


class TakeExternal(OrderAction):
    """Write down what was taken elsewhere."""

    name = "take-external"
    label = "Record a payment taken elsewhere …"
    done = "recorded external payment"
    permission = "backoffice.take_external_payment"

    def makes_sense(self, row: Order, standing: Standing) -> bool:
        return _is_to_be_paid(row, standing) and external_route(row) is not None

    def form(self, row: Order, entered: Any) -> forms.Form:
        return ExternalForm(entered, limit=self.due(row))

    def preview(self, row: Order, entered: Mapping[str, Any], person: User) -> Preview:
        money = Money(entered["amount"], row.currency)
        left = Money(self.due(row).minor - money.minor, row.currency)
        then = "The booking is confirmed by it." if row.status == BookingStatus.ON_HOLD and not left.minor else ""
        return Preview(
            question=f"Record that {money} was paid by {entered['method']}?",
            button=f"Yes, record {money}",
            lines=[Line(name="Note", value=_note(entered)), Line(name="Still due then", value=str(left))],
            notes=["No card is charged: somebody else took the money.", *filter(None, [then])],
        )

    def carry_out(self, row: Order, entered: Mapping[str, Any], person: User, seen: str) -> Done:
        charge = record_external_payment(
            order_id=row.pk,
            money=Money(entered["amount"], row.currency),
            note=_note(entered),
            requested_by=person.get_username(),
            clock=timezone.now,
            version_seen=int(seen),
        )
        return Done(told=told_of([charge]), leads_to=charge.payment)


class Confirm(OrderAction):
    """Confirm what is paid and was not confirmed."""

    name = "confirm"
    label = "Confirm the booking …"
    done = "confirmed paid order"
    permission = "backoffice.confirm_paid_order"

    def makes_sense(self, row: Order, standing: Standing) -> bool:
        if row.status != BookingStatus.ON_HOLD:
            return False
        return standing.money.due_minor == 0 and standing.money.wanted_minor > 0

    def preview(self, row: Order, entered: Mapping[str, Any], person: User) -> Preview:
        money = order_money(row)
        held = [Line(name="Held, and taken now", value=str(Money(money.held_minor, row.currency)))]
        return Preview(
            question=f"Confirm {row}?",
            button="Yes, confirm",
            lines=[
                Line(name="Price", value=str(Money(money.wanted_minor, row.currency))),
                Line(name="Taken", value=str(Money(money.money_in_minor, row.currency))),
                *(held if money.held_minor else []),
            ],
            notes=["The partner is told, and the guest has what a confirmed booking has."],
        )

    def carry_out(self, row: Order, entered: Mapping[str, Any], person: User, seen: str) -> Done:
        confirm_order(order=row, changes=OrderChanges(), request=NO_REQUEST, clock=timezone.now)
        return Done(told=[Told(sentence=f"{row} is confirmed.")])


def _is_to_be_paid(order: Order, standing: Standing) -> bool:
    return order.status in PAYABLE and standing.money.due_minor > 0


def _card_words(card: ReusableCard) -> str:
    expiry = f", good until {card.expiry_month:02d}/{card.expiry_year}" if card.expiry_month else ""
    return f"{card}{expiry}, at {card.account.name}"


def _note(entered: Mapping[str, Any]) -> str:
    evidence = f" · evidence: {entered['evidence']}" if entered["evidence"] else ""
    return f"{entered['method']}: {entered['note']}{evidence}"

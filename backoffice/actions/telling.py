"""Tell again what was told, or heard: a link, a code or a mail to its guest, a callback to its partner, a delivery to
ourselves.
"""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.utils import timezone

from api.callbacks.resending import resend_delivery
from api.models import Delivery
from backoffice.actions.action import Action, Done, Line, Preview, Standing, Told
from backoffice.actions.forms import MailForm
from bookings.models import Gift, MailKind, MailStatus, OutgoingMail
from bookings.rules import is_gift_sold
from bookings.services import notify_gift, send_mail_again
from bookings.services.gift_holds import address_of
from payments.admin.columns import when_text
from payments.inbox import replay
from payments.models import DeliveryStatus, PaymentLink, WebhookDelivery
from payments.services.links import expire_link, guest_address, live_bookings, send_link_again


class LinkAction(Action[PaymentLink]):
    """Do something to a link that can still be followed."""

    permission = "payments.change_paymentlink"

    def rows(self) -> QuerySet[PaymentLink]:
        return PaymentLink.objects.select_related("order__customer")

    def makes_sense(self, row: PaymentLink, standing: Standing) -> bool:
        return row.closed_at is None and row.expires_at > timezone.now()


class MailLink(LinkAction):
    """Mail a link again."""

    name = "mail-link"
    label = "Mail it again …"
    done = "mailed payment link"

    def form(self, row: PaymentLink, entered: Any) -> forms.Form:
        return MailForm(entered)

    def seen(self, row: PaymentLink) -> str:
        return str(OutgoingMail.objects.filter(order=row.order, kind=MailKind.PAYMENT_LINK).count())

    def preview(self, row: PaymentLink, entered: Mapping[str, Any], person: User) -> Preview:
        to = entered["to"] or guest_address(row.order, live_bookings(row.order)) or "nobody: no address is known"
        return Preview(question="Mail the link again?", button="Yes, mail it", lines=[Line(name="To", value=to)])

    def carry_out(self, row: PaymentLink, entered: Mapping[str, Any], person: User, seen: str) -> Done:
        send_link_again(link=row, now=timezone.now(), to=entered["to"])
        return Done(told=[Told(sentence="The link goes out within seconds.")])


class WithdrawLink(LinkAction):
    """Close a link for good."""

    name = "withdraw-link"
    label = "Withdraw …"
    done = "withdrew payment link"
    is_grave = True

    def preview(self, row: PaymentLink, entered: Mapping[str, Any], person: User) -> Preview:
        return Preview(
            question="Withdraw the link?",
            button="Yes, withdraw it",
            notes=["Nobody can pay by it any more. A payment that is under way is booked all the same."],
        )

    def carry_out(self, row: PaymentLink, entered: Mapping[str, Any], person: User, seen: str) -> Done:
        if expire_link(link=row, now=timezone.now()):
            return Done(told=[Told(sentence="The link is withdrawn: nobody can pay by it any more.")])
        return Done(told=[Told(sentence="The link was closed already.", is_well=False)])


class MailCode(Action[Gift]):
    """Mail a gift voucher's code again."""

    name = "mail-code"
    label = "Mail the code again …"
    done = "mailed gift code"
    permission = "bookings.change_gift"

    def rows(self) -> QuerySet[Gift]:
        return Gift.objects.select_related("order")

    def makes_sense(self, row: Gift, standing: Standing) -> bool:
        return is_gift_sold(row) and bool(address_of(row))

    def seen(self, row: Gift) -> str:
        return f"{row.status} {row.mails.count()}"

    def preview(self, row: Gift, entered: Mapping[str, Any], person: User) -> Preview:
        return Preview(
            question="Mail the code again?", button="Yes, mail it", lines=[Line(name="To", value=address_of(row))]
        )

    def carry_out(self, row: Gift, entered: Mapping[str, Any], person: User, seen: str) -> Done:
        notify_gift(gift=row, to=None, language=None, now=timezone.now())
        return Done(told=[Told(sentence="The code goes out within seconds.")])


class SendMail(Action[OutgoingMail]):
    """Have a mail go out again."""

    name = "send-mail"
    label = "Send again …"
    done = "sent mail again"
    permission = "bookings.change_outgoingmail"

    def rows(self) -> QuerySet[OutgoingMail]:
        return OutgoingMail.objects.all()

    def makes_sense(self, row: OutgoingMail, standing: Standing) -> bool:
        return row.status != MailStatus.WAITING

    def seen(self, row: OutgoingMail) -> str:
        return f"{row.status} {row.attempts}"

    def preview(self, row: OutgoingMail, entered: Mapping[str, Any], person: User) -> Preview:
        return Preview(
            question="Send this mail again?",
            button="Yes, send it",
            lines=[
                Line(name="To", value=row.to),
                Line(name="Stands", value=row.status.lower(), detail=row.last_error),
            ],
        )

    def carry_out(self, row: OutgoingMail, entered: Mapping[str, Any], person: User, seen: str) -> Done:
        send_mail_again(mail=row, now=timezone.now())
        return Done(told=[Told(sentence="The mail goes out within seconds.")])


class Replay(Action[WebhookDelivery]):
    """Handle what a gateway sent once more."""

    name = "replay"
    label = "Replay the delivery …"
    done = "replayed delivery"
    permission = "payments.change_webhookdelivery"

    def rows(self) -> QuerySet[WebhookDelivery]:
        return WebhookDelivery.objects.select_related("account").defer("body_encrypted")

    def makes_sense(self, row: WebhookDelivery, standing: Standing) -> bool:
        return True

    def seen(self, row: WebhookDelivery) -> str:
        return str(row.attempts)

    def preview(self, row: WebhookDelivery, entered: Mapping[str, Any], person: User) -> Preview:
        return Preview(
            question="Handle this delivery again?",
            button="Yes, replay it",
            lines=[
                Line(name="From", value=str(row.account)),
                Line(name="Received", value=when_text(row.received_at)),
                Line(name="Stands", value=row.status.lower(), detail=row.last_error),
            ],
            notes=["What it told before changes nothing."],
        )

    def carry_out(self, row: WebhookDelivery, entered: Mapping[str, Any], person: User, seen: str) -> Done:
        status = replay(delivery_id=row.pk, clock=timezone.now)
        told = f"Replayed: {status.lower() if status else 'a worker has it at this moment'}."
        return Done(told=[Told(sentence=told, is_well=status == DeliveryStatus.PROCESSED)])


class Resend(Action[Delivery]):
    """Tell a partner the newest state of what a callback was about."""

    name = "resend"
    label = "Send again …"
    done = "resent callback"
    permission = "api.change_delivery"

    def rows(self) -> QuerySet[Delivery]:
        return Delivery.objects.select_related("subscription__partner", "order", "booking")

    def makes_sense(self, row: Delivery, standing: Standing) -> bool:
        return row.subscription.ended_at is None

    def seen(self, row: Delivery) -> str:
        return f"{row.status} {row.attempts}"

    def preview(self, row: Delivery, entered: Mapping[str, Any], person: User) -> Preview:
        return Preview(
            question="Send this callback again?",
            button="Yes, send it",
            lines=[
                Line(name="To", value=f"{row.subscription.partner}, {row.subscription.url_host}"),
                Line(name="About", value=str(row.booking or row.order)),
                Line(name="Stands", value=row.status.lower(), detail=row.last_error),
            ],
            notes=["The newest state is told."],
        )

    def carry_out(self, row: Delivery, entered: Mapping[str, Any], person: User, seen: str) -> Done:
        resend_delivery(delivery=row, now=timezone.now())
        return Done(told=[Told(sentence="Sent again within seconds.")])

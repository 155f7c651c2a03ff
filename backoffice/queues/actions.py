"""What can be done about rows: each leads to where it is asked once more, and is shown to those who may do it."""

from django.db.models import Model
from django.urls import reverse

from backoffice.actions import ACTIONS
from backoffice.queues.queue import Button
from bookings.models import Order
from payments.models import Payment


def button(name: str, row: Model) -> Button:
    """Return what a person may do with a row."""
    action = ACTIONS[name]
    return Button(label=action.label, url=reverse("admin:do", args=[name, row.pk]), permission=action.permission)


def payment_buttons(payment: Payment, *names: str) -> tuple[Button, ...]:
    """Return what a person may do about a payment or its order; nothing is given back of what is not there."""
    is_there = {
        "refund": payment.captured_minor > payment.refunded_minor + payment.charged_back_minor,
        "capture": payment.authorized_minor > 0,
        "void": payment.authorized_minor > 0,
    }
    return tuple(
        button(name, payment.order if ACTIONS[name].rows().model is Order else payment)
        for name in names
        if is_there.get(name, True)
    )

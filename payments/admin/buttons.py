"""What a button has in common: one service call, a word for every fault, and a line in the log of who pressed it.

A wish that moves money is confirmed on a page of its own. What is confirmed travels in a signed token, bound to the
person, the payment and the number of operations the payment had: a second click finds one more, and nothing is sent.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import structlog
from django import forms
from django.contrib import messages
from django.core import signing
from django.db import DatabaseError
from django.http import HttpRequest

from bookings.errors import BookingError
from bookings.staff_text import MaskedForm
from gateways.errors import GatewayError
from money import Money, MoneyError
from payments.admin.columns import money_text
from payments.admin.words import outcome_sentence
from payments.errors import PaymentError
from payments.models import Payment, Transaction

log = structlog.get_logger(__name__)
_TOKEN_LIVES_SECONDS = 15 * 60
_SALT = "payments.admin.wish"


class StaleWish(Exception):
    """Say that a confirmation is too old, somebody else's, or another payment's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Be what a person is about to confirm."""

    verb: str
    money: Money
    reason: str
    operations_seen: int


class WishForm(MaskedForm, forms.Form):
    """Ask for an amount in major units and, for a refund, why."""

    amount = forms.CharField(max_length=20, widget=forms.TextInput(attrs={"inputmode": "decimal", "autofocus": True}))
    reason = forms.CharField(
        max_length=200, widget=forms.TextInput(attrs={"size": 60}), help_text="For us; the guest does not see it."
    )

    def __init__(self, *arguments: Any, limit: Money, needs_reason: bool = True, **fields: Any) -> None:
        super().__init__(*arguments, **fields)
        self._limit = limit
        self.fields["amount"].label = f"Amount in {limit.currency}"
        self.fields["amount"].help_text = f"At most {limit}."
        self.fields["amount"].initial = limit.format()
        if not needs_reason:
            del self.fields["reason"]

    def clean_amount(self) -> Money:
        """Return the amount.

        :raises ValidationError: it is no amount of the currency, or more than there is.
        """
        try:
            money = Money.parse(self.cleaned_data["amount"].strip(), self._limit.currency)
        except MoneyError as error:
            raise forms.ValidationError(f"{error}. Write it as {self._limit.format()}.") from None
        if not 0 < money.minor <= self._limit.minor:
            raise forms.ValidationError(f"Between nothing and {self._limit}.")
        return money


def sign(request: HttpRequest, payment: Payment, wish: Wish) -> str:
    """Return a token that carries the wish to its confirmation."""
    return signing.dumps(
        {
            "user": str(request.user.pk),
            "payment": str(payment.pk),
            "verb": wish.verb,
            "minor": wish.money.minor,
            "reason": wish.reason,
            "operations": wish.operations_seen,
        },
        salt=_SALT,
    )


def read_wish(request: HttpRequest, payment: Payment, verb: str) -> Wish:
    """Return the wish that was confirmed.

    :raises StaleWish: it is older than a quarter of an hour, or was made by or for another.
    """
    try:
        read = signing.loads(request.POST.get("wish", ""), salt=_SALT, max_age=_TOKEN_LIVES_SECONDS)
    except signing.BadSignature:
        raise StaleWish("The confirmation has expired; nothing was sent. Start again.") from None
    if (read["user"], read["payment"], read["verb"]) != (str(request.user.pk), str(payment.pk), verb):
        raise StaleWish("The confirmation belongs to another person or payment; nothing was sent.")
    return Wish(
        verb=verb,
        money=Money(read["minor"], payment.currency),
        reason=read["reason"],
        operations_seen=read["operations"],
    )


@contextmanager
def faults_as_messages(request: HttpRequest) -> Iterator[list[str]]:
    """Turn whatever a service refuses into a message; what was said is in the list that is yielded."""
    said: list[str] = []
    try:
        yield said
    except (PaymentError, BookingError, GatewayError, MoneyError, StaleWish) as refusal:
        said.append(str(refusal) or type(refusal).__name__)
    except DatabaseError as error:
        log.warning("admin_button_database_fault", error=type(error).__name__)
        said.append("The database was busy with this row. Look at what happened below before you try again.")
    except Exception:  # a button answers in words; the fault is in the log
        log.exception("admin_button_failed")
        said.append("Something went wrong on our side; it is in the log. Look at what happened before you try again.")
    for sentence in said:
        messages.error(request, sentence)


def tell_outcomes(request: HttpRequest, operations: list[Transaction]) -> str:
    """Tell the person what became of each operation; return the same for the log."""
    sentences = []
    for operation in operations:
        sentence, is_well = outcome_sentence(operation)
        (messages.success if is_well else messages.warning)(request, sentence)
        sentences.append(f"{sentence} ({operation.reference})")
    return " ".join(sentences)


def wish_in_words(wish: Wish) -> str:
    """Say what was asked, for the log."""
    verb = {"refund": "Refund", "capture": "Capture", "void": "Release"}[wish.verb]
    amount = money_text(wish.money.minor, wish.money.currency)
    return f"{verb} of {amount}" + (f" ({wish.reason})" if wish.reason else "")

"""Do something about what a payment holds or nobody knows: take it, release it, ask about it, say it was not done."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.db.models import Model, QuerySet
from django.utils import timezone

from backoffice.actions.action import Action, Done, Line, Preview, Standing, Told, told_of
from backoffice.actions.forms import AmountForm, ReasonForm
from money import Money
from payments.admin.columns import when_text
from payments.admin.words import OPERATIONS
from payments.models import Opening, OpeningStatus, Payment, Transaction
from payments.services import aftercare, janitor
from payments.services.ruling import can_be_ruled_out, rule_out_operation
from payments.states import OperationKind, Status


class PaymentAction(Action[Payment]):
    """Do something to one payment, which is as it was when the person looked."""

    def rows(self) -> QuerySet[Payment]:
        return Payment.objects.select_related("order", "account")

    def seen(self, row: Payment) -> str:
        return str(row.transactions.count())


class HoldAction(PaymentAction):
    """Do something to money that is held and not taken."""

    permission = "payments.capture_payment"

    def makes_sense(self, row: Payment, standing: Standing) -> bool:
        return row.authorized_minor > 0 and aftercare.capturable(row).minor > 0


class Capture(HoldAction):
    """Take held money, in whole or in part."""

    name = "capture"
    label = "Capture …"
    done = "captured"

    def form(self, row: Payment, entered: Any) -> forms.Form:
        return AmountForm(entered, limit=aftercare.capturable(row))

    def preview(self, row: Payment, entered: Mapping[str, Any], person: User) -> Preview:
        money = Money(entered["amount"], row.currency)
        rest = Money(row.authorized_minor - money.minor, row.currency)
        notes = [f"What is not taken now, {rest}, is released to the guest."] if rest.minor else []
        return Preview(
            question=f"Take {money} of the held money?",
            button=f"Yes, capture {money}",
            lines=[Line(name="Held", value=str(Money(row.authorized_minor, row.currency)))],
            notes=notes,
        )

    def carry_out(self, row: Payment, entered: Mapping[str, Any], person: User, seen: str) -> Done:
        capture = aftercare.capture_payment(
            payment=row,
            money=Money(entered["amount"], row.currency),
            requested_by=person.get_username(),
            clock=timezone.now,
            operations_seen=int(seen),
        )
        return Done(told=told_of([capture]))


class Void(HoldAction):
    """Release all that a payment still holds."""

    name = "void"
    label = "Release the hold …"
    done = "released hold"
    is_grave = True

    def form(self, row: Payment, entered: Any) -> forms.Form:
        return ReasonForm(entered)

    def preview(self, row: Payment, entered: Mapping[str, Any], person: User) -> Preview:
        held = Money(row.authorized_minor, row.currency)
        return Preview(
            question=f"Release the hold of {held}?",
            button=f"Yes, release {held}",
            notes=[
                "Nothing is taken from the guest, and nothing can be taken from this hold afterwards.",
                f"Reason: {entered['reason']}",
            ],
        )

    def carry_out(self, row: Payment, entered: Mapping[str, Any], person: User, seen: str) -> Done:
        voids = aftercare.void_payment(
            payment=row,
            reason=entered["reason"],
            requested_by=person.get_username(),
            clock=timezone.now,
            operations_seen=int(seen),
        )
        return Done(told=told_of(voids))


class AskGateway(PaymentAction):
    """Find out about everything of a payment that nobody knows."""

    name = "ask"
    label = "Ask the gateway again …"
    done = "asked gateway"
    permission = "payments.ask_gateway"

    def makes_sense(self, row: Payment, standing: Standing) -> bool:
        return _undecided(row).exists() or _unanswered(row).exists()

    def preview(self, row: Payment, entered: Mapping[str, Any], person: User) -> Preview:
        operations = [
            Line(
                name=f"{OPERATIONS[OperationKind(each.kind)]} {each.reference}",
                value=str(Money(each.amount_minor, each.currency)),
                detail=f"asked for {when_text(each.requested_at)}",
            )
            for each in _undecided(row)
        ]
        openings = [
            Line(name=f"Page for the guest {each.reference}", value="never answered") for each in _unanswered(row)
        ]
        return Preview(
            question="Ask the gateway what became of this?",
            button="Yes, ask",
            lines=[*operations, *openings],
            notes=[
                "Where the gateway can only be asked by repeating, the identical call is repeated while that is safe."
            ],
        )

    def carry_out(self, row: Payment, entered: Mapping[str, Any], person: User, seen: str) -> Done:
        operations, openings = janitor.ask_about_payment(payment_id=row.pk, clock=timezone.now)
        count = len(operations) + openings
        looked = f"{count} undecided {'thing was' if count == 1 else 'things were'} looked into."
        if not count:
            return Done(told=[Told(sentence="Nothing of this payment is undecided.")])
        return Done(told=[Told(sentence=looked), *told_of(operations)])


class RuleOut(Action[Transaction]):
    """Take a person's word that something was not done, where no gateway is asked about it any more."""

    name = "rule-out"
    label = "It was not done …"
    done = "ruled out operation"
    permission = "payments.refund_payment"  # the next refund may follow
    is_grave = True

    def rows(self) -> QuerySet[Transaction]:
        return Transaction.objects.select_related("payment", "account")

    def makes_sense(self, row: Transaction, standing: Standing) -> bool:
        return can_be_ruled_out(now=timezone.now()).filter(pk=row.pk).exists()

    def seen(self, row: Transaction) -> str:
        return f"{row.status} {row.claim_number}"

    def subject(self, row: Transaction) -> Model:
        return row.payment

    def form(self, row: Transaction, entered: Any) -> forms.Form:
        return ReasonForm(entered)

    def preview(self, row: Transaction, entered: Mapping[str, Any], person: User) -> Preview:
        return Preview(
            question=f"Say that {_named(row)} was not done?",
            button="Yes, it was not done",
            lines=[
                Line(name="At", value=row.account.name),
                Line(name="Key", value=row.idempotency_key or row.reference, detail="look for it there first"),
            ],
            notes=[
                "The same can be asked anew then: if it was done all the same, it is done twice.",
                "Whatever the gateway still says of it counts more than this.",
                f"Reason: {entered['reason']}",
            ],
        )

    def carry_out(self, row: Transaction, entered: Mapping[str, Any], person: User, seen: str) -> Done:
        rule_out_operation(transaction_id=row.pk, requested_by=person.get_username(), clock=timezone.now)
        return Done(told=[Told(sentence=f"{_named(row)} counts as not done.")], leads_to=row.payment)


def _named(operation: Transaction) -> str:
    money = Money(operation.amount_minor, operation.currency)
    return f"{OPERATIONS[OperationKind(operation.kind)]} {operation.reference} of {money}"


def _undecided(payment: Payment) -> QuerySet[Transaction]:
    return payment.transactions.filter(status=Status.PENDING).order_by("requested_at")


def _unanswered(payment: Payment) -> QuerySet[Opening]:
    return payment.openings.filter(status=OpeningStatus.REQUESTED).order_by("created_at")

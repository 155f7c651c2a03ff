"""Take a payment, go on with it when the guest has been at the bank, and list what was paid."""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from uuid import UUID

from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response

from api.context.errors import ALREADY_SET, NOT_FOUND, Refusal
from api.context.models import ContextPreference, PaymentProcess
from api.context.presenters import (
    card_payment_fields,
    credit_payment_fields,
    payment_data_of,
    payment_fields,
    tender_fields,
)
from api.context.requests import Completion, PaymentWish, read_completion, read_payment
from api.context.results import ResultCode, result_of, status_of
from api.context.schema import operation
from api.context.views.base import PlaceView
from api.fields import Fields
from api.idempotency import Finished, RequestIdentity, do_once, note_subject
from payments.attempts import charges_of_bookings, charges_of_top_ups, parts_there
from payments.errors import NotPayable
from payments.models import Transaction
from payments.services.card_charges import (
    CardCharge,
    CardCharged,
    charge_card,
    complete_card_charge,
    describe_card_charge,
)
from payments.services.customer_credit import CreditPayment, credit_payment_of, spend_credit
from payments.services.tenders import tenders_of
from payments.services.topping_up import top_up_customer
from payments.states import Status

PLACE = ("context", "context_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """Be a payment by card with the process by which it goes on."""

    process: PaymentProcess
    charged: CardCharged


class AnsweringView(PlaceView):
    """Answer with how a payment stands."""

    def answer(self, done: Begun | CreditPayment) -> Response:
        """Return the answer about a payment, whatever became of it."""
        preference = ContextPreference.objects.filter(partner=self.partner).first()
        preference = preference or ContextPreference(partner=self.partner)
        if isinstance(done, CreditPayment):
            body = credit_payment_fields(done, place=self.place)
            return Response(body, status=status_of(ResultCode.ACCEPTED, preference))
        now = self.now()
        body = card_payment_fields(done.process, done.charged, place=self.place, preference=preference, now=now)
        return Response(body, status=status_of(result_of(done.charged, now=now), preference))

    def identity(self, key: str, body: object) -> RequestIdentity:
        """Return what makes a request the same as another one, its path in any case."""
        identity = super().identity(key, body)
        return replace(identity, path=identity.path.lower())

    def begun(self, process: PaymentProcess) -> Begun:
        """Return a process with how its payment stands now."""
        return Begun(process=process, charged=self.describe(process))

    def describe(self, process: PaymentProcess) -> CardCharged:
        """Return how the payment of a process stands now."""
        return describe_card_charge(transaction_id=process.transaction_id, clock=self.now)


class PaymentsView(AnsweringView):
    """Take a payment for a booking or on a customer's account, and list those that were taken."""

    @operation(
        "makePayment",
        "Charge an encrypted card, or spend the customer's credit",
        answer="PaymentResult",
        body="Payment",
        path=PLACE,
    )
    def post(self, request: Request, **_path: str) -> Response:
        """Take a payment once, however often it is asked for under one `Idempotency-Key`."""
        wish = read_payment(Fields(request.data))
        key = self.idempotency_key
        if key is None:
            return self.answer(self._pay(wish, note=_nothing))
        return self.answer(
            do_once(
                self.identity(key, request.data),
                act=lambda claim: self._pay(wish, note=partial(note_subject, claim)),
                again=self._again,
                name_of=_name_of,
                status_code=201,
                wait_seconds=0,
                clock=self.now,
            )
        )

    @operation("listPayments", "List what was paid", answer="Payments", path=PLACE)
    def get(self, _request: Request, **_path: str) -> Response:
        """Return the payments that were taken or are held, oldest first."""
        return Response({"payments": list(self._rows())})

    def _pay(self, wish: PaymentWish, *, note: Callable[[str], None]) -> Begun | CreditPayment:
        """Take the payment, and `note` its name in the transaction that makes it."""
        key = self.key
        assert key is not None
        if self.is_cancelled:
            raise NotPayable("The booking is cancelled, though others of its order may not be.")
        if wish.card is None:
            if self.order is None:
                raise Fields({}).refuse("paymentMethodId", _("a customer's credit pays for bookings only"))
            return spend_credit(
                order_id=self.order.pk, amount=wish.amount, now=self.now(), also=lambda paid: note(_name_of(paid))
            )
        charge = CardCharge(
            amount_minor=wish.amount.minor,
            currency=wish.amount.currency,
            card=wish.card,
            donation_minor=wish.donation.minor,
            shopper=wish.shopper,
            return_url=wish.return_url,
        )

        def begin(made: Transaction) -> None:
            process = PaymentProcess.objects.create(
                transaction=made,
                key=key,
                context=self.place.context,
                context_number=self.place.number,
                started_at=self.now(),
            )
            note(_name_of_process(process))

        if self.order is not None:
            charged = charge_card(order_id=self.order.pk, request=charge, clock=self.now, also=begin)
        else:
            assert self.customer is not None
            charged = top_up_customer(customer=self.customer, request=charge, clock=self.now, also=begin)
        return Begun(process=PaymentProcess.objects.get(transaction=charged.transaction), charged=charged)

    def _again(self, finished: Finished) -> Begun | CreditPayment:
        self.note_replay()
        kind, _separator, name = finished.subject.partition(":")
        if kind == "credit":
            return credit_payment_of(UUID(name))
        return self.begun(PaymentProcess.objects.get(pk=name, key__partner=self.partner))

    def _rows(self) -> Iterator[dict[str, object]]:
        if self.order is not None:
            charges = charges_of_bookings(partner=self.partner, is_live=self.is_live).filter(order=self.order)
        else:
            assert self.customer is not None
            charges = charges_of_top_ups(customer=self.customer)
        for charge in charges.select_related("payment__account"):
            parts = parts_there(charge)
            if parts is not None:
                yield payment_fields(charge, parts, place=self.place)
        if self.order is not None:
            for tender in reversed(tenders_of(self.order)):
                yield tender_fields(tender, self.order.currency, place=self.place)


class PaymentView(PaymentsView):
    """Show one payment of a list."""

    http_method_names = ["get"]

    @operation("getPayment", "Show one payment", answer="ListedPayment", path=(*PLACE, "payment_id"))
    def get(self, _request: Request, **path: str) -> Response:
        """Return the payment with the number."""
        for row in self._rows():
            if row["id"] is not None and str(row["id"]) == path["payment_id"]:
                return Response(row)
        raise Refusal(NOT_FOUND, _("There is no such payment."))


class CompletionView(AnsweringView):
    """Go on with a payment whose guest has been at the bank."""

    @operation(
        "completeSecurePayment",
        "Bring what the guest got at the bank",
        answer="PaymentResult",
        body="Completion",
        path=PLACE,
    )
    def post(self, request: Request, **_path: str) -> Response:
        """Go on once with what was brought; the same again is answered as the payment stands."""
        wish = read_completion(Fields(request.data))
        processes = PaymentProcess.objects.select_related("transaction")
        process = processes.filter(
            pk=wish.audit_id, key=self.key, context=self.place.context, context_number=self.place.number
        ).first()
        if process is None:
            raise Refusal(NOT_FOUND, _("There is no such paymentProcessAuditId for this key here."))
        self.about = process.transaction.order_id
        return self.answer(
            do_once(
                self.identity(f"CompleteSecurePayment {process.pk} {_digest(wish)}", {}),
                act=lambda _claim: self._go_on(process, wish),
                again=lambda _finished: self._look_again(process, wish),
                name_of=_name_of,
                status_code=200,
                wait_seconds=0,
                clock=self.now,
            )
        )

    def _go_on(self, process: PaymentProcess, wish: Completion) -> Begun:
        charged = self.describe(process)
        if result_of(charged, now=self.now()) is ResultCode.NOT_AUTHENTICATED:
            return Begun(process=process, charged=charged)
        if charged.transaction.status != Status.PENDING and process.completed_at is not None:
            raise Refusal(ALREADY_SET, _("The payment was decided before, with other paymentDetails."))
        if charged.transaction.status != Status.PENDING:
            # By a webhook, before an answer to what the guest brought back was taken in.
            return Begun(process=process, charged=charged)
        return Begun(process=process, charged=self._complete(process, wish))

    def _look_again(self, process: PaymentProcess, wish: Completion) -> Begun:
        """Return how the payment stands; where the bank's answer was lost, ask once more with the same proof."""
        begun = self.begun(process)
        if begun.charged.transaction.unknown_since_at is None:
            return begun
        return Begun(process=process, charged=self._complete(process, wish))

    def _complete(self, process: PaymentProcess, wish: Completion) -> CardCharged:
        proof = dict(wish.proof)
        if wish.payment_data != payment_data_of(process):
            proof["paymentData"] = wish.payment_data  # the gateway's own word, which it wants back
        charged = complete_card_charge(transaction_id=process.transaction_id, evidence=proof, clock=self.now)
        PaymentProcess.objects.filter(pk=process.pk).update(completed_at=self.now())
        return charged


def _name_of(done: Begun | CreditPayment) -> str:
    """Return what finds a payment again."""
    if isinstance(done, CreditPayment):
        return f"credit:{done.posting.pk}"
    return _name_of_process(done.process)


def _name_of_process(process: PaymentProcess) -> str:
    return f"process:{process.pk}"


def _nothing(_name: str) -> None:
    """Note nothing: without a key nobody asks for it again."""


def _digest(wish: Completion) -> str:
    brought = json.dumps([sorted(wish.proof.items()), wish.payment_data])
    return hashlib.sha256(brought.encode()).hexdigest()

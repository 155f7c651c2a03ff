"""Both ends of one contract: our adapter for payment invoices, pointed at our own payment-invoices API.

A merchant uses the adapter; the API is a partner's; behind it a guest pays at the sandbox of another processor. What
the adapter makes of our answers and callbacks is what it makes of the vendor's.
"""

from collections.abc import Iterator

import pytest
from django.utils import timezone

from api.callbacks import delivering
from api.invoices.models import Invoice
from api.tasks import render
from gateways.errors import ErrorCode, InvalidSignature
from gateways.protocol import (
    Delivery,
    OutcomeKind,
    Reference,
)
from money import Money
from payments.models import ReusableCard, Transaction
from payments.services.cards import card_token
from tests.api.invoices.merchant import PRICE, Merchant, trading
from tests.payments.house import books


@pytest.fixture
def merchant(transactional_db: None, live_server, sandbox, settings) -> Iterator[Merchant]:
    with trading(live_server, sandbox, settings) as merchant:
        yield merchant


def test_a_guest_pays_the_card_is_kept_and_charged_again_without_the_guest_and_money_goes_back(merchant):
    opened = merchant.open("op-1", stores_card=True)
    again = merchant.open("op-1", stores_card=True)
    assert again.gateway_reference == opened.gateway_reference
    assert opened.client["method"] == "GET"
    assert merchant.complete(opened, "op-1") == ()

    merchant.pay(opened)

    (paid,) = merchant.hear(opened.gateway_reference)
    assert (paid.kind, paid.money, paid.reference.ours) == (OutcomeKind.CAPTURED, PRICE, "op-1")
    card = ReusableCard.objects.get()
    assert paid.card is not None
    assert (paid.card.token, paid.card.brand, paid.card.last4) == (card.pk.hex, "visa", "1111")
    assert [one.event_key for one in merchant.complete(opened, "op-1")] == [paid.event_key]
    assert [one.event_key for one in merchant.gateway.fetch(Reference(ours="op-1"))] == [paid.event_key]

    charged = merchant.charge("tx-2", card.pk.hex)
    assert (charged.kind, charged.money, charged.reference.ours) == (OutcomeKind.CAPTURED, PRICE, "tx-2")
    sold = Invoice.objects.get(is_instant=True)
    assert charged.reference.gateway == sold.public_id

    refunded = merchant.refund(sold.public_id, "rf-3", 3000)
    assert refunded.kind is OutcomeKind.PENDING
    merchant.deliver()
    told = {one.kind: one for one in merchant.hear(sold.public_id)}
    assert (told[OutcomeKind.REFUNDED].money, told[OutcomeKind.REFUNDED].reference.ours) == (Money(3000, "EUR"), "rf-3")
    repeated = merchant.refund(sold.public_id, "rf-3", 3000)
    assert (repeated.kind, repeated.money) == (OutcomeKind.REFUNDED, Money(3000, "EUR"))

    assert books(sold.order) == {"RECEIVABLE>CLEARING": 10055, "CLEARING>RECEIVABLE": 3000}
    assert Transaction.objects.filter(order=sold.order, kind="SALE").count() == 1


def test_a_refused_guest_leaves_the_invoice_open_and_a_refused_sale_ends_it(merchant):
    opened = merchant.open("op-1", stores_card=True)
    merchant.pay(opened, holder="NOT_ENOUGH_BALANCE")

    (news,) = merchant.hear(opened.gateway_reference)
    assert (news.kind, news.reference.opening) == (OutcomeKind.PENDING, opened.gateway_reference)
    merchant.pay(opened)
    (paid,) = merchant.hear(opened.gateway_reference)
    assert paid.kind is OutcomeKind.CAPTURED

    card = ReusableCard.objects.get()
    merchant.guest.sandbox.post(f"adyen/tokens/{card_token(card)}/holder", holderName="NOT_ENOUGH_BALANCE")
    charged = merchant.charge("tx-2", card.pk.hex)
    assert (charged.kind, charged.decline and charged.decline.code) == (
        OutcomeKind.DECLINED,
        ErrorCode.CREDIT_LIMIT_EXCEEDED,
    )
    again = merchant.charge("tx-2", card.pk.hex)
    assert (again.kind, again.event_key) == (OutcomeKind.DECLINED, charged.event_key)
    assert Transaction.objects.filter(order__invoice__is_instant=True).count() == 1


def test_a_callback_of_another_secret_is_not_believed(merchant):
    merchant.open("op-1")
    delivering.tell_partners(clock=timezone.now, render=render)
    (got,) = merchant.partner.got

    forged = Delivery(headers=got.headers, body=got.body + b" ", received_at=timezone.now())
    with pytest.raises(InvalidSignature):
        merchant.gateway.verify_webhook(forged)

"""Paying invoices: by a guest, whose card may be kept, and by a kept card without the guest."""

from datetime import timedelta
from decimal import Decimal
from urllib.parse import urlsplit

import pytest
import time_machine
from django.test import Client

from bookings.models import Change
from gateways.protocol import OutcomeKind
from payments.models import Case, LedgerEntry, Opening, Transaction
from payments.services.cards import revoke_card
from payments.services.holds import expire_holds
from payments.services.operations import perform
from tests.api.invoices.desk import TillGateway, read
from tests.bookings.racing import overtaken_by
from tests.payments.house import books

pytestmark = pytest.mark.django_db(transaction=True)
PRICE = Decimal("100.55")


def instant(desk, **changes):
    """Create an instant invoice of a kept card; return it with the token that sells it."""
    card = desk.kept_card()
    invoice = desk.made(token=card.pk.hex, gateway_options={"cardgate": {"instant": True}}, **changes)
    return invoice, desk.shown(invoice)["flow_data"]["metadata"]["token"]


def status(desk, invoice):
    shown = desk.shown(invoice)
    return shown["status"], shown["resolution"]


class TestByTheGuest:
    def test_a_paid_invoice_shows_its_card_and_no_token_unless_that_was_asked(self, desk):
        invoice = desk.made()
        payment = desk.paid(invoice)
        payment.transactions.update(card_brand="mastercard", card_last4="0000", card_expiry="2032-12")

        shown = desk.shown(invoice)

        assert (shown["status"], shown["processed_amount"], shown["processed_deposit"]) == ("processed", PRICE, PRICE)
        assert shown["flow_data"] == []
        assert shown["payload"] == {
            "client_ip": "",
            "payment_card": {
                "last": "0000",
                "mask": "************0000",
                "brand": "mastercard",
                "first": None,
                "holder": None,
                "expiry_year": "32",
                "issuer_name": None,
                "expiry_month": "12",
                "issuer_country": None,
            },
            "token": None,
        }
        charge = payment.transactions.get()
        document = read(desk.live.get(f"/{invoice.public_id}"))
        assert document["data"]["relationships"]["active-payment"] == {
            "data": {"type": "payments", "id": f"pay_{charge.number}"}
        }
        assert books(invoice.order) == {"RECEIVABLE>CLEARING": 10055}
        invoice.order.refresh_from_db()
        assert invoice.order.status == "CONFIRMED"

    @pytest.mark.parametrize("is_asked", [True, False])
    def test_the_token_of_a_card_that_was_kept_is_ours_and_told_where_it_was_asked(self, desk, is_asked):
        card = desk.kept_card(reference="ada")
        invoice = desk.stored({"data": {"id": card.order.invoice.public_id}})
        invoice.tells_token = is_asked
        invoice.save()

        payload = desk.shown(invoice)["payload"]

        assert payload["token"] == (card.pk.hex if is_asked else None)
        assert payload["payment_card"]["mask"] == "512381******0000"
        assert (payload["payment_card"]["expiry_month"], payload["payment_card"]["expiry_year"]) == ("12", "32")
        assert f"gw-{invoice.public_id}" not in str(payload)

    def test_a_refused_guest_may_try_again_until_the_invoice_expires(self, desk):
        invoice = desk.made()
        opening = desk.begun(invoice)
        desk.house.tell(opening.payment, OutcomeKind.DECLINED, "PSP1")
        assert status(desk, invoice) == ("process_error", "insufficient_funds")
        assert desk.shown(invoice)["flow_data"] != []

        expire_holds(now=desk.house.clock.move(hours=25))

        assert status(desk, invoice) == ("expired", "ok")
        assert desk.shown(invoice)["flow_data"] == []

    def test_a_guest_who_pays_a_moment_after_the_end_is_taken(self, desk):
        invoice = desk.made()
        opening = desk.begun(invoice)
        expire_holds(now=desk.house.clock.move(hours=25))
        assert status(desk, invoice) == ("expired", "ok")

        desk.house.tell(opening.payment, OutcomeKind.CAPTURED, "PSP1")

        assert status(desk, invoice) == ("processed", "ok")
        assert books(invoice.order) == {"RECEIVABLE>CLEARING": 10055}
        assert not Transaction.objects.filter(kind="REFUND").exists()
        assert not Case.objects.exists()

    def test_what_was_paid_in_two_tabs_stays_processed_while_the_second_goes_back(self, desk):
        invoice = desk.made()
        payment = desk.paid(invoice)
        desk.house.tell(payment, OutcomeKind.CAPTURED, "PSP2")
        (refund,) = Transaction.objects.filter(kind="REFUND")
        assert (refund.status, status(desk, invoice)) == ("PENDING", ("processed", "ok"))

        perform(transaction_id=refund.pk, clock=desk.house.clock)

        shown = desk.shown(invoice)
        assert (shown["status"], shown["refunded_amount"]) == ("processed", PRICE)
        assert books(invoice.order) == {"RECEIVABLE>CLEARING": 20110, "CLEARING>RECEIVABLE": 10055}


class TestByToken:
    def test_a_sale_charges_the_kept_card_once(self, desk):
        invoice, token = instant(desk)

        answer = desk.live.sell(token)

        assert answer.status_code == 200, answer.content
        sale = read(answer)["data"]
        assert (sale["type"], sale["id"]) == ("sale-operation", invoice.sale_id)
        assert sale["attributes"] == {
            "amount": PRICE,
            "currency": "EUR",
            "service": "payment_card_eur_hpp",
            "options": [],
            "customer": {"reference_id": "my_customer_1"},
            "repeatable": False,
            "flow": "charge",
            "status": "processed",
            "resolution": "ok",
            "active_request": {"status": "processed", "resolution": "ok"},
            "active_payment": {"status": "processed", "resolution": "ok"},
            "auto_repay": False,
        }
        (charge,) = TillGateway.charges
        assert (charge.card_token, charge.money.minor, charge.captures_at_once) == (
            f"gw-{invoice.card.order.invoice.public_id}", 10055, True,
        )  # fmt: skip
        shown = desk.shown(invoice)
        assert (shown["status"], shown["flow_data"]) == ("processed", [])
        assert (shown["payload"]["token"], shown["payload"]["payment_card"]["mask"]) == (
            invoice.card.pk.hex, "512381******0000",
        )  # fmt: skip
        again = desk.live.sell(token)
        assert (again.status_code, read(again)["errors"][0]["code"]) == (422, "INVOICE_OVER")
        assert len(TillGateway.charges) == 1
        assert books(invoice.order) == {"RECEIVABLE>CLEARING": 10055}

    def test_of_two_sales_at_once_one_charges(self, desk):
        invoice, token = instant(desk)
        with overtaken_by(lambda: desk.live.sell(token)) as second:
            assert desk.live.sell(token).status_code == 200

        answer = second.finish()
        assert second.was_blocked
        assert (answer.status_code, read(answer)["errors"][0]["code"]) == (422, "INVOICE_OVER")
        assert len(TillGateway.charges) == 1
        assert books(invoice.order) == {"RECEIVABLE>CLEARING": 10055}

    def test_a_refusal_ends_the_invoice_for_no_guest_is_there(self, desk):
        invoice, token = instant(desk)
        TillGateway.charging = OutcomeKind.DECLINED

        attributes = read(desk.live.sell(token))["data"]["attributes"]

        assert (attributes["status"], attributes["resolution"]) == ("process_failed", "insufficient_funds")
        assert attributes["active_payment"] == {"status": "process_failed", "resolution": "insufficient_funds"}
        assert status(desk, invoice) == ("process_failed", "insufficient_funds")
        assert read(desk.live.sell(token))["errors"][0]["code"] == "INVOICE_OVER"
        assert len(TillGateway.charges) == 1
        assert Change.objects.filter(order=invoice.order).latest("pk").reason == "payment_news"

    def test_a_sale_ends_the_guests_page_so_that_nobody_pays_there_what_was_said_to_be_over(self, desk):
        invoice, token = instant(desk)
        page = urlsplit(desk.shown(invoice)["flow_data"]["action"]).path
        assert Client().get(page).status_code == 200
        TillGateway.charging = OutcomeKind.DECLINED
        assert read(desk.live.sell(token))["data"]["attributes"]["status"] == "process_failed"

        TillGateway.charging = OutcomeKind.CAPTURED
        seen = Client().get(page)
        Client().post(f"{page}kept-card/")

        assert seen.status_code == 410
        assert status(desk, invoice) == ("process_failed", "insufficient_funds")
        assert len(TillGateway.charges) == 1
        assert not LedgerEntry.objects.filter(order=invoice.order).exists()

    def test_what_a_sale_cannot_charge_leaves_the_guests_page_open(self, desk):
        invoice, token = instant(desk)
        revoke_card(card=invoice.card, requested_by="grace", now=desk.house.clock())

        assert desk.live.sell(token).status_code == 422

        assert Client().get(urlsplit(desk.shown(invoice)["flow_data"]["action"]).path).status_code == 200

    def test_a_guest_refused_on_the_page_of_an_instant_invoice_may_try_again(self, desk):
        invoice, token = instant(desk)
        page = urlsplit(desk.shown(invoice)["flow_data"]["action"]).path
        TillGateway.charging = OutcomeKind.DECLINED
        Client().post(f"{page}kept-card/")
        assert status(desk, invoice) == ("process_error", "insufficient_funds")

        TillGateway.charging = OutcomeKind.CAPTURED
        assert read(desk.live.sell(token))["data"]["attributes"]["status"] == "processed"

        assert books(invoice.order) == {"RECEIVABLE>CLEARING": 10055}

    def test_while_a_guest_is_said_to_have_paid_a_sale_charges_nothing(self, desk):
        invoice, token = instant(desk)
        opening = desk.begun(invoice)
        Opening.objects.filter(pk=opening.pk).update(reported_paid_at=desk.house.clock())

        attributes = read(desk.live.sell(token))["data"]["attributes"]

        assert (attributes["status"], TillGateway.charges) == ("process_pending", [])
        assert not Transaction.objects.filter(order=invoice.order).exists()

    def test_a_lost_answer_is_pending_and_a_second_sale_sends_nothing(self, desk):
        invoice, token = instant(desk)
        TillGateway.charging = None

        for _ in range(2):
            attributes = read(desk.live.sell(token))["data"]["attributes"]
            assert (attributes["status"], attributes["active_payment"]["status"]) == (
                "process_pending", "process_pending",
            )  # fmt: skip

        assert len(TillGateway.charges) == 1
        charge = Transaction.objects.get(order=invoice.order)
        assert (charge.status, charge.unknown_since_at is not None) == ("PENDING", True)
        assert status(desk, invoice) == ("process_pending", "ok")

    def test_the_token_sells_for_an_hour_and_is_told_no_longer(self, desk):
        invoice, token = instant(desk)
        with time_machine.travel(invoice.order.created_at + timedelta(minutes=59), tick=False):
            assert "token" in desk.shown(invoice)["flow_data"]["metadata"]
        with time_machine.travel(invoice.order.created_at + timedelta(minutes=61), tick=False):
            assert "token" not in desk.shown(invoice)["flow_data"]["metadata"]
            answer = desk.live.sell(token)

        assert (answer.status_code, read(answer)["errors"][0]["code"]) == (401, "UNAUTHORIZED")
        assert answer["WWW-Authenticate"].startswith("Bearer")
        assert TillGateway.charges == []

    @pytest.mark.parametrize("harm", [lambda t: t[:-2] + "AA", lambda t: "x" + t, lambda _: "", lambda _: "a.b.c"])
    def test_a_token_that_is_not_ours_sells_nothing(self, desk, harm):
        _, token = instant(desk)

        answer = desk.live.sell(harm(token))

        assert answer.status_code == 401
        assert TillGateway.charges == []

    def test_a_key_sells_nothing_and_card_details_are_not_taken(self, desk):
        _, token = instant(desk)
        body = {"data": {"type": "sale-operation", "attributes": {}}}
        assert desk.live.send("/payment/sale", body).status_code == 401

        answer = desk.live.sell(token, {"card_number": "4111111111111111"})

        assert answer.status_code == 422
        assert read(answer)["errors"][0]["source"] == {"pointer": "/data/attributes/card_number"}
        assert b"411111" not in answer.content
        assert TillGateway.charges == []

    def test_a_card_that_was_revoked_since_is_not_charged(self, desk):
        invoice, token = instant(desk)
        revoke_card(card=invoice.card, requested_by="grace", now=desk.house.clock())

        answer = desk.live.sell(token)

        assert (answer.status_code, read(answer)["errors"][0]["code"]) == (422, "INVALID_TOKEN")
        assert Transaction.objects.filter(order=invoice.order).count() == 0
        assert LedgerEntry.objects.filter(order=invoice.order).count() == 0

    def test_a_card_filled_in_is_shown_by_its_mask_and_charged_as_its_guest_says(self, desk):
        card = desk.kept_card()
        invoice = desk.made(token=card.pk.hex)
        flow = desk.shown(invoice)["flow_data"]
        assert list(flow["metadata"]) == ["sid"]
        guest, page = Client(), urlsplit(flow["action"]).path

        seen = guest.get(page).content.decode()
        assert "0000" in seen
        for more in ("512381", card.pk.hex, f"gw-{card.order.invoice.public_id}"):
            assert more not in seen
        assert guest.post(f"{page}kept-card/").status_code == 303

        shown = desk.shown(invoice)
        assert (shown["status"], shown["payload"]["token"]) == ("processed", card.pk.hex)
        assert len(TillGateway.charges) == 1

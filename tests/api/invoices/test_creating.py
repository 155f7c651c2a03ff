"""Invoices as partners ask for them: the vendor's examples in and out, and everything that is refused."""

import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from api.callbacks.subscriptions import subscriptions_for_partner
from api.invoices.models import Invoice
from api.models import Subscription
from bookings.models import Change, Customer, Order
from payments.models import PaymentLink
from tests.api.invoices.desk import JSON_API, SHOP, read
from tests.bookings.racing import overtaken_by

# The vendor's examples, word for word.
TOKENIZE = {
    "test_mode": True,
    "reference_id": "ORDER1233",
    "description": "TEST",
    "currency": "USD",
    "amount": 1,
    "customer": {"reference_id": "my_customer_1", "name": "John Doe"},
    "service": "payment_card_usd_hpp",
    "gateway_options": {"cardgate": {"tokenize": True}},
}
BY_TOKEN = {
    "reference_id": "test_live_recurrent_11",
    "amount": 100,
    "currency": "USD",
    "service": "payment_card_usd_hpp",
    "flow": "charge",
    "test_mode": True,
    "description": "Invoice by Token Example",
    "customer": {"reference_id": "my_customer_1"},
}
INSTANT = {
    "test_mode": True,
    "reference_id": "ORDER1233",
    "currency": "USD",
    "amount": 1,
    "service": "payment_card_usd_hpp",
    "customer": {"reference_id": "my_customer_1"},
    "gateway_options": {"cardgate": {"instant": True}},
}
# The attributes of the vendor's answer, in its order; those after the dots of ours come from its later documents.
ANSWERED = [
    "serial_number", "status", "resolution", "moderation_required", "amount", "payment_amount", "currency",
    "service_currency", "reference_id", "test_mode", "fee", "deposit", "processed", "processed_amount",
    "refunded_amount", "processed_fee", "processed_deposit", "metadata", "flow_data", "flow", "payment_flow",
    "created", "updated", "payload", "description", "descriptor", "callback_url", "return_url", "original_data",
    "rrn", "approval_code",
]  # fmt: skip
ADDED = {"refunded", "charged_back", "charged_back_amount", "expires", "refunds"}


def written() -> tuple[int, ...]:
    models = (Order, Invoice, Customer, Change, PaymentLink, Subscription)
    return tuple(model.objects.count() for model in models)


def check_fresh(document, wish, *, customer=True):
    resource = document["data"]
    attributes, invoice = resource["attributes"], Invoice.objects.select_related("order").get(public_id=resource["id"])
    assert list(resource) == ["type", "id", "attributes", "relationships", "links"]
    assert resource["type"] == "payment-invoices"
    assert [name for name in attributes if name not in ADDED] == ANSWERED
    assert set(attributes) == {*ANSWERED, *ADDED}
    assert resource["id"] == f"cpi_{attributes['serial_number']}"
    told = {name: attributes[name] for name in ("status", "resolution", "moderation_required", "flow", "payment_flow")}
    assert told == {
        "status": "process_pending",
        "resolution": "ok",
        "moderation_required": False,
        "flow": "hpp",
        "payment_flow": "charge",
    }
    for name in ("amount", "payment_amount", "deposit"):
        assert attributes[name] == wish["amount"]
    for name in ("currency", "reference_id", "test_mode"):
        assert attributes[name] == wish[name]
    assert attributes["service_currency"] == wish["currency"]
    assert (attributes["fee"], attributes["metadata"], attributes["payload"], attributes["refunds"]) == (
        0,
        [],
        None,
        [],
    )
    assert attributes["description"] == wish.get("description")
    assert attributes["descriptor"] == f"Nordwind Reisen:{wish['reference_id']}"
    flow = attributes["flow_data"]
    assert list(flow) == ["action", "method", "params", "metadata"]
    assert flow["action"].startswith("http://127.0.0.1")
    assert "/pay/" in flow["action"]
    assert (flow["method"], flow["params"], flow["metadata"]["sid"]) == ("GET", [], invoice.sale_id)
    assert invoice.sale_id.startswith("cgi_")
    assert attributes["created"] == int(invoice.order.created_at.timestamp())
    assert resource["relationships"] == {
        "payment-service": {"data": {"type": "payment-services", "id": wish["service"]}},
        "payment-method": {"data": {"type": "payment-methods", "id": "payment_card"}},
        **(
            {"customer": {"data": {"type": "customers", "id": f"cus_{invoice.order.customer_id.hex}"}}}
            if customer
            else {}
        ),
    }
    assert resource["links"] == {"self": f"/api/payment-invoices/{resource['id']}"}
    return attributes, invoice


class TestTheVendorsExamples:
    def test_an_invoice_whose_card_is_to_be_kept(self, desk):
        answer = desk.live.create(TOKENIZE)

        assert (answer.status_code, answer["Content-Type"]) == (201, JSON_API)
        attributes, invoice = check_fresh(read(answer), TOKENIZE)
        assert invoice.tells_token
        assert list(attributes["flow_data"]["metadata"]) == ["sid"]
        assert (invoice.order.is_live, invoice.order.asked_minor) == (False, 100)
        customer = invoice.order.customer
        assert (customer.reference, customer.full_name, customer.is_live) == ("my_customer_1", "John Doe", False)

    def test_an_invoice_with_a_card_filled_in(self, desk):
        card = desk.kept_card(is_live=False)

        answer = desk.live.create(
            {**BY_TOKEN, "token": card.pk.hex}, beside={"callback_url": "http://localhost:9999/told"}
        )

        assert answer.status_code == 201, answer.content
        attributes, invoice = check_fresh(read(answer), BY_TOKEN)
        assert attributes["callback_url"] == "http://localhost:9999/told"
        assert (invoice.card, invoice.link.card, invoice.is_instant) == (card, card, False)
        assert list(attributes["flow_data"]["metadata"]) == ["sid"]

    def test_an_instant_invoice_with_the_token_that_sells_it(self, desk):
        card = desk.kept_card(is_live=False)

        answer = desk.live.create({**INSTANT, "token": card.pk.hex})

        attributes, invoice = check_fresh(read(answer), INSTANT)
        assert invoice.is_instant
        token = attributes["flow_data"]["metadata"]["token"]
        assert token.startswith("eyJ0eXAiOiJKV1Qi")
        assert token.encode() not in b"".join(bytes(str(row), "utf-8") for row in Invoice.objects.values_list())
        assert (
            read(desk.live.get(f"/{invoice.public_id}"))["data"]["attributes"]["flow_data"]["metadata"]["token"]
            == token
        )

    def test_it_reads_and_answers_both_media_types_at_both_addresses_with_and_without_a_slash(self, desk):
        body = json.dumps({"data": {"type": "payment-invoices", "attributes": TOKENIZE}})
        for number, kind in enumerate(("application/json", JSON_API)):
            sent = body.replace("ORDER1233", f"ORDER{number}")
            answer = desk.live.send("/api/payment-invoices/", sent, kind=kind, Accept=kind)
            assert (answer.status_code, answer["Content-Type"]) == (201, kind)
            shown = desk.live.get(f"/{read(answer)['data']['id']}/", Accept=kind)
            assert (shown.status_code, shown["Content-Type"]) == (200, kind)
            assert read(shown) == read(answer)


class TestWhatIsAsked:
    def test_everything_an_invoice_can_say_comes_back(self, desk):
        expires = int((desk.house.clock() + timedelta(days=3)).timestamp())
        wish = desk.wish(
            expires=expires,
            return_url=f"{SHOP}/back",
            return_urls={"success": f"{SHOP}/yes", "pending": f"{SHOP}/wait", "fail": f"{SHOP}/no"},
            callback_url="http://localhost:9999/told?key=sesame",
            metadata={"cart": "77"},
            customer={
                "reference_id": "ada",
                "name": "Ada Byron",
                "email": "ada@example.com",
                "phone": "+44 20 7946 0018",
            },
        )

        attributes = read(desk.live.create(wish))["data"]["attributes"]

        assert attributes["amount"] == Decimal("100.55")
        told = {name: attributes[name] for name in ("expires", "return_url", "callback_url", "metadata", "test_mode")}
        assert told == {
            "expires": expires,
            "return_url": f"{SHOP}/back",
            "callback_url": "http://localhost:9999/told?key=sesame",
            "metadata": {"cart": "77"},
            "test_mode": False,
        }
        invoice = Invoice.objects.get()
        assert invoice.order.expires_at == invoice.link.expires_at == datetime.fromtimestamp(expires, UTC)
        assert invoice.link.return_urls == wish["return_urls"]
        assert b"sesame" not in bytes(invoice.callback.url_encrypted)
        assert (invoice.order.customer.email, invoice.order.customer.phone) == ("ada@example.com", "+44 20 7946 0018")

    def test_an_invoice_for_nobody_named_ours_by_reference_ends_after_a_day(self, desk):
        wish = desk.wish(reference_id=..., customer=..., description=..., amount=7, currency="JPY")
        wish["service"] = "payment_card_jpy_hpp"

        document = read(desk.live.create(wish))

        invoice = desk.stored(document)
        reference = document["data"]["attributes"]["reference_id"]
        assert reference == invoice.order.reference
        check_fresh(document, {**wish, "reference_id": reference, "test_mode": False}, customer=False)
        assert invoice.order.expires_at - invoice.order.created_at == timedelta(hours=24)
        assert not Customer.objects.exists()

    def test_card_numbers_in_texts_rest_nowhere(self, desk):
        number = "4111 1111 1111 1111"
        wish = desk.wish(
            description=f"paid by {number}",
            customer={"reference_id": "ada", "name": f"Ada {number}"},
            metadata={"note": number},
        )

        answer = desk.live.create(wish)

        assert answer.status_code == 201
        invoice = desk.stored(read(answer))
        kept = (invoice.order.description, invoice.order.customer.full_name, invoice.metadata["note"], answer.content)
        assert number not in str(kept)

    def test_a_customer_that_is_known_stays_as_it_is(self, desk):
        first = desk.made()
        second = desk.made(reference_id="ORDER2", customer={"reference_id": "my_customer_1", "name": "Somebody Else"})

        assert first.order.customer == second.order.customer
        assert Customer.objects.get().full_name == "John Doe"

    def test_invoices_that_name_the_same_address_share_who_is_told(self, desk):
        invoices = [desk.made(reference_id=f"R{n}", callback_url="http://localhost:9999/told") for n in range(2)]

        assert {invoice.callback for invoice in invoices} == {Subscription.objects.get()}
        assert Subscription.objects.get().event == "invoice_update"
        # Nobody subscribed to anything.
        assert list(subscriptions_for_partner(partner=desk.house.partner, is_live=True)) == []


@pytest.mark.parametrize(
    ("changes", "code", "pointer"),
    [
        ({"amount": ...}, "INVALID_VALUE", "/data/attributes/amount"),
        ({"amount": "100"}, "INVALID_VALUE", "/data/attributes/amount"),
        ({"amount": True}, "INVALID_VALUE", "/data/attributes/amount"),
        ({"amount": 0}, "INVALID_VALUE", "/data/attributes/amount"),
        ({"amount": -1}, "INVALID_VALUE", "/data/attributes/amount"),
        ({"amount": 1.005}, "INVALID_VALUE", "/data/attributes/amount"),
        ({"amount": 1e15}, "INVALID_VALUE", "/data/attributes/amount"),
        ({"currency": ...}, "INVALID_VALUE", "/data/attributes/currency"),
        ({"currency": "EURO"}, "INVALID_VALUE", "/data/attributes/currency"),
        ({"service": ...}, "INVALID_VALUE", "/data/attributes/service"),
        ({"service": "payment_card_usd_hpp"}, "INVALID_VALUE", "/data/attributes/service"),
        ({"flow": "verify"}, "INVALID_VALUE", "/data/attributes/flow"),
        ({"test_mode": "yes"}, "INVALID_VALUE", "/data/attributes/test_mode"),
        ({"reference_id": "x" * 121}, "INVALID_VALUE", "/data/attributes/reference_id"),
        ({"reference_id": "4111111111111111"}, "INVALID_VALUE", "/data/attributes/reference_id"),
        ({"description": 7}, "INVALID_VALUE", "/data/attributes/description"),
        ({"customer": "ada"}, "INVALID_VALUE", "/data/attributes/customer"),
        (
            {"customer": {"reference_id": "4111 1111 1111 1111"}},
            "INVALID_VALUE",
            "/data/attributes/customer/reference_id",
        ),
        ({"customer": {"email": "x" * 255}}, "INVALID_VALUE", "/data/attributes/customer/email"),
        ({"expires": 1}, "INVALID_VALUE", "/data/attributes/expires"),
        ({"expires": "tomorrow"}, "INVALID_VALUE", "/data/attributes/expires"),
        ({"metadata": {"a": 1}}, "INVALID_VALUE", "/data/attributes/metadata/a"),
        ({"return_url": "https://evil.example.net/"}, "RETURN_NOT_ALLOWED", "/data/attributes/return_url"),
        ({"return_url": "shop.example.com"}, "INVALID_VALUE", "/data/attributes/return_url"),
        ({"return_url": f"{SHOP}/?card=4111111111111111"}, "INVALID_VALUE", "/data/attributes/return_url"),
        ({"amount": 10**11}, "INVALID_VALUE", "/data/attributes/amount"),
        (
            {"return_urls": {"fail": "https://evil.example.net/"}},
            "RETURN_NOT_ALLOWED",
            "/data/attributes/return_urls/fail",
        ),
        ({"callback_url": "ftp://localhost/"}, "INVALID_VALUE", "/data/attributes/callback_url"),
        ({"callback_url": "http://10.0.0.1/"}, "INVALID_VALUE", "/data/attributes/callback_url"),
        (
            {"gateway_options": {"cardgate": {"tokenize": 1}}},
            "INVALID_VALUE",
            "/data/attributes/gateway_options/cardgate/tokenize",
        ),
        (
            {"customer": ..., "gateway_options": {"cardgate": {"tokenize": True}}},
            "INVALID_VALUE",
            "/data/attributes/customer/reference_id",
        ),
        (
            {"customer": {"reference_id": " "}, "gateway_options": {"cardgate": {"tokenize": True}}},
            "INVALID_VALUE",
            "/data/attributes/customer/reference_id",
        ),
        ({"gateway_options": {"cardgate": {"instant": True}}}, "INVALID_VALUE", "/data/attributes/token"),
        ({"token": "nothing"}, "INVALID_TOKEN", "/data/attributes/token"),
        ({"token": "0" * 32}, "INVALID_TOKEN", "/data/attributes/token"),
        ({"currency": "CHF", "service": "payment_card_chf_hpp"}, "NO_ACCOUNT", "/data/attributes/currency"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_name_and_nothing_is_written(desk, changes, code, pointer):
    before = written()

    answer = desk.live.create(desk.wish(**changes))

    assert answer.status_code == 422, answer.content
    (error,) = read(answer)["errors"]
    assert (error["status"], error["code"], error["title"]) == ("422", code, "Unprocessable Entity")
    assert error["source"] == {"pointer": pointer}
    assert error["detail"]
    assert read(answer)["meta"]["money"] == {
        "moved": "no",
        "amount": None,
        "currency": None,
        "retry_safe_until": None,
        "ask_again_at": None,
    }
    assert not re.search(rb"4111 ?1111", answer.content)
    assert written() == before


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/data"),
        ({"data": []}, "/data"),
        ({"data": {"type": "refund", "attributes": {}}}, "/data/type"),
        ({"data": {"type": "payment-invoices"}}, "/data/attributes"),
        ({"data": {"type": "payment-invoices", "attributes": "x"}}, "/data/attributes"),
    ],
)
def test_what_is_no_document_is_refused_by_name(desk, body, pointer):
    answer = desk.live.send("/payment-invoices", body)

    assert answer.status_code == 422
    assert read(answer)["errors"][0]["source"] == {"pointer": pointer}


def test_another_customers_card_and_one_that_is_over_are_no_cards(desk):
    card = desk.kept_card("grace")
    answer = desk.live.create(desk.wish(token=card.pk.hex))
    assert (answer.status_code, read(answer)["errors"][0]["code"]) == (422, "INVALID_TOKEN")

    expired = desk.kept_card("ada", expiry_year=2020)
    answer = desk.live.create(desk.wish(token=expired.pk.hex, customer={"reference_id": "ada"}))
    assert (answer.status_code, read(answer)["errors"][0]["code"]) == (422, "INVALID_TOKEN")


class TestReferences:
    def test_a_reference_is_used_once_in_each_mode(self, desk):
        desk.made()
        before = written()

        answer = desk.live.create(desk.wish(amount=1))

        assert answer.status_code == 422
        (error,) = read(answer)["errors"]
        assert (error["code"], error["source"]) == ("REFERENCE_TAKEN", {"pointer": "/data/attributes/reference_id"})
        assert error["detail"] == "The reference_id has already been taken."
        assert written() == before
        assert desk.live.create(desk.wish(test_mode=True)).status_code == 201
        assert desk.test.create(desk.wish()).status_code == 422
        assert desk.other.create(desk.wish()).status_code == 201

    def test_an_idempotency_key_shows_the_first_invoice_again(self, desk):
        first = desk.live.create(desk.wish(), Idempotency_Key="k-1")
        second = desk.live.create(desk.wish(), Idempotency_Key="k-1")
        other = desk.live.create(desk.wish(amount=2), Idempotency_Key="k-1")

        assert (first.status_code, second.status_code, other.status_code) == (201, 201, 422)
        assert read(first) == read(second)
        assert second["Idempotent-Replayed"] == "true"
        assert read(other)["errors"][0]["code"] == "IDEMPOTENCY_KEY_REUSED"
        assert Invoice.objects.count() == 1

    @pytest.mark.django_db(transaction=True)
    def test_of_two_invoices_at_once_under_one_reference_one_is_refused(self, desk):
        with overtaken_by(lambda: desk.live.create(desk.wish())) as second:
            assert desk.live.create(desk.wish()).status_code == 201

        answer = second.finish()
        assert second.was_blocked
        assert (answer.status_code, read(answer)["errors"][0]["code"]) == (422, "REFERENCE_TAKEN")
        assert Invoice.objects.count() == Order.objects.count() == PaymentLink.objects.count() == 1

import re
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from bookings import services as booking_services
from bookings.encryption import encrypt_text, fingerprint
from gateways.protocol import Action, Card
from gateways.protocol import OutcomeKind as Kind
from payments.admin.columns import page_of
from payments.encryption import encrypt_json
from payments.models import (
    AccountRoute,
    BalanceCollection,
    CardConsent,
    CardRevocation,
    Case,
    CaseKind,
    Challenge,
    ConsentText,
    Dispute,
    ExternalNote,
    GatewayEvent,
    LedgerEntry,
    Opening,
    Payment,
    Posting,
    ReusableCard,
    RevokedToken,
    SurchargeRule,
    Transaction,
    WebhookDelivery,
)
from payments.services import cases
from payments.services.cards import keep_card, revoke_by_token, revoke_card
from payments.services.challenges import keep_challenge
from payments.services.consents import consent_text_for
from tests.payments.admin.reading import text_of
from tests.plans import only_index, plan_of

pytestmark = pytest.mark.django_db
RECORDS: list[Any] = [
    BalanceCollection,
    CardConsent,
    CardRevocation,
    ConsentText,
    RevokedToken,
    Case,
    Dispute,
    Challenge,
    ExternalNote,
    GatewayEvent,
    LedgerEntry,
    Opening,
    Payment,
    Posting,
    ReusableCard,
    Transaction,
    WebhookDelivery,
]


def list_of(model):
    return reverse(f"admin:payments_{model._meta.model_name}_changelist")


def add_one_of_each(house, payment):
    cases.open_case(payment=payment, kind=CaseKind.CHARGEBACK, detail="the guest objected", now=house.clock())
    Dispute.objects.create(
        payment=payment,
        gateway_reference=f"D{payment.number}",
        stage="NOTIFICATION_OF_CHARGEBACK",
        amount_minor=9000,
        currency="EUR",
        opened_at=house.clock(),
        changed_at=house.clock(),
    )
    opening = payment.openings.all()[0]
    opening.consent_text = consent_text_for(account=payment.account, locale="en", now=house.clock())
    ConsentText.objects.create(digest=f"{payment.number:064}", language="en", text="Yes.", first_used_at=house.clock())
    card = Card(token=f"tok-{payment.number}", brand="visa", last4="1111")
    keep_card(payment=payment, card=card, now=house.clock(), opening=opening)
    revoke_card(
        card=ReusableCard.objects.get(token_fingerprint=fingerprint(f"tok-{payment.number}")),
        requested_by="ada",
        now=house.clock(),
    )
    revoke_by_token(account=payment.account, token=f"tok-{payment.number}", now=house.clock())
    bank = Action(type="redirect", url="https://bank.example.com/the-guests-own-way-in")
    keep_challenge(charge=payment.transactions.all()[0], action=bank, now=house.clock())
    WebhookDelivery.objects.create(
        account=payment.account,
        payment=payment,
        delivery_key=str(payment.number),
        body_encrypted=encrypt_text('{"additionalData": {"recurring.recurringDetailReference": "tok-in-body"}}'),
        status="PROCESSED",
        received_at=house.clock(),
        processed_at=house.clock(),
    )
    BalanceCollection.objects.create(
        order=payment.order, due_date=house.clock().date(), amount_minor=7200, currency="EUR", created_at=house.clock()
    )
    ExternalNote.objects.create(payment=payment, text="a note", written_by="partner", written_at=house.clock())


@pytest.mark.parametrize("model", RECORDS)
def test_records_can_be_looked_at_and_never_added_changed_or_deleted(house, desk, paid, model):
    add_one_of_each(house, paid)
    row = model.objects.first()

    assert desk.get(list_of(model)).status_code == 200
    assert desk.get(page_of(row)).status_code == 200
    assert desk.get(reverse(f"admin:payments_{model._meta.model_name}_add")).status_code == 403
    assert desk.post(page_of(row), {"state": "FAILED"}).status_code == 403
    assert desk.post(reverse(f"admin:payments_{model._meta.model_name}_delete", args=[row.pk])).status_code == 403
    assert "delete_selected" not in desk.get(list_of(model)).content.decode()


def test_every_model_of_payments_is_registered():
    from django.apps import apps

    registered = {model for model in admin.site._registry if model._meta.app_label == "payments"}

    assert registered == set(apps.get_app_config("payments").get_models())


def change_route(desk, route, **rule):
    return desk.post(
        page_of(route),
        {
            "partner": route.partner_id,
            "account": route.account_id,
            "is_live": "on",
            "currencies": "EUR",
            "sources": "",
            "rank": "3",
            "surcharge_rules-TOTAL_FORMS": "1" if rule else "0",
            "surcharge_rules-INITIAL_FORMS": "0",
            **{f"surcharge_rules-0-{name}": value for name, value in rule.items()},
        },
    )


def test_a_route_is_for_staff_to_change(desk, house):
    route = AccountRoute.objects.all()[0]

    answer = change_route(desk, route)

    assert answer.status_code == 302
    route.refresh_from_db()
    assert (route.rank, route.currencies) == (3, ["EUR"])


def test_a_surcharge_is_set_on_its_route(desk, house):
    route = AccountRoute.objects.all()[0]
    rule = {"source": "MOTO", "currency": "eur", "percent_basis_points": "150", "fixed_minor": "30", "is_active": "on"}

    assert change_route(desk, route, **rule).status_code == 302

    stored = route.surcharge_rules.get()
    assert (stored.source, stored.currency, stored.percent_basis_points, stored.fixed_minor) == ("MOTO", "EUR", 150, 30)
    assert "1.50 %" in desk.get(list_of(SurchargeRule)).content.decode()


@pytest.mark.parametrize(
    "rule", [{"currency": "EURO"}, {"currency": "XXX"}, {"currency": "", "fixed_minor": "30"}, {"fixed_minor": "-1"}]
)
def test_a_surcharge_that_means_nothing_is_refused(desk, house, rule):
    route = AccountRoute.objects.all()[0]
    whole = {"source": "", "currency": "EUR", "percent_basis_points": "150", "fixed_minor": "0", "is_active": "on"}

    assert change_route(desk, route, **{**whole, **rule}).status_code == 200

    assert not SurchargeRule.objects.exists()


def test_a_payments_page_shows_price_and_surcharge(desk, house):
    route = AccountRoute.objects.get(partner=house.partner, account__slug="adyen-eu")
    SurchargeRule.objects.create(route=route, percent_basis_points=300)
    payment = house.paid(house.payment(), "QFQTPCQ8HXSKGK83")

    page = desk.get(page_of(payment)).content.decode()

    for words in (
        "of it surcharge", "2.70 EUR", "92.70 EUR", "Surcharge taken, on top", "Booked: surcharge → at the gateway",
        "of it surcharge 2.70 EUR", "agree",
    ):  # fmt: skip
        assert words in page


@pytest.mark.parametrize("model", [*RECORDS, AccountRoute])
def test_a_list_costs_the_same_queries_for_one_row_or_many(house, desk, paid, model):
    add_one_of_each(house, paid)
    desk.get(list_of(model))
    with CaptureQueriesContext(connection) as one:
        desk.get(list_of(model))
    for number in range(4):
        another = house.paid(house.payment(), f"MORE{number}")
        add_one_of_each(house, another)

    with CaptureQueriesContext(connection) as many:
        response = desk.get(list_of(model))

    assert len(response.context["cl"].result_list) > 1
    assert len(many) == len(one)
    assert len(many) <= 12


@pytest.mark.parametrize("status", ["ORPHAN", "FAILED"])
def test_a_list_of_deliveries_that_were_not_understood_is_read_from_their_index(desk, status):
    with CaptureQueriesContext(connection) as queries:
        assert desk.get(list_of(WebhookDelivery), {"status__exact": status}).status_code == 200

    asked = [query["sql"] for query in queries if f"\"status\" = '{status}'" in query["sql"]]
    with only_index("delivery_not_understood"):
        plans = [plan_of(sql) for sql in asked]
    assert len(plans) == 2  # how many there are, and those of the page
    for plan in plans:
        assert "delivery_not_understood" in plan
        assert "Sort" not in plan


def test_a_payments_page_costs_the_same_queries_however_much_happened(house, desk, paid):
    add_one_of_each(house, paid)
    # What has gone back is due again, and staff are offered the ways to collect it.
    house.tell(paid, Kind.REFUNDED, "REF", of="QFQTPCQ8HXSKGK82", minor=100)
    desk.get(page_of(paid))
    with CaptureQueriesContext(connection) as little:
        desk.get(page_of(paid))
    for number in range(5):
        house.opening(paid, reference=f"MORE{number}")
        house.tell(paid, Kind.REFUNDED, f"REF{number}", of="QFQTPCQ8HXSKGK82", minor=100)
        house.tell(paid, Kind.DECLINED, f"NO{number}")

    with CaptureQueriesContext(connection) as much:
        desk.get(page_of(paid))

    assert len(much) == len(little)
    assert len(much) <= 48


def test_a_payments_page_tells_what_happened_in_order_and_in_words(house, desk, paid):
    booking_services.confirm_order(order=paid.order, now=house.clock())
    house.clock.move(minutes=1)
    house.tell(paid, Kind.REFUNDED, "REF1", of="QFQTPCQ8HXSKGK82", minor=2500)
    house.clock.move(minutes=1)
    house.tell(paid, Kind.CHARGEBACK, "CB1", of="QFQTPCQ8HXSKGK82", minor=1000)

    response = desk.get(page_of(paid))

    told = [moment.what for moment in response.context["moments"]]
    sentences = [
        "A payment page was asked for",
        "The guest paid 90.00 EUR",
        "25.00 EUR was given back to the guest",
        "The guest's bank took 10.00 EUR back",
    ]
    places = [next(place for place, what in enumerate(told) if what.startswith(start)) for start in sentences]
    assert places == sorted(places)
    assert "Booked: owed by the guest → at the gateway" in told
    version = paid.order.changes.get(reason="confirmed", topic="booking").version
    assert f"Order and booking: confirmed (version {version})" in told
    assert "Shown to staff: The guest's bank wants the money back" in told
    moments = [moment.at for moment in response.context["moments"]]
    assert moments == sorted(moments)
    page = text_of(response)
    assert "Taken 90.00 EUR Given back 25.00 EUR Being given back 0.00 EUR Charged back 10.00 EUR" in page
    assert "Still ours 55.00 EUR" in page
    assert "Money in, all payments 55.00 EUR" in page
    assert "Books agree" in page
    assert f"{house.clock():%Y-%m-%d %H:%M}" in page
    assert " UTC" in page
    assert "Visa ···· 1111" in page
    assert "grace@example.com" in page


def test_a_decline_is_told_with_the_banks_own_words(house, desk):
    payment = house.payment()
    house.opening(payment)
    house.tell(payment, Kind.DECLINED, "PSP1")

    told = text_of(desk.get(page_of(payment)))

    assert "The bank declined 90.00 EUR: CREDIT_LIMIT_EXCEEDED 12 Not enough balance" in told


def test_yen_have_no_decimals(house, desk):
    booking = house.reserve(currency="JPY", return_url=None)
    payment = Payment.objects.get(order=booking.order)

    assert "Asked for 15000 JPY" in text_of(desk.get(page_of(payment)))


@pytest.mark.parametrize("model", [Payment, LedgerEntry, ReusableCard])
@pytest.mark.parametrize(("environment", "mode"), [("live", "live"), ("test", "TEST")])
def test_a_live_key_at_a_test_system_is_test_money_in_every_list(house, desk, paid, model, environment, mode):
    keep_card(payment=paid, card=Card(token="TOKEN", brand="visa", last4="1111"), now=house.clock())
    type(paid.account).objects.update(environment=environment)

    page = desk.get(reverse(f"admin:payments_{model._meta.model_name}_changelist")).content.decode()

    assert model.objects.exists()
    assert set(re.findall('<span class="cp-(?:live|test)">(.*?)</span>', page)) == {mode}


def test_test_mode_is_unmistakable(house, desk):
    booking = house.reserve(is_live=False, return_url=None)
    payment = Payment.objects.get(order=booking.order)

    assert "TEST ORDER: made with a partner's test key. No real money, no real seats." in text_of(
        desk.get(page_of(payment))
    )
    assert "TEST" in text_of(desk.get(list_of(Payment)))


def test_a_live_order_on_a_test_account_is_told_apart(house, desk, paid):
    assert "TEST ACCOUNT: adyen-eu is at the processor's test system. No real money has moved." in text_of(
        desk.get(page_of(paid))
    )


def test_books_that_do_not_agree_are_shown_on_the_page(desk, paid):
    Payment.objects.filter(pk=paid.pk).update(captured_minor=1)

    page = text_of(desk.get(page_of(paid)))

    assert "Books do not agree" in page
    assert "captured says 0.01 EUR, its events say 90.00 EUR" in page


@pytest.mark.parametrize(
    "paste",
    [
        lambda payment: payment.reference,
        lambda payment: payment.reference.upper(),
        lambda payment: f"  {payment.reference} ",
        lambda payment: str(payment.number),
        lambda payment: str(payment.pk),
        lambda payment: payment.order.reference,
        lambda payment: payment.order.reference.lower(),
        lambda payment: str(payment.order_id),
        lambda payment: payment.order.bookings.get().reference,
        lambda payment: str(payment.order.bookings.get().number),
        lambda payment: str(payment.order.bookings.get().uuid),
        lambda payment: "Grace@Example.com",
        lambda payment: "QFQTPCQ8HXSKGK82",
        lambda payment: "qfqtpcq8hxskgk82",
        lambda payment: payment.openings.get().gateway_reference,
        lambda payment: payment.openings.get().reference,
        lambda payment: payment.transactions.get().reference,
        lambda payment: str(payment.transactions.get().number),
        lambda payment: "1111",
        lambda payment: "NW-88123",
        lambda payment: "the kiosk",
    ],
)
def test_whatever_a_support_person_pastes_finds_the_payment(house, desk, paid, paste):
    house.paid(house.payment(), "OTHER")

    found = desk.get(list_of(Payment), {"q": paste(paid)}).context["cl"].queryset

    assert [payment.reference for payment in found] == [paid.reference]


@pytest.mark.parametrize("paste", ["", "nothing goes by this", "\x00", "%", "'; --", "9" * 40, "@", "ß" * 500])
def test_odd_searches_are_answered(desk, paid, paste):
    response = desk.get(list_of(Payment), {"q": paste})

    assert response.status_code == 200
    assert len(response.context["cl"].result_list) == (0 if paste.strip("\x00") else 1)


def test_a_search_costs_the_same_queries_whatever_it_finds(house, desk, paid):
    def cost(term):
        with CaptureQueriesContext(connection) as queries:
            desk.get(list_of(Payment), {"q": term})
        return len(queries)

    cost("warm")
    few = cost("QFQTPCQ8HXSKGK82")
    for number in range(3):
        house.paid(house.payment(), f"MORE{number}")

    assert cost("QFQTPCQ8HXSKGK82") == few
    assert few <= 20


def test_a_pasted_card_number_is_never_shown_again_and_only_its_last_digits_are_searched(desk, paid):
    answer = desk.get(list_of(Payment), {"q": "4111 1111 1111 1111"}, follow=True)

    assert answer.redirect_chain == [(f"{list_of(Payment)}?q=1111", 302)]
    page = answer.content.decode()
    assert "4111 1111" not in page
    assert paid.reference in page
    assert "Only its last four digits are looked for" in page


def test_no_token_secret_or_session_is_on_any_page(house, desk, paid):
    add_one_of_each(house, paid)
    opening = paid.openings.get()
    Opening.objects.filter(pk=opening.pk).update(client_encrypted=encrypt_json({"sessionData": "guest-secret"}))
    token = f"tok-{paid.number}"
    pages = [
        *(list_of(model) for model in RECORDS),
        *(page_of(model.objects.first()) for model in RECORDS),
    ]

    shown = "".join(desk.get(page).content.decode() for page in pages)

    for secret in (token, fingerprint(token), "tok-in-body", "guest-secret", "the-guests-own-way-in", "gAAAA"):
        assert secret not in shown
    assert "visa ···· 1111" in shown


def test_a_visitor_without_permission_sees_nothing(browser_of, paid):
    nobody = browser_of()

    assert nobody.get(list_of(Payment)).status_code == 403
    assert nobody.get(page_of(paid)).status_code == 403


def test_a_payment_that_is_not_there_is_said_so(desk):
    gone = reverse("admin:payments_payment_change", args=["00000000-0000-4000-8000-000000000000"])

    assert desk.get(gone).status_code == 302
    assert desk.get(reverse("admin:payments_payment_change", args=["nonsense"])).status_code == 302

"""octo/gifts: what is sold, mailed, spent, given back, and what nobody may learn."""

import uuid
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
import segno
from django.core import mail as mails
from django.core.management import call_command
from django.utils import timezone

from bookings.models import Booking, Gift, Order, OutgoingMail
from bookings.services import drain_mails
from payments.admin.columns import page_of
from payments.checking import Severity, ledger_findings, payment_findings
from payments.models import LedgerEntry
from payments.services import holds
from tests.api.octo.shop import CARDS, GIFTS, GIFTS_IN_CART, RETURN_URL, Octo, Shop
from tests.api.octo.test_bad_input import NOT_OBJECTS, NOT_TEXTS
from tests.api.octo.test_rules import refusal
from tests.backoffice.actions import pressing

pytestmark = pytest.mark.django_db


@pytest.fixture
def gifts(shop) -> Octo:
    return shop.octo(GIFTS)


@pytest.fixture(autouse=True)
def _books_are_in_order():
    yield
    found = [*payment_findings(now=timezone.now()), *ledger_findings()]
    assert [one for one in found if one.severity is Severity.FAULT] == []


def held(octo: Octo, **fields: Any) -> dict[str, Any]:
    wish = {"amount": 6000, "currency": "EUR", "settlementMethod": "VOUCHER", **fields}
    answer = octo.post("/gifts", wish)
    assert answer.status_code == 200, answer.content
    return answer.json()


def sold(octo: Octo, **fields: Any) -> dict[str, Any]:
    answer = octo.post(f"/gifts/{held(octo, **fields)['uuid']}/confirm", {})
    assert answer.status_code == 200, answer.content
    return answer.json()


def code_of(gift: dict[str, Any]) -> str:
    (option,) = gift["voucher"]["deliveryOptions"]
    assert option["deliveryFormat"] == "QRCODE"
    return option["deliveryValue"]


def read(octo: Octo, gift: dict[str, Any]) -> dict[str, Any]:
    return octo.get(f"/gifts/{gift['uuid']}").json()


def test_a_gift_is_mailed_to_its_recipient_with_a_code_and_its_picture(gifts):
    gift = sold(
        gifts,
        recipient={"fullName": "Grace Hopper", "emailAddress": "grace@example.com"},
        contact={"fullName": "Ada Byron", "emailAddress": "ada@example.com", "locales": ["de-DE"]},
        message="Alles Gute!\n<b>Ada</b>",
    )

    assert drain_mails(clock=timezone.now) == 1

    (mail,) = mails.outbox
    html, (picture,) = mail.alternatives[0].content, mail.attachments
    assert mail.to == ["grace@example.com"]
    assert code_of(gift) not in mail.subject
    assert all(code_of(gift) in text for text in (mail.body, html))
    assert "Ada Byron hat ein Geschenk für Sie: einen Gutschein über 60,00 EUR." in mail.body
    assert "&lt;b&gt;Ada&lt;/b&gt;" in html
    assert picture["Content-ID"] == "<gift-code>"
    assert "cid:gift-code" in html
    assert picture.get_payload(decode=True) == png_of(code_of(gift))


def png_of(text: str) -> bytes:
    """Return the picture that a scanner reads this text from; segno's own tests read its pictures back."""
    from io import BytesIO

    out = BytesIO()
    segno.make(text, error="m", micro=False).save(out, kind="png", scale=8, border=4)
    return out.getvalue()


@pytest.mark.parametrize(
    ("who", "to"),
    [
        ({"contact": {"emailAddress": "ada@example.com"}}, ["ada@example.com"]),
        ({"recipient": {"fullName": "Grace Hopper"}}, []),
    ],
)
def test_without_a_recipients_address_the_buyer_is_mailed_or_nobody(gifts, who, to):
    sold(gifts, **who)
    drain_mails(clock=timezone.now)

    assert [address for mail in mails.outbox for address in mail.to] == to


def test_the_code_is_in_no_column_no_mail_at_rest_and_no_admin_page(gifts, admin_client):
    gift = sold(gifts, recipient={"emailAddress": "grace@example.com"})
    code = code_of(gift)
    dump = StringIO()
    call_command("dumpdata", "bookings", "payments", "api", stdout=dump)

    assert code not in dump.getvalue()
    assert code.replace("-", "") not in dump.getvalue()
    pages = [f"/admin/bookings/gift/{gift['id']}/change/", "/admin/bookings/gift/?q=" + code[-4:]]
    pages.append(f"/admin/bookings/outgoingmail/{OutgoingMail.objects.get().pk}/change/")
    for page in pages:
        shown = admin_client.get(page)
        assert shown.status_code == 200
        assert code not in shown.content.decode()
    assert gift["supplierReference"] in admin_client.get(pages[1]).content.decode()


def test_staff_see_what_is_left_and_where_it_went_and_mail_the_code_again(shop, gifts, admin_client):
    gift = sold(gifts, recipient={"emailAddress": "grace@example.com"})
    drain_mails(clock=timezone.now)
    booking = shop.reserve(gifts, adults=1, giftPayment={"code": code_of(gift)})
    bought = Gift.objects.get(pk=gift["id"])

    shown = admin_client.get(page_of(bought)).content.decode()
    asked = pressing.shown(admin_client, "mail-code", bought)
    told = pressing.carry_out(admin_client, "mail-code", bought)

    assert "15.00 EUR" in shown
    assert all(word in shown for word in ("gift_sold", "gift_spent", pressing.page("mail-code", bought)))
    assert Order.objects.get(bookings__uuid=booking["uuid"]).reference in shown
    assert asked == [("To", "grace@example.com", "")]
    assert told == ["The code goes out within seconds."]
    assert pressing.audited() == [("admin", "mailed gift code", f"Mail the code again. {told[0]}")]
    assert drain_mails(clock=timezone.now) == 1


def test_a_code_shows_only_once_the_gift_is_confirmed_and_never_after_a_cancel(gifts):
    gift = held(gifts)
    assert gift["voucher"] == {"redemptionMethod": "DIGITAL", "utcRedeemedAt": None, "deliveryOptions": []}

    confirmed = gifts.post(f"/gifts/{gift['uuid']}/confirm", {}).json()
    again = gifts.post(f"/gifts/{gift['uuid']}/confirm", {}).json()
    assert code_of(again) == code_of(confirmed)
    cancelled = gifts.post(f"/gifts/{gift['uuid']}/cancel", {"reason": "wrong amount"}).json()

    assert cancelled["status"] == "CANCELLED"
    assert cancelled["cancellation"]["reason"] == "wrong amount"
    assert cancelled["voucher"]["deliveryOptions"] == []


def test_a_mail_that_waits_is_not_sent_once_the_gift_is_cancelled(gifts):
    gift = sold(gifts, recipient={"emailAddress": "grace@example.com"})

    gifts.delete(f"/gifts/{gift['uuid']}", {})

    assert drain_mails(clock=timezone.now) == 0


def test_the_same_uuid_is_the_same_gift_and_other_content_is_refused(gifts):
    wish = {"uuid": str(uuid.uuid4()), "message": "Hello"}
    first = held(gifts, **wish)

    assert held(gifts, **wish) == first
    clash = gifts.post("/gifts", {"amount": 6100, "currency": "EUR", "settlementMethod": "VOUCHER", **wish})
    assert refusal(clash, "INVALID_GIFT_UUID")["uuid"] == wish["uuid"]
    assert Gift.objects.count() == Order.objects.count() == 1


def test_a_preview_changes_nothing(gifts):
    gift = held(gifts, settlementMethod="DIRECT")
    before = read(gifts, gift)

    shown = gifts.patch(f"/gifts/{gift['uuid']}/preview", {"amount": 9000, "message": "More"}).json()

    assert (shown["amount"], shown["message"]) == (9000, "More")
    assert shown["cardPayment"]["balance"] == 9000
    assert read(gifts, gift) == before


def test_a_gift_and_the_rest_elsewhere_pay_a_booking(shop, gifts):
    gift = sold(gifts)
    booking = shop.reserve(gifts, giftPayment={"code": code_of(gift).lower()})

    assert booking["giftPayment"] == {
        "giftCode": f"****-{code_of(gift)[-4:]}",
        "code": f"****-{code_of(gift)[-4:]}",
        "amount": 6000,
        "currency": "EUR",
    }
    assert (booking["cardPayment"]["balance"], booking["cardPayment"]["totalPaid"]) == (3000, 6000)
    spent = read(gifts, gift)
    assert (spent["status"], spent["cancellable"], spent["updatable"]) == ("REDEEMED", False, False)
    path = f"/bookings/{booking['uuid']}"
    rest = {"cardPayment": {"gateway": "external", "notes": "Till 3", "amount": 3000}}
    confirmed = gifts.post(f"{path}/confirm", {**rest, "giftPayment": booking["giftPayment"]}).json()
    assert (confirmed["status"], confirmed["giftPayment"]["amount"]) == ("CONFIRMED", 6000)

    cancelled = gifts.post(f"{path}/cancel", {}).json()

    assert (cancelled["giftPayment"], cancelled["cardPayment"]["totalRefunded"]) == (None, 3000)
    assert read(gifts, gift)["status"] == "CONFIRMED"


def test_a_confirm_that_a_gift_covers_confirms_and_one_it_does_not_keeps_the_part(shop, gifts):
    small, big = sold(gifts), sold(gifts, amount=20_000)
    booking = shop.reserve(gifts)
    path = f"/bookings/{booking['uuid']}/confirm"

    for _ in range(2):
        part = gifts.post(path, {"giftPayment": {"code": code_of(small)}}).json()
        assert (part["status"], part["cardPayment"]["balance"]) == ("ON_HOLD", 3000)
    done = gifts.post(path, {"giftPayment": {"code": code_of(big)}}).json()

    assert (done["status"], done["giftPayment"]["amount"]) == ("CONFIRMED", 9000)
    assert LedgerEntry.objects.filter(to_account="GIFT_LIABILITY", from_account="RECEIVABLE").count() == 2


def test_a_confirm_that_changes_the_booking_lets_the_gift_pay_for_what_it_becomes(shop, gifts):
    gift = sold(gifts, amount=20_000)
    booking = shop.reserve(gifts, adults=1)
    more = {"unitItems": [{"unitId": str(shop.adult.pk)}] * 3, "giftPayment": {"code": code_of(gift)}}

    confirmed = gifts.post(f"/bookings/{booking['uuid']}/confirm", more).json()

    assert (confirmed["status"], confirmed["giftPayment"]["amount"]) == ("CONFIRMED", 13_500)


def test_a_refused_confirm_spends_nothing(shop, gifts):
    gift = sold(gifts, amount=20_000)
    booking = shop.reserve(gifts)
    bad = {"unitItems": [{"unitId": str(uuid.uuid4())}], "giftPayment": {"code": code_of(gift)}}

    refusal(gifts.post(f"/bookings/{booking['uuid']}/confirm", bad), "INVALID_UNIT_ID")

    assert Gift.objects.get(pk=gift["id"]).spent_minor == 0
    assert gifts.get(f"/bookings/{booking['uuid']}").json()["giftPayment"] is None


def test_an_empty_code_gives_back_while_on_hold_and_not_after(shop, gifts):
    gift = sold(gifts, amount=20_000)
    booking = shop.reserve(gifts, giftPayment={"code": code_of(gift)})
    path = f"/bookings/{booking['uuid']}"
    assert gifts.patch(path, {"giftPayment": {"code": ""}}).json()["giftPayment"] is None
    assert gifts.patch(path, {"giftPayment": {"code": code_of(gift)}}).json()["giftPayment"]["amount"] == 9000
    assert gifts.post(f"{path}/confirm", {}).json()["status"] == "CONFIRMED"

    refusal(gifts.patch(path, {"giftPayment": {}}), "UNPROCESSABLE_ENTITY")

    assert gifts.get(path).json()["giftPayment"]["amount"] == 9000


def test_a_booking_that_shrinks_gives_the_gift_its_money_back(shop, gifts):
    gift = sold(gifts, amount=20_000)
    booking = shop.reserve(gifts, giftPayment={"code": code_of(gift)})
    gifts.post(f"/bookings/{booking['uuid']}/confirm", {})

    smaller = gifts.patch(f"/bookings/{booking['uuid']}", {"unitItems": [{"unitId": str(shop.adult.pk)}]}).json()

    assert smaller["giftPayment"]["amount"] == 4500
    assert Gift.objects.get(pk=gift["id"]).spent_minor == 4500


def test_a_confirmed_booking_that_grows_is_paid_by_a_gift(shop, gifts):
    gift = sold(gifts, amount=20_000)
    booking = shop.reserve(gifts, giftPayment={"code": code_of(gift)})
    path = f"/bookings/{booking['uuid']}"
    gifts.post(f"{path}/confirm", {})
    three = [{"unitId": str(shop.adult.pk)}] * 3

    refusal(gifts.patch(path, {"unitItems": three}), "UNPROCESSABLE_ENTITY")
    grown = gifts.patch(path, {"unitItems": three, "giftPayment": {"code": code_of(gift)}}).json()

    assert grown["giftPayment"]["amount"] == 13_500


def test_an_expired_booking_gives_the_gift_its_money_back(shop, gifts):
    gift = sold(gifts)
    booking = shop.reserve(gifts, giftPayment={"code": code_of(gift)})

    holds.expire_holds(now=timezone.now() + timedelta(minutes=31))

    assert gifts.get(f"/bookings/{booking['uuid']}").json()["status"] == "EXPIRED"
    assert read(gifts, gift)["status"] == "CONFIRMED"


def test_a_gift_that_runs_out_is_expired_and_can_neither_be_confirmed_nor_changed(gifts):
    gift = held(gifts)
    holds.expire_holds(now=timezone.now() + timedelta(minutes=31))

    for method, path, body in (("POST", "/confirm", {}), ("PATCH", "", {"message": "x"})):
        said = refusal(gifts.send(method, f"/gifts/{gift['uuid']}{path}", body), "INVALID_GIFT_UUID")
        assert "expired" in said["errorMessage"]
    assert read(gifts, gift)["status"] == "EXPIRED"
    assert LedgerEntry.objects.count() == 0


def test_codes_that_open_nothing_are_answered_alike_and_write_nothing(shop, gifts):
    waiting, gone = held(gifts), sold(gifts)
    gifts.delete(f"/gifts/{gone['uuid']}", {})
    foreign = sold(Octo(shop.other_key, capabilities=GIFTS))
    test = sold(gifts_in_test := shop.octo(GIFTS, **{"Octo-Env": "test"}))
    assert code_of(test).startswith("TEST-")
    assert read(gifts_in_test, test)["testMode"] is True
    orders = Order.objects.count()

    bodies = {
        refusal(gifts.post("/bookings", shop.wish(1, giftPayment={"code": code})), "INVALID_GIFT_CODE")["errorMessage"]
        for code in (code_of(gone), code_of(foreign), code_of(test), "GIFT-2222-3333-4444-5555", "x")
    }

    assert len(bodies) == 1
    assert Order.objects.count() == orders
    assert read(gifts, waiting)["status"] == "ON_HOLD"


def test_a_guesser_is_slowed_down_and_other_keys_are_not(shop, gifts, settings):
    settings.API = {**settings.API, "WRONG_GIFT_CODES_PER_MINUTE": 3}
    booking, gift = shop.reserve(gifts), sold(gifts)
    path = f"/bookings/{booking['uuid']}"
    for number in range(3):
        refusal(gifts.patch(path, {"giftPayment": {"code": f"GIFT-{number}"}}), "INVALID_GIFT_CODE")

    slowed = gifts.patch(path, {"giftPayment": {"code": code_of(gift)}})

    assert (slowed.status_code, slowed.json()["error"]) == (429, "TOO_MANY_REQUESTS")
    assert int(slowed.headers["Retry-After"]) >= 1
    assert gifts.patch(path, {"notes": "no code, no limit"}).status_code == 200
    other = Octo(shop.other_key, capabilities=GIFTS)
    mine = shop.reserve(other)
    code = code_of(sold(other))
    assert other.patch(f"/bookings/{mine['uuid']}", {"giftPayment": {"code": code}}).status_code == 200


def test_another_partners_gift_looks_like_one_that_does_not_exist(shop, gifts):
    gift = held(gifts)
    other = Octo(shop.other_key, capabilities=GIFTS)

    for octo in (other, shop.octo(GIFTS, **{"Octo-Env": "test"})):
        for method, path in (
            *(("GET", ""), ("PATCH", ""), ("DELETE", ""), ("PATCH", "/preview")),
            *(("POST", path) for path in ("/confirm", "/cancel", "/extend", "/notify")),
        ):
            said = refusal(octo.send(method, f"/gifts/{gift['uuid']}{path}", {}), "INVALID_GIFT_UUID")
            assert said["uuid"] == gift["uuid"]
    assert other.get("/gifts", {"supplierReference": gift["supplierReference"]}).json() == []


def test_every_filter_finds_the_gift_and_others_do_not(gifts):
    gift = held(gifts, resellerReference="R-1", contact={"emailAddress": "ada@example.com"})
    held(gifts, resellerReference="R-2")
    now = timezone.now()
    span = [f"{now + timedelta(minutes=minutes):%Y-%m-%dT%H:%M:%SZ}" for minutes in (-5, 5)]

    for query, count in (
        ({"resellerReference": "R-1"}, 1),
        ({"supplierReference": gift["supplierReference"]}, 1),
        ({"contactEmailAddress": "ADA@example.com"}, 1),
        ({"utcCreatedAtStart": span[0], "utcCreatedAtEnd": span[1]}, 2),
        ({"utcUpdatedAtStart": span[0], "utcUpdatedAtEnd": span[1]}, 2),
        ({"resellerReference": "R-1", "status": "CONFIRMED"}, 0),
    ):
        found = gifts.get("/gifts", query).json()
        assert len(found) == count, query
        assert all("cardPayment" not in one and "returnUrl" not in one for one in found)
    refusal(gifts.get("/gifts", {"status": "ON_HOLD"}), "GIFTS_FIELDS_REQUIRED")
    refusal(gifts.get("/gifts", {"utcCreatedAtStart": span[0]}), "BAD_REQUEST")


def test_without_the_capability_nothing_of_gifts_is_seen_or_done(shop, gifts):
    gift = sold(gifts)
    cards = shop.octo(CARDS)

    booking = shop.reserve(cards, giftPayment={"code": code_of(gift)})

    assert "giftPayment" not in booking
    assert booking["cardPayment"]["balance"] == 9000
    refusal(cards.get(f"/gifts/{gift['uuid']}"), "BAD_REQUEST")


def test_notify_mails_once_more_where_it_is_asked_to(gifts):
    gift = sold(gifts, recipient={"emailAddress": "grace@example.com"})
    drain_mails(clock=timezone.now)
    path = f"/gifts/{gift['uuid']}/notify"
    wish = {"contact": {"emailAddress": "eve@example.com", "locales": ["de"]}}

    first = gifts.post(path, {}).json()
    assert gifts.post(path, {}).json() == first
    other = gifts.post(path, wish, Idempotency_Key="n-1").json()
    assert gifts.post(path, wish, Idempotency_Key="n-1").json() == other
    drain_mails(clock=timezone.now)

    assert first["status"] == "accepted"
    assert [mail.to for mail in mails.outbox] == [["grace@example.com"], ["grace@example.com"], ["eve@example.com"]]
    assert mails.outbox[2].subject == "Ihr Geschenkgutschein über 60,00 EUR"


def test_a_gift_is_sold_in_yen_by_whole_units(gifts):
    assert held(gifts, amount=5000, currency="JPY")["pricing"]["currencyPrecision"] == 0
    for amount in (499, 500_001):
        body = {"amount": amount, "currency": "JPY"}
        assert refusal(gifts.post("/gifts", body), "BAD_REQUEST")["currency"] == "JPY"


def gift_wish(**fields: Any) -> dict[str, Any]:
    return {"amount": 6000, "recipient": {"emailAddress": "grace@example.com"}, **fields}


def test_an_order_of_bookings_and_gifts_is_paid_and_confirmed_as_one(shop):
    octo = shop.octo(GIFTS_IN_CART)
    order = octo.post("/orders", {"bookings": [shop.wish(2)], "gifts": [gift_wish()]}).json()
    path = f"/orders/{order['id']}"
    assert [gift["status"] for gift in order["gifts"]] == ["ON_HOLD"]
    assert order["pricing"]["retail"] == order["cardPayment"]["balance"] == 15_000
    assert order["gifts"][0]["orderId"] == order["id"]

    refusal(octo.post(f"{path}/confirm", {}), "UNPROCESSABLE_ENTITY")
    refusal(octo.post(f"/gifts/{order['gifts'][0]['uuid']}/confirm", {}), "UNPROCESSABLE_ENTITY")
    part = {"cardPayment": {"gateway": "external", "amount": 9000, "notes": "first"}}
    assert octo.post(f"{path}/confirm", part).json()["status"] == "ON_HOLD"
    rest = {"cardPayment": {"gateway": "external", "amount": 6000, "notes": "second"}}
    done = octo.post(f"{path}/confirm", rest).json()

    assert (done["status"], [one["status"] for one in (*done["bookings"], *done["gifts"])]) == (
        "CONFIRMED",
        ["CONFIRMED", "CONFIRMED"],
    )
    assert drain_mails(clock=timezone.now) == 1
    cancelled = octo.post(f"{path}/cancel", {}).json()
    assert (cancelled["status"], cancelled["gifts"][0]["status"]) == ("CANCELLED", "CANCELLED")
    assert cancelled["cardPayment"]["totalRefunded"] == 15_000


def test_an_order_whose_gift_was_spent_is_cancelled_without_it_or_not_at_all(shop):
    octo = shop.octo(GIFTS_IN_CART)
    wish = {"bookings": [shop.wish(1)], "gifts": [gift_wish()], "settlementMethod": "VOUCHER"}
    order = octo.post("/orders", wish).json()
    done = octo.post(f"/orders/{order['id']}/confirm", {}).json()
    shop.reserve(octo, adults=1, giftPayment={"code": code_of(done["gifts"][0])})

    said = refusal(octo.post(f"/orders/{order['id']}/cancel", {}), "UNPROCESSABLE_ENTITY")
    assert "paid with this gift" in said["errorMessage"]
    assert octo.get(f"/orders/{order['id']}").json()["cancellable"] is False
    cancelled = octo.post(f"/bookings/{done['bookings'][0]['uuid']}/cancel", {}).json()

    assert cancelled["status"] == "CANCELLED"
    assert octo.get(f"/orders/{order['id']}").json()["status"] == "CONFIRMED"


def test_a_gift_joins_an_order_and_runs_out_with_it(shop):
    octo = shop.octo(GIFTS_IN_CART)
    booking = shop.reserve(octo, adults=1)
    before = octo.get(f"/orders/{booking['orderId']}").json()

    gift = octo.post("/gifts", gift_wish(orderId=booking["orderId"], expirationMinutes=120)).json()

    order = octo.get(f"/orders/{booking['orderId']}").json()
    assert gift["orderId"] == order["id"]
    assert order["utcExpiresAt"] > before["utcExpiresAt"]
    assert {one["utcExpiresAt"] for one in (*order["bookings"], *order["gifts"])} == {order["utcExpiresAt"]}
    assert order["cardPayment"]["balance"] == 4500 + 6000
    holds.expire_holds(now=timezone.now() + timedelta(minutes=121))
    expired = octo.get(f"/orders/{booking['orderId']}").json()
    assert {one["status"] for one in (expired, *expired["bookings"], *expired["gifts"])} == {"EXPIRED"}
    for wrong in ({"currency": "USD"}, {"settlementMethod": "VOUCHER"}):
        fresh = shop.reserve(octo, adults=1)["orderId"]
        refusal(octo.post("/gifts", gift_wish(orderId=fresh, **wrong)), "BAD_REQUEST")
    refusal(octo.post("/gifts", gift_wish(orderId=booking["orderId"])), "UNPROCESSABLE_ENTITY")


def test_a_gift_pays_an_order_and_has_its_money_back_with_it(shop, gifts):
    octo, gift = shop.octo(GIFTS_IN_CART), sold(gifts, amount=20_000)
    code = {"giftPayment": {"code": code_of(gift)}}
    order = octo.post("/orders", {"bookings": [shop.wish(2), shop.wish(1)], **code}).json()
    path = f"/orders/{order['id']}"
    assert (order["giftPayment"]["amount"], order["cardPayment"]["balance"]) == (13_500, 0)
    assert octo.patch(path, {"giftPayment": {}}).json()["giftPayment"] is None
    assert octo.patch(f"{path}/preview", code).json()["giftPayment"]["amount"] == 13_500
    assert octo.get(path).json()["giftPayment"] is None

    done = octo.post(f"{path}/confirm", code).json()
    assert (done["status"], done["giftPayment"]["amount"]) == ("CONFIRMED", 13_500)
    octo.post(f"/bookings/{done['bookings'][0]['uuid']}/cancel", {})
    assert Gift.objects.get(pk=gift["id"]).spent_minor == 4500
    octo.post(f"{path}/cancel", {})

    assert Gift.objects.get(pk=gift["id"]).spent_minor == 0


def test_the_same_gift_uuid_in_two_orders_is_refused(shop):
    octo = shop.octo(GIFTS_IN_CART)
    wish = {"currency": "EUR", "gifts": [gift_wish(uuid=str(uuid.uuid4()))]}
    assert octo.post("/orders", wish).status_code == 200

    refusal(octo.post("/orders", wish), "INVALID_GIFT_UUID")
    refusal(octo.post("/orders", {**wish, "gifts": wish["gifts"] * 2}), "BAD_REQUEST")
    assert Order.objects.count() == 1


BAD: list[tuple[str, dict[str, Any]]] = [
    *(("amount", {"amount": value}) for value in (None, 0, -1, "60", 60.0, True, [], 10**13)),
    *(("currency", {"currency": value}) for value in (1, True, [], "eur", "XXX1")),
    *(("message", {"message": value}) for value in NOT_TEXTS),
    *(("notes", {"notes": value}) for value in NOT_TEXTS),
    *(("recipient", {"recipient": value}) for value in NOT_OBJECTS),
    *(("recipient.fullName", {"recipient": {"fullName": value}}) for value in (1, [], "x" * 201)),
    *(("recipient.emailAddress", {"recipient": {"emailAddress": value}}) for value in (1, [], "nobody", "a b@c.de")),
    *(("giftPayment", {"giftPayment": value}) for value in NOT_OBJECTS),
    *(("giftPayment.code", {"giftPayment": {"code": value}}) for value in (1, True, [], {}, "x" * 61)),
    *(("expirationMinutes", {"expirationMinutes": value}) for value in (0, "30", 1.5)),
    *(("settlementMethod", {"settlementMethod": value}) for value in (1, "CASH")),
]


@pytest.mark.parametrize(("field", "bad"), BAD)
def test_bad_input_is_refused_by_name_and_writes_nothing(gifts, field, bad):
    said = refusal(gifts.post("/gifts", {"amount": 6000, "currency": "EUR", **bad}), "BAD_REQUEST")

    assert said["errorMessage"].startswith(f"{field}: ")
    assert (Gift.objects.count(), Order.objects.count(), Booking.objects.count()) == (0, 0, 0)


@pytest.mark.django_db(transaction=True)
def test_a_gift_is_bought_by_card_and_pays_with_a_card_and_a_cancel_returns_both(shop: Shop, gifts, guest):
    bought = held(
        gifts,
        settlementMethod="DIRECT",
        returnUrl=RETURN_URL,
        recipient={"emailAddress": "grace@example.com"},
    )
    guest.pay(bought)
    guest.deliver()
    session = {"adyen": {"sessionId": bought["cardPayment"]["adyen"]["session"]["id"]}}
    gift = gifts.post(f"/gifts/{bought['uuid']}/confirm", {"cardPayment": session}).json()
    assert (gift["status"], gift["cardPayment"]["totalPaid"]) == ("CONFIRMED", 6000)
    drain_mails(clock=timezone.now)
    assert code_of(gift) in mails.outbox[0].body

    booking = shop.reserve(gifts, returnUrl=RETURN_URL, giftPayment={"code": code_of(gift)})
    assert booking["cardPayment"]["amount"] == 3000
    guest.pay(booking)
    guest.deliver()
    session = {"adyen": {"sessionId": booking["cardPayment"]["adyen"]["session"]["id"]}}
    confirmed = gifts.post(f"/bookings/{booking['uuid']}/confirm", {"cardPayment": session}).json()
    assert (confirmed["status"], confirmed["cardPayment"]["totalPaid"]) == ("CONFIRMED", 9000)
    assert read(gifts, gift)["status"] == "REDEEMED"
    gifts.post(f"/bookings/{booking['uuid']}/cancel", {})
    guest.deliver()
    gifts.post(f"/gifts/{gift['uuid']}/cancel", {})
    guest.deliver()

    assert gifts.get(f"/bookings/{booking['uuid']}").json()["cardPayment"]["totalRefunded"] == 3000
    back = read(gifts, gift)
    assert (back["status"], back["cardPayment"]["totalRefunded"]) == ("CANCELLED", 6000)
    assert sum(row["captured"] - row["refunded"] for row in guest.sandbox.get("money")["money"]) == 0

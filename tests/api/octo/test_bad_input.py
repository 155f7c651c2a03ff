"""Bad input of every field is answered in OCTO's envelope, names the field, and writes nothing."""

import json
import uuid
from typing import Any

import pytest

from bookings.models import Availability, Booking, Change, Customer, Order, UnitItem
from payments.models import Opening, Payment
from tests.api.octo.shop import Octo, Shop
from tests.api.octo.test_rules import refusal

LONG = "x" * 5_001
HUGE = 10**19
TEXT_FIELDS = ["notes", "resellerReference", "settlementMethod", "currency", "availabilityId", "productId", "optionId"]
NOT_TEXTS = [1, 1.5, True, [], {}, ["x"], {"a": 1}, LONG]
NOT_OBJECTS = [1, "x", True, [], [{}]]
NOT_BOOLEANS = [1, 0, "true", [], {}]
NOT_MINUTES = [0, -1, "30", 1.5, True, [], {}, HUGE, 10**6]
NOT_LISTS = [1, "x", True, {}]


def tables() -> list[tuple[str, str, Any]]:
    """Return (name in the refusal, field path, bad value)."""
    rows: list[tuple[str, str, Any]] = []
    rows += [(name, name, value) for name in TEXT_FIELDS for value in NOT_TEXTS]
    rows += [("contact", "contact", value) for value in NOT_OBJECTS]
    for name in ("fullName", "firstName", "lastName", "emailAddress", "phoneNumber", "postalCode", "country", "notes"):
        rows += [(f"contact.{name}", f"contact.{name}", value) for value in NOT_TEXTS]
    rows += [("contact.emailAddress", "contact.emailAddress", value) for value in ("nobody", "a@", "@b", "a b@c.de")]
    rows += [("contact.country", "contact.country", value) for value in ("DEU", "4", "D1", "Germany")]
    rows += [("contact.locales", "contact.locales", value) for value in [*NOT_LISTS, ["en"] * 21]]
    rows += [("contact.locales[0]", "contact.locales", value) for value in ([1], [None], ["!"], ["x" * 40], [[]])]
    rows += [("emailReceipt", "emailReceipt", value) for value in NOT_BOOLEANS]
    rows += [("expirationMinutes", "expirationMinutes", value) for value in NOT_MINUTES]
    rows += [
        ("metadata", "metadata", value) for value in [*NOT_OBJECTS, {"k" * 101: "v"}, {str(n): "" for n in range(51)}]
    ]
    rows += [("metadata.k", "metadata", {"k": value}) for value in (1, [], {}, True, "x" * 1_001)]
    rows += [("unitItems", "unitItems", value) for value in [*NOT_LISTS, [{}] * 501]]
    rows += [("unitItems[0]", "unitItems", [value]) for value in (1, "x", None, [], True)]
    rows += [("unitItems[0].unitId", "unitItems", [{"unitId": value}]) for value in (None, 1, True, [], {}, "", " ")]
    for name, values in {
        "uuid": [1, True, "x", "not-a-uuid", [], {}, "{4f2b5b0e-5b1f-4bb5-9a76-0c3b4b2f9c11}"],
        "resellerReference": NOT_TEXTS,
        "contact": NOT_OBJECTS,
    }.items():
        rows += [(f"unitItems[0].{name}", "unitItems", [{"unitId": "adult", name: value}]) for value in values]
    return rows


PAYMENT_TABLE: list[tuple[str, Any]] = [
    *(("cardPayment", value) for value in NOT_OBJECTS),
    *(("cardPayment.gateway", {"gateway": value}) for value in (1, True, [], {}, "x" * 41)),
    *(("cardPayment.source", {"source": value}) for value in (1, True, [], {}, "x" * 41)),
    *(("cardPayment.amount", {"amount": value}) for value in (0, -1, "90", 90.0, True, [], HUGE, 10**13)),
    *(("cardPayment.currency", {"currency": value}) for value in (1, True, [], {}, "x" * 17)),
    *(("cardPayment.notes", {"notes": value}) for value in (1, True, [], {}, "x" * 501)),
    *(("cardPayment.cancel", {"cancel": value}) for value in NOT_BOOLEANS),
    *(("cardPayment.cardId", {"cardId": value}) for value in (1, True, [], {}, "x" * 81)),
    *(("cardPayment.adyen", {"adyen": value}) for value in NOT_OBJECTS),
    *(("cardPayment.external", {"external": value}) for value in NOT_OBJECTS),
    *(
        (f"cardPayment.adyen.{name}", {"adyen": {name: value}})
        for name in ("sessionId", "sessionResult", "pspReference", "channel")
        for value in (1, True, [], {}, "x" * 20_001)
    ),
    ("cardPayment.adyen.channel", {"adyen": {"channel": "web"}}),
    ("cardPayment.cardId", {"cardId": "5d0c5b8e-6b0b-4f5d-9a66-2f1c9f7d1a10", "spreedly": {"token": "TOKEN1234"}}),
    ("cardPayment.adyen.sessionId", {"adyen": {"sessionResult": "eyJz"}}),
    *(("cardPayment.external.approved", {"external": {"approved": value}}) for value in NOT_BOOLEANS),
    *(
        ("cardPayment.external", {"gateway": "external", "external": said})
        for said in ({"approved": True}, {"approved": False}, {"refusalReason": "Do not honour"})
    ),
    *(
        (f"cardPayment.external.{name}", {"external": {name: value}})
        for name in ("refusalReason", "notes")
        for value in (1, True, [], {}, "x" * 501)
    ),
    ("returnUrl", "/return"),
    ("returnUrl", "javascript:alert(1)"),
    ("returnUrl", "https://"),
    ("returnUrl", "https://exa mple.com"),
    ("returnUrl", "https://[::1"),
    ("returnUrl", "ftp://shop.example.com"),
    ("returnUrl", "https://shop.example.com/" + "x" * 1_024),
    ("returnUrl", 1),
    ("returnUrl", []),
    ("returnUrl", {}),
    ("returnUrl", True),
]


def written() -> tuple[int, ...]:
    """Return how much there is of everything a booking call can write."""
    models = (Order, Booking, UnitItem, Customer, Change, Payment, Opening)
    reserved = tuple(Availability.objects.order_by("pk").values_list("reserved", flat=True))
    return (*(model.objects.count() for model in models), *reserved)


def named(shop: Shop, value: Any) -> Any:
    """Put the adult's id where a table says adult."""
    return json.loads(json.dumps(value).replace('"adult"', json.dumps(str(shop.adult.pk))))


def with_field(wish: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    first, _, rest = path.partition(".")
    return {**wish, first: {rest: value} if rest else value}


def test_reserve_names_every_bad_field_and_writes_nothing(shop, octo):
    before = written()

    for name, path, value in tables():
        answer = octo.post("/bookings", with_field(shop.wish(), path, named(shop, value)))

        expected = {"BAD_REQUEST", "INVALID_UNIT_ID"} if name.endswith("unitId") else {"BAD_REQUEST"}
        body = answer.json()
        assert (answer.status_code, body["error"] in expected) == (400, True), (path, value, body)
        assert body["errorMessage"].startswith(name), (path, value, body)
    assert written() == before


def test_update_and_confirm_name_every_bad_field_and_write_nothing(shop, octo):
    booking = shop.reserve(octo, settlementMethod="VOUCHER")
    path_of = {"PATCH": f"/bookings/{booking['uuid']}", "POST": f"/bookings/{booking['uuid']}/confirm"}
    before = written(), octo.get(path_of["PATCH"]).json()
    not_of_confirm = {"productId", "optionId", "availabilityId", "expirationMinutes", "metadata"}

    for name, path, value in tables():
        for method in ("PATCH", "POST"):
            first = path.partition(".")[0]
            if first in {"settlementMethod", "currency"} or (method == "POST" and first in not_of_confirm):
                continue
            answer = octo.send(method, path_of[method], with_field({}, path, named(shop, value)))

            body = answer.json()
            assert answer.status_code == 400, (method, path, value, body)
            assert body["errorMessage"].startswith(name), (method, path, value, body)
    assert (written(), octo.get(path_of["PATCH"]).json()) == before


def test_payment_fields_are_named_and_nothing_is_written(shop, cards):
    booking = shop.reserve(cards)
    path = f"/bookings/{booking['uuid']}"
    before = written()

    for name, value in PAYMENT_TABLE:
        field = "returnUrl" if name == "returnUrl" else "cardPayment"
        for method, where, wish in (
            ("POST", "/bookings", shop.wish()),
            ("PATCH", path, {}),
            ("POST", f"{path}/confirm", {}),
        ):
            answer = cards.send(method, where, {**wish, field: value})

            body = refusal(answer, "BAD_REQUEST")
            assert body["errorMessage"].startswith(name), (method, where, value, body)
    assert written() == before


@pytest.mark.parametrize("value", NOT_MINUTES)
def test_extend_refuses(shop, octo, value):
    booking = shop.reserve(octo)

    answer = octo.post(f"/bookings/{booking['uuid']}/extend", {"expirationMinutes": value})

    assert "expirationMinutes" in refusal(answer, "BAD_REQUEST", uuid=booking["uuid"])["errorMessage"]
    assert octo.get(f"/bookings/{booking['uuid']}").json() == booking


@pytest.mark.parametrize("number", ["1e400", "1e3", "-0.0", "30.0", "1E-400"])
def test_extend_refuses_fractions_and_exponents(shop, octo, number):
    booking = shop.reserve(octo)

    answer = octo.post(f"/bookings/{booking['uuid']}/extend", f'{{"expirationMinutes": {number}}}')

    assert "expirationMinutes" in refusal(answer, "BAD_REQUEST")["errorMessage"]


def test_extend_needs_minutes(shop, octo):
    booking = shop.reserve(octo)

    for body in ({}, {"expirationMinutes": None}):
        refusal(octo.post(f"/bookings/{booking['uuid']}/extend", body), "BAD_REQUEST")


@pytest.mark.parametrize(("field", "values"), [("reason", [1, [], {}, "x" * 501]), ("force", NOT_BOOLEANS)])
def test_cancel_refuses(shop, octo, field, values):
    booking = shop.reserve(octo)

    for value in values:
        for method, path in (("POST", "/cancel"), ("DELETE", "")):
            answer = octo.send(method, f"/bookings/{booking['uuid']}{path}", {field: value})

            assert field in refusal(answer, "BAD_REQUEST")["errorMessage"]
    assert octo.get(f"/bookings/{booking['uuid']}").json() == booking


@pytest.mark.parametrize("sent", ["not-a-uuid", "", "4f2b5b0e5b1f4bb59a760c3b4b2f9c11", "x" * 100])
def test_reserve_with_a_bad_uuid(shop, octo, sent):
    refusal(octo.post("/bookings", shop.wish(uuid=sent)), "INVALID_BOOKING_UUID", uuid=sent)


@pytest.mark.parametrize("sent", [1, True, [], {}])
def test_reserve_with_a_uuid_of_another_type(shop, octo, sent):
    assert "uuid" in refusal(octo.post("/bookings", shop.wish(uuid=sent)), "BAD_REQUEST")["errorMessage"]


def test_reserve_with_a_uuid_used_for_something_else(shop, octo):
    sent = str(uuid.uuid4())
    shop.reserve(octo, uuid=sent)

    refusal(octo.post("/bookings", shop.wish(adults=3, uuid=sent)), "INVALID_BOOKING_UUID", uuid=sent)
    assert Booking.objects.count() == 1


def test_reserve_in_a_currency_that_is_not_offered_names_those_that_are(shop, octo):
    body = refusal(octo.post("/bookings", shop.wish(currency="GBP")), "BAD_REQUEST", currency="GBP")

    assert body["availableCurrencies"] == ["EUR", "JPY", "USD"]


def test_settlement_method_names_the_allowed_ones(shop, octo):
    for method in ("CASH", "direct", "VOUCHERS"):
        body = refusal(octo.post("/bookings", shop.wish(settlementMethod=method)), "BAD_REQUEST")

        assert "DIRECT, WHOLESALE, VOUCHER, DEFERRED, DEPOSIT" in body["errorMessage"]


def test_too_few_and_too_many_units(shop, octo):
    for count in (31, 400):
        refusal(octo.post("/bookings", shop.wish(adults=count)), "UNPROCESSABLE_ENTITY")
    assert Booking.objects.count() == 0


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ({"localDate": "2026-02-30"}, "localDate"),
        ({"localDate": "tomorrow"}, "localDate"),
        ({"localDateStart": "2026-11-01"}, "localDateEnd"),
        ({"localDateEnd": "2026-11-01"}, "localDateStart"),
        ({"utcCreatedAtStart": "2026-11-01", "utcCreatedAtEnd": "2026-11-02T00:00:00Z"}, "utcCreatedAtStart"),
        ({"utcCreatedAtStart": "2026-11-01T00:00:00Z"}, "utcCreatedAtEnd"),
        ({"utcUpdatedAtEnd": "0001-01-01T00:00:00+14:00", "utcUpdatedAtStart": "x"}, "utcUpdatedAt"),
        ({"contactLastName": "By"}, "contactLastName"),
        ({"resellerReference": "x", "status": "ON_HOLD,GONE"}, "status"),
        ({"resellerReference": "x", "statuses": "ON_HOLD,GONE"}, "status"),
        ({"resellerReference": "x", "page": "0"}, "page"),
        ({"resellerReference": "x", "page": "one"}, "page"),
        ({"resellerReference": "x", "page": "٣"}, "page"),
        ({"resellerReference": "x", "page": "1", "perPage": "501"}, "perPage"),
        ({"resellerReference": "x" * 201}, "resellerReference"),
        ({"resellerReference": "a\x00b"}, "resellerReference"),
    ],
)
def test_list_names_the_bad_filter(octo, query, name):
    assert name in refusal(octo.get("/bookings", query), "BAD_REQUEST")["errorMessage"]


@pytest.mark.parametrize(
    "query",
    [
        {"resellerReference": "nothing"},
        {"supplierReference": "nothing"},
        {"localDate": "2020-01-01"},
        {"localDateStart": "2020-01-01", "localDateEnd": "2020-01-02"},
        {"utcCreatedAtStart": "2020-01-01T00:00:00Z", "utcCreatedAtEnd": "2020-01-01T00:00:00+01:00"},
        {"utcUpdatedAtStart": "2020-01-01T00:00:00Z", "utcUpdatedAtEnd": "2020-01-02T00:00:00Z"},
        {"availabilityId": "nothing"},
        {"contactEmailAddress": "nobody@example.com"},
        {"contactPhoneNumber": "000"},
        {"contactLastName": "Nobody"},
        {"resellerReference": "x", "productId": "not-a-uuid", "optionId": "😀"},
    ],
)
def test_every_filter_works_and_may_find_nothing(shop, octo, query):
    shop.reserve(octo)

    answer = octo.get("/bookings", query)

    assert (answer.status_code, answer.json()) == (200, [])


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("localDateStart", ["2026-02-30", 1, [], {}, True, "20261121", "2026-11-21T00:00:00", "+2026-11-21"]),
        ("units", [1, "x", {}, [1], [{}], [{"id": 1, "quantity": 1}], [{"id": "x"}]]),
        ("units", [[{"id": "x", "quantity": value}] for value in (-1, "1", 1.5, True, None, HUGE)]),
        ("currency", ["eur", "XXX", "EURO", 1, [], "€"]),
        ("productId", [None, 1, [], {}, "", "x" * 200]),
        ("optionId", [None, 1, [], {}, "", "x" * 200]),
    ],
)
def test_availability_and_calendar_name_the_bad_field(shop, octo, field, values):
    wish = {
        "productId": str(shop.tour.pk),
        "optionId": "DEFAULT",
        "localDateStart": "2027-01-01",
        "localDateEnd": "2027-01-02",
    }

    for value in values:
        for path in ("/availability", "/availability/calendar"):
            assert field in refusal(octo.post(path, {**wish, field: value}), "BAD_REQUEST")["errorMessage"], value


@pytest.mark.parametrize("ids", [1, "x", {}, [1], [None], ["x" * 200], ["x"] * 501])
def test_availability_ids_of_other_types(shop, octo, ids):
    wish = {"productId": str(shop.tour.pk), "optionId": "DEFAULT", "availabilityIds": ids}

    assert "availabilityIds" in refusal(octo.post("/availability", wish), "BAD_REQUEST")["errorMessage"]


def test_availability_in_a_currency_that_is_not_offered(shop, octo):
    wish = {"productId": str(shop.tour.pk), "optionId": "DEFAULT", "localDate": "2027-01-01", "currency": "GBP"}

    assert refusal(octo.post("/availability", wish), "BAD_REQUEST")["availableCurrencies"] == ["EUR", "JPY", "USD"]


BODIES: list[tuple[str, str | bytes]] = [
    ("no JSON", "{"),
    ("empty text", " "),
    ("a list", "[]"),
    ("a text", '"x"'),
    ("a number", "1"),
    ("null", "null"),
    ("NaN", '{"notes": NaN}'),
    ("Infinity", '{"expirationMinutes": Infinity}'),
    ("a key twice", '{"notes": "a", "notes": "b"}'),
    ("a key twice inside", '{"contact": {"fullName": "a", "fullName": "b"}}'),
    ("NUL", '{"notes": "a\\u0000b"}'),
    ("NUL in a key", '{"metadata": {"a\\u0000b": "c"}}'),
    ("half a surrogate pair", '{"notes": "\\ud83d"}'),
    ("half a surrogate pair in a key", '{"\\udc00": 1}'),
    ("latin-1", '{"notes": "caf\xe9"}'.encode("latin-1")),
    ("UTF-16", '{"notes": "x"}'.encode("utf-16")),
    ("a byte order mark", b'\xef\xbb\xbf{"notes": "x"}'),
    ("raw bytes", bytes(range(256))),
    ("an exponent of twenty digits", '{"expirationMinutes": 1e99999999999999999999}'),
    ("5000 digits", '{"expirationMinutes": ' + "9" * 5_000 + "}"),
    ("deep lists", '{"a":' + "[" * 100_000 + "]" * 100_000 + "}"),
    ("deep objects", '{"a":' * 5_000 + "1" + "}" * 5_000),
    ("33 levels", '{"a":' * 33 + "1" + "}" * 33),
    ("trailing text", "{} x"),
    ("single quotes", "{'notes': 'x'}"),
]


@pytest.mark.parametrize("body", [body for _, body in BODIES], ids=[name for name, _ in BODIES])
def test_bodies_that_are_no_proper_json(shop, octo, body):
    booking = shop.reserve(octo)
    before = written()

    for method, path in (
        ("POST", "/bookings"),
        ("POST", "/availability"),
        ("POST", "/availability/calendar"),
        ("PATCH", f"/bookings/{booking['uuid']}"),
        ("POST", f"/bookings/{booking['uuid']}/extend"),
        ("POST", f"/bookings/{booking['uuid']}/confirm"),
        ("POST", f"/bookings/{booking['uuid']}/cancel"),
        ("DELETE", f"/bookings/{booking['uuid']}"),
    ):
        refusal(octo.send(method, path, body), "BAD_REQUEST")
    assert written() == before


@pytest.mark.parametrize(
    "kind",
    ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml"],
)
def test_other_content_types_are_refused(shop, octo, kind):
    body = json.dumps(shop.wish())

    answer = octo.send("POST", "/bookings", body, kind=kind)

    assert "application/json" in refusal(answer, "BAD_REQUEST")["errorMessage"]
    assert Booking.objects.count() == 0


def test_a_charset_and_any_accept_header_are_fine(shop, octo):
    answer = octo.send(
        "POST", "/bookings", json.dumps(shop.wish()), kind="application/json; charset=utf-8", Accept="application/xml"
    )

    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")


def test_bodies_over_one_mebibyte_are_refused(shop, octo):
    filler = {"metadata": {"filler": "x" * (1024 * 1024)}}

    answer = octo.post("/bookings", shop.wish(**filler))

    assert answer.status_code == 400
    assert answer.json()["error"] == "BAD_REQUEST"
    assert Booking.objects.count() == 0


def test_a_body_of_exactly_one_mebibyte_is_read(shop, octo):
    body = json.dumps(shop.wish())
    body += " " * (1024 * 1024 - len(body))

    assert octo.send("POST", "/bookings", body).status_code == 200


@pytest.mark.parametrize("length", ["ten", "-1", "1e3"])
def test_a_content_length_that_is_no_number(shop, length):
    octo = Octo(shop.key)
    client = octo._client

    answer = client.generic(
        "POST",
        "/octo/bookings",
        json.dumps(shop.wish()),
        content_type="application/json",
        headers=octo._headers,
        CONTENT_LENGTH=length,
    )

    assert answer.status_code == 400
    assert Booking.objects.count() == 0


def test_a_body_without_a_declared_length(shop):
    octo = Octo(shop.key)

    answer = octo._client.generic(
        "POST",
        "/octo/bookings",
        content_type="application/json",
        headers={**octo._headers, "Transfer-Encoding": "chunked"},
    )

    assert "Content-Length" in refusal(answer, "BAD_REQUEST")["errorMessage"]


def test_card_numbers_in_free_text_are_masked_and_never_echoed_in_refusals(shop, cards):
    number = "4111 1111 1111 1111"
    booking = shop.reserve(cards, notes=f"card {number}", resellerReference=number, contact={"fullName": number})
    answers = [
        cards.post("/bookings", shop.wish(productId=number)),
        cards.post("/bookings", shop.wish(availabilityId=number)),
        cards.post("/bookings", shop.wish(uuid=number)),
        cards.post("/bookings", shop.wish(settlementMethod=number)),
        cards.get(f"/bookings/{number}"),
        cards.get(f"/card_payments/{number}"),
        cards.patch(f"/bookings/{booking['uuid']}", {"cardPayment": {"source": number, "gateway": number}}),
    ]

    for answer in answers:
        assert answer.status_code == 400
        assert b"4111 1111 1111 1111" not in answer.content
    assert number not in json.dumps(booking)
    assert booking["notes"].endswith("1111")


def test_the_longest_of_everything_is_kept(shop: Shop, octo: Octo) -> None:
    contact = {"notes": "n" * 5_000, "locales": ["en"] * 20, "fullName": "A" * 200}
    metadata = {f"{n:02}" + "k" * 98: "v" * 1_000 for n in range(50)}

    booking = shop.reserve(octo, notes="n" * 5_000, contact=contact, metadata=metadata, resellerReference="r" * 200)

    stored = shop.stored(booking)
    assert (len(stored.notes), len(stored.contact_notes), len(stored.contact_locales)) == (5_000, 5_000, 20)
    assert (len(stored.contact_full_name), len(stored.reseller_reference)) == (200, 200)
    assert stored.metadata == metadata

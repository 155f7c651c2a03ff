"""Whatever is sent, the answer is 200 or a refusal in the envelope, never a 5xx; and a refusal writes nothing."""

import json
import string
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.octo.shop import CARDS
from tests.api.octo.test_bad_input import written

TEXTS = st.text(max_size=40) | st.sampled_from(
    [
        "",
        " ",
        "EUR",
        "JPY",
        "DIRECT",
        "VOUCHER",
        "DEFAULT",
        "ECOM",
        "adyen",
        "external",
        "https://example.com",
        "de",
        "\u0000",
    ]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS
KEYS = st.sampled_from(
    [
        *[
            "productId",
            "optionId",
            "availabilityId",
            "unitItems",
            "unitId",
            "uuid",
            "contact",
            "notes",
            "resellerReference",
            "currency",
            "metadata",
        ],
        *[
            "settlementMethod",
            "emailReceipt",
            "expirationMinutes",
            "returnUrl",
            "cardPayment",
            "gateway",
            "source",
            "amount",
            "cancel",
        ],
        *[
            "cardId",
            "adyen",
            "external",
            "approved",
            "refusalReason",
            "sessionId",
            "sessionResult",
            "pspReference",
            "paymentMethod",
            "channel",
        ],
        *[
            "fullName",
            "emailAddress",
            "locales",
            "country",
            "reason",
            "force",
            "units",
            "id",
            "quantity",
            "localDate",
            "localDateStart",
        ],
        *["localDateEnd", "availabilityIds", "pricing", "orderId"],
    ]
) | st.text(alphabet=string.printable, max_size=8)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=6), max_leaves=15
)
BODIES = st.dictionaries(KEYS, VALUES, max_size=8)
FUZZ = settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


def check(answer: Any, before: tuple[int, ...]) -> None:
    body = answer.json()
    assert answer.status_code in {200, 400}, body
    if answer.status_code == 400:
        assert set(body) >= {"error", "errorMessage"}
        assert written() == before


@FUZZ
@given(body=BODIES, replaced=BODIES)
def test_any_reserve_body(shop, body, replaced):
    octo = shop.octo(CARDS)

    # A session is for the tests with a gateway: here a return URL would only wait for one.
    wish = {**shop.wish(1), **replaced, "returnUrl": None}
    for each in (body, wish):
        check(octo.send("POST", "/bookings", json.dumps(each)), written())


@FUZZ
@given(body=BODIES)
def test_any_body_of_every_write(shop, body):
    octo = shop.octo(CARDS)
    booking = shop.reserve(octo, adults=1, settlementMethod="VOUCHER")
    sent = json.dumps({**body, "returnUrl": None})

    for method, path in (("PATCH", ""), ("POST", "/extend"), ("POST", "/confirm"), ("POST", "/cancel"), ("DELETE", "")):
        check(octo.send(method, f"/bookings/{booking['uuid']}{path}", sent), written())


@FUZZ
@given(body=BODIES, fields=BODIES)
def test_any_availability_body(shop, body, fields):
    octo = shop.octo(CARDS)
    wish = {"productId": str(shop.tour.pk), "optionId": "DEFAULT", "localDate": shop.first_day.isoformat(), **fields}

    for path in ("/availability", "/availability/calendar"):
        for each in (body, wish):
            check(octo.send("POST", path, json.dumps(each)), written())


@FUZZ
@given(
    raw=st.binary(max_size=200), kind=st.sampled_from(["application/json", "text/plain", "application/json; charset=x"])
)
def test_any_bytes(shop, raw, kind):
    octo = shop.octo(CARDS)

    check(octo.send("POST", "/bookings", raw, kind=kind), written())


@FUZZ
@given(query=st.dictionaries(KEYS | st.just("resellerReference"), st.text(max_size=30), max_size=5))
def test_any_query(shop, query):
    octo = shop.octo(CARDS)
    clean = {name: value.encode("utf-8", "ignore").decode() for name, value in query.items() if name.isprintable()}

    for path in ("/bookings", "/products"):
        check(octo.get(path, clean), written())


@FUZZ
@given(header=st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126), max_size=100))
def test_any_header(shop, header):
    names = ("Octo-Capabilities", "Octo-Env", "Accept-Language", "adyen-channel", "Idempotency-Key", "Accept")

    for name in names:
        answer = shop.octo(CARDS).post("/bookings", shop.wish(1), **{name: header})

        assert answer.status_code in {200, 400}, (name, answer.content)

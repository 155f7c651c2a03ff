"""Who may see and do what, and how every refusal looks."""

import base64

import pytest
from django.test import Client

from bookings.services import mint_partner_key, revoke_partner_key
from tests.api.invoices.desk import JSON_API, Caller, read

UNKNOWN = "cpi_0000000000000000"


def refusal(answer):
    document = read(answer)
    (error,) = document["errors"]
    assert list(error)[:4] == ["status", "code", "title", "detail"]
    assert error["status"] == str(answer.status_code)
    assert answer["X-Request-Id"]
    return error["code"]


class TestKeys:
    @pytest.mark.parametrize(
        "authorization",
        [
            "",
            "Bearer x",
            "Basic",
            "Basic \xe9",
            "Basic !!!",
            "Basic " + base64.b64encode(b"nobody").decode(),
            "Basic /w==",
        ],
    )
    def test_a_request_without_credentials_is_challenged(self, desk, authorization):
        answer = Client().get("/payment-invoices", headers={"Authorization": authorization})

        assert (answer.status_code, refusal(answer)) == (401, "UNAUTHORIZED")
        assert answer["WWW-Authenticate"] == 'Basic realm="payment invoices", charset="UTF-8"'

    def test_a_key_under_another_account_is_no_pair(self, desk):
        key = mint_partner_key(
            partner=desk.house.partner, dialects=["invoices"], is_live=True, label="", now=desk.house.clock()
        )[1]

        assert Caller(desk.house.partner.slug, key).get().status_code == 200
        answer = Caller(desk.house.other_partner.slug, key).get()
        assert (answer.status_code, refusal(answer)) == (401, "UNAUTHORIZED")

    def test_a_key_that_is_unknown_revoked_or_of_another_dialect_opens_nothing(self, desk):
        now, partner = desk.house.clock(), desk.house.partner
        row, revoked = mint_partner_key(partner=partner, dialects=["invoices"], is_live=True, label="", now=now)
        revoke_partner_key(key=row, now=now)
        octo = mint_partner_key(partner=partner, dialects=["octo"], is_live=True, label="", now=now)[1]

        for password in ("nothing", revoked, octo):
            answer = Caller(partner.slug, password).get()
            assert (answer.status_code, refusal(answer)) == (403, "FORBIDDEN")

    def test_a_partner_sees_its_own_invoices_and_a_key_for_tests_no_live_ones(self, desk):
        live, test = desk.made(), desk.made(reference_id="T-1", test_mode=True)

        def seen(caller):
            return {row["id"] for row in read(caller.get())["data"]}

        assert seen(desk.live) == {live.public_id, test.public_id}
        assert seen(desk.test) == {test.public_id}
        assert seen(desk.other) == set()
        for caller in (desk.test, desk.other):
            for answer in (caller.get(f"/{live.public_id}"), caller.refund(live.public_id)):
                assert (answer.status_code, refusal(answer)) == (404, "NOT_FOUND")

    def test_a_key_for_tests_makes_nothing_live(self, desk):
        refused = desk.test.create(desk.wish(test_mode=False))
        made = read(desk.test.create(desk.wish(test_mode=...)))

        assert (refused.status_code, refusal(refused)) == (422, "OTHER_MODE")
        assert made["data"]["attributes"]["test_mode"] is True


class TestRoutes:
    @pytest.mark.parametrize(
        "path", ["/payment-invoices/x/y", "/payment-invoices/x/refund/y", "/payment", "/payment/", "/payment/purchase"]
    )
    @pytest.mark.parametrize("prefix", ["", "/api"])
    def test_an_unknown_path_is_answered_in_our_envelope(self, desk, prefix, path):
        answer = Client().get(f"{prefix}{path}")

        assert (answer.status_code, refusal(answer)) == (404, "NOT_FOUND")
        assert answer["Content-Type"] == JSON_API

    def test_another_method_is_refused(self, desk):
        answer = desk.live.client.delete("/payment-invoices", headers=desk.live.headers)
        assert (answer.status_code, refusal(answer)) == (405, "METHOD_NOT_ALLOWED")

    @pytest.mark.parametrize("name", [UNKNOWN, "%00", "%ff", "cpi_%C3%A9", "x" * 3000])
    def test_an_invoice_that_does_not_exist(self, desk, name):
        answer = desk.live.get(f"/{name}", Accept_Language="de")
        assert (answer.status_code, refusal(answer)) == (404, "NOT_FOUND")
        assert answer["Content-Language"] == "de"

    @pytest.mark.parametrize(
        ("accept", "kind"),
        [("*/*", JSON_API), ("application/json", "application/json"), ("application/*", JSON_API), ("text/html", None)],
    )
    def test_the_media_type_is_chosen_by_accept(self, desk, accept, kind):
        answer = desk.live.get(Accept=accept)
        if kind is None:
            assert (answer.status_code, refusal(answer)) == (406, "NOT_ACCEPTABLE")
        else:
            assert (answer.status_code, answer["Content-Type"]) == (200, kind)


class TestBodies:
    @pytest.mark.parametrize(
        ("body", "kind", "status", "code"),
        [
            (b"<xml/>", "application/xml", 415, "UNSUPPORTED_MEDIA_TYPE"),
            (b"{", "application/json", 400, "BAD_REQUEST"),
            (b"[]", JSON_API, 400, "BAD_REQUEST"),
            (b'{"data":1,"data":2}', JSON_API, 400, "BAD_REQUEST"),
            (b'{"data":{"amount":NaN}}', "application/json", 400, "BAD_REQUEST"),
            (b"\xff", "application/json", 400, "BAD_REQUEST"),
        ],
    )
    def test_what_cannot_be_read_is_refused(self, desk, body, kind, status, code):
        answer = desk.live.send("/payment-invoices", body, kind=kind)

        assert (answer.status_code, refusal(answer)) == (status, code)

    def test_a_malformed_idempotency_key_is_refused(self, desk):
        answer = desk.live.create(desk.wish(), Idempotency_Key="x" * 256)

        assert (answer.status_code, refusal(answer)) == (400, "INVALID_IDEMPOTENCY_KEY")


class TestLists:
    def test_pages_lead_to_each_other(self, desk):
        for number in range(3):
            desk.made(reference_id=f"R-{number}")

        first = read(desk.live.get("?page[size]=2"))
        second = read(desk.live.client.get(first["links"]["next"], headers=desk.live.headers))

        assert [row["attributes"]["reference_id"] for row in first["data"]] == ["R-2", "R-1"]
        assert [row["attributes"]["reference_id"] for row in second["data"]] == ["R-0"]
        assert first["links"]["prev"] is None
        assert second["links"] == {
            "self": "/api/payment-invoices?page%5Bnumber%5D=2&page%5Bsize%5D=2",
            "prev": "/api/payment-invoices?page%5Bnumber%5D=1&page%5Bsize%5D=2",
            "next": None,
        }

    @pytest.mark.parametrize("query", ["page[number]=0", "page[number]=x", "page[size]=101", "page[size]=-1"])
    def test_a_page_that_cannot_be_is_refused_by_name(self, desk, query):
        answer = desk.live.get(f"?{query}")

        assert (answer.status_code, refusal(answer)) == (400, "INVALID_PARAMETER")
        assert read(answer)["errors"][0]["source"] == {"parameter": query.partition("=")[0]}

    def test_a_list_costs_the_same_for_any_number_of_invoices(self, desk, django_assert_num_queries):
        for number in range(4):
            invoice = desk.made(reference_id=f"R-{number}", callback_url="http://localhost:9999/told")
            if number % 2:
                desk.paid(invoice, psp=f"PSP{number}")
                desk.live.refund(invoice.public_id, {"amount": 1, "reference_id": f"B-{number}"})
        # The key; invoices, their refunds and what carries these out; operations, books, payments and consents.
        with django_assert_num_queries(8):
            assert len(read(desk.live.get("?page[size]=1"))["data"]) == 1
        with django_assert_num_queries(8):
            assert len(read(desk.live.get())["data"]) == 4


def test_a_key_is_throttled_with_headers(desk, settings):
    settings.API = {**settings.API, "REQUESTS_PER_MINUTE": 2}
    answers = [desk.live.get() for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert refusal(answers[2]) == "TOO_MANY_REQUESTS"
    assert int(answers[2]["Retry-After"]) > 0
    assert answers[0]["RateLimit-Limit"] == "2"

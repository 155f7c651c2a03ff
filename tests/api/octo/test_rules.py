"""The rules a strict client checks, one test or more each; the numbers are those of our OCTO reference, section C."""

import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from bookings.models import Availability, Booking, Option
from tests.api.octo.shop import CORE, PRICED, Octo, Shop

# A uuid that names nothing, always the same one: the tests of two processes must have the same names.
UNKNOWN_UUID = "00000000-0000-4000-8000-000000000000"

UTC_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,3})?Z")
LOCAL_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}[+-]\d{2}:\d{2}")
UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
CONTACT = {
    "fullName", "firstName", "lastName", "emailAddress", "phoneNumber", "postalCode", "country", "notes", "locales",
}  # fmt: skip


def refusal(answer: Any, code: str, **extra: object) -> dict[str, Any]:
    """Return the body of a refusal after checking its status and code."""
    body = answer.json()
    assert (answer.status_code, body.get("error")) == (400, code), body
    assert body["errorMessage"]
    assert {name: body.get(name) for name in extra} == extra
    return body


def confirm_free(shop: Shop, octo: Octo, **fields: Any) -> dict[str, Any]:
    """Reserve a booking that no card must pay, confirm it, and return it."""
    booking = shop.reserve(octo, settlementMethod="VOUCHER")
    answer = octo.post(f"/bookings/{booking['uuid']}/confirm", fields)
    assert answer.status_code == 200, answer.content
    return answer.json()


class TestGeneral:
    def test_01_success_is_exactly_200_for_every_write(self, shop, octo):
        booking = shop.reserve(octo, settlementMethod="VOUCHER")
        path = f"/bookings/{booking['uuid']}"

        answers = [
            octo.post(f"{path}/extend", {"expirationMinutes": 60}),
            octo.patch(path, {"notes": "Vegetarian lunch"}),
            octo.post(f"{path}/confirm", {}),
            octo.delete(path, {"reason": "rain"}),
        ]

        assert [answer.status_code for answer in answers] == [200] * 4

    @pytest.mark.parametrize("path", ["/bookings/not-a-uuid", "/products/nothing", "/nowhere", "/bookings/a/b/c", ""])
    def test_02_a_refusal_is_400_and_never_404(self, octo, path):
        answer = octo.get(path + "/" if path == "" else path)

        assert answer.status_code == 400
        assert set(answer.json()) >= {"error", "errorMessage"}

    @pytest.mark.parametrize(
        ("method", "path"),
        [("PUT", "/bookings/x"), ("POST", "/products"), ("DELETE", "/bookings"), ("OPTIONS", "/supplier")],
    )
    def test_02_a_wrong_method_is_400(self, octo, method, path):
        refusal(octo.send(method, path), "BAD_REQUEST")

    @pytest.mark.parametrize("slash", ["", "/"])
    @pytest.mark.parametrize("path", ["/supplier", "/whoami", "/capabilities", "/products", "/bookings/not-a-uuid"])
    def test_03_every_path_answers_with_and_without_a_slash(self, octo, path, slash):
        answer = octo.get(path + slash)

        assert answer.status_code in {200, 400}
        assert answer.headers["Content-Type"] == "application/json"

    @pytest.mark.parametrize("slash", ["", "/"])
    def test_03_posts_are_not_redirected(self, shop, octo, slash):
        assert octo.post(f"/bookings{slash}", shop.wish()).status_code == 200
        assert octo.post(f"/availability{slash}", {}).status_code == 400

    @pytest.mark.parametrize("text", ["not-a-uuid", "%00", "a%20b", "%F0%9F%9A%80", "x" * 500, "..", "%0A", "%FF"])
    def test_03_ids_in_paths_are_any_text(self, octo, text):
        refusal(octo.get(f"/bookings/{text}"), "INVALID_BOOKING_UUID")
        refusal(octo.get(f"/products/{text}"), "INVALID_PRODUCT_ID")

    def test_04_an_empty_capabilities_header_is_a_core_call(self, shop):
        answer = shop.octo("").get("/supplier")

        assert (answer.status_code, answer.headers["Octo-Capabilities"]) == (200, "")

    def test_04_an_absent_capabilities_header_is_refused(self, shop):
        refusal(shop.octo(None).get("/supplier"), "BAD_REQUEST")

    def test_06_times_end_in_z_with_at_most_milliseconds(self, shop, octo):
        booking = confirm_free(shop, octo)

        for field in ("utcCreatedAt", "utcUpdatedAt", "utcConfirmedAt"):
            assert UTC_TIME.fullmatch(booking[field]), field
        assert re.fullmatch(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z", booking["availability"]["utcCutoffAt"])
        assert LOCAL_TIME.fullmatch(booking["availability"]["localDateTimeStart"])
        assert LOCAL_TIME.fullmatch(booking["availability"]["localDateTimeEnd"])

    def test_07_uuids_are_lower_case_with_a_proper_variant(self, shop, octo):
        booking = shop.reserve(octo)

        assert UUID4.fullmatch(booking["uuid"])
        assert all(UUID4.fullmatch(item["uuid"]) for item in booking["unitItems"])

    def test_07_a_uuid_sent_in_capitals_is_answered_in_lower_case(self, shop, octo):
        sent = str(uuid.uuid4())

        assert shop.reserve(octo, uuid=sent.upper())["uuid"] == sent


class TestCatalogue:
    def test_08_supplier(self, octo):
        supplier = octo.get("/supplier").json()

        assert set(supplier) == {"id", "name", "endpoint", "contact"}
        assert set(supplier["contact"]) == {"website", "email", "telephone", "address"}
        assert supplier["endpoint"].endswith("/octo")

    def test_09_products(self, octo):
        products = octo.get("/products").json()

        assert {product["availabilityType"] for product in products} == {"START_TIME", "OPENING_HOURS"}
        for product in products:
            assert octo.get(f"/products/{product['id']}").json() == product
            for option in product["options"]:
                starts = option["availabilityLocalStartTimes"]
                assert bool(starts) == (product["availabilityType"] == "START_TIME")
                assert all(re.fullmatch(r"\d{2}:\d{2}", start) for start in starts)
                assert isinstance(option["restrictions"]["minUnits"], int)
                assert "fullName" not in option["requiredContactFields"]
                for unit in option["units"]:
                    restrictions = unit["restrictions"]
                    assert [type(restrictions[name]) for name in ("minAge", "maxAge", "paxCount")] == [int] * 3
                    assert restrictions["accompaniedBy"] == []

    def test_09_full_name_is_no_contact_field_of_core(self, shop, octo):
        shop.tour_option.required_contact_fields = ["fullName", "emailAddress"]
        shop.tour_option.save()

        option = octo.get(f"/products/{shop.tour.pk}").json()["options"][0]

        assert option["requiredContactFields"] == ["emailAddress"]

    @pytest.mark.parametrize("product_id", ["nothing", UNKNOWN_UUID, "😀", "4111 1111 1111 111"])
    def test_10_unknown_product(self, shop, octo, product_id):
        dates = {"localDateStart": "2027-01-01", "localDateEnd": "2027-01-02"}
        wish = {"productId": product_id, "optionId": "DEFAULT"}

        refusal(octo.get(f"/products/{product_id}"), "INVALID_PRODUCT_ID", productId=product_id)
        refusal(octo.post("/availability", wish | dates), "INVALID_PRODUCT_ID", productId=product_id)
        refusal(octo.post("/availability/calendar", wish | dates), "INVALID_PRODUCT_ID", productId=product_id)
        refusal(octo.post("/bookings", shop.wish(productId=product_id)), "INVALID_PRODUCT_ID", productId=product_id)

    @pytest.mark.parametrize("option_id", ["nothing", UNKNOWN_UUID])
    def test_10_unknown_option(self, shop, octo, option_id):
        dates = {"localDateStart": "2027-01-01", "localDateEnd": "2027-01-02"}
        wish = {"productId": str(shop.tour.pk), "optionId": option_id}

        refusal(octo.post("/availability", wish | dates), "INVALID_OPTION_ID", optionId=option_id)
        refusal(octo.post("/availability/calendar", wish | dates), "INVALID_OPTION_ID", optionId=option_id)
        refusal(octo.post("/bookings", shop.wish(optionId=option_id)), "INVALID_OPTION_ID", optionId=option_id)

    def test_10_default_names_the_default_option(self, shop, octo):
        booking = shop.reserve(octo, optionId="DEFAULT")

        assert booking["optionId"] == str(shop.tour_option.pk)
        changed = octo.patch(f"/bookings/{booking['uuid']}", {"optionId": "DEFAULT"}).json()
        assert changed["optionId"] == str(shop.tour_option.pk)

    def test_10_default_names_nothing_where_no_option_is_the_default_one(self, shop, octo):
        booking = shop.reserve(octo)
        Option.objects.update(is_default=False)
        wish = {"productId": str(shop.tour.pk), "optionId": "DEFAULT", "localDate": shop.first_day.isoformat()}

        refusal(octo.post("/availability", wish), "INVALID_OPTION_ID", optionId="DEFAULT")
        refusal(octo.post("/bookings", shop.wish(optionId="DEFAULT")), "INVALID_OPTION_ID", optionId="DEFAULT")
        path = f"/bookings/{booking['uuid']}"
        refusal(octo.patch(path, {"optionId": "DEFAULT"}), "INVALID_OPTION_ID", optionId="DEFAULT")

    def test_11_calendar_rows_have_every_field(self, shop, octo):
        for product, option in ((shop.tour, shop.tour_option), (shop.park, shop.park_option)):
            rows = octo.post("/availability/calendar", self._days(shop, product, option)).json()

            assert len(rows) == 5
            for row in rows:
                assert row.keys() >= {"localDate", "available", "status", "vacancies", "capacity", "openingHours"}
                assert bool(row["openingHours"]) == (product is shop.park)

    def test_11_a_closed_day_has_hours_or_no_row(self, shop, octo):
        days = Availability.objects.filter(option=shop.park_option).order_by("starts_at")
        Availability.objects.filter(pk=days[0].pk).update(is_closed=True)
        Availability.objects.filter(pk=days[1].pk).update(opening_hours=[])

        rows = octo.post("/availability/calendar", self._days(shop, shop.park, shop.park_option)).json()

        assert [(row["available"], row["status"]) for row in rows] == [(False, "CLOSED")] + [(True, "AVAILABLE")] * 3
        assert all(row["openingHours"] for row in rows)

    @pytest.mark.parametrize("field", ["localDateStart", "localDateEnd"])
    def test_11_calendar_needs_both_dates(self, shop, octo, field):
        wish = self._days(shop, shop.tour, shop.tour_option)
        del wish[field]

        assert field in refusal(octo.post("/availability/calendar", wish), "BAD_REQUEST")["errorMessage"]

    def test_11_calendar_of_more_than_a_year(self, shop, octo):
        last = shop.first_day + timedelta(days=367)
        wish = self._days(shop, shop.tour, shop.tour_option) | {"localDateEnd": last.isoformat()}

        assert "more than 1 year" in refusal(octo.post("/availability/calendar", wish), "BAD_REQUEST")["errorMessage"]

    def test_12_availability_by_range_by_one_slot_and_by_ids(self, shop, octo):
        wish = {"productId": str(shop.tour.pk), "optionId": str(shop.tour_option.pk)}
        day = shop.first_day.isoformat()

        by_range = octo.post("/availability", wish | {"localDateStart": day, "localDateEnd": day}).json()
        by_date = octo.post("/availability", wish | {"localDate": day}).json()
        by_ids = octo.post("/availability", wish | {"availabilityIds": shop.tour_slots[:2]}).json()
        by_id = octo.post("/availability", wish | {"availabilityId": shop.tour_slots[0]}).json()

        assert [slot["id"] for slot in by_range] == shop.tour_slots[:2]
        assert by_date == by_range == by_ids
        assert by_id == by_range[:1]

    def test_12_all_day_for_opening_hours_and_only_for_them(self, shop, octo):
        for product, option, expected in ((shop.tour, shop.tour_option, False), (shop.park, shop.park_option, True)):
            slots = octo.post("/availability", self._days(shop, product, option)).json()

            assert {slot["allDay"] for slot in slots} == {expected}
            assert all(LOCAL_TIME.fullmatch(slot["localDateTimeStart"]) for slot in slots)

    @pytest.mark.parametrize(
        "dates",
        [
            {},
            {"localDateStart": "2027-01-01"},
            {"localDateEnd": "2027-01-01"},
            {"localDateStart": "2027-01-02", "localDateEnd": "2027-01-01"},
            {"localDateStart": "2027-01-01", "localDateEnd": "2027-01-02", "availabilityIds": ["x"]},
            {"localDate": "2027-01-01", "localDateStart": "2027-01-01"},
            {"localDate": "2027-01-01", "availabilityId": "x"},
        ],
    )
    def test_12_needs_exactly_one_way_to_name_departures(self, shop, octo, dates):
        wish = {"productId": str(shop.tour.pk), "optionId": "DEFAULT"}

        refusal(octo.post("/availability", wish | dates), "BAD_REQUEST")

    def test_12_sold_out_slots_stay_listed(self, shop, octo):
        slots = octo.post("/availability", self._days(shop, shop.tour, shop.tour_option)).json()

        full = next(slot for slot in slots if slot["id"] == shop.sold_out)
        assert (full["available"], full["status"], full["vacancies"]) == (False, "SOLD_OUT", 0)
        assert sum(slot["available"] for slot in slots) == len(slots) - 1

    def test_12_units_decide_whether_a_slot_is_available(self, shop, octo):
        Availability.objects.filter(option=shop.tour_option).update(reserved=197)
        wish = self._days(shop, shop.tour, shop.tour_option)
        three, four = ({"units": [{"id": str(shop.adult.pk), "quantity": count}]} for count in (3, 4))

        assert octo.post("/availability", wish | three).json()[0]["available"] is True
        assert octo.post("/availability", wish | four).json()[0]["available"] is False
        refusal(
            octo.post("/availability", wish | {"units": [{"id": "x", "quantity": 1}]}), "INVALID_UNIT_ID", unitId="x"
        )

    @staticmethod
    def _days(shop: Shop, product: Any, option: Any) -> dict[str, Any]:
        last = shop.first_day + timedelta(days=30)
        return {
            "productId": str(product.pk),
            "optionId": str(option.pk),
            "localDateStart": shop.first_day.isoformat(),
            "localDateEnd": last.isoformat(),
        }


class TestBookings:
    def test_14_reserve_without_uuid_and_contact(self, shop, octo):
        booking = shop.reserve(octo, adults=3)

        assert booking["status"] == "ON_HOLD"
        assert len({item["uuid"] for item in booking["unitItems"]}) == 3
        assert booking["utcExpiresAt"] > booking["utcCreatedAt"]

    def test_15_sold_out(self, shop, octo):
        refusal(octo.post("/bookings", shop.wish(availabilityId=shop.sold_out)), "UNPROCESSABLE_ENTITY")

        assert Booking.objects.count() == 0

    @pytest.mark.parametrize(
        "availability_id", ["nothing", "2026-13-45T00:00:00Z", "2021-01-01T10:00:00+01:00", "\u2603"]
    )
    def test_15_unknown_availability(self, shop, octo, availability_id):
        answer = octo.post("/bookings", shop.wish(availabilityId=availability_id))

        refusal(answer, "INVALID_AVAILABILITY_ID", availabilityId=availability_id)

    @pytest.mark.parametrize("unit_items", [None, []])
    def test_15_no_unit_items(self, shop, octo, unit_items):
        wish = shop.wish(unitItems=unit_items)

        refusal(octo.post("/bookings", wish), "UNPROCESSABLE_ENTITY")
        del wish["unitItems"]
        refusal(octo.post("/bookings", wish), "UNPROCESSABLE_ENTITY")

    def test_15_unknown_unit(self, shop, octo):
        for unit_id in ("nothing", str(shop.visitor.pk)):
            wish = shop.wish(unitItems=[{"unitId": str(shop.adult.pk)}, {"unitId": unit_id}])

            refusal(octo.post("/bookings", wish), "INVALID_UNIT_ID", unitId=unit_id)

    @pytest.mark.parametrize("sent", ["not-a-uuid", "4f2b5b0e-5b1f-4bb5-9a76-000000000000"])
    @pytest.mark.parametrize("body", [{}, {"contact": {}}, {"unitItems": 5}, {"expirationMinutes": "x"}])
    def test_16_unknown_uuid_whatever_the_body(self, octo, sent, body):
        refusal(octo.get(f"/bookings/{sent}"), "INVALID_BOOKING_UUID", uuid=sent)
        for action in ("extend", "confirm", "cancel"):
            refusal(octo.post(f"/bookings/{sent}/{action}", body), "INVALID_BOOKING_UUID", uuid=sent)
        refusal(octo.patch(f"/bookings/{sent}", body), "INVALID_BOOKING_UUID", uuid=sent)
        refusal(octo.delete(f"/bookings/{sent}", body), "INVALID_BOOKING_UUID", uuid=sent)

    def test_17_extend(self, shop, octo):
        booking = shop.reserve(octo)

        extended = octo.post(f"/bookings/{booking['uuid']}/extend", {"expirationMinutes": 60}).json()

        assert extended["utcExpiresAt"] > booking["utcExpiresAt"]

    def test_17_extend_of_what_is_no_hold(self, shop, octo):
        booking = confirm_free(shop, octo)

        refusal(octo.post(f"/bookings/{booking['uuid']}/extend", {"expirationMinutes": 60}), "UNPROCESSABLE_ENTITY")

    def test_18_confirm_echoes_contact_and_reference(self, shop, octo):
        contact = {
            "firstName": "Ada",
            "lastName": "Byron",
            "fullName": "Ada Byron",
            "emailAddress": "ada@example.com",
            "notes": "Arrives by train",
            "locales": ["en-GB"],
            "country": "GB",
            "phoneNumber": "+44 20 7946 0000",
            "postalCode": "N1 9GU",
        }

        booking = confirm_free(shop, octo, contact=contact, resellerReference="R-1001")

        assert booking["status"] == "CONFIRMED"
        assert booking["utcExpiresAt"] is None
        assert UTC_TIME.fullmatch(booking["utcConfirmedAt"])
        assert booking["contact"] == contact
        assert booking["resellerReference"] == "R-1001"

    def test_18_confirm_replaces_unit_items(self, shop, octo):
        booking = shop.reserve(octo, adults=1, settlementMethod="VOUCHER")
        kept = booking["unitItems"][0]["uuid"]
        adult, child = str(shop.adult.pk), str(shop.child.pk)

        confirmed = octo.post(
            f"/bookings/{booking['uuid']}/confirm",
            {"unitItems": [{"uuid": kept, "unitId": adult}, {"unitId": adult}, {"unitId": child}]},
        ).json()

        assert [item["unitId"] for item in confirmed["unitItems"]] == [adult, adult, child]
        assert kept in {item["uuid"] for item in confirmed["unitItems"]}
        assert len({item["uuid"] for item in confirmed["unitItems"]}) == 3

    def test_18_confirm_with_an_invalid_unit(self, shop, octo):
        booking = shop.reserve(octo, settlementMethod="VOUCHER")

        answer = octo.post(f"/bookings/{booking['uuid']}/confirm", {"unitItems": [{"unitId": "nothing"}]})

        refusal(answer, "INVALID_UNIT_ID", unitId="nothing")
        assert octo.get(f"/bookings/{booking['uuid']}").json()["status"] == "ON_HOLD"

    def test_18_confirm_again_changes_nothing(self, shop, octo):
        booking = confirm_free(shop, octo)

        again = octo.post(f"/bookings/{booking['uuid']}/confirm", {})

        assert (again.status_code, again.json()) == (200, booking)

    def test_18_confirm_after_the_hold_ran_out_says_so(self, shop, octo):
        booking = shop.reserve(octo, settlementMethod="VOUCHER")
        row = shop.stored(booking)
        past = timezone.now() - timedelta(minutes=1)
        Booking.objects.filter(pk=row.pk).update(expires_at=past)
        type(row.order).objects.filter(pk=row.order_id).update(expires_at=past)

        body = refusal(
            octo.post(f"/bookings/{booking['uuid']}/confirm", {}), "INVALID_BOOKING_UUID", uuid=booking["uuid"]
        )

        assert "expired" in body["errorMessage"]

    def test_19_update_moves_to_another_departure(self, shop, octo):
        booking = shop.reserve(octo)

        moved = octo.patch(f"/bookings/{booking['uuid']}", {"availabilityId": shop.tour_slots[2]}).json()

        assert moved["availabilityId"] == moved["availability"]["id"] == shop.tour_slots[2]

    def test_19_update_replaces_unit_items_contact_and_notes(self, shop, octo):
        booking = shop.reserve(octo)
        path = f"/bookings/{booking['uuid']}"

        with_child = octo.patch(path, {"unitItems": [{"unitId": str(shop.child.pk)}]}).json()
        described = octo.patch(path, {"contact": {"fullName": "Ada Byron"}, "notes": "Window seat"}).json()

        assert [item["unitId"] for item in with_child["unitItems"]] == [str(shop.child.pk)]
        assert (described["contact"]["fullName"], described["notes"]) == ("Ada Byron", "Window seat")

    def test_19_update_with_no_unit_items_is_refused(self, shop, octo):
        booking = shop.reserve(octo)

        refusal(octo.patch(f"/bookings/{booking['uuid']}", {"unitItems": []}), "UNPROCESSABLE_ENTITY")

    def test_19_update_moves_to_another_product(self, shop, octo):
        booking = shop.reserve(octo)
        move = {
            "productId": str(shop.park.pk),
            "optionId": str(shop.park_option.pk),
            "availabilityId": shop.park_days[1],
            "unitItems": [{"unitId": str(shop.visitor.pk)}],
        }

        moved = octo.patch(f"/bookings/{booking['uuid']}", move).json()

        assert {name: moved[name] for name in ("productId", "optionId", "availabilityId")} == {
            name: move[name] for name in ("productId", "optionId", "availabilityId")
        }
        assert moved["availability"]["allDay"] is True

    @pytest.mark.parametrize("verb", ["post", "delete"])
    def test_20_cancel_of_a_hold(self, shop, octo, verb):
        booking = shop.reserve(octo)
        path = f"/bookings/{booking['uuid']}" + ("/cancel" if verb == "post" else "")

        cancelled = getattr(octo, verb)(path, {"reason": "Storm warning"}).json()

        assert cancelled["status"] == "CANCELLED"
        assert cancelled["cancellation"]["reason"] == "Storm warning"
        assert cancelled["cancellation"]["refund"] == "FULL"
        assert UTC_TIME.fullmatch(cancelled["cancellation"]["utcCancelledAt"])

    def test_20_cancel_of_a_confirmed_booking(self, shop, octo):
        booking = confirm_free(shop, octo)

        cancelled = octo.post(f"/bookings/{booking['uuid']}/cancel", {"reason": "Ill"}).json()

        assert (cancelled["status"], cancelled["cancellation"]["reason"]) == ("CANCELLED", "Ill")

    def test_20_delete_without_a_body(self, shop, octo):
        booking = shop.reserve(octo)

        assert octo.send("DELETE", f"/bookings/{booking['uuid']}", "", kind="").json()["status"] == "CANCELLED"

    def test_20_cancel_after_the_cutoff_is_refused_even_with_force(self, shop, octo):
        booking = confirm_free(shop, octo)
        type(shop.tour_option).objects.filter(pk=shop.tour_option.pk).update(
            cancellation_cutoff_amount=30, cancellation_cutoff_unit="day"
        )

        for body in ({}, {"force": True}):
            refusal(octo.post(f"/bookings/{booking['uuid']}/cancel", body), "UNPROCESSABLE_ENTITY")
        assert octo.get(f"/bookings/{booking['uuid']}").json()["cancellable"] is False

    def test_21_list_by_reference(self, shop, octo):
        booking = shop.reserve(octo, resellerReference="R-77")
        shop.reserve(octo, resellerReference="R-78")

        by_reseller = octo.get("/bookings", {"resellerReference": "R-77"}).json()
        by_supplier = octo.get("/bookings", {"supplierReference": booking["supplierReference"]}).json()

        assert by_reseller == by_supplier == [octo.get(f"/bookings/{booking['uuid']}").json()]

    def test_21_list_without_a_filter(self, octo):
        for query in ({}, {"status": "ON_HOLD"}, {"page": "1"}):
            refusal(octo.get("/bookings", query), "BAD_REQUEST")

    def test_21_list_by_dates_in_pages(self, shop, octo):
        for _ in range(3):
            shop.reserve(octo)
        query = {"localDate": shop.first_day.isoformat(), "perPage": "2"}

        first = octo.get("/bookings", query | {"page": "1"})
        second = octo.get("/bookings", query | {"page": "2"})

        assert (len(first.json()), len(second.json())) == (2, 1)
        assert first.headers["Octo-Total-Pages"] == "2"
        assert "Octo-Total-Pages" not in octo.get("/bookings", query).headers


class TestShapes:
    def test_22_booking(self, shop, octo):
        booking = shop.reserve(octo, notes=None)

        assert booking["testMode"] is False
        assert booking["resellerReference"] is None
        assert booking["utcRedeemedAt"] is None
        assert booking["cancellation"] is None
        assert booking["notes"] is None
        assert booking["freesale"] is False
        assert booking["cancellable"] is True
        wish = shop.wish()
        for name in ("productId", "optionId", "availabilityId"):
            assert booking[name] == wish[name]
        assert booking["availability"].keys() >= {
            "id", "localDateTimeStart", "localDateTimeEnd", "allDay", "openingHours",
        }  # fmt: skip

    def test_23_contact_is_whole_on_booking_and_on_every_unit_item(self, shop, octo):
        booking = shop.reserve(octo)

        for contact in (booking["contact"], *(item["contact"] for item in booking["unitItems"])):
            assert set(contact) == CONTACT
            assert contact["locales"] == []

    def test_23_unit_items_keep_their_own_contact(self, shop, octo):
        guest = {"unitId": str(shop.adult.pk), "contact": {"fullName": "Charles B."}, "resellerReference": "T-1"}

        item = shop.reserve(octo, unitItems=[guest])["unitItems"][0]

        assert (item["contact"]["fullName"], item["resellerReference"]) == ("Charles B.", "T-1")

    def test_24_voucher_and_tickets_are_there_from_the_start_and_filled_at_confirm(self, shop, octo):
        held = shop.reserve(octo, settlementMethod="VOUCHER")
        empty = {"redemptionMethod": "DIGITAL", "utcRedeemedAt": None, "deliveryOptions": []}
        assert held["voucher"] == empty
        assert [item["ticket"] for item in held["unitItems"]] == [empty, empty]

        confirmed = octo.post(f"/bookings/{held['uuid']}/confirm", {}).json()

        codes = [confirmed["voucher"], *(item["ticket"] for item in confirmed["unitItems"])]
        values = [option["deliveryValue"] for code in codes for option in code["deliveryOptions"]]
        assert len(set(values)) == 3
        assert all(values)
        assert {option["deliveryFormat"] for code in codes for option in code["deliveryOptions"]} == {"QRCODE"}

    def test_24_without_tickets_a_ticket_is_null(self, shop, octo):
        booking = shop.reserve(
            octo,
            productId=str(shop.park.pk),
            optionId=str(shop.park_option.pk),
            availabilityId=shop.park_days[0],
            unitItems=[{"unitId": str(shop.visitor.pk)}],
        )

        assert booking["voucher"] is not None
        assert booking["unitItems"][0]["ticket"] is None

    def test_25_delivery_methods_are_the_products(self, shop, octo):
        assert shop.reserve(octo)["deliveryMethods"] == ["VOUCHER", "TICKET"]

    def test_26_pricing(self, shop):
        octo = shop.octo(PRICED)
        product = octo.get(f"/products/{shop.tour.pk}").json()
        days = TestCatalogue._days(shop, shop.tour, shop.tour_option)
        units = {"units": [{"id": str(shop.adult.pk), "quantity": 2}]}

        row = octo.post("/availability/calendar", days).json()[0]
        slot = octo.post("/availability", days | units).json()[0]
        booking = shop.reserve(octo)

        assert (product["defaultCurrency"], product["availableCurrencies"]) == ("EUR", ["EUR", "JPY", "USD"])
        assert product["pricingPer"] == "UNIT"
        adult = {"currency": "EUR", "currencyPrecision": 2, "original": 5000, "retail": 4500, "net": 3825}
        from_prices = product["options"][0]["units"][0]["pricingFrom"]
        assert [price["currency"] for price in from_prices] == ["EUR", "JPY", "USD"]
        assert from_prices[0].items() >= adult.items()
        assert row["unitPricingFrom"][0].items() >= adult.items()
        assert slot["unitPricing"][0].items() >= {**adult, "unitId": str(shop.adult.pk)}.items()
        assert slot["pricing"]["retail"] == booking["pricing"]["retail"] == 9000
        assert booking["pricing"] == {
            "currency": "EUR",
            "currencyPrecision": 2,
            "original": 10000,
            "retail": 9000,
            "net": 7650,
            "includedTaxes": [{"name": "VAT", "original": 1596, "retail": 1436, "net": 1222}],
        }
        assert booking["unitItems"][0]["pricing"]["includedTaxes"][0]["retail"] == 718

    def test_26_a_currency_without_decimals(self, shop):
        octo = shop.octo(PRICED)

        booking = shop.reserve(octo, currency="JPY")

        assert (booking["pricing"]["retail"], booking["pricing"]["currencyPrecision"]) == (15000, 0)

    def test_26_prices_in_one_currency_only(self, shop):
        octo = shop.octo(PRICED)

        unit = octo.get("/products", {"currency": "USD"}).json()[0]["options"][0]["units"][0]

        assert [price["currency"] for price in unit["pricingFrom"]] == ["USD"]

    def test_26_no_prices_without_the_capability(self, shop):
        octo = shop.octo(CORE)
        days = TestCatalogue._days(shop, shop.tour, shop.tour_option)
        texts = [
            octo.get("/products").content,
            octo.post("/availability/calendar", days).content,
            octo.post("/availability", days).content,
            octo.post("/bookings", shop.wish()).content,
        ]

        assert not any(b"ricing" in text or b"retail" in text for text in texts)

"""`Idempotency-Key` on OCTO's writes: once per key, twins wait, crashes free the key, and nothing secret is kept."""

import json
import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from api import idempotency
from api.idempotency import Claim, Finished, KeyInFlight, KeyReused, RequestIdentity, claim_request, without_card_fields
from api.models import IdempotentRequest
from api.tasks import prune_idempotency_keys
from bookings.models import Booking
from payments.models import Transaction
from tests.api.octo.shop import CARDS, Octo
from tests.api.octo.test_rules import refusal
from tests.processes import PATIENCE_SECONDS, is_inside, wait_until

KEY = "order-2026-11-21-0001"


def identity(shop, **fields) -> RequestIdentity:
    known = {
        "partner_id": shop.partner.pk,
        "is_live": True,
        "key": KEY,
        "method": "POST",
        "path": "/x",
        "body": {"a": 1},
    }
    return RequestIdentity(**{**known, **fields})


def claim(shop, *, now=None, **fields):
    moment = now or timezone.now()
    return claim_request(identity(shop, **fields), wait_seconds=0, clock=lambda: moment)


class TestOverHttp:
    def test_the_same_request_under_the_same_key_books_once(self, shop, octo):
        first = octo.post("/bookings", shop.wish(), Idempotency_Key=KEY)
        second = octo.post("/bookings/", shop.wish(), Idempotency_Key=KEY)

        assert first.json() == second.json()
        assert ("Idempotent-Replayed" in first.headers, second.headers["Idempotent-Replayed"]) == (False, "true")
        assert Booking.objects.count() == 1

    def test_without_a_key_every_request_books(self, shop, octo):
        for _ in range(2):
            octo.post("/bookings", shop.wish())

        assert Booking.objects.count() == 2
        assert IdempotentRequest.objects.count() == 0

    def test_the_answer_is_rendered_again_and_so_shows_the_booking_as_it_is_now(self, shop, octo):
        booking = octo.post("/bookings", shop.wish(), Idempotency_Key=KEY).json()
        octo.post(f"/bookings/{booking['uuid']}/cancel", {"reason": "rain"})

        assert octo.post("/bookings", shop.wish(), Idempotency_Key=KEY).json()["status"] == "CANCELLED"

    @pytest.mark.parametrize("change", ["body", "path", "method"])
    def test_another_request_under_the_same_key_is_refused(self, shop, octo, change):
        booking = octo.post("/bookings", shop.wish(), Idempotency_Key=KEY).json()
        path = f"/bookings/{booking['uuid']}"
        octo.post(f"{path}/extend", {"expirationMinutes": 60}, Idempotency_Key="another")

        answers = {
            "body": lambda: octo.post("/bookings", shop.wish(adults=3), Idempotency_Key=KEY),
            "path": lambda: octo.post(f"{path}/cancel", shop.wish(), Idempotency_Key=KEY),
            "method": lambda: octo.delete(path, {"expirationMinutes": 60}, Idempotency_Key="another"),
        }

        assert "Idempotency-Key" in refusal(answers[change](), "BAD_REQUEST")["errorMessage"]
        assert octo.get(path).json()["status"] == "ON_HOLD"
        assert Booking.objects.count() == 1

    def test_every_write_takes_a_key(self, shop, octo):
        booking = shop.reserve(octo, settlementMethod="VOUCHER")
        path = f"/bookings/{booking['uuid']}"

        for method, action, body in (
            ("POST", "/extend", {"expirationMinutes": 60}),
            ("PATCH", "", {"notes": "Vegetarian lunch"}),
            ("POST", "/confirm", {}),
            ("POST", "/cancel", {"reason": "rain"}),
        ):
            answers = [octo.send(method, path + action, body, Idempotency_Key=f"key{action}") for _ in range(2)]

            assert [answer.status_code for answer in answers] == [200, 200], answers[1].content
            assert answers[0].json() == answers[1].json()
            assert answers[1].headers["Idempotent-Replayed"] == "true"

    def test_a_refused_request_frees_its_key(self, shop, octo):
        wish = shop.wish(availabilityId=shop.sold_out)

        refusal(octo.post("/bookings", wish, Idempotency_Key=KEY), "UNPROCESSABLE_ENTITY")

        assert IdempotentRequest.objects.count() == 0
        assert octo.post("/bookings", shop.wish(), Idempotency_Key=KEY).status_code == 200

    def test_a_fault_of_ours_frees_the_key(self, shop, octo, monkeypatch):
        with monkeypatch.context() as patched:
            patched.setattr("payments.services.reserving.reserve_booking", lambda **_: 1 / 0)
            assert octo.post("/bookings", shop.wish(), Idempotency_Key=KEY).status_code == 500

        assert octo.post("/bookings", shop.wish(), Idempotency_Key=KEY).status_code == 200

    def test_a_refused_payment_is_how_its_key_ends(self, shop, cards):
        booking = shop.reserve(cards)
        body = {
            "cardPayment": {"gateway": "external", "notes": "n", "external": {"approved": False, "refusalReason": "No"}}
        }

        first = cards.post(f"/bookings/{booking['uuid']}/confirm", body, Idempotency_Key=KEY)
        second = cards.post(f"/bookings/{booking['uuid']}/confirm", body, Idempotency_Key=KEY)

        assert refusal(first, "BAD_REQUEST")["errorMessage"] == "No"
        again = refusal(second, "BAD_REQUEST", errorCode=first.json()["errorCode"])
        assert again["cardPaymentId"] == first.json()["cardPaymentId"]
        assert second.headers["Idempotent-Replayed"] == "true"
        assert Transaction.objects.count() == 1

    def test_partners_and_modes_have_keys_of_their_own(self, shop, octo):
        for each in (octo, Octo(shop.other_key), Octo(shop.test_key)):
            assert each.post("/bookings", shop.wish(), Idempotency_Key=KEY).status_code == 200

        assert Booking.objects.count() == 3

    @pytest.mark.parametrize("key", ["", "x" * 256, "a\tb", "schlüssel"])
    def test_a_malformed_key_is_refused(self, shop, octo, key):
        refusal(octo.post("/bookings", shop.wish(), Idempotency_Key=key), "BAD_REQUEST")

        assert Booking.objects.count() == 0

    def test_card_numbers_in_a_key_are_masked(self, shop, octo):
        octo.post("/bookings", shop.wish(), Idempotency_Key="4111-1111-1111-1111")

        assert IdempotentRequest.objects.get().key_text.count("1") == 4

    def test_nothing_of_the_request_or_answer_is_kept(self, shop, cards):
        cards.post("/bookings", shop.wish(contact={"fullName": "Ada Byron"}, notes="Window seat"), Idempotency_Key=KEY)

        row = json.dumps(IdempotentRequest.objects.values().get(), default=str)
        assert "Byron" not in row
        assert "Window" not in row


class TestClaims:
    def test_a_claim_is_taken_once_until_its_lease_runs_out(self, shop):
        now = timezone.now()
        first = claim(shop, now=now)
        assert isinstance(first, Claim)

        with pytest.raises(KeyInFlight):
            claim(shop, now=now + timedelta(seconds=59))
        second = claim(shop, now=now + timedelta(seconds=61))

        assert (second.row_id, second.claim_number) == (first.row_id, 2)

    def test_who_lost_its_lease_can_neither_finish_nor_free_the_key(self, shop):
        now = timezone.now()
        first = claim(shop, now=now)
        second = claim(shop, now=now + timedelta(seconds=61))

        idempotency.finish_request(first, Finished(status_code=200, subject="late"), now=now)
        idempotency.release_key(first, now=now)
        with pytest.raises(KeyInFlight):
            idempotency.note_subject(first, "late")

        row = IdempotentRequest.objects.get()
        assert (row.status_code, row.claim_number) == (None, second.claim_number)

    @pytest.mark.parametrize("ending", ["dies", "breaks"])
    def test_what_was_made_before_a_request_broke_is_shown_and_not_made_again(self, shop, ending):
        now = timezone.now()
        first = claim(shop, now=now)
        idempotency.note_subject(first, "700001")
        if ending == "breaks":
            idempotency.release_key(first, now=now)

        second = claim(shop, now=now + timedelta(seconds=61 if ending == "dies" else 1))

        assert second == Claim(row_id=first.row_id, claim_number=2, subject="700001")

    def test_an_abandoned_key_is_not_taken_by_another_request(self, shop):
        now = timezone.now()
        claim(shop, now=now)

        for other in ({"body": {"a": 2}}, {"method": "PATCH"}, {"path": "/y"}):
            with pytest.raises(KeyReused):
                claim(shop, now=now + timedelta(seconds=61), **other)

    def test_a_finished_key_stays_finished(self, shop):
        mine = claim(shop)
        idempotency.finish_request(mine, Finished(status_code=200, subject="abc"), now=timezone.now())

        assert claim(shop, now=timezone.now() + timedelta(days=1)) == Finished(
            status_code=200, subject="abc", error_code=""
        )

    def test_pruning_forgets_old_keys(self, shop):
        now = timezone.now()
        claim(shop, now=now - timedelta(days=31))
        claim(shop, now=now, key="young")

        assert prune_idempotency_keys() == 1
        assert IdempotentRequest.objects.get().key_text == "young"

    def test_card_fields_do_not_count_and_the_rest_does(self, shop):
        card = {"paymentMethod": {"number": "4111111111111111"}, "cvc": "737", "notes": "a"}
        other = {"paymentMethod": {"number": "5555444433331111"}, "cvc": "111", "notes": "a"}

        prints = [identity(shop, body=body).body_fingerprint for body in (card, other, {**card, "notes": "b"})]

        assert prints[0] == prints[1] != prints[2]
        assert "4111" not in json.dumps(without_card_fields([card]))


@pytest.mark.django_db(transaction=True)
class TestTwins:
    def test_a_twin_waits_for_the_first_and_shows_its_result(self, shop, monkeypatch):
        """Two real connections: the second request arrives while the first is at work."""
        from payments.services import reserving

        entered, may_go_on = threading.Event(), threading.Event()
        reserve = reserving.reserve_booking

        def slow(**request):
            entered.set()
            assert may_go_on.wait(PATIENCE_SECONDS)
            return reserve(**request)

        monkeypatch.setattr(reserving, "reserve_booking", slow)
        answers = {}

        def ask(name: str) -> None:
            answers[name] = shop.octo().post("/bookings", shop.wish(), Idempotency_Key=KEY)
            connection.close()

        first = threading.Thread(target=ask, args=("first",))
        first.start()
        assert entered.wait(PATIENCE_SECONDS)
        entered.clear()
        twin = threading.Thread(target=ask, args=("twin",))
        twin.start()
        wait_until(lambda: is_inside(twin, "claim_request"), what="the twin waiting")
        may_go_on.set()
        first.join(PATIENCE_SECONDS)
        twin.join(PATIENCE_SECONDS)

        assert answers["first"].json() == answers["twin"].json()
        assert answers["twin"].headers["Idempotent-Replayed"] == "true"
        assert not entered.is_set()
        assert Booking.objects.count() == 1

    def test_a_twin_holds_no_transaction_and_no_connection_while_it_waits(self, shop):
        claim(shop)
        open_connections = []

        def pause(_seconds: float) -> None:
            open_connections.append(connection.connection is not None)

        with pytest.raises(KeyInFlight):
            claim_request(identity(shop), wait_seconds=0.2, clock=timezone.now, pause=_then_sleep(pause))

        assert open_connections
        assert not any(open_connections)

    def test_a_twin_gives_up_and_says_when_to_come_back(self, shop, octo, settings):
        settings.API = {**settings.API, "TWIN_WAIT_SECONDS": 0}
        booking = shop.reserve(octo)
        path = f"/octo/bookings/{booking['uuid']}/extend"
        claim(shop, path=path, body={"expirationMinutes": 60})

        answer = octo.post(path.removeprefix("/octo"), {"expirationMinutes": 60}, Idempotency_Key=KEY)

        assert refusal(answer, "PAYMENT_PENDING")["retryAfter"] == 2
        assert octo.get(f"/bookings/{booking['uuid']}").json() == booking

    def test_the_same_booking_uuid_at_once_books_once(self, shop):
        """OCTO's own idempotency: two requests with one uuid, on two real connections."""
        answers = []
        barrier = threading.Barrier(2)
        wish = shop.wish(uuid="4f2b5b0e-5b1f-4bb5-9a76-0c3b4b2f9c11")

        def ask() -> None:
            barrier.wait(PATIENCE_SECONDS)
            answers.append(Octo(shop.key, capabilities=CARDS).post("/bookings", wish))
            connection.close()

        threads = [threading.Thread(target=ask) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE_SECONDS)

        assert [answer.status_code for answer in answers] == [200, 200]
        assert answers[0].json()["id"] == answers[1].json()["id"]
        assert Booking.objects.count() == 1


def _then_sleep(look):
    import time

    def pause(seconds: float) -> None:
        look(seconds)
        time.sleep(seconds)

    return pause

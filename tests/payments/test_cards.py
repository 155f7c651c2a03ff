"""Reusable cards: kept with a consent, charged without the guest, revoked here first and then at the gateway."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connections, transaction

from bookings.encryption import decrypt_text
from bookings.models import Booking, Customer, Order
from bookings.requests import BookingChanges
from gateways.errors import ErrorCode
from gateways.protocol import Card, Outcome, OutcomeKind, Reference
from money import Money
from payments.errors import AmountMismatch, InvalidCard, PaymentPending, PaymentRefused
from payments.models import (
    AccountRoute,
    CardConsent,
    CardRevocation,
    Case,
    ConsentText,
    LedgerEntry,
    Payment,
    ReusableCard,
    RevokedToken,
    SurchargeRule,
    Transaction,
    WebhookDelivery,
)
from payments.services import aftercare, changing, collecting, janitor, revoking
from payments.services.cards import (
    card_for_order,
    card_for_partner,
    is_expired,
    keep_card,
    revoke_by_token,
    revoke_card,
    take_card_news,
    usable_cards,
)
from payments.services.collecting import NO_REQUEST, PaymentRequest
from payments.services.confirming import confirm_booking
from payments.services.openings import CONSENT
from payments.services.transitions import apply_outcome
from tests.bookings.racing import overtaken_by
from tests.payments.guest import opening_of
from tests.payments.house import books, operations
from tests.payments.races import take_row_locks_away

pytestmark = pytest.mark.django_db(transaction=True)
EURO = "adyen-eu"


@pytest.fixture
def storing(house):
    """The account that keeps cards."""
    account = house.accounts[EURO]
    account.stores_cards = True
    account.save()
    return account


@pytest.fixture
def used(house, guest, storing):
    """A booking of the partner's customer ada whose guest paid and agreed to have the card kept."""
    booking = house.reserve(customer_reference="ada")
    guest.pay(opening_of(booking), storePaymentMethod=True)
    guest.deliver()
    return booking


def confirm(house, booking, **request):
    return confirm_booking(booking=booking, changes=None, request=PaymentRequest(**request), clock=house.clock)


def card_id() -> str:
    return str(ReusableCard.objects.get().id)


def offered(house, order: Order) -> list[str]:
    fresh = Order.objects.get(pk=order.pk)
    return [card.last4 for card in usable_cards(order=fresh, account=house.accounts[EURO], now=house.clock())]


def written() -> tuple[int, ...]:
    return tuple(model.objects.count() for model in (Order, Payment, Transaction, LedgerEntry))


class TestConsent:
    def test_a_card_is_kept_as_an_encrypted_token_with_what_the_guest_agreed_to(self, house, used):
        card, consent = ReusableCard.objects.get(), CardConsent.objects.select_related("text").get()

        assert (card.brand, card.last4, card.expiry_month, card.expiry_year) == ("visa", "1111", 3, 2030)
        token = decrypt_text(card.token_encrypted)
        assert token.encode() not in bytes(card.token_encrypted)
        assert (consent.card, consent.order, consent.payment) == (card, used.order, Payment.objects.get())
        assert (consent.text.language, consent.text.text[:32]) == ("en", "I agree that my card is kept for")
        assert abs((consent.given_at - house.clock()).total_seconds()) < 120

    def test_a_guest_who_does_not_agree_has_no_card_kept(self, house, guest, storing):
        guest.pay(opening_of(house.reserve()))
        guest.deliver()

        assert not ReusableCard.objects.exists()

    def test_the_text_is_the_accounts_in_the_guests_language_and_stays_as_it_was_when_asked(self, house, storing):
        storing.card_consent_texts = {"de": "Ja, bitte merken."}
        storing.save()
        german = opening_of(house.reserve(payment_request=PaymentRequest(locale="de")))
        french = opening_of(house.reserve(payment_request=PaymentRequest(locale="fr")))
        storing.card_consent_texts = {"de": "Ja."}
        storing.save()
        later = opening_of(house.reserve(payment_request=PaymentRequest(locale="de")))

        assert [one.consent_text.text[:17] for one in (german, later)] == ["Ja, bitte merken.", "Ja."]
        assert french.consent_text.language == "en"
        assert ConsentText.objects.count() == 3
        view = collecting.describe_payment(order=later.payment.order, clock=house.clock)
        assert view is not None
        assert view.client[CONSENT] == {"text": "Ja.", "language": "de"}

    def test_a_token_nobody_agreed_to_is_never_offered_and_never_charged(self, house, used):
        CardConsent.objects.all().delete()
        other = house.reserve(customer_reference="ada")
        before = written()

        with pytest.raises(InvalidCard):
            confirm(house, other, card_id=card_id())
        assert offered(house, used.order) == []
        assert written() == before

    def test_the_same_card_kept_again_stays_one_card_with_a_consent_for_each_payment(self, house, guest, used):
        again = house.reserve(customer_reference="ada")
        guest.pay(opening_of(again), storePaymentMethod=True)
        guest.deliver()

        assert ReusableCard.objects.count() == 1
        assert set(CardConsent.objects.values_list("order_id", flat=True)) == {used.order_id, again.order_id}
        assert offered(house, again.order) == ["1111"]

    def test_a_token_swapped_for_another_guests_is_not_shown_to_this_one(self, house, guest, used):
        stolen = decrypt_text(ReusableCard.objects.get().token_encrypted)
        other = house.reserve(customer_reference="bob")
        payment, opening = Payment.objects.get(order=other.order), opening_of(other)

        keep_card(payment=payment, card=Card(token=stolen, last4="1111"), now=house.clock(), opening=opening)
        named = Card(token="ANOTHERTOKEN", shopper_reference="c-somebody")
        keep_card(payment=payment, card=named, now=house.clock(), opening=opening)

        assert offered(house, other.order) == []
        assert ReusableCard.objects.count() == CardConsent.objects.count() == 1


class TestWhose:
    def test_a_card_is_offered_on_the_orders_of_its_customer_and_on_no_other(self, house, used):
        same = house.reserve(customer_reference="ada")
        nobody = house.reserve()
        twin = house.reserve(customer_reference="ada", partner=house.other_partner)
        test_mode = house.reserve(customer_reference="ada", is_live=False)

        orders = [used.order, same.order, nobody.order, twin.order, test_mode.order]
        assert [offered(house, order) for order in orders] == [["1111"], ["1111"], [], [], []]
        for booking in (nobody, twin, test_mode):
            with pytest.raises(InvalidCard):
                confirm(house, booking, card_id=card_id())
        assert not Transaction.objects.filter(origin="OURS").exists()

    def test_the_same_name_and_address_is_not_the_same_customer(self, house, used):
        customer = used.order.customer
        other = house.reserve()
        Customer.objects.filter(pk=other.order.customer_id).update(
            full_name=customer.full_name, email=customer.email, phone=customer.phone
        )

        assert offered(house, other.order) == []

    def test_a_card_of_another_account_is_refused(self, house, used):
        dollars = house.reserve(customer_reference="ada", currency="USD")

        with pytest.raises(InvalidCard):
            confirm(house, dollars, card_id=card_id())

    def test_a_guest_who_gets_a_name_keeps_the_card_and_a_named_one_gives_none_away(self, house, guest, storing):
        first = house.reserve()
        guest.pay(opening_of(first), storePaymentMethod=True)
        guest.deliver()

        def name(reference):
            changes = BookingChanges(customer_reference=reference)
            changing.update_booking(booking=first, changes=changes, payment_request=NO_REQUEST, clock=house.clock)

        name("ada")
        assert offered(house, house.reserve(customer_reference="ada").order) == ["1111"]
        name("bob")
        assert offered(house, house.reserve(customer_reference="bob").order) == []
        assert offered(house, first.order) == ["1111"]

    def test_an_order_given_to_another_customer_gets_a_session_of_its_own(self, house, storing):
        booking = house.reserve(customer_reference="ada")
        before = opening_of(booking)
        house.clock.move(seconds=1)

        changes = BookingChanges(customer_reference="bob")
        changing.update_booking(booking=booking, changes=changes, payment_request=NO_REQUEST, clock=house.clock)

        after = opening_of(booking)
        assert after.shopper_reference == f"c-{Customer.objects.get(reference='bob').pk}" != before.shopper_reference


@pytest.mark.parametrize(
    ("now", "is_over"),
    [
        (datetime(2030, 3, 31, 23, 59, tzinfo=UTC), False),
        (datetime(2030, 4, 1, 11, 59, tzinfo=UTC), False),
        (datetime(2030, 4, 1, 12, 0, tzinfo=UTC), True),
    ],
)
def test_a_card_is_good_until_its_last_month_is_over_everywhere_on_earth(now, is_over):
    assert is_expired(ReusableCard(expiry_month=3, expiry_year=2030), now=now) is is_over
    assert not is_expired(ReusableCard(), now=now)


class TestCharging:
    def test_a_confirm_charges_it_and_a_repeat_charges_nothing(self, house, guest, used):
        other = house.reserve(1, customer_reference="ada")

        confirmation = confirm(house, other, card_id=card_id())
        again = confirm(house, other, card_id=card_id())
        guest.deliver()

        assert confirmation.is_confirmed
        assert again.is_confirmed
        assert operations(other.order) == [("SALE", "OURS", "PROCESSED", 4500)]
        assert books(other.order) == {"RECEIVABLE>CLEARING": 4500}
        asked = guest.sandbox.get("requests", operation="payments")["requests"]
        assert [row["body"]["shopperInteraction"] for row in asked] == ["ContAuth"]
        assert asked[0]["body"]["recurringProcessingModel"] == "UnscheduledCardOnFile"
        assert asked[0]["body"]["shopperReference"] == f"c-{used.order.customer_id}"

    def test_a_reservation_and_a_change_charge_it_too(self, house, guest, used):
        request = PaymentRequest(card_id=card_id())
        reserved = house.reserve(1, customer_reference="ada", payment_request=request)
        changed = house.reserve(1, customer_reference="ada")
        changing.update_booking(booking=changed, changes=BookingChanges(), payment_request=request, clock=house.clock)
        changing.update_booking(booking=changed, changes=BookingChanges(), payment_request=request, clock=house.clock)
        guest.deliver()

        for booking in (reserved, changed):
            assert operations(booking.order) == [("SALE", "OURS", "PROCESSED", 4500)]
            assert confirm(house, booking).is_confirmed
        assert not Payment.objects.get(order=reserved.order).openings.exists()

    def test_it_is_charged_with_the_surcharge_which_goes_back_with_the_price(self, house, guest, used):
        route = AccountRoute.objects.get(partner=house.partner, account__slug=EURO, is_live=True)
        SurchargeRule.objects.create(route=route, percent_basis_points=300)
        confirmed = house.reserve(1, customer_reference="ada")
        reserved = house.reserve(1, customer_reference="ada", payment_request=PaymentRequest(card_id=card_id()))

        with pytest.raises(AmountMismatch) as refusal:
            confirm(house, confirmed, card_id=card_id(), amount_minor=4500)
        assert refusal.value.due == Money(4635, "EUR")
        assert confirm(house, confirmed, card_id=card_id(), amount_minor=4635).is_confirmed
        assert confirm(house, reserved).is_confirmed
        guest.deliver()

        asked = guest.sandbox.get("requests", operation="payments")["requests"]
        assert [row["body"]["amount"]["value"] for row in asked] == [4635, 4635]
        for booking in (confirmed, reserved):
            assert books(booking.order) == {"RECEIVABLE>CLEARING": 4500, "SURCHARGE>CLEARING": 135}
        booking = Booking.objects.select_related("order").get(pk=confirmed.pk)
        aftercare.cancel_booking(booking=booking, reason="rain", force=False, clock=house.clock)
        guest.deliver()
        assert books(confirmed.order) == {
            "RECEIVABLE>CLEARING": 4500,
            "SURCHARGE>CLEARING": 135,
            "CLEARING>RECEIVABLE": 4500,
            "CLEARING>SURCHARGE": 135,
        }

    def test_a_wrong_card_on_a_reservation_writes_nothing(self, house, used):
        before = written()

        for wrong in (card_id(), "none", "00000000-0000-4000-8000-000000000000"):
            with pytest.raises(InvalidCard):
                house.reserve(1, customer_reference="bob", payment_request=PaymentRequest(card_id=wrong))

        assert written() == before
        assert not Customer.objects.filter(reference="bob").exists()

    def test_two_confirms_at_once_make_one_charge(self, house, guest, used):
        other = house.reserve(1, customer_reference="ada")
        wanted = card_id()

        def ask(_turn):
            try:
                return confirm(house, other, card_id=wanted).is_confirmed
            except PaymentPending:
                return None
            finally:
                connections.close_all()

        with ThreadPoolExecutor(2) as threads:
            answers = list(threads.map(ask, range(2)))

        assert True in answers
        assert confirm(house, other, card_id=wanted).is_confirmed
        assert operations(other.order) == [("SALE", "OURS", "PROCESSED", 4500)]
        assert len(guest.sandbox.get("requests", operation="payments")["requests"]) == 1

    def test_a_lost_answer_is_settled_later_and_never_charged_twice(self, house, guest, used):
        other = house.reserve(1, customer_reference="ada")
        guest.sandbox.post("faults", gateway="adyen", operation="payments", fault="answer_lost")

        for _ in range(2):
            with pytest.raises(PaymentPending):
                confirm(house, other, card_id=card_id())
        house.clock.move(seconds=60)
        janitor.resolve_unknown(clock=house.clock)

        assert confirm(house, other, card_id=card_id()).is_confirmed
        asked = guest.sandbox.get("requests", operation="payments")["requests"]
        assert len({row["idempotency_key"] for row in asked}) == 1
        assert operations(other.order) == [("SALE", "OURS", "PROCESSED", 4500)]
        money = guest.sandbox.get("money")["money"]
        reference = Transaction.objects.get(order=other.order).reference
        assert [row["captured"] for row in money if row["merchantReference"] == reference] == [4500]

    def test_a_charge_that_was_lost_is_not_repeated_for_a_cancelled_order_and_goes_back_when_it_was_made(
        self, house, guest, used
    ):
        other = house.reserve(1, customer_reference="ada")
        guest.sandbox.post("faults", gateway="adyen", operation="payments", fault="answer_lost")
        with pytest.raises(PaymentPending):
            confirm(house, other, card_id=card_id())
        aftercare.cancel_booking(booking=other, reason="changed plans", force=False, clock=house.clock)

        house.clock.move(seconds=60)
        janitor.resolve_unknown(clock=house.clock)
        assert len(guest.sandbox.get("requests", operation="payments")["requests"]) == 1
        guest.deliver()

        assert operations(other.order) == [("SALE", "OURS", "PROCESSED", 4500), ("REFUND", "OURS", "PENDING", 4500)]
        assert books(other.order) == {"RECEIVABLE>CLEARING": 4500}

    @pytest.mark.parametrize(
        ("holder", "code", "is_revoked"),
        [
            ("DECLINED", ErrorCode.TRANSACTION_DECLINED, False),
            ("NOT_ENOUGH_BALANCE", ErrorCode.CREDIT_LIMIT_EXCEEDED, False),
            ("REVOCATION_OF_AUTH", ErrorCode.TRANSACTION_DECLINED, True),
        ],
    )
    def test_refused_by_the_bank_the_order_can_still_be_paid_by_session(
        self, house, guest, used, holder, code, is_revoked
    ):
        guest.sandbox.post("adyen/tokens/" + decrypt_text(ReusableCard.objects.get().token_encrypted) + "/holder",
                           holderName=holder)  # fmt: skip
        other = house.reserve(1, customer_reference="ada")

        with pytest.raises(PaymentRefused) as refused:
            confirm(house, other, card_id=card_id())

        assert refused.value.error_code is code
        assert books(other.order) == {}
        assert (ReusableCard.objects.get().revoked_at is not None) is is_revoked
        paid = guest.pay(opening_of(other))
        confirm(house, other, opening_reference=opening_of(other).gateway_reference, evidence=paid["sessionResult"])
        guest.deliver()
        assert {row[1:] for row in operations(other.order)} == {
            ("OURS", "FAILED", 4500),
            ("GATEWAY", "PROCESSED", 4500),
        }
        assert books(other.order) == {"RECEIVABLE>CLEARING": 4500}

    def test_a_card_the_gateway_has_lost_is_refused_once_and_then_no_card_any_more(self, house, guest, used):
        token = decrypt_text(ReusableCard.objects.get().token_encrypted)
        guest.lose_webhooks()
        guest.sandbox.post(f"adyen/tokens/{token}/disable")
        other = house.reserve(1, customer_reference="ada")

        with pytest.raises(PaymentRefused):
            confirm(house, other, card_id=card_id())
        with pytest.raises(InvalidCard):
            confirm(house, other, card_id=card_id())

        assert offered(house, used.order) == []


class TestRevoking:
    def test_a_revoked_card_disappears_at_once_and_then_at_the_gateway(self, house, guest, used):
        card = ReusableCard.objects.get()
        assert len(guest.sandbox.get("adyen/tokens")["tokens"]) == 1

        revoke_card(card=card, requested_by="partner", now=house.clock())
        assert offered(house, used.order) == []
        assert len(guest.sandbox.get("adyen/tokens")["tokens"]) == 1

        assert revoking.send_revocations(clock=house.clock) == 1
        revoke_card(card=card, requested_by="partner", now=house.clock())
        assert revoking.send_revocations(clock=house.clock) == 0

        assert guest.sandbox.get("adyen/tokens")["tokens"] == []
        assert CardRevocation.objects.get().done_at is not None
        with pytest.raises(InvalidCard):
            confirm(house, house.reserve(customer_reference="ada"), card_id=str(card.id))

    def test_a_gateway_that_never_answers_ends_with_a_person_who_can_try_again(self, house, guest, used):
        card = ReusableCard.objects.get()
        guest.sandbox.post("faults", gateway="adyen", operation="stored_cards", fault="unavailable", times=-1)
        revoke_card(card=card, requested_by="ada", now=house.clock())

        for _ in range(8):
            assert not Case.objects.exists()
            assert revoking.send_revocations(clock=house.clock) == 1
            house.clock.move(days=1)

        assert revoking.send_revocations(clock=house.clock) == 0
        assert Case.objects.get().kind == "CARD_NOT_DELETED"
        guest.sandbox.delete("faults")
        revoke_card(card=card, requested_by="ada", now=house.clock())
        assert revoking.send_revocations(clock=house.clock) == 1
        assert Case.objects.get().closed_by == "system"
        assert guest.sandbox.get("adyen/tokens")["tokens"] == []

    def test_a_lost_answer_is_asked_again_and_counts_as_deleted(self, house, guest, used):
        guest.sandbox.post("faults", gateway="adyen", operation="stored_cards", fault="answer_lost")
        guest.lose_webhooks()
        revocation = revoke_card(card=ReusableCard.objects.get(), requested_by="ada", now=house.clock())

        revoking.send_revocation(revocation_id=revocation.pk, clock=house.clock)
        assert CardRevocation.objects.get().done_at is None
        assert not revoking.send_revocations(clock=house.clock)
        house.clock.move(seconds=30)

        assert revoking.send_revocations(clock=house.clock) == 1
        assert CardRevocation.objects.get().done_at is not None

    @pytest.mark.parametrize("is_locked", [True, False], ids=["locked", "control"])
    def test_a_card_is_not_revoked_while_its_charge_is_being_written(self, house, used, monkeypatch, is_locked):
        if not is_locked:
            take_row_locks_away(monkeypatch)
        card, account = ReusableCard.objects.get(), house.accounts[EURO]

        with overtaken_by(lambda: revoke_card(card=card, requested_by="ada", now=house.clock())) as racer:
            card_for_order(order=used.order, account=account, card_id=str(card.pk), now=house.clock())

        racer.finish()
        assert racer.was_blocked is is_locked
        with pytest.raises(InvalidCard), transaction.atomic():
            card_for_order(order=used.order, account=account, card_id=str(card.pk), now=house.clock())

    def test_only_its_own_partner_and_mode_find_a_card_to_revoke(self, house, used):
        found = card_for_partner(partner=house.partner, is_live=True, card_id=card_id())

        assert found.last4 == "1111"
        for partner, is_live, wanted in (
            (house.other_partner, True, card_id()),
            (house.partner, False, card_id()),
            (house.partner, True, "x"),
        ):
            with pytest.raises(InvalidCard):
                card_for_partner(partner=partner, is_live=is_live, card_id=wanted)


class TestNewsOfTokens:
    def test_a_card_deleted_at_the_gateway_is_revoked_here(self, house, guest, used):
        token = decrypt_text(ReusableCard.objects.get().token_encrypted)

        guest.sandbox.post(f"adyen/tokens/{token}/disable")
        guest.deliver()

        assert ReusableCard.objects.get().revoked_at is not None
        assert offered(house, used.order) == []
        assert not CardRevocation.objects.exists()

    def test_a_deletion_that_comes_before_the_card_wins(self, house, storing):
        payment = house.payment()
        opening = house.opening(payment)
        revoke_by_token(account=payment.account, token="TOKEN1", now=house.clock())
        revoke_by_token(account=payment.account, token="TOKEN1", now=house.clock())

        keep_card(payment=payment, card=Card(token="TOKEN1", last4="1111"), now=house.clock(), opening=opening)

        assert ReusableCard.objects.get().revoked_at is not None
        assert RevokedToken.objects.count() == 1

    def test_a_card_renewed_by_its_bank_keeps_an_expiry_that_is_far_away(self, house, guest, used):
        card = ReusableCard.objects.get()
        guest.sandbox.post(f"adyen/tokens/{decrypt_text(card.token_encrypted)}/renew")
        guest.deliver()
        house.clock.move(hours=2)
        guest.deliver()

        card.refresh_from_db()
        assert (card.last4, card.expiry_month, card.expiry_year) == ("1111", 3, 2030)

    @pytest.mark.parametrize(
        ("told", "known"),
        [
            ({}, ("1111", None, None)),
            ({"last4": "4242", "expiry_month": 7, "expiry_year": 2035}, ("4242", 7, 2035)),
        ],
    )
    def test_of_a_renewed_card_whose_end_was_near_only_what_the_news_says_is_known(self, house, used, told, known):
        card = ReusableCard.objects.get()
        soon = house.clock() + timedelta(days=20)
        ReusableCard.objects.update(expiry_year=soon.year, expiry_month=soon.month)

        assert take_card_news(
            account=card.account,
            kind_is_deletion=False,
            card=Card(token=decrypt_text(card.token_encrypted), **told),
            is_waiting_over=True,
            now=house.clock(),
        )

        card.refresh_from_db()
        assert (card.last4, card.expiry_month, card.expiry_year) == known

    def test_a_token_that_is_told_apart_from_its_payment_takes_the_cards_looks_from_it(self, house, storing):
        payment = house.paid(house.payment())
        Transaction.objects.filter(payment=payment).update(card_brand="visa", card_last4="1111", card_expiry="2030-03")
        told = Outcome(
            kind=OutcomeKind.CARD_STORED,
            reference=Reference(payment="PSP1"),
            event_key="token:1",
            occurred_at=house.clock(),
            card=Card(token="TOKEN1", brand="visastandardcredit"),
        )
        for _ in range(2):
            apply_outcome(account=payment.account, outcome=told, source="WEBHOOK", now=house.clock())

        card = ReusableCard.objects.get()
        assert (card.brand, card.last4, card.expiry_month, card.expiry_year) == ("visa", "1111", 3, 2030)

    def test_news_of_a_token_waits_for_its_payment(self, house, guest, storing):
        booking = house.reserve()
        guest.sandbox.post(
            "faults", gateway="adyen", operation="webhook", fault="dropped", match={"eventCode": "AUTHORISATION"}
        )
        guest.pay(opening_of(booking), storePaymentMethod=True)
        guest.deliver()
        assert not ReusableCard.objects.exists()

        guest.sandbox.post("webhooks/flush", lost=True)
        guest.deliver()
        guest.deliver()

        assert offered(house, booking.order) == ["1111"]
        assert CardConsent.objects.count() == 1
        assert set(WebhookDelivery.objects.values_list("status", flat=True)) == {"PROCESSED"}


def test_the_view_lists_cards_without_their_token(house, used):
    view = collecting.describe_payment(order=used.order, clock=house.clock)

    assert view is not None
    assert [card.last4 for card in view.reusable_cards] == ["1111"]
    assert decrypt_text(view.reusable_cards[0].token_encrypted) not in repr(view)

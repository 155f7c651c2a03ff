"""A card entered on the partner's page: charged with the confirmation by a token that is kept nowhere."""

from dataclasses import replace
from datetime import timedelta
from typing import ClassVar

import pytest
from django.apps import apps
from django.db import connection

from bookings.requests import BookingChanges, UnitItemRequest
from gateways.errors import AnswerLost, ErrorCode, NotSent
from gateways.models import GatewayAccount
from gateways.partner_talk import Brought, CheckoutPage
from gateways.protocol import (
    Action,
    Capability,
    Card,
    ChargeRequest,
    Decline,
    Outcome,
    OutcomeKind,
    Reference,
)
from payments.encryption import decrypt_json
from payments.errors import GatewayMismatch, InvalidCard, PaymentPending, PaymentRefused
from payments.models import AccountRoute, Opening, ReusableCard, Transaction
from payments.services import holds, janitor
from payments.services.aftercare import cancel_booking
from payments.services.asking import ask_about_opening
from payments.services.cards import keep_card, revoke_card
from payments.services.changing import update_booking
from payments.services.collecting import PaymentRequest, describe_payment
from payments.services.confirming import confirm_booking
from payments.services.link_paying import charge_what_was_entered, open_to_pay
from payments.services.links import create_link
from tests.payments.asked_gateway import AskedGateway
from tests.payments.house import RETURN_URL, books, operations

pytestmark = pytest.mark.django_db(transaction=True)
TOKEN = "tok-R3d8sQ1x"


class TokenGateway(AskedGateway):
    """Charge by token as `answers` says; it keeps the requests it got."""

    slug: ClassVar[str] = "tokens"
    capabilities = AskedGateway.capabilities | {Capability.CHARGE_PAYMENT_TOKEN, Capability.STORE_CARD}
    charged: ClassVar[list[ChargeRequest]] = []
    kind: ClassVar[OutcomeKind] = OutcomeKind.CAPTURED

    def charge(self, request: ChargeRequest) -> Outcome:
        self.charged.append(request)
        if self.kind is OutcomeKind.NOTE:
            raise AnswerLost("tokens charge: no answer")
        if not self.is_reachable:
            raise NotSent("tokens charge: no connection")
        return said_of(request, self.kind)


def said_of(request: ChargeRequest, kind: OutcomeKind) -> Outcome:
    return Outcome(
        kind=kind,
        reference=Reference(
            ours=request.reference, gateway=f"at-{request.reference}", payment=f"at-{request.reference}"
        ),
        event_key=f"{request.reference}:{kind}",
        occurred_at=request.requested_at,
        money=request.money,
        decline=Decline(code=ErrorCode.CREDIT_LIMIT_EXCEEDED) if kind is OutcomeKind.DECLINED else None,
        action=Action(type="redirect", url="https://bank.example.com/3ds", method="POST", fields={"creq": "abc"}),
    )


@pytest.fixture
def booking(house, settings):
    settings.GATEWAYS = {**settings.GATEWAYS, "tokens": f"{__name__}.TokenGateway"}
    TokenGateway.begin()
    TokenGateway.charged, TokenGateway.kind = [], OutcomeKind.CAPTURED
    account = GatewayAccount.objects.create(
        slug="tokens-eu", name="Tokens", gateway="tokens", environment="test", currencies=["EUR"], sources=["ECOM"]
    )
    AccountRoute.objects.create(partner=house.partner, account=account, is_live=True, rank=1)
    return house.reserve()


def confirm(house, booking, **fields):
    request = PaymentRequest(**{"payment_token": TOKEN, **fields})
    booking.refresh_from_db()
    return confirm_booking(booking=booking, changes=None, request=request, clock=house.clock)


def test_the_token_pays_what_is_due_and_the_booking_is_confirmed(house, booking):
    assert confirm(house, booking).is_confirmed

    [request] = TokenGateway.charged
    assert (request.payment_token, request.card_token, request.money.minor) == (TOKEN, None, 9000)
    assert books(booking.order) == {"RECEIVABLE>CLEARING": 9000}
    assert Transaction.objects.get().opening == Opening.objects.get()


@pytest.mark.parametrize("agreed", [True, False])
def test_a_card_is_kept_only_if_the_guest_was_asked_and_agreed(house, booking, agreed):
    confirm(house, booking, keeps_card=True)
    GatewayAccount.objects.filter(slug="tokens-eu").update(stores_cards=True)
    confirm(house, house.reserve(), keeps_card=agreed)

    assert [request.stores_card for request in TokenGateway.charged] == [False, agreed]


@pytest.mark.parametrize("is_revoked", [False, True])
def test_a_token_that_was_kept_for_another_guest_charges_nobody(house, booking, is_revoked):
    GatewayAccount.objects.filter(slug="tokens-eu").update(stores_cards=True)
    first = house.reserve(customer_reference="ada")
    opening = Opening.objects.get(payment__order=first.order)
    keep_card(payment=opening.payment, card=Card(token=TOKEN, last4="1111"), now=house.clock(), opening=opening)
    if is_revoked:
        revoke_card(card=ReusableCard.objects.get(), requested_by="ada", now=house.clock())

    with pytest.raises(InvalidCard):
        confirm(house, booking)

    assert TokenGateway.charged == []
    assert operations(booking.order) == []
    if not is_revoked:
        assert confirm(house, house.reserve(customer_reference="ada")).is_confirmed


def test_such_a_token_sent_from_our_page_charges_nobody_and_breaks_nothing(house, booking, monkeypatch):
    GatewayAccount.objects.filter(slug="tokens-eu").update(stores_cards=True)
    first = house.reserve(customer_reference="ada")
    opening = Opening.objects.get(payment__order=first.order)
    keep_card(payment=opening.payment, card=Card(token=TOKEN, last4="1111"), now=house.clock(), opening=opening)
    monkeypatch.setattr(TokenGateway, "checkout_page", lambda _: CheckoutPage(script="tokens.js"))
    until = house.clock() + timedelta(hours=1)
    link = create_link(order=booking.order, expires_at=until, now=house.clock(), created_by="ada")
    assert open_to_pay(link=link, locale="en", clock=house.clock) is not None

    charge_what_was_entered(link=link, brought={Brought.PAYMENT_TOKEN: TOKEN}, clock=house.clock)

    assert (TokenGateway.charged, operations(booking.order)) == ([], [])


def test_the_token_is_in_no_table(house, booking):
    confirm(house, booking)

    for model in apps.get_models():
        for row in model._default_manager.all():
            assert TOKEN not in str(vars(row))


def test_a_refused_card_is_said_so_and_another_page_stands_ready(house, booking):
    TokenGateway.kind = OutcomeKind.DECLINED
    first = Opening.objects.get()

    with pytest.raises(PaymentRefused) as refused:
        confirm(house, booking)

    assert refused.value.error_code is ErrorCode.CREDIT_LIMIT_EXCEEDED
    assert books(booking.order) == {}
    assert list(Opening.objects.order_by("created_at").values_list("status", flat=True)) == ["CLOSED", "OPEN"]
    TokenGateway.kind = OutcomeKind.CAPTURED
    assert confirm(house, booking).is_confirmed
    assert Transaction.objects.get(status="PROCESSED").opening != first


def test_a_guest_who_must_act_is_shown_how_and_nothing_is_decided(house, booking):
    TokenGateway.kind = OutcomeKind.ACTION_REQUIRED

    with pytest.raises(PaymentPending):
        confirm(house, booking)

    charge = Transaction.objects.get()
    assert (charge.status, charge.error_code) == ("PENDING", "")
    booking.order.refresh_from_db()
    view = describe_payment(order=booking.order, clock=house.clock)
    assert view.client["action"] == {
        "type": "redirect",
        "url": "https://bank.example.com/3ds",
        "method": "POST",
        "fields": {"creq": "abc"},
    }
    assert decrypt_json(Opening.objects.get().client_encrypted)["action"]["type"] == "redirect"


def test_a_look_that_overtakes_the_answer_finds_the_charge_by_our_name(house, booking):
    TokenGateway.kind = OutcomeKind.NOTE
    with pytest.raises(PaymentPending):
        confirm(house, booking)
    [request] = TokenGateway.charged
    TokenGateway.says = staticmethod(lambda _: (said_of(request, OutcomeKind.CAPTURED),))

    ask_about_opening(opening=Opening.objects.select_related("payment", "account").get(), clock=house.clock)

    assert [(row.origin, row.status) for row in Transaction.objects.all()] == [("OURS", "PROCESSED")]
    assert books(booking.order) == {"RECEIVABLE>CLEARING": 9000}


def test_a_bank_that_asks_once_more_is_shown_too(house, booking):
    TokenGateway.kind = OutcomeKind.ACTION_REQUIRED
    with pytest.raises(PaymentPending):
        confirm(house, booking)
    [request] = TokenGateway.charged
    again = replace(said_of(request, OutcomeKind.ACTION_REQUIRED), event_key="again", action=Action(type="challenge"))
    TokenGateway.says = staticmethod(lambda _: (again,))

    ask_about_opening(opening=Opening.objects.select_related("payment", "account").get(), clock=house.clock)

    assert decrypt_json(Opening.objects.get().client_encrypted)["action"]["type"] == "challenge"
    assert Transaction.objects.get().status == "PENDING"


def test_what_the_gateway_took_and_did_not_decide_is_asked_about(house, booking):
    TokenGateway.kind = OutcomeKind.ACTION_REQUIRED
    with pytest.raises(PaymentPending):
        confirm(house, booking)
    [request] = TokenGateway.charged
    TokenGateway.says = staticmethod(lambda _: (said_of(request, OutcomeKind.CAPTURED),))

    house.clock.move(seconds=31)
    janitor.resolve_unknown(clock=house.clock)

    assert books(booking.order) == {"RECEIVABLE>CLEARING": 9000}
    assert confirm(house, booking).is_confirmed


def test_what_was_charged_for_more_than_somebody_else_confirmed_meanwhile_goes_back(house, booking):
    house.tell(Opening.objects.get().payment, OutcomeKind.AUTHORIZED, "PSP1")  # what two adults cost is paid
    changes = BookingChanges(
        unit_items=tuple(UnitItemRequest(unit_id=str(house.adult.pk)) for _ in range(3)), customer_reference="ada"
    )
    overtaken = False

    def clock():
        # Between what records the charge and what confirms, nothing is locked.
        nonlocal overtaken
        if not overtaken and Transaction.objects.filter(origin="OURS", status="PROCESSED").exists():
            overtaken = True
            assert confirm(house, booking, payment_token=None).is_confirmed
        return house.clock()

    booking.refresh_from_db()
    request = PaymentRequest(payment_token=TOKEN)
    assert confirm_booking(booking=booking, changes=changes, request=request, clock=clock).is_confirmed

    assert overtaken
    assert sorted(operations(booking.order)) == [
        ("REFUND", "OURS", "PENDING", 4500),
        ("SALE", "GATEWAY", "PROCESSED", 9000),
        ("SALE", "OURS", "PROCESSED", 4500),
    ]


@pytest.fixture
def broken_once():
    """Let the first statement that closes an Opening fail, and with it the transaction that confirms."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE SEQUENCE closings")
        cursor.execute(
            """
            CREATE FUNCTION fail_once() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF NEW.status = 'CLOSED' AND nextval('closings') = 1 THEN RAISE EXCEPTION 'no space left'; END IF;
                RETURN NEW;
            END $$
            """
        )
        cursor.execute(
            "CREATE TRIGGER fail_once BEFORE UPDATE ON payments_opening FOR EACH ROW EXECUTE FUNCTION fail_once()"
        )
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER fail_once ON payments_opening")
        cursor.execute("DROP FUNCTION fail_once")
        cursor.execute("DROP SEQUENCE closings")


def test_a_confirmation_that_is_undone_with_its_recording_is_made_again_and_only_then_told(house, booking, broken_once):
    done = confirm(house, booking)

    booking.refresh_from_db()
    assert (done.is_confirmed, booking.status) == (True, "CONFIRMED")
    assert books(booking.order) == {"RECEIVABLE>CLEARING": 9000}
    assert len(TokenGateway.charged) == 1


def test_a_lost_answer_is_never_charged_again_and_looked_up(house, booking):
    TokenGateway.kind = OutcomeKind.NOTE
    with pytest.raises(PaymentPending):
        confirm(house, booking)
    TokenGateway.kind = OutcomeKind.CAPTURED
    with pytest.raises(PaymentPending):
        confirm(house, booking)
    assert len(TokenGateway.charged) == 1

    [request] = TokenGateway.charged
    TokenGateway.says = staticmethod(lambda _: (said_of(request, OutcomeKind.CAPTURED),))
    house.clock.move(seconds=31)
    janitor.resolve_unknown(clock=house.clock)

    assert TokenGateway.asked[-1].ours == request.reference
    assert books(booking.order) == {"RECEIVABLE>CLEARING": 9000}
    assert confirm(house, booking).is_confirmed
    assert len(TokenGateway.charged) == 1


def test_a_guest_who_never_acted_frees_the_seats_once_the_gateway_says_so(house, booking):
    TokenGateway.kind = OutcomeKind.ACTION_REQUIRED
    with pytest.raises(PaymentPending):
        confirm(house, booking)
    [request] = TokenGateway.charged
    name = f"at-{request.reference}"
    # It knows the charge by the charge's own name, and nothing of what we call an Opening.
    TokenGateway.says = staticmethod(
        lambda asked: (said_of(request, OutcomeKind.EXPIRED),) if asked.gateway == name else ()
    )

    house.clock.now = Opening.objects.get().expires_at
    house.clock.move(seconds=31)
    janitor.resolve_unknown(clock=house.clock)

    assert operations(booking.order) == [("SALE", "OURS", "FAILED", 9000)]
    assert holds.expire_holds(now=house.clock()) == 1
    booking.refresh_from_db()
    assert booking.status == "EXPIRED"


def test_a_guest_who_could_not_be_shown_what_to_do_is_asked_to_pay_in_a_page(house, booking):
    TokenGateway.kind = OutcomeKind.ACTION_REQUIRED
    unopened = house.reserve(return_url=None)

    with pytest.raises(PaymentRefused):
        update_booking(
            booking=unopened,
            changes=BookingChanges(return_url=RETURN_URL),
            payment_request=PaymentRequest(payment_token=TOKEN),
            clock=house.clock,
        )

    assert operations(unopened.order) == [("SALE", "OURS", "FAILED", 9000)]
    assert Opening.objects.get(payment__order=unopened.order).status == "OPEN"


def test_what_a_guest_was_to_do_is_shown_no_longer_once_the_charge_is_refused(house, booking):
    TokenGateway.kind = OutcomeKind.ACTION_REQUIRED
    with pytest.raises(PaymentPending):
        confirm(house, booking)
    [request] = TokenGateway.charged
    TokenGateway.says = staticmethod(lambda _: (said_of(request, OutcomeKind.DECLINED),))

    ask_about_opening(opening=Opening.objects.select_related("payment", "account").get(), clock=house.clock)

    booking.order.refresh_from_db()
    view = describe_payment(order=booking.order, clock=house.clock)
    assert (view.balance_minor, view.client) == (9000, {"page": None})
    assert list(Opening.objects.order_by("created_at").values_list("status", flat=True)) == ["CLOSED", "OPEN"]


def test_what_never_reached_the_gateway_is_refused_and_the_guest_may_try_again(house, booking):
    TokenGateway.is_reachable = False

    with pytest.raises(PaymentRefused) as refused:
        confirm(house, booking)

    assert refused.value.error_code is ErrorCode.PROCESSOR_UNAVAILABLE
    assert operations(booking.order) == [("SALE", "OURS", "FAILED", 9000)]
    TokenGateway.is_reachable = True
    assert confirm(house, booking).is_confirmed
    assert books(booking.order) == {"RECEIVABLE>CLEARING": 9000}


def test_what_turns_out_to_be_charged_for_a_cancelled_booking_goes_back(house, booking):
    TokenGateway.kind = OutcomeKind.NOTE
    with pytest.raises(PaymentPending):
        confirm(house, booking)
    cancel_booking(booking=booking, reason="changed plans", force=False, clock=house.clock)

    [request] = TokenGateway.charged
    TokenGateway.says = staticmethod(lambda _: (said_of(request, OutcomeKind.CAPTURED),))
    house.clock.move(seconds=31)
    janitor.resolve_unknown(clock=house.clock)

    assert books(booking.order) == {"RECEIVABLE>CLEARING": 9000}
    assert operations(booking.order) == [("SALE", "OURS", "PROCESSED", 9000), ("REFUND", "OURS", "PENDING", 9000)]


def test_where_its_caller_died_the_gateway_is_asked(house, booking):
    TokenGateway.kind = OutcomeKind.NOTE
    with pytest.raises(PaymentPending):
        confirm(house, booking)
    died_at = house.clock()
    Transaction.objects.update(unknown_since_at=None, next_check_at=None, checks_made=0, claimed_until=died_at)
    [request] = TokenGateway.charged
    TokenGateway.says = staticmethod(lambda _: (said_of(request, OutcomeKind.CAPTURED),))

    house.clock.move(seconds=1)
    janitor.resolve_unknown(clock=house.clock)
    janitor.resolve_unknown(clock=house.clock)

    assert books(booking.order) == {"RECEIVABLE>CLEARING": 9000}


def test_a_gateway_that_takes_no_tokens_is_sent_none(house):
    booking = house.reserve(payment_request=None)

    with pytest.raises(GatewayMismatch):
        confirm(house, booking)

    assert not Transaction.objects.exists()

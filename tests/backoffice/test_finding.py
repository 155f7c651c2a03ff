"""One search box: whatever was pasted finds the order, with the reason, in one query, and leaves a trace."""

import html
import re
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.postgres.search import SearchQuery
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from backoffice.models import AuditEntry
from backoffice.roles import Role
from bookings.gift_codes import set_code
from bookings.models import Booking, Gift, UnitItem
from gateways.protocol import OutcomeKind as Kind
from payments.admin.columns import page_of
from payments.finding.lookups import LOOKUPS
from payments.finding.search import Place, find, find_by
from payments.finding.terms import read
from payments.models import Dispute, ExternalNote, Payment
from payments.models.note import note_words
from tests.payments.house import House, build_house
from tests.plans import only_index

pytestmark = pytest.mark.django_db
FOUND = "found by a guest's data or card"


@pytest.fixture
def house(db) -> House:
    return build_house()


@pytest.fixture
def desk(browser_with_role):
    return browser_with_role(Role.SUPPORT, "sam")


def sell(house, name, email, *, psp, last4="1111", adults=2, **fields):
    """Return a paid payment of a guest."""
    payment = house.payment(adults, **fields)
    booking = payment.order.bookings.get()
    booking.contact_full_name, booking.contact_email = name, email
    booking.save()
    house.paid(payment, psp)
    payment.transactions.update(card_brand="visa", card_last4=last4)
    return payment


@pytest.fixture
def paid(house):
    payment = sell(house, "Grace Hopper", "grace@example.com", psp="QFQTPCQ8HXSKGK82", reseller_reference="NW-88123")
    ExternalNote.objects.create(
        payment=payment,
        text="paid at the kiosk, till 07-4519",
        evidence="receipt R-2291/7, SEPA 2026.88_120345",
        written_by="partner",
        written_at=house.clock(),
    )
    sell(house, "Ada Miller", "ada@example.com", psp="OTHER", last4="4242", adults=1)
    return payment


def look_for(desk, term, **query):
    return desk.get(reverse("admin:find"), {"q": term, **query})


def text_of(response):
    return html.unescape(re.sub(r"<[^>]+>", " ", response.content.decode()))


@pytest.mark.parametrize(
    "paste",
    [
        lambda payment: payment.reference,
        lambda payment: f" “{payment.reference.upper()}” ",
        lambda payment: payment.reference.removeprefix("cp_"),
        lambda payment: str(payment.pk),
        lambda payment: str(payment.order_id).replace("-", ""),
        lambda payment: payment.order.reference,
        lambda payment: payment.order.reference.lower().replace("-", ""),
        lambda payment: payment.order.reference.replace("-", "‑"),
        lambda payment: " ".join(payment.order.bookings.get().reference.partition("-")),
        lambda payment: str(payment.order.bookings.get().uuid),
        lambda payment: "QFQTPCQ8HXSKGK82",
        lambda payment: " qfqtpcq8 hxskgk82\u200b",
        lambda payment: payment.openings.get().gateway_reference,
        lambda payment: payment.transactions.get().reference,
        lambda payment: "nw-88123",
        lambda payment: "tk-7eh6gswq2c82k2xz",
        lambda payment: "TK 7EH6 GSWQ 2C82 K2XA",
    ],
)
def test_what_names_one_thing_leads_straight_to_it(desk, paid, paste):
    booking = paid.order.bookings.get()
    Booking.objects.filter(pk=booking.pk).update(voucher_code="TK-7EH6GSWQ2C82K2XZ")
    UnitItem.objects.filter(pk=booking.unit_items.first().pk).update(ticket_code="TK-7EH6GSWQ2C82K2XA")

    answer = look_for(desk, paste(paid))

    assert answer.status_code == 302
    assert answer["Location"] in (page_of(paid), page_of(paid.order))
    assert desk.get(answer["Location"]).status_code == 200


def test_a_number_finds_whatever_has_it(desk, paid):
    Payment.objects.filter(pk=paid.pk).update(number=777_001)
    paid.transactions.update(number=777_002)
    paid.order.bookings.update(number=777_002)

    assert look_for(desk, "#777001")["Location"] == page_of(paid)
    assert look_for(desk, " 777002 ")["Location"] == page_of(paid.order)
    Payment.objects.exclude(pk=paid.pk).update(number=777_002)
    page = text_of(look_for(desk, "777002"))
    assert all(f"Found by {what} number" in page for what in ("payment", "operation", "booking"))


@pytest.mark.parametrize(
    ("term", "reason"),
    [
        ("hopper", "guest's name Grace Hopper"),
        ("HOPPER grace", "guest's name Grace Hopper"),
        ("hopp", "guest's name Grace Hopper"),
        ("Grace@Example.com", "guest's e-mail grace@example.com"),
        ("grace@", "guest's e-mail grace@example.com"),
        ("1111", "card that ends in 1111"),
        ("the kiosk", "external note paid at the kiosk"),
        ("2291", "external note paid at the kiosk"),
        ("R-2291/7", "external note paid at the kiosk"),
        ("kiosk 4519", "external note paid at the kiosk"),
        ("120345", "external note paid at the kiosk"),
        ("till 07-4519 receipt", "external note paid at the kiosk"),
        ("90.00", "amount of an operation"),
        ("EUR 90,00", "amount of an operation"),
        ("hopper 1111", "guest's name Grace Hopper"),
        ("90.00 eur 1111", "card that ends in 1111"),
        ("1111 grace@example.com", "guest's e-mail grace@example.com"),
    ],
)
def test_what_many_may_share_is_answered_with_the_reason(desk, paid, term, reason):
    page = text_of(look_for(desk, term))

    assert reason in " ".join(page.split())
    assert paid.order.reference in page
    assert "Ada Miller" not in page
    assert all(word in page for word in ("90.00 EUR", "taken", "Grace Hopper", str(paid.partner), "TEST"))


@pytest.mark.parametrize(
    "term", ["hopper 4242", "90.00 usd", "90.00 eur 4242", "miller 90.00", "kiosk miller", "kiosk 2292"]
)
def test_terms_that_do_not_fit_each_other_find_nothing(desk, paid, term):
    assert f"Nothing goes by “{term}”." in text_of(look_for(desk, term))


def test_the_words_and_numbers_of_notes_are_found_by_their_index(paid):
    vector = ExternalNote.objects.annotate(vector=note_words())
    found = vector.filter(vector=SearchQuery("'2291':*", config="simple", search_type="raw"))

    with only_index("external_note_by_word"):
        assert "external_note_by_word" in found.explain()


def test_it_finds_unpaid_orders_and_disputes(house, desk, paid):
    unpaid = house.payment(1)
    Dispute.objects.create(
        payment=paid, gateway_reference="DSP77", stage="CHARGEBACK", opened_at=house.clock(), changed_at=house.clock()
    )

    assert look_for(desk, "dsp77")["Location"] == page_of(paid)
    assert "amount that nobody tried to pay" in text_of(look_for(desk, "45.00 EUR"))
    assert look_for(desk, unpaid.order.reference)["Location"] == page_of(unpaid.order)


def test_a_card_number_is_never_in_an_address_and_its_last_digits_are_looked_for(desk, paid):
    posted = desk.post(reverse("admin:find"), {"q": "4111 1111 1111 1111"}, follow=True)

    assert posted.redirect_chain == [(f"{reverse('admin:find')}?q=1111", 302)]
    assert paid.order.reference in text_of(posted)
    assert "Only its last four digits are looked for" in text_of(posted)
    # Beginnings of a number may be in an id, which has hex digits.
    assert not re.search(r"4111\W*1111", posted.content.decode())
    typed_into_the_address = look_for(desk, "miller 4111-1111-1111-1111")
    assert parse_qs(urlsplit(typed_into_the_address["Location"]).query) == {"q": ["miller 1111"]}
    assert not AuditEntry.objects.filter(detail__regex=r"4111\W*1111").exists()


def test_a_gift_code_finds_its_voucher_and_is_in_no_address(house, desk):
    payment = house.payment()
    gift = Gift(
        reference="GF-23456789",
        order=payment.order,
        partner=payment.partner,
        is_live=True,
        amount_minor=5_000,
        currency="EUR",
        expires_at=house.clock(),
        created_at=house.clock(),
        updated_at=house.clock(),
    )
    set_code(gift, "GIFT-7Q2K-MX4H-9ZPD-3RTW")
    gift.save()

    found = desk.post(reverse("admin:find"), {"q": "gift 7q2k mx4h 9zpd 3rtw"})
    guessed = desk.post(reverse("admin:find"), {"q": "GIFT-2222-2222-2222-2222"})

    assert found["Location"] == f"{reverse('admin:find')}?q=GF-23456789"
    assert look_for(desk, "GF-23456789")["Location"] == page_of(payment.order)
    assert guessed["Location"] == f"{reverse('admin:find')}?q="


def test_whoever_finds_by_a_guest_or_a_card_is_recorded_and_what_was_typed_is_not(desk, paid):
    for term in ("hopper", "grace@example.com", "1111"):
        look_for(desk, term)
    look_for(desk, "90.00")
    look_for(desk, paid.reference)

    entries = AuditEntry.objects.filter(action=FOUND).order_by("at")

    assert [entry.actor for entry in entries] == ["sam"] * 3
    assert [entry.detail for entry in entries] == [
        f"{label}: orders {paid.order_id}" for label in ("guest's name", "guest's e-mail", "card that ends in")
    ]


def test_only_those_who_see_payments_may_search(client, django_user_model, paid):
    client.force_login(django_user_model.objects.create_user("ben", password="correct horse", is_staff=True))

    assert look_for(client, "hopper").status_code == 403
    assert not AuditEntry.objects.filter(action=FOUND).exists()


def test_a_search_costs_the_same_queries_whatever_is_sought_and_found(house, desk, paid):
    def cost(term):
        with CaptureQueriesContext(connection) as queries:
            look_for(desk, term)
        return len(queries)

    cost("warm")
    few = cost("hopper")
    for number in range(4):
        sell(house, "Grace Hopper", "grace@example.com", psp=f"MORE{number}")

    assert {cost(term) for term in ("hopper", "1111", "grace@example.com", "hopper 1111 90.00")} == {few}
    assert cost("90.00") < few
    assert few <= 20


def test_pages_are_stable_while_rows_arrive(house):
    sold = [sell(house, "Grace Hopper", "grace@example.com", psp=f"P{number}", adults=1) for number in range(7)]
    newest_first = [payment.order_id for payment in reversed(sold)]
    guest = next(lookup for lookup in LOOKUPS if lookup.name == "guest")
    sought = read("hopper")

    first = find_by(sought, guest, most=3, place=None)
    sell(house, "Grace Hopper", "grace@example.com", psp="LATE", adults=1)
    second = find_by(sought, guest, most=3, place=Place.read(first.last, is_backwards=False))
    third = find_by(sought, guest, most=3, place=Place.read(second.last, is_backwards=False))
    back = find_by(sought, guest, most=3, place=Place.read(third.first, is_backwards=True))

    pages = [first, second, third]
    assert [hit.order_id for page in pages for hit in page.hits] == newest_first
    assert [page.has_older for page in pages] == [True, True, False]
    assert [hit.order_id for hit in back.hits] == newest_first[3:6]
    assert (back.has_newer, back.has_older) == (True, True)
    assert Place.read("nonsense", is_backwards=False) is None


def test_an_order_is_shown_once_however_often_it_matches(house, paid):
    house.tell(paid, Kind.REFUNDED, "REF1", minor=9_000, of="QFQTPCQ8HXSKGK82")
    Payment.objects.get(pk=paid.pk).transactions.update(card_last4="1111")

    groups = find(read("1111"), most=5)

    assert [(group.lookup.name, [hit.order_id for hit in group.hits]) for group in groups] == [
        ("last4", [paid.order_id])
    ]


@pytest.mark.parametrize("paste", ["", "\x00", "%", "'; --", "9" * 40, "@", "ß" * 500, "& | ! :*", "\\", "a" * 999])
def test_odd_searches_are_answered(desk, paid, paste):
    assert look_for(desk, paste).status_code == 200
    assert look_for(desk, paste, **{"in": "guest", "older": "x"}).status_code == 200


def test_the_palette_is_asked_by_post_and_keeps_nothing(desk, paid):
    address = f"{reverse('admin:search')}?extended=1"

    asked = desk.post(address, {"s": "4111111111111111"})

    assert desk.get(address, {"s": "hopper"}).status_code == 405
    assert f"{reverse('admin:find')}?q=1111" in asked.content.decode()
    assert "41111111" not in asked.content.decode()
    assert reverse("admin:payments_payment_changelist") in desk.post(address, {"s": "payments"}).content.decode()

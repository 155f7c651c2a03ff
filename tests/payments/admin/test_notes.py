"""Notes of payments taken elsewhere: found, and amended by adding."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.urls import reverse

from payments.admin.columns import page_of
from payments.errors import NoteAmended
from payments.models import ExternalNote
from payments.services.external_notes import amend_note, redact_note
from tests.payments.admin.reading import text_of

pytestmark = pytest.mark.django_db
LIST = "admin:payments_externalnote_changelist"


@pytest.fixture
def note(paid) -> ExternalNote:
    return ExternalNote.objects.get()


def amend(note):
    return reverse("admin:payments_externalnote_amend", args=[note.pk])


def test_a_correction_is_a_note_of_its_own_that_names_what_it_corrects(desk, note):
    answer = desk.post(amend(note), {"text": "paid at till 4", "evidence": "receipt 1201"}, follow=True)

    added = ExternalNote.objects.get(amends=note)
    assert (added.text, added.evidence, added.written_by) == ("paid at till 4", "receipt 1201", "ada")
    assert (added.payment_id, added.transaction_id) == (note.payment_id, note.transaction_id)
    note.refresh_from_db()
    assert note.text == "paid at the kiosk"
    page = text_of(answer)
    assert "The correction is added; what it corrects stays." in page
    assert "Amended the note of partner." in page


def test_a_stale_page_amends_nothing_twice(desk, note):
    desk.post(amend(note), {"text": "paid at till 4"})

    answer = desk.post(amend(note), {"text": "paid at till 5"}, follow=True)

    assert ExternalNote.objects.count() == 2
    assert "The note was amended already" in text_of(answer)


def test_two_corrections_of_one_note_are_refused_by_the_database(house, note):
    amend_note(note=note, text="a", evidence="", written_by="ada", now=house.clock())

    with pytest.raises(NoteAmended):
        amend_note(note=note, text="b", evidence="", written_by="ben", now=house.clock())
    with pytest.raises(IntegrityError, match="note_amended_once"), transaction.atomic():
        ExternalNote.objects.create(
            payment=note.payment, amends=note, text="b", written_by="ben", written_at=house.clock()
        )


def test_a_card_number_in_a_correction_is_masked(desk, note):
    answer = desk.post(amend(note), {"text": "card 4111 1111 1111 1111", "evidence": "4111111111111111"}, follow=True)

    added = ExternalNote.objects.get(amends=note)
    assert "4111" not in f"{added.text} {added.evidence}"
    assert "A card number was masked before anything was saved (What is right, Where the proof is)." in text_of(answer)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE payments_externalnote SET text = 'nothing'",
        "UPDATE payments_externalnote SET written_by = 'ada', redacted_at = now()",
        "UPDATE payments_externalnote SET redacted_at = NULL",
        "DELETE FROM payments_externalnote",
    ],
)
def test_the_database_refuses_to_change_or_delete_a_note(note, statement):
    with pytest.raises(IntegrityError, match="amend by adding"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)

    assert ExternalNote.objects.get().text == "paid at the kiosk"


def test_what_the_law_wants_gone_is_blacked_out_and_says_so(house, desk, note):
    redact_note(note=note, text="paid by ****", evidence="", now=house.clock())

    note.refresh_from_db()
    assert (note.text, note.redacted_at) == ("paid by ****", house.clock())
    assert "paid by ****" in text_of(desk.get(page_of(note)))


def test_nobody_amends_without_permission(browser_of, note):
    visitor = browser_of("view_externalnote", "view_payment")

    assert visitor.get(amend(note)).status_code == 403
    assert visitor.post(amend(note), {"text": "x"}).status_code == 403
    assert "Amend it" not in text_of(visitor.get(page_of(note)))
    assert ExternalNote.objects.count() == 1


def test_an_empty_correction_is_asked_for_again(desk, note):
    assert desk.post(amend(note), {"text": " "}).status_code == 200
    assert ExternalNote.objects.count() == 1


def test_an_address_is_a_link_and_anything_else_is_text(house, desk, note):
    web = amend_note(note=note, text="a", evidence="https://files.example.com/1", written_by="ada", now=house.clock())
    script = amend_note(note=web, text="b", evidence="javascript:alert(1)", written_by="ada", now=house.clock())

    assert 'href="https://files.example.com/1"' in desk.get(page_of(web)).content.decode()
    assert 'href="javascript' not in desk.get(page_of(script)).content.decode()


def found(desk, **filters):
    return [row.text for row in desk.get(reverse(LIST), filters).context["cl"].result_list]


def test_notes_are_found_by_account_day_who_amount_and_kind(house, desk, note):
    till = house.payment()
    ExternalNote.objects.create(
        payment=till,
        transaction=note.payment.transactions.get(),
        text="till 4",
        evidence="receipt 1201",
        written_by="ben",
        written_at=house.clock() - timedelta(days=40),
    )
    day = (house.clock() - timedelta(days=40)).date().isoformat()

    assert found(desk) == ["till 4", "paid at the kiosk"]
    assert found(desk, who="Ben") == ["till 4"]
    assert found(desk, day=day) == ["till 4"]
    assert found(desk, day="yesterday") == []
    assert found(desk, amount="90.00") == ["till 4"]
    assert found(desk, amount="90,00 eur") == ["till 4"]
    assert found(desk, amount="90.00 USD") == []
    assert found(desk, amount="many") == []
    assert found(desk, transaction__kind__exact="SALE") == ["till 4"]
    assert found(desk, transaction__kind__exact="REFUND") == []
    assert found(desk, payment__account__id__exact=str(note.payment.account_id)) == ["till 4", "paid at the kiosk"]
    assert found(desk, q="receipt 1201") == ["till 4"]

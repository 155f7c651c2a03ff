"""Card numbers, security codes, keys and tokens in every place where somebody could put them rest nowhere.

A web process and a worker of their own write logs at their most talkative; then all tables, all keys of the broker,
both logs and every answer are searched.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.utils import timezone

from bookings.models import Booking
from config.settings.gateways import credential_variables
from gateways.models import GatewayAccount
from payments.encryption import decrypt_json
from payments.models import ExternalNote, Opening, ReusableCard, Transaction, WebhookDelivery
from payments.services.cards import card_token
from tests.faults.bait import (
    DASHED,
    FULL_WIDTH,
    SCATTERED,
    SECURITY_CODE,
    SPACED,
    VISA,
    WRONG_KEY,
    found_in,
    messages_of_the_broker,
    our_secrets,
    rows_of_the_database,
)
from tests.faults.baiting import (
    Watched,
    book_with_bait,
    charge_bait,
    gateway_answers_with_bait,
    pay_elsewhere_with_bait,
    refuse_bait,
    sell_with_a_stored_card,
    staff_write_bait,
    tell_bait_by_webhook,
)
from tests.faults.web import WebProcess, webhooks_to
from tests.processes import CeleryWorker, wait_until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def web(house, sandbox, tmp_path: Path) -> Iterator[WebProcess]:
    """The web process to which partners, staff and the sandbox talk."""
    process = WebProcess(tmp_path, redis_url=django_settings.REDIS_URL, LOG_LEVEL="DEBUG")
    with process, webhooks_to(sandbox, process):
        yield process


@pytest.fixture
def octo(web, key, house) -> Iterator[Watched]:
    client = Watched(web.url, key, house)
    with client:
        yield client


def test_card_data_keys_and_tokens_rest_nowhere(house, web, octo, key, sandbox, settings, tmp_path, capfd, caplog):
    GatewayAccount.objects.filter(slug="adyen-eu").update(stores_cards=True)
    payment = sell_with_a_stored_card(octo, sandbox)
    book_with_bait(octo, sandbox)
    charge_bait(octo, sandbox)
    refuse_bait(octo, web)
    pay_elsewhere_with_bait(octo)
    tell_bait_by_webhook(sandbox, payment)
    staff_write_bait(web, octo, payment)
    gateway_answers_with_bait(settings, house, payment)
    sandbox.post("webhooks/flush")
    waiting = list(messages_of_the_broker())
    worker = talkative_worker(tmp_path)
    try:
        wait_until(lambda: not WebhookDelivery.objects.filter(attempts=0).exists(), what="the worker")
    finally:
        worker.stop()

    (card, *_) = ReusableCard.objects.all()
    token = card_token(card)
    kept = Opening.objects.filter(client_encrypted__isnull=False).values_list("client_encrypted", flat=True)
    session_data = [decrypt_json(bytes(client))["session"]["sessionData"] for client in kept if client]
    assert len(token) > 10
    assert session_data != []
    at_rest = [token, key, *session_data, *our_secrets()]
    places = [
        *rows_of_the_database(),
        *waiting,
        *messages_of_the_broker(),
        ("the log of the web process", web.output),
        ("the log of the worker", worker.output),
        ("the log of this process", caplog.text + "".join(capfd.readouterr())),
    ]
    found = {(place, what) for place, text in places for what in found_in(text, at_rest)}
    # A partner's client needs its session data, and nothing else of this list.
    told = [token, key, *our_secrets()]
    for answer in octo.answers:
        shown = f"{answer.text}\n{answer.headers}"
        found |= {(f"answer {answer.status_code} to {answer.url.path}", what) for what in found_in(shown, told)}
    assert not found, "\n".join(f"{place}: {what}" for place, what in sorted(found))
    # What was searched is what was written.
    names = {place for place, _ in places}
    assert {"bookings_booking.notes", "payments_gatewayevent.raw", "payments_externalnote.text", "webhooks"} <= names
    assert Booking.objects.filter(notes__contains="****").exists()
    assert ExternalNote.objects.filter(text__contains="1111").exists()
    assert Transaction.objects.filter(opening=None, card=None, card_last4="1111", status="PROCESSED").exists()
    assert Transaction.objects.filter(unknown_since_at__isnull=False).exists()
    assert "request_finished" in web.output
    assert "gateway_transcript" in web.output
    assert "task_finished" in worker.output
    assert {answer.status_code for answer in octo.answers} >= {200, 400, 401, 403, 404}


def talkative_worker(folder: Path) -> CeleryWorker:
    """Start a worker that logs as much as it can."""
    environment = {"LOG_LEVEL": "DEBUG", **credential_variables(django_settings.GATEWAY_CREDENTIALS)}
    worker = CeleryWorker(folder, environment=environment)
    worker.start()
    return worker


@pytest.mark.parametrize(
    "text",
    [
        VISA,
        SPACED,
        DASHED,
        SCATTERED,
        FULL_WIDTH,
        json.dumps({"n": FULL_WIDTH}),
        f'"cvc": "{SECURITY_CODE}"',
        WRONG_KEY,
    ],
)
def test_the_search_finds_what_it_looks_for(text):
    assert found_in(f"before {text} after", our_secrets()) != []


def test_the_search_takes_masked_numbers_and_other_digits_for_what_they_are():
    assert found_in(f"************1111 42 1111 {timezone.now().timestamp()} {SECURITY_CODE}", our_secrets()) == []

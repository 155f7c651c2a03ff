"""A card is opaque, goes through once, and rests neither in the database, the broker, a log nor an answer."""

import logging

import pytest

from tests.api.context.desk import CHALLENGED, VISA, brought_back, card, challenge, documented, plain
from tests.faults.bait import messages_of_the_broker, rows_of_the_database

pytestmark = pytest.mark.django_db(transaction=True)

CODE, HOLDER = "test_9173", "Bartholomew Simpson"
SENT = {"encryptedSecurityCode": CODE, "encryptedCardNumber": f"test_{VISA}"}


def test_what_was_encrypted_rests_nowhere_however_the_payment_ends(desk, caller, told_guest, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    path = f"{desk.at_booking}/Payment"
    answers = [
        caller.post(path, documented(10, paymentMethodDetails=card(**SENT, holder=HOLDER)), Idempotency_Key="P-1"),
        caller.post(path, documented(10, paymentMethodDetails=card(**SENT, holder="DECLINED"))),
        caller.post(path, plain(1000, paymentMethodDetails=card(**SENT))),
        caller.post(path, plain(10, paymentMethodDetails={**card(), **SENT, "encryptedExpiryYear": None})),
        caller.post(f"{desk.at_customer}/Payment", plain(10, paymentMethodDetails=card(**SENT))),
    ]
    began = challenge(desk.at_booking, caller)
    proof = brought_back(began)
    answers.append(caller.post(f"{desk.at_booking}/CompleteSecurePayment", proof))
    told_guest.deliver()

    assert [answer.status_code for answer in answers] == [200, 200, 400, 400, 200, 201]
    result = str(proof["paymentDetails"]).split('"value": "')[1].split('"')[0]
    secrets = {CODE, f"test_{VISA}", VISA, f"test_{CHALLENGED}", CHALLENGED, HOLDER, result}
    said = capfd.readouterr()
    places = [
        *rows_of_the_database(),
        *messages_of_the_broker(),
        *((f"answer {number}", answer.content.decode()) for number, answer in enumerate(answers)),
        *(("log", record.getMessage() + repr(record.__dict__)) for record in caplog.records),
        ("streams", said.out + said.err),
    ]
    assert [(where, secret) for where, text in places for secret in secrets if secret in text] == []
    assert len(places) > 100

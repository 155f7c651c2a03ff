"""Deliveries that load runs send in the name of Adyen."""

import json

from gateways.adapters.adyen import standin
from gateways.protocol import Delivery, OutcomeKind
from tests.gateways.adyen_world import (
    adyen_at,
    credentials,
)
from tests.gateways.examples import NOW

ADYEN = adyen_at("http://127.0.0.1:9")


def test_deliveries_of_a_load_run_are_genuine_and_never_the_same() -> None:
    sent = [standin.new_delivery(credentials("http://127.0.0.1:9")) for _ in range(2)]
    deliveries = [
        Delivery(
            headers={name.lower(): value for name, value in headers.items()},
            body=json.dumps(body).encode(),
            received_at=NOW,
        )
        for headers, body in sent
    ]

    assert len({ADYEN.verify_webhook(one).delivery_key for one in deliveries}) == 2
    assert [ADYEN.read_webhook(one)[0].kind for one in deliveries] == [OutcomeKind.AUTHORIZED] * 2

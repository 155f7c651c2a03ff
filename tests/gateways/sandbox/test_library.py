"""Adyen's own Python library is content with the sandbox."""

from typing import Any
from urllib.parse import quote

import Adyen  # type: ignore[import-untyped]
import pytest

from tests.gateways.sandbox.conftest import MERCHANT, Box, payment_request, session_request


@pytest.fixture
def adyen(box: Box) -> Any:
    client = Adyen.Adyen(xapikey="key-of-fernweg", platform="test", http_force="requests")
    for service in vars(client.checkout).values():
        if hasattr(service, "baseUrl"):
            service.baseUrl = f"{box.url}/adyen/v72"
    return client


def test_library_walks_through_a_sessions_life(adyen: Any, box: Box) -> None:
    session = adyen.checkout.payments_api.sessions(session_request(), idempotency_key="opening-1")
    paid = box.pay(session.message["id"])
    result = adyen.checkout.payments_api.get_result_of_payment_session(
        session.message["id"], query_parameters={"sessionResult": quote(paid["sessionResult"], safe="")}
    )
    amount = {"amount": {"currency": "EUR", "value": 12050}, "merchantAccount": MERCHANT}
    modifications = adyen.checkout.modifications_api
    capture = modifications.capture_authorised_payment(amount, paid["pspReference"], idempotency_key="capture-1")
    refund = modifications.refund_captured_payment(amount, paid["pspReference"], idempotency_key="refund-1")

    assert (session.status_code, result.message["status"]) == (201, "completed")
    assert capture.message["status"] == refund.message["status"] == "received"
    assert capture.psp == capture.message["pspReference"]
    assert box.payment(paid["pspReference"])["refunded"] == 12050


def test_library_raises_what_it_raises_for_adyen(adyen: Any, box: Box) -> None:
    with pytest.raises(Adyen.AdyenAPIUnprocessableEntity) as refused:
        adyen.checkout.payments_api.payments(payment_request(paymentMethod={"type": "scheme", "number": "4111"}))
    with pytest.raises(Adyen.AdyenAPIInvalidPermission):
        adyen.checkout.payments_api.sessions(session_request(merchantAccount="HarborToursUS"))
    box.control("POST", "/faults", {"gateway": "adyen", "operation": "payments", "fault": "in_progress"})
    with pytest.raises(Adyen.exceptions.AdyenAPIResponseError) as twin:
        adyen.checkout.payments_api.payments(payment_request())

    assert refused.value.error_code == "101"
    assert len(refused.value.psp) == 16
    assert (twin.value.status_code, twin.value.headers["transient-error"]) == (409, "true")

from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.gateways.sandbox.conftest import Box, Receiver

FORM = {"number": "4111 1111 1111 1111", "expiry": "03/30", "cvc": "737", "holderName": "Ada Vos"}


def post(box: Box, session_id: str, **change: str) -> tuple[int, str, str]:
    answer = box.http.post(f"{box.url}/adyen/pay/{session_id}", data={**FORM, **change}, allow_redirects=False)
    return answer.status_code, answer.headers.get("Location", ""), answer.text


def test_page_shows_merchant_amount_and_labelled_fields(box: Box) -> None:
    session = box.new_session(123456)

    answer = box.http.get(f"{box.url}/adyen/pay/{session['id']}")

    assert answer.status_code == 200
    for text in ("FernwegToursEU", "EUR 1,234.56", "cp_7Qm2", "NOT_ENOUGH_BALANCE", "width=device-width", 'lang="en"'):
        assert text in answer.text
    for name in ("number", "expiry", "cvc", "holderName"):
        assert f'<label for="{name}">' in answer.text
        assert f'id="{name}"' in answer.text
    assert answer.headers["Cache-Control"] == "no-store"


def test_paying_on_the_page_leads_back_with_session_and_result(box: Box) -> None:
    session = box.new_session()

    status, location, _ = post(box, session["id"])

    assert status == 303
    query = parse_qs(urlsplit(location).query)
    assert location.startswith("https://example.com/return?")
    assert (query["booking"], query["sessionId"]) == (["17"], [session["id"]])
    result = box.api("GET", f"/sessions/{session['id']}", query={"sessionResult": query["sessionResult"][0]})
    assert result.json()["status"] == "completed"
    after = box.http.get(f"{box.url}/adyen/pay/{session['id']}").text
    assert "completed" in after
    assert "<form" not in after


def test_refusal_is_shown_with_its_reason_and_the_guest_may_try_again(box: Box) -> None:
    session = box.new_session()

    status, location, _ = post(box, session["id"], holderName="NOT_ENOUGH_BALANCE")
    page = box.http.get(f"{box.url}{location}").text
    again, back, _ = post(box, session["id"])

    assert status == 303
    assert "The card was refused: Not enough balance." in page
    assert 'role="alert"' in page
    assert "<form" in page
    assert again == 303
    assert back.startswith("https://example.com/return?")


def test_fourth_refusal_leads_back(box: Box) -> None:
    session = box.new_session()

    locations = [post(box, session["id"], holderName="DECLINED")[1] for _ in range(4)]

    assert [location.startswith("https://example.com/") for location in locations] == [False, False, False, True]


def test_wrong_number_is_explained_and_never_written_back(box: Box, receiver: Receiver) -> None:
    session = box.new_session()

    status, _, page = post(box, session["id"], number="4111 1111 1111 1112", holderName="<b>Ada</b>")

    assert status == 422
    assert "Invalid card number." in page
    assert "4111 1111 1111 1112" not in page
    assert "<b>Ada</b>" not in page
    assert "&lt;b&gt;Ada&lt;/b&gt;" in page
    box.flush()
    assert receiver.items() == []


def test_3ds_card_passes_through_the_issuers_page(box: Box) -> None:
    session = box.new_session()
    _, challenge, _ = post(box, session["id"], number="4917 6100 0000 0000")
    assert challenge.startswith("/adyen/3ds/")
    assert "EUR 120.50" in box.http.get(box.url + challenge).text

    failed = box.http.post(box.url + challenge, data={"password": "guess"}, allow_redirects=False)
    page = box.http.get(box.url + failed.headers["Location"]).text
    _, challenge, _ = post(box, session["id"], number="4917 6100 0000 0000")
    passed = box.http.post(box.url + challenge, data={"password": "password"}, allow_redirects=False)

    assert "3D Not Authenticated" in page
    assert passed.headers["Location"].startswith("https://example.com/return?")
    assert box.control("GET", f"/adyen/sessions/{session['id']}")["status"] == "completed"
    assert box.http.get(box.url + challenge).status_code == 404


def test_consent_is_asked_only_where_the_merchant_wants_it(box: Box) -> None:
    storing: dict[str, Any] = {"shopperReference": "guest-17", "recurringProcessingModel": "CardOnFile"}
    asking = box.new_session(**storing, storePaymentMethodMode="askForConsent")

    assert "storePaymentMethod" in box.http.get(f"{box.url}/adyen/pay/{asking['id']}").text
    assert "storePaymentMethod" not in box.http.get(f"{box.url}/adyen/pay/{box.new_session()['id']}").text
    post(box, asking["id"], storePaymentMethod="on")

    query = {"merchantAccount": "FernwegToursEU", "shopperReference": "guest-17"}
    assert len(box.api("GET", "/storedPaymentMethods", query=query).json()["storedPaymentMethods"]) == 1


def test_unknown_session_has_no_page(box: Box) -> None:
    assert box.http.get(f"{box.url}/adyen/pay/CS0000").status_code == 404
    assert post(box, "CS0000")[0] == 404

"""The sandbox's endpoints are the specification's, plus /control, pages for people, and what their scripts load."""

import re

from gateways.sandbox.adyen.processor import API, BASE
from gateways.sandbox.app import Sandbox, build_application
from gateways.sandbox.config import load_config
from gateways.sandbox.store import Store
from tests.gateways.sandbox.conftest import Box, session_request
from tests.gateways.sandbox.specification import document, needs_specification


def routes() -> set[tuple[str, str]]:
    application = build_application(Sandbox(load_config(None), Store()))
    return {
        (route.method, route.resource.canonical)
        for route in application.router.routes()
        if route.resource is not None and route.method != "HEAD"
    }


def test_everything_is_below_the_api_the_control_api_or_a_page() -> None:
    of_others = tuple(f"/{slug}/" for slug in Sandbox(load_config(None), Store()).processors if slug != "adyen")
    of_scripts = ("/adyen/test/checkoutshopper/", "/browser/")
    pages = ("/adyen/pay/", "/adyen/3ds/", "/adyen/reports/")
    known = (f"{BASE}/", "/control/", *pages, *of_scripts, *of_others)

    assert {path for _, path in routes() if not path.startswith(known)} == set()


@needs_specification
def test_api_has_only_endpoints_of_the_specification() -> None:
    known = {
        (method.upper(), re.sub(r"{\w+}", "{}", path))
        for path, item in document("CheckoutService-v72")["paths"].items()
        for method in item
    }
    served = {
        (method, re.sub(r"{\w+}", "{}", path.removeprefix(BASE)))
        for method, path in routes()
        if path.startswith(f"{BASE}/")
    }

    assert served - known == set()
    assert len(served) == len(API)


def test_request_log_numbers_requests_and_can_be_emptied(box: Box) -> None:
    box.api("POST", "/sessions", session_request(), key="opening-1")
    box.api("GET", "/sessions/CS1", query={"sessionResult": "x"})

    first, second = box.control("GET", "/requests?gateway=adyen")["requests"]

    assert (first["method"], first["path"], first["status"]) == ("POST", "/adyen/v72/sessions", 201)
    assert (first["idempotency_key"], first["body"]["reference"]) == ("opening-1", "cp_7Qm2")
    assert second["seq"] == first["seq"] + 1
    assert second["status"] == 404
    assert box.control("GET", "/requests?operation=session_result")["requests"] == [second]
    box.control("DELETE", "/requests")
    assert box.control("GET", "/requests") == {"requests": []}


def test_reset_forgets_everything_but_the_accounts(box: Box) -> None:
    box.authorized()
    box.control("POST", "/faults", {"gateway": "adyen", "operation": "sessions", "fault": "error"})

    box.control("POST", "/reset")

    assert box.control("GET", "/money") == {"money": []}
    assert box.control("GET", "/webhooks") == {"webhooks": []}
    assert box.control("GET", "/faults") == {"faults": []}
    assert len(box.control("GET", "/adyen/accounts")["accounts"]) == 2
    assert box.new_session()["id"]


def test_unknown_path_is_answered_in_json(box: Box) -> None:
    answer = box.http.get(f"{box.url}/adyen/v71/sessions")

    assert (answer.status_code, answer.json()["status"]) == (404, 404)

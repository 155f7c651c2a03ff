"""The OpenAPI document is true: every route is in it, and real answers are valid by it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from api.octo.capabilities import REGISTRY
from api.octo.schema import openapi_document
from api.octo.urls import ROUTES
from gateways.errors import ErrorCode
from tests.api.octo.shop import CARDS, CORE, PRICED, Octo, Shop

ROOT = "urn:octo"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return json.loads(json.dumps(openapi_document()))


def operation_of(path: str) -> str:
    """Return the documented path that a real path is an instance of."""
    parts = path.strip("/").split("/")
    for documented in openapi_document()["paths"]:
        wanted = documented.strip("/").split("/")
        if len(wanted) == len(parts) and all(w == p or w.startswith("{") for w, p in zip(wanted, parts, strict=True)):
            return documented
    raise AssertionError(f"{path} is not documented")


def check(answer: Any, method: str, path: str, document: dict[str, Any]) -> None:
    """Validate a real answer, its headers included, by the document."""
    operation = document["paths"][operation_of(path)][method.lower()]
    response = operation["responses"][str(answer.status_code)]
    schema = response["content"]["application/json"]["schema"]
    registry = Registry().with_resource(
        ROOT, Resource.from_contents({"$schema": "https://json-schema.org/draft/2020-12/schema", **document})
    )
    text = json.dumps(schema).replace('"#/', f'"{ROOT}#/')
    errors = list(Draft202012Validator(json.loads(text), registry=registry).iter_errors(answer.json()))
    assert not errors, [(error.json_path, error.message) for error in errors]
    for header in response.get("headers", {}):
        assert header in answer.headers


def test_every_route_is_documented_and_nothing_else(document):
    def documented(route: str) -> str:
        return "/" + route.replace("<str:", "{").replace(">", "}")

    methods = {
        documented(route): {name for name in ("get", "post", "patch", "delete", "put") if hasattr(view, name)}
        for route, view in ROUTES.items()
    }

    assert {path: set(operations) for path, operations in document["paths"].items()} == methods


def test_every_operation_tells_its_headers_errors_and_key(document):
    for operations in document["paths"].values():
        for operation in operations.values():
            assert operation["security"] == [{"bearerKey": []}]
            assert set(operation["responses"]) == {"200", "400", "401", "403", "429", "500"}
            names = {parameter["name"] for parameter in operation["parameters"]}
            assert {"Octo-Capabilities", "Octo-Env", "Accept-Language"} <= names
            for code in ("400", "401", "403", "429", "500"):
                schema = operation["responses"][code]["content"]["application/json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/Error"}


def test_every_shape_is_valid_json_schema_and_every_reference_leads_somewhere(document):
    shapes = document["components"]["schemas"]
    for shape in shapes.values():
        Draft202012Validator.check_schema(shape)

    text = json.dumps(document)
    wanted = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}

    assert wanted <= set(shapes)
    assert set(shapes) <= wanted


def test_the_document_is_openapi_3_1_and_served_without_a_key(shop, document):
    answer = Octo(None, capabilities=None).get("/schema.json")

    assert answer.status_code == 200
    assert answer.json() == Client().get("/schema/octo").json() == document
    assert document["openapi"].startswith("3.1")
    assert document["servers"] == [{"url": "/octo"}]


@pytest.mark.parametrize("address", ["/octo/docs", "/octo/docs/"])
def test_the_swagger_page_loads_nothing_from_elsewhere(db, client, address):
    answer = client.get(address)

    page = answer.content.decode()
    assert answer.status_code == 200
    assert "/static/drf_spectacular_sidecar/" in page
    assert "/octo/schema.json" in page
    assert "//cdn" not in page
    assert "https://" not in page.replace("https://www.w3.org", "")
    assert client.get("/static/drf_spectacular_sidecar/swagger-ui-dist/swagger-ui-bundle.js").status_code == 200


@pytest.mark.parametrize("capabilities", [CORE, PRICED, CARDS])
def test_real_answers_are_valid(shop: Shop, document, capabilities):
    octo = shop.octo(capabilities)
    booking = shop.reserve(
        octo,
        contact={"fullName": "Ada Byron", "locales": ["en"]},
        settlementMethod="VOUCHER",
        resellerReference="R-1",
        metadata={"channel": "web"},
    )
    path = f"/bookings/{booking['uuid']}"
    days = {
        "productId": str(shop.tour.pk),
        "optionId": str(shop.tour_option.pk),
        "localDateStart": shop.first_day.isoformat(),
        "localDateEnd": shop.first_day.isoformat(),
        "units": [{"id": str(shop.adult.pk), "quantity": 2}],
    }
    park = {**days, "productId": str(shop.park.pk), "optionId": "DEFAULT", "units": None}

    for method, where, body in (
        ("GET", "/supplier", None),
        ("GET", "/whoami", None),
        ("GET", "/capabilities", None),
        ("GET", "/products", None),
        ("GET", f"/products/{shop.tour.pk}", None),
        ("POST", "/availability", days),
        ("POST", "/availability", park),
        ("POST", "/availability/calendar", days),
        ("POST", "/availability/calendar", park),
        ("POST", "/bookings", shop.wish()),
        ("GET", path, None),
        ("PATCH", path, {"notes": "Vegetarian lunch"}),
        ("POST", f"{path}/extend", {"expirationMinutes": 45}),
        ("POST", f"{path}/confirm", {}),
        ("POST", f"{path}/cancel", {"reason": "Ill"}),
        ("DELETE", f"/bookings/{shop.reserve(octo)['uuid']}", {}),
    ):
        answer = octo.get(where) if method == "GET" else octo.send(method, where, body)
        assert answer.status_code == 200, (where, answer.content)
        check(answer, method, where, document)
    check(octo.get("/bookings", {"resellerReference": "R-1"}), "GET", "/bookings", document)


def test_real_refusals_are_valid(shop: Shop, document, settings):
    octo = shop.octo(CARDS)
    booking = shop.reserve(octo)
    path = f"/bookings/{booking['uuid']}"

    for method, where, body in (
        ("GET", "/bookings/nothing", None),
        ("GET", "/bookings", None),
        ("GET", "/products/nothing", None),
        ("GET", "/card_payments/nothing", None),
        ("POST", "/bookings", shop.wish(currency="GBP")),
        ("POST", "/bookings", shop.wish(unitItems=[])),
        ("POST", f"{path}/confirm", {}),
        ("POST", f"{path}/confirm", {"cardPayment": {"currency": "USD"}}),
        ("POST", f"{path}/confirm", {"cardPayment": {"source": "MAIL"}}),
    ):
        answer = octo.get(where) if method == "GET" else octo.send(method, where, body)
        assert answer.status_code == 400, (where, answer.content)
        check(answer, method, where, document)
    check(Octo(None).get("/supplier"), "GET", "/supplier", document)
    check(Octo("wrong").get("/supplier"), "GET", "/supplier", document)
    settings.API = {**settings.API, "REQUESTS_PER_MINUTE": 1}
    check(Octo(shop.other_key).get("/supplier"), "GET", "/supplier", document)
    check(Octo(shop.other_key).get("/supplier"), "GET", "/supplier", document)


def test_the_capability_list_is_the_registry(octo):
    assert [entry["id"] for entry in octo.get("/capabilities").json()] == list(REGISTRY)


def test_the_page_for_partners_names_every_route_code_and_header(document):
    page = (Path(settings.BASE_DIR) / "docs" / "octo.md").read_text()
    code = (Path(settings.BASE_DIR) / "api" / "octo" / "errors.py").read_text()

    routes = {
        path.replace("product_id", "id")
        .replace("card_payment_id", "cardPaymentId")
        .replace("card_id", "cardId")
        .replace("order_id", "orderId")
        .replace("webhook_id", "id")
        for path in document["paths"]
    }
    codes = set(re.findall(r'"([A-Z]+(?:_[A-Z]+)+)"', code)) | {"BAD_REQUEST", "UNAUTHORIZED", "FORBIDDEN"}

    assert [route for route in routes if f" {route}`" not in page] == []
    assert [each for each in codes if f"`{each}`" not in page] == []
    assert [each for each in ErrorCode if each not in page] == []

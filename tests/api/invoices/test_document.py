"""The OpenAPI document is true: every route is in it, and what it promises is asked of the real WSGI app."""

import json
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from django.test import Client
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.invoices.schema import openapi_document
from api.invoices.urls import ROUTES
from tests.api.invoices.desk import Caller

ROOT = "urn:invoices"
CHECKS: list[Any] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
FEW = hypothesis_settings(
    max_examples=6,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def valid(document: dict[str, Any], shape: str) -> list[str]:
    """Return what is wrong with a document by one of the shapes."""
    contents = {"$schema": "https://json-schema.org/draft/2020-12/schema", **json.loads(json.dumps(openapi_document()))}
    registry = Registry().with_resource(ROOT, Resource.from_contents(contents))
    schema = {"$ref": f"{ROOT}#/components/schemas/{shape}"}
    return [error.message for error in Draft202012Validator(schema, registry=registry).iter_errors(document)]


def test_every_route_is_documented_and_nothing_else():
    def documented(route: str) -> str:
        return "/" + route.replace("<str:", "{").replace(">", "}")

    methods = {
        documented(route): {name for name in ("get", "post", "patch", "delete", "put") if hasattr(view, name)}
        for route, view in ROUTES.items()
    }
    document = openapi_document()

    assert {path: set(operations) for path, operations in document["paths"].items()} == methods
    assert Client().get("/schema/invoices").json() == json.loads(json.dumps(document))
    for shape in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(json.loads(json.dumps(shape)))


def test_what_is_answered_is_valid_by_its_shape(desk):
    card = desk.kept_card()
    wish = desk.wish(token=card.pk.hex, gateway_options={"cardgate": {"instant": True}}, metadata={"cart": "77"})
    made = desk.live.create(wish)
    token = made.json()["data"]["attributes"]["flow_data"]["metadata"]["token"]
    invoice_id = made.json()["data"]["id"]

    assert valid(made.json(), "Invoice") == []
    assert valid(desk.live.sell(token).json(), "Sale") == []
    assert valid(desk.live.refund(invoice_id, {"amount": 1}).json(), "Invoice") == []
    assert valid(desk.live.get().json(), "InvoicePage") == []
    assert valid(desk.live.create({}).json(), "Errors") == []
    assert valid({"data": {"type": "payment-invoices", "attributes": wish}}, "InvoiceRequest") == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["valid", "broken"])
def test_what_is_asked_by_the_document_is_answered_by_it(desk, mode):
    document = schemathesis.openapi.from_wsgi("/schema/invoices", get_wsgi_application())
    paid = desk.made(reference_id="paid")
    desk.paid(paid)
    statuses: dict[str, set[int]] = {}
    numbers = count()

    def real(case: Any) -> None:
        name_real_things(case, desk.live, paid.public_id, next(numbers), is_valid=mode is GenerationMode.POSITIVE)

    for found in document.get_all_operations():
        operation = found.ok()
        statuses[operation.label] = ask(operation, mode, real)

    assert set().union(*statuses.values()) <= {200, 201, 400, 401, 404, 406, 409, 415, 422}
    assert len(statuses) == sum(len(methods) for methods in document.raw_schema["paths"].values())
    if mode is GenerationMode.POSITIVE:
        # What a document cannot say, such as which names are addresses of hosts, may still be wrong.
        assert 201 in statuses["POST /payment-invoices"] <= {201, 422}
        assert 200 in statuses["GET /payment-invoices/{invoice_id}"]
        assert 200 in statuses["POST /payment-invoices/{invoice_id}/refund"]


def ask(operation: Any, mode: GenerationMode, change: Callable[[Any], None]) -> set[int]:
    """Send a few generated requests, check each answer by the document, and return which statuses there were."""
    statuses: set[int] = set()

    @FEW
    @given(case=operation.as_strategy(generation_mode=mode))
    def check(case: Any) -> None:
        change(case)
        answer = case.call()
        statuses.add(answer.status_code)
        case.validate_response(answer, checks=CHECKS)

    check()
    return statuses


def name_real_things(case: Any, caller: Caller, invoice_id: str, number: int, *, is_valid: bool) -> None:
    """Put real names where made-up ones lead nowhere."""
    case.headers = {**caller.headers}
    if case.path_parameters and "invoice_id" in case.path_parameters:
        case.path_parameters = {"invoice_id": invoice_id}
    if not is_valid or not isinstance(case.body, dict):
        return
    case.query = {}
    attributes: dict[str, Any] = {"amount": 0.01, "reference_id": f"R-{number}"}
    if case.path == "/payment-invoices":
        attributes |= {"currency": "EUR", "service": "payment_card_eur_hpp"}
    data: dict[str, Any] = {"type": case.body["data"]["type"], "attributes": attributes}
    case.body = {"data": data}

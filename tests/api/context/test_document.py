"""The OpenAPI document is read as a partner's tools would, and what it promises is asked of the real WSGI app."""

import json
from typing import Any

import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from jsonschema import Draft202012Validator
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.context.schema import openapi_document
from tests.api.context.desk import card, documented

EXAMPLES = 4
CHECKS: list[Any] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
FEW = hypothesis_settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def test_every_route_is_in_the_document_with_its_errors():
    document = openapi_document()

    operations = {
        (path, method): set(operation["responses"])
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    read, write = {"200", "400", "401", "404", "429", "500"}, {"201", "202", "403", "409", "503"}
    assert operations == {
        ("/{context}/{context_id}/Payment", "get"): read,
        ("/{context}/{context_id}/Payment", "post"): read | write,
        ("/{context}/{context_id}/Payment/{payment_id}", "get"): read,
        ("/{context}/{context_id}/CompleteSecurePayment", "post"): read | write,
        ("/bookings/{context_id}/PaymentMethods", "get"): read,
        ("/PaymentMethods", "get"): read,
    }


def test_every_shape_is_valid_and_every_reference_leads_somewhere(client):
    document = client.get("/schema/context").json()
    shapes = document["components"]["schemas"]
    for shape in shapes.values():
        Draft202012Validator.check_schema(shape)

    wanted = {part.split('"')[0] for part in json.dumps(document).split("#/components/schemas/")[1:]}

    assert wanted == set(shapes)
    assert document["openapi"].startswith("3.1")


def test_the_documented_request_is_valid_by_its_shape():
    document = openapi_document()

    Draft202012Validator({"$ref": "#/components/schemas/Payment", **document}).validate(documented(2500.0))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["valid", "broken"])
def test_what_is_answered_is_what_is_documented(desk, guest, mode):
    document = schemathesis.openapi.from_wsgi("/schema/context", get_wsgi_application())
    statuses: dict[str, set[int]] = {}

    for operation in (found.ok() for found in document.get_all_operations()):
        statuses[operation.label] = ask(operation, mode, desk)

    assert len(statuses) == 6
    if mode is GenerationMode.POSITIVE:
        assert statuses["POST /{context}/{context_id}/Payment"] & {201, 202}
        assert sum(200 in seen for seen in statuses.values()) >= 3


def ask(operation: Any, mode: GenerationMode, desk: Any) -> set[int]:
    """Send a few generated requests, check each answer by the document, and return which statuses there were."""
    statuses: set[int] = set()

    @FEW
    @given(case=operation.as_strategy(generation_mode=mode))
    def check(case: Any) -> None:
        if mode is GenerationMode.POSITIVE:
            is_customer = (case.path_parameters or {}).get("context") == "customers"
            number = desk.customer.number if is_customer else desk.booking.number
            case.path_parameters = {**(case.path_parameters or {}), "context_id": str(number)}
            if case.query:
                case.query = {**case.query, "currencyCode": "eur"}
            if isinstance(case.body, dict) and "amount" in case.body:
                real = {"amount": 0.5, "currencyCode": "EUR", "paymentMethodDetails": card(), "donationAmount": None}
                case.body = {**case.body, **real, "paymentMethodId": 32}
        case.headers = {**(case.headers or {}), "X-Api-Key": desk.key}
        answer = case.call()
        statuses.add(answer.status_code)
        case.validate_response(answer, checks=CHECKS)

    check()
    return statuses

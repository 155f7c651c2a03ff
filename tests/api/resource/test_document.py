"""The OpenAPI document is true: every route is in it, and what it promises is asked of the real WSGI app.

Answers must have a documented status, the documented headers and, in JSON, a body that is valid by its schema, whether
what was sent is valid or broken on purpose. Whether broken data is refused is not asked: fields that are not known are
ignored.
"""

from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from django.conf import settings
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

from api.resource.schema import openapi_document
from api.resource.urls import ROUTES
from gateways.errors import ErrorCode
from tests.api.resource.desk import CARD, Desk

CHECKS: list[Any] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
FEW = hypothesis_settings(
    max_examples=3,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def test_every_route_is_documented_and_nothing_else():
    def documented(route: str) -> str:
        return "/" + route.replace("<str:", "{").replace(">", "}")

    methods = {
        documented(route): {name for name in ("get", "post", "patch", "delete", "put") if hasattr(view, name)}
        for route, view in ROUTES.items()
    }

    assert {path: set(operations) for path, operations in openapi_document()["paths"].items()} == methods


def test_every_operation_tells_its_errors_and_its_key_in_both_formats():
    for operations in openapi_document()["paths"].values():
        for operation in operations.values():
            assert operation["security"] == [{"applicationKey": []}]
            for status, response in operation["responses"].items():
                assert set(response["content"]) == {"application/json", "application/xml"}
                if status not in {"200", "201"}:
                    assert response["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Error"}


def test_every_shape_is_valid_and_served_without_a_key(db, client):
    document = client.get("/schema/resource").json()

    assert document == openapi_document()
    assert document["openapi"].startswith("3.1")
    for shape in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(shape)


def test_the_page_for_partners_names_every_route_code_and_status():
    page = (Path(settings.BASE_DIR) / "docs" / "resource.md").read_text()
    paths = openapi_document()["paths"]
    statuses = {status for operations in paths.values() for each in operations.values() for status in each["responses"]}

    routes = {path.replace("payment_id", "id").replace("refund_id", "id") for path in paths}
    routes = {path.replace("booking_id", "id").replace("customer_id", "id") for path in routes}
    assert [route for route in routes if f" {route}`" not in page] == []
    assert [code for code in ErrorCode if f"`{code}`" not in page] == []
    assert [status for status in statuses if f" {status} " not in page] == []


def ask(operation: Any, mode: GenerationMode, desk: Desk, change: Callable[[Any], None]) -> set[int]:
    """Send generated requests, every other one changed, check each answer, and return which statuses there were."""
    statuses: set[int] = set()
    turns = count()

    @FEW
    @given(case=operation.as_strategy(generation_mode=mode))
    def check(case: Any) -> None:
        if next(turns) % 2 == 0:
            change(case)
        case.headers = {**(case.headers or {}), "X-Application-Key": desk.key, "Accept": "application/json"}
        answer = case.call()
        statuses.add(answer.status_code)
        case.validate_response(answer, checks=CHECKS)

    check()
    return statuses


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["valid", "broken"])
def test_what_is_answered_is_what_is_documented(desk: Desk, guest, mode):
    document = schemathesis.openapi.from_wsgi("/schema/resource", get_wsgi_application())
    booking = desk.booking()
    made = desk.pay(booking, "1.00").json()
    assert booking.order.customer is not None
    customer = str(booking.order.customer.number)
    real = {"payment_id": made["id"], "booking_id": str(booking.number), "customer_id": customer}
    names = {"booking": {"id": real["booking_id"]}, "customer": {"id": customer}, "amount": "1.00", "details": CARD}

    def name_real_things(case: Any) -> None:
        sent = case.path_parameters or {}
        case.path_parameters = {**sent, **{name: real[name] for name in sent if name in real}}
        if isinstance(case.body, dict):
            case.body = {**case.body, **names}

    operations: list[Any] = [found.ok() for found in document.get_all_operations()]  # type: ignore[union-attr]
    statuses = {each.label: ask(each, mode, desk, name_real_things) for each in operations}

    if mode is GenerationMode.POSITIVE:
        assert all(seen & {200, 201} for label, seen in statuses.items() if "refunds/{" not in label), statuses
    assert set().union(*statuses.values()) <= {200, 201, 400, 404, 406, 409, 415}

"""Our own OpenAPI document is read as a partner's tools would, and what it promises is asked of the real WSGI app.

Answers must have a documented status, the documented headers and a body that is valid by its schema, whether what was
sent is valid or broken on purpose. Whether broken data is refused is not asked: fields that are not known are ignored.
"""

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.octo.capabilities import REGISTRY
from tests.api.octo.shop import Shop

ALL = ", ".join(REGISTRY)
EXAMPLES = 3
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


@pytest.fixture
def document(transactional_db: None) -> Any:
    return schemathesis.openapi.from_wsgi("/octo/schema.json", get_wsgi_application())


@pytest.fixture
def names(shop: Shop, sandbox: object) -> dict[str, dict[str, Any]]:
    """Return real names of what the operations are about, by operation tag and then by field."""
    octo = shop.octo(ALL)
    wish = {"contact": {"emailAddress": "ada@example.com"}, "settlementMethod": "VOUCHER"}
    booking = shop.reserve(octo, adults=1, **wish)
    gift = octo.post("/gifts", {"amount": 6000, "currency": "EUR", **wish}).json()
    webhook = octo.post("/webhooks", {"event": "booking_update", "url": "https://localhost/octo"}).json()
    everywhere = {
        "productId": str(shop.tour.pk),
        "product_id": str(shop.tour.pk),
        "optionId": str(shop.tour_option.pk),
        "availabilityId": shop.tour_slots[0],
        "unitId": str(shop.adult.pk),
        "unitItems": [{"unitId": str(shop.adult.pk)}],
        "localDateStart": shop.first_day.isoformat(),
        "localDateEnd": shop.first_day.isoformat(),
        "expirationMinutes": 40,
        "amount": 6000,
        "currency": "EUR",
        "order_id": shop.reserve(octo, adults=1, **wish)["orderId"],
        "card_payment_id": booking["cardPayment"]["cardPaymentId"] or "cp_20261121_nothing",
        "webhook_id": webhook.get("id", "nothing"),
        "uuid": booking["uuid"],
    }
    return {"": everywhere, "/gifts": {**everywhere, "uuid": gift["uuid"]}}


def bare(operation: Any, body: Any, real: dict[str, Any]) -> Any:
    """Return what is to be sent with nothing in it but what is required, and that real."""
    if not isinstance(body, dict):
        return body
    document = operation.schema.raw_schema
    content = document["paths"][operation.path][operation.method.lower()]["requestBody"]["content"]
    shape = content["application/json"]["schema"]["$ref"].rpartition("/")[2]
    properties = document["components"]["schemas"][shape]
    needed = {*properties.get("required", ()), *({"availabilityId", "currency"} & set(properties["properties"]))}
    return {name: real.get(name, body.get(name)) for name in sorted(needed)}


def with_names(value: Any, names: dict[str, str]) -> Any:
    """Return what is to be sent with real names in place of made-up ones."""
    match value:
        case dict():
            return {
                key: names[key] if key in names and isinstance(each, str) and key != "uuid" else with_names(each, names)
                for key, each in value.items()
            }
        case list():
            return [with_names(each, names) for each in value]
        case _:
            return value


def ask(operation: Any, mode: GenerationMode, shop: Shop, change: Callable[[Any], None]) -> set[int]:
    """Send a few generated requests, check each answer by the document, and return which statuses there were."""
    statuses: set[int] = set()

    @FEW
    @given(case=operation.as_strategy(generation_mode=mode))
    def check(case: Any) -> None:
        change(case)
        case.headers = {**(case.headers or {}), "Authorization": f"Bearer {shop.key}", "Octo-Capabilities": ALL}
        answer = case.call()
        statuses.add(answer.status_code)
        case.validate_response(answer, checks=CHECKS)

    check()
    return statuses


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["valid", "broken"])
def test_what_is_answered_is_what_is_documented(document, names, shop, mode):
    statuses: dict[str, set[int]] = {}

    operations = [found.ok() for found in document.get_all_operations()]
    # What ends things comes last, for what is cancelled refuses the rest.
    operations.sort(key=lambda each: each.method.lower() == "delete" or each.path.endswith("/cancel"))
    for operation in operations:
        real = names["/gifts" if operation.path.startswith("/gifts") else ""]

        def name_real_things(case: Any, real: dict[str, Any] = real, turns: Any = count()) -> None:  # noqa: B008
            case.path_parameters = {**(case.path_parameters or {}), **_known(case.path_parameters, real)}
            case.body = with_names(case.body, real)
            if mode is GenerationMode.POSITIVE and next(turns) % 2 == 0:
                case.headers, case.query, case.body = (
                    {},
                    {"supplierReference": "BK-1"},
                    bare(case.operation, case.body, real),
                )

        statuses[operation.label] = ask(operation, mode, shop, name_real_things)

    assert set().union(*statuses.values()) == {200, 400}
    assert len(statuses) == sum(len(methods) for methods in document.raw_schema["paths"].values())
    if mode is GenerationMode.POSITIVE:
        # Cards that were kept, and what is confirmed or cancelled already, need more than a made-up request.
        assert sum(200 in seen for seen in statuses.values()) > len(statuses) / 2


def _known(sent: Any, real: dict[str, str]) -> dict[str, str]:
    return {name: real[name] for name in sent or {} if name in real}

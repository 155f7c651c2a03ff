"""The vendor's published schemas, where they lie beside the checkout; the project itself carries none of them."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

ADYEN = Path(__file__).parents[3].parent / "shared/specs/adyen"
needs_specification = pytest.mark.skipif(
    not (ADYEN / "CheckoutService-v72.json").exists(), reason="Adyen's specification does not lie beside the checkout"
)


@cache
def document(name: str) -> dict[str, Any]:
    """Return one specification; empty where there is none."""
    path = ADYEN / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else {}


def answer_problems(method: str, path: str, status: int, body: Any) -> list[str]:
    """Say what is wrong with an answer of the Checkout API; nothing where there is no specification."""
    paths = document("CheckoutService-v72").get("paths")
    if not paths:
        return []
    template = _template(method, path)
    if template is None:
        return [f"{method} {path} is not in the specification"]
    responses = paths[template][method.lower()]["responses"]
    if str(status) not in responses:
        # Each endpoint lists its successes; errors are listed for some only, and have one form for all.
        return [f"{status} is no success of {method} {template}"] if status < 400 else _errors("ServiceError", body)
    content = responses[str(status)].get("content")
    if not content:
        return [] if body is None else ["the answer must be empty"]
    return _errors(content["application/json"]["schema"]["$ref"].rsplit("/", 1)[1], body)


def webhook_problems(envelope: Any) -> list[str]:
    """Say what is wrong with a webhook; unknown fields are allowed, as Adyen's own examples have some."""
    if "notificationItems" not in envelope:
        return token_webhook_problems(envelope)
    webhooks = document("Webhooks-v1").get("webhooks")
    if not webhooks:
        return []
    event = envelope["notificationItems"][0]["NotificationRequestItem"]["eventCode"]
    if f"/{event}" not in webhooks:
        return [f"{event} is not in the specification"]
    schema = webhooks[f"/{event}"]["post"]["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    return _errors(schema.rsplit("/", 1)[1], envelope, name="Webhooks-v1", ignore=("additionalProperties",))


def token_webhook_problems(body: Any) -> list[str]:
    """Say what is wrong with a webhook of the life of a token."""
    webhooks = document("TokenizationNotification-v1").get("webhooks")
    if not webhooks:
        return []
    schema = webhooks[body["type"]]["post"]["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    return _errors(schema.rsplit("/", 1)[1], body, name="TokenizationNotification-v1")


def _template(method: str, path: str) -> str | None:
    found = [
        template
        for template, item in document("CheckoutService-v72")["paths"].items()
        if method.lower() in item and re.fullmatch(re.sub(r"{\w+}", "[^/]+", template), path)
    ]
    return min(found, key=lambda template: template.count("{")) if found else None


@cache
def _validator(name: str, schema: str) -> Draft202012Validator:
    resource = DRAFT202012.create_resource(document(name))
    registry: Any = Registry().with_resource("urn:spec", resource)
    return Draft202012Validator({"$ref": f"urn:spec#/components/schemas/{schema}"}, registry=registry)


def _errors(schema: str, body: Any, *, name: str = "CheckoutService-v72", ignore: tuple[str, ...] = ()) -> list[str]:
    found = _validator(name, schema).iter_errors(body)
    return [f"{schema} {error.json_path}: {error.message[:300]}" for error in found if error.validator not in ignore]

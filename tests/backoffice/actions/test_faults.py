"""Whatever a service refuses with is told in words; a class without words of its own would be told by its name."""

import inspect
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib import messages
from django.contrib.messages.storage.base import BaseStorage
from django.test import RequestFactory

import api.callbacks.errors
import backoffice.errors
import bookings.errors
import gateways.errors
import payments.errors
from backoffice.actions.view import _REFUSALS
from gateways.errors import ErrorCode
from money import Money
from payments.admin.buttons import faults_as_messages

_EXAMPLES: dict[str, Any] = {
    "Money": Money(100, "EUR"),
    "datetime": datetime(2026, 5, 1, tzinfo=UTC),
    "ErrorCode": ErrorCode.TRANSACTION_DECLINED,
    "int": 2,
    "bool": True,
}


class Kept(BaseStorage):
    """Keep what is told where a test reads it."""

    def _get(self, *_: Any, **__: Any) -> tuple[list[Any], bool]:
        return [], True

    def _store(self, *_: Any, **__: Any) -> list[Any]:
        return []


def refusals() -> list[type[Exception]]:
    roots = (payments.errors, bookings.errors, backoffice.errors, api.callbacks.errors, gateways.errors)
    found = [each for module in roots for _, each in inspect.getmembers(module, inspect.isclass)]
    return [each for each in found if issubclass(each, Exception) and each.__module__.endswith("errors")]


def example(refusal: type[Exception]) -> Exception:
    """Make a refusal with a plausible value for whatever it wants."""
    if refusal.__init__ is Exception.__init__:
        return refusal("a sentence")
    signature = inspect.signature(refusal.__init__)
    arguments: list[Any] = []
    fields: dict[str, Any] = {}
    for name, wanted in list(signature.parameters.items())[1:]:
        if wanted.kind in (wanted.VAR_POSITIONAL, wanted.VAR_KEYWORD) or wanted.default is not wanted.empty:
            continue
        kind = getattr(wanted.annotation, "__name__", str(wanted.annotation))
        value = _EXAMPLES.get(kind, "a word")
        if wanted.kind is wanted.KEYWORD_ONLY:
            fields[name] = value
        else:
            arguments.append(value)
    return refusal(*arguments, **fields)


@pytest.mark.parametrize("refusal", refusals(), ids=lambda each: each.__name__)
def test_a_refusal_is_told_in_words(refusal):
    request = RequestFactory().get("/")
    request._messages = Kept(request)
    error = example(refusal)

    with faults_as_messages(request, also=_REFUSALS) as said:
        raise error

    (told,) = list(messages.get_messages(request))
    assert [str(told)] == said
    assert " " in said[0]
    assert refusal.__name__ not in said[0]
    assert "Something went wrong on our side" not in said[0]

"""Say what is different since a partner was last told, from the few facts that the outbox keeps."""

from collections.abc import Iterable, Mapping
from typing import Any

# Reasons of changes before which there was nothing to tell of.
_BEGINNINGS = frozenset({"reserved", "created"})
# Where OCTO shows a fact of the outbox.
BOOKING_PATHS: dict[str, str] = {
    "status": "/status",
    "product_id": "/productId",
    "option_id": "/optionId",
    "availability_reference": "/availabilityId",
    "original_minor": "/pricing/original",
    "retail_minor": "/pricing/retail",
    "net_minor": "/pricing/net",
}
# An order's change has the facts of the booking that caused it; only its status is always the order's own.
ORDER_PATHS: dict[str, str] = {"status": "/status"}


def diff_of(
    changes: Iterable[tuple[str, Mapping[str, Any]]], shown: Mapping[str, Any], paths: Mapping[str, str]
) -> list[dict[str, object]]:
    """Return one entry per path that is different, by what was before the oldest of the changes.

    `changes` are (reason, facts before), oldest first. Paths that `shown` does not have, such as prices without
    octo/pricing, are left out.
    """
    before: dict[str, Any] = {}
    is_new = False
    for reason, facts in changes:
        is_new = is_new or reason in _BEGINNINGS
        for name, value in facts.items():
            before.setdefault(name, value)
    if is_new:
        return [{"op": "add", "path": "/status", "was": None, "value": shown["status"]}]
    entries = []
    for name, path in paths.items():
        if name not in before:
            continue
        try:
            value = _at(shown, path)
        except LookupError:
            continue
        was = None if before[name] == "" else before[name]
        if was != value:
            op = "add" if was is None else "remove" if value is None else "replace"
            entries.append({"op": op, "path": path, "was": was, "value": value})
    return entries


def _at(shown: Mapping[str, Any], path: str) -> object:
    found: Any = shown
    for name in path.strip("/").split("/"):
        found = found[name]
    return found

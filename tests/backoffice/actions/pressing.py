"""Press an action as a browser does: fill in its form, look at what it would do, confirm."""

import re
from typing import Any

from django.db.models import Model
from django.test import Client
from django.urls import reverse

from backoffice.models import ActionPress, AuditEntry, AuditReason
from payments.models import GatewayEvent, LedgerEntry, Transaction


def page(name: str, row: Model) -> str:
    """Return the address of an action on a row."""
    return reverse("admin:do", args=[name, row.pk])


def look(browser: Client, name: str, row: Model, **entered: Any) -> Any:
    """Return the page that asks once more; of an action that asks for nothing, the first one."""
    answer = browser.post(page(name, row), entered) if entered else browser.get(page(name, row))
    assert answer.status_code == 200, answer.status_code
    return answer


def token_for(browser: Client, name: str, row: Model, **entered: Any) -> str:
    """Return the token of the page that asks once more."""
    answer = look(browser, name, row, **entered)
    found = re.search(r'name="wish" value="([^"]+)"', answer.content.decode())
    assert found, (answer.context["form"].errors, [str(message) for message in answer.context["messages"]])
    return found[1]


def press(browser: Client, name: str, row: Model, token: str) -> list[str]:
    """Confirm, and return what the person is told."""
    answer = browser.post(page(name, row), {"wish": token}, follow=True)
    assert answer.status_code == 200
    return [str(message) for message in answer.context["messages"]]


def carry_out(browser: Client, name: str, row: Model, **entered: Any) -> list[str]:
    """Fill in, look and confirm; return what the person is told."""
    return press(browser, name, row, token_for(browser, name, row, **entered))


def shown(browser: Client, name: str, row: Model, **entered: Any) -> list[tuple[str, str, str]]:
    """Return the lines that the page shows before anything is done."""
    preview = look(browser, name, row, **entered).context["preview"]
    return [(line.name, line.value, line.detail) for line in preview.lines]


def refused(browser: Client, name: str, row: Model, **entered: Any) -> list[str]:
    """Return what the person is told instead of being asked once more."""
    answer = browser.post(page(name, row), entered, follow=True)
    assert 'name="wish"' not in answer.content.decode()
    return [str(message) for message in answer.context["messages"]]


def audited() -> list[tuple[str, str, str]]:
    """Return who did what and what is said of it, oldest first."""
    entries = AuditEntry.objects.exclude(action__in=["logged in", "viewed card"]).order_by("pk")
    return [(entry.actor, entry.action, entry.detail) for entry in entries]


def reasons() -> list[tuple[str, object]]:
    """Return the reasons that were given, oldest first, and whose guests they go with."""
    return list(AuditReason.objects.order_by("entry").values_list("text", "order"))


def written() -> tuple[int, ...]:
    """Return how many rows there are of whatever moves money."""
    return tuple(model.objects.count() for model in (Transaction, GatewayEvent, LedgerEntry))


def presses() -> int:
    """Return how often something was confirmed."""
    return ActionPress.objects.count()


def refunds() -> list[tuple[int, str, str]]:
    """Return the refunds that were asked for, by amount."""
    found = Transaction.objects.filter(kind="REFUND").values_list("amount_minor", "reason", "requested_by")
    return sorted(found)

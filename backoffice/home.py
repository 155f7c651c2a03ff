"""The home page: a search box, what waits for a person, and what was taken lately."""

import json
from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from backoffice.modes import environments_of
from backoffice.queues import QueueCount, queue_counts
from backoffice.takings import charts, takings
from gateways.models import Environment


def home_context(request: HttpRequest) -> dict[str, Any]:
    """Return what the home page shows to this person."""
    may_see_payments = request.user.has_perm("payments.view_payment")
    return {
        "may_search": may_see_payments,
        "waiting": _waiting(request),
        "takings": _takings(request) if may_see_payments else None,
    }


def _waiting(request: HttpRequest) -> list[QueueCount]:
    """Return the work queues in which something waits that this person may see."""
    return [each for each in queue_counts(request.user) if each.count]


def _takings(request: HttpRequest) -> dict[str, Any]:
    """Return the charts of live money, or of test money where that is asked for or all there is."""
    environment, other = environments_of(request)
    now = timezone.now()
    drawn = charts(takings(environment=environment, now=now), now=now)
    return {
        "is_live": environment == Environment.LIVE,
        "other": other,
        "zone": timezone.get_current_timezone_name(),
        "charts": [
            {**chart, "data": json.dumps(chart["data"]), "options": json.dumps(chart["options"])} for chart in drawn
        ],
    }

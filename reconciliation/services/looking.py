"""Look through every source for what should have come by now: each has its turn, whatever becomes of the others."""

from collections.abc import Callable
from datetime import datetime

import structlog
from celery.exceptions import SoftTimeLimitExceeded

from reconciliation.errors import SourceIsBusy
from reconciliation.models import SettlementSource
from reconciliation.services.drift import read_drift
from reconciliation.services.locking import alone_with
from reconciliation.services.matching import look_for_missing, match_what_is_loaded

log = structlog.get_logger(__name__)


def look_everywhere(*, clock: Callable[[], datetime]) -> int:
    """Look for what is missing at every source, and read every drift; return how many were looked at.

    A source whose files are being worked on is left for the next time.

    :raises ExceptionGroup: it failed for some sources, after all the others had their turn.
    """
    looked, failures = 0, []
    for source in SettlementSource.objects.select_related("account").order_by("pk"):
        try:
            with alone_with(source, waits=False):
                match_what_is_loaded(source=source, clock=clock)
                look_for_missing(source=source, now=clock())
                if source.account_id is not None:
                    read_drift(source=source, now=clock())
        except SourceIsBusy:
            log.info("source_not_looked_at", source=source.slug)
        except SoftTimeLimitExceeded:
            raise
        except Exception as failure:
            # Whatever it is, the others are looked at; it is raised below.
            log.error("source_not_looked_at", source=source.slug, exc_info=True)
            failure.add_note(f"while looking at {source.slug}")
            failures.append(failure)
        else:
            looked += 1
    if failures:
        raise ExceptionGroup("some sources were not looked at", failures)
    return looked

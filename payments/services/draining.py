from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import TypeVar

import structlog
from django.conf import settings

log = structlog.get_logger(__name__)
RowId = TypeVar("RowId")


def drain(
    ids: Iterable[RowId], act: Callable[[RowId], object], *, what: str, clock: Callable[[], datetime] | None = None
) -> int:
    """Act on every row and return how many answered with something true.

    A row that raises is logged and never stops the others; it is met again at the next drain. With a `clock` no row
    is begun after DRAIN_SECONDS: a gateway that hangs must not keep a worker from everybody else's rows.
    """
    until = clock() + timedelta(seconds=settings.PAYMENTS["DRAIN_SECONDS"]) if clock else None
    done = 0
    for row_id in ids:
        if clock is not None and until is not None and clock() > until:
            log.warning("drain_out_of_time", what=what)
            break
        try:
            done += bool(act(row_id))
        except Exception:
            log.exception("drain_failed", what=what, row=str(row_id))
    return done

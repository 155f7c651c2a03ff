from collections.abc import Callable, Iterable
from uuid import UUID

import structlog

log = structlog.get_logger(__name__)


def drain(ids: Iterable[UUID], act: Callable[[UUID], object], *, what: str) -> int:
    """Act on every row and return how many answered with something true; a row that raises is logged and never stops
    the others, for it is met again at the next drain.
    """
    done = 0
    for row_id in ids:
        try:
            done += bool(act(row_id))
        except Exception:
            log.exception("drain_failed", what=what, row=str(row_id))
    return done

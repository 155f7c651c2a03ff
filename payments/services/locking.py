"""Wait for a lock twice, not once: what another transaction held for a moment must not fail a payment."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import structlog
from django.db import OperationalError, connection
from psycopg.errors import DeadlockDetected, LockNotAvailable

log = structlog.get_logger(__name__)
Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")


def tried_again_after_lock_timeout(act: Callable[Arguments, Answer]) -> Callable[Arguments, Answer]:
    """Run a transaction a second time when it was the one that waited too long for a lock (`lock_timeout`, 3 s).

    Only for a function that is one transaction of its own: inside another's nothing can be run again, and it is not.
    """

    @wraps(act)
    def trying(*args: Arguments.args, **fields: Arguments.kwargs) -> Answer:
        try:
            return act(*args, **fields)
        except OperationalError as error:
            if not is_about_a_lock(error) or connection.in_atomic_block:
                raise
            log.warning("lock_timeout", act=act.__name__)
        return act(*args, **fields)

    return trying


def is_about_a_lock(error: Exception) -> bool:
    """Say whether the database gave up waiting for a lock; then it took everything back that was done so far."""
    return isinstance(error, OperationalError) and isinstance(error.__cause__, LockNotAvailable | DeadlockDetected)

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

from reconciliation.errors import SourceIsBusy
from reconciliation.models import SettlementSource

# The first half of our advisory locks' keys; the second is the source.
_NAMESPACE = 0x5E771E


@contextmanager
def alone_with(source: SettlementSource, *, waits: bool = True) -> Iterator[None]:
    """Have the files of a source to oneself for a while; whoever comes later waits, or goes where it must not wait.

    The lock is the connection's, so it goes with a process that dies. It keeps people from doing work twice; what keeps
    the books right are constraints. A file may take longer than the limits of a web request's statements, which are
    lifted meanwhile.

    :raises SourceIsBusy: somebody else has them, and the caller does not wait.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('statement_timeout', '0', false), set_config('lock_timeout', '0', false)")
        if waits:
            cursor.execute("SELECT pg_advisory_lock(%s, %s)", [_NAMESPACE, source.pk])
        else:
            cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [_NAMESPACE, source.pk])
            if cursor.fetchone() != (True,):
                raise SourceIsBusy(f"the files of {source.slug} are being worked on")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [_NAMESPACE, source.pk])
            cursor.execute("RESET statement_timeout; RESET lock_timeout")

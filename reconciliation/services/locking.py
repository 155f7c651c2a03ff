from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

from reconciliation.errors import ExportIsBusy, ReconciliationError, SourceIsBusy
from reconciliation.models import ExportRun, SettlementSource

# The first half of our advisory locks' keys; the second is the source, or the export.
_SOURCES, _EXPORTS = 0x5E771E, 0xE4907


@contextmanager
def alone_with(source: SettlementSource, *, waits: bool = True) -> Iterator[None]:
    """Have the files of a source to oneself for a while; whoever comes later waits, or goes where it must not wait.

    It keeps people from doing work twice; what keeps the books right are constraints.

    :raises SourceIsBusy: somebody else has them, and the caller does not wait.
    """
    with _alone(_SOURCES, source.pk, SourceIsBusy(f"the files of {source.slug} are being worked on"), waits=waits):
        yield


@contextmanager
def alone_with_export(run: ExportRun, *, waits: bool) -> Iterator[None]:
    """Have an export to oneself while it is written.

    :raises ExportIsBusy: somebody else has it, and the caller does not wait.
    """
    key = int.from_bytes(run.pk.bytes[:4], signed=True)
    with _alone(_EXPORTS, key, ExportIsBusy(f"{run} is being written"), waits=waits):
        yield


@contextmanager
def _alone(namespace: int, key: int, refusal: ReconciliationError, *, waits: bool) -> Iterator[None]:
    """Hold a lock of the connection's, so that it goes with a process that dies.

    A file may take longer than the limits of a web request's statements, which are lifted meanwhile.
    """
    with connection.cursor() as cursor:
        if not waits:
            cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [namespace, key])
            if cursor.fetchone() != (True,):
                raise refusal
        cursor.execute("SELECT set_config('statement_timeout', '0', false), set_config('lock_timeout', '0', false)")
        if waits:
            cursor.execute("SELECT pg_advisory_lock(%s, %s)", [namespace, key])
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [namespace, key])
            cursor.execute("RESET statement_timeout; RESET lock_timeout")

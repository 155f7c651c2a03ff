"""Let finance's systems repeat what they ask for: the same `Idempotency-Key` makes one export and shows it again."""

from collections.abc import Callable
from datetime import datetime

from django.db import IntegrityError, transaction

from api.finance.models import FinanceKey, RepeatableExport
from api.idempotency import KeyReused, check_key, fingerprint_of_body, fingerprint_of_key
from reconciliation.models import ExportRun


def ask_once(
    *, key: FinanceKey, idempotency_key: str, body: object, ask: Callable[[], ExportRun], now: datetime
) -> tuple[ExportRun, bool]:
    """Return the export of an `Idempotency-Key` of one of finance's keys, and whether it was asked for before.

    Nothing else is done for it than rows written, so that the key is a row of the same transaction: of twins, one
    waits for the other's, which takes milliseconds. What cannot be asked for leaves the key free.

    :raises KeyMalformed: the `Idempotency-Key` cannot be used.
    :raises KeyReused: something else was asked for under it.
    """
    check_key(idempotency_key)
    of_key, of_body = fingerprint_of_key(idempotency_key), fingerprint_of_body(body)
    asked = RepeatableExport.objects.filter(finance_key=key, key_fingerprint=of_key)
    found = asked.select_related("run").first()
    if found is None:
        try:
            with transaction.atomic():
                run = ask()
                RepeatableExport.objects.create(
                    finance_key=key, key_fingerprint=of_key, body_fingerprint=of_body, run=run, created_at=now
                )
        except IntegrityError:
            # A twin was faster; with the row, the export of this one is gone.
            found = asked.select_related("run").get()
        else:
            return run, False
    if found.body_fingerprint != of_body:
        raise KeyReused
    return found.run, True


def prune_repeatable_exports(*, before: datetime) -> int:
    """Forget the keys that were used before a moment and return how many there were; the exports stay."""
    return RepeatableExport.objects.filter(created_at__lt=before).delete()[0]

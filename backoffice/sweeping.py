"""Look for card numbers in everything that is stored, and mask them.

Nothing should ever be found: what people write is masked before it is saved, what gateways say is scrubbed. The sweep
is the proof of it, for the auditor of the card schemes and for the day a door was forgotten. It never says a number.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.contrib.postgres.fields import ArrayField
from django.db import IntegrityError, connection, models, transaction

from bookings.free_text import is_international_phone
from bookings.staff_text import without_card_numbers
from card_numbers import count_card_numbers

CHUNK = 1_000
_TEXT = (models.CharField, models.TextField, models.JSONField, ArrayField)
# Digests, keys and what gateways call their own things: digits that mean nothing to anybody, and mend nothing.
_MACHINE_MADE = ("_fingerprint", "_hash", "_key", "digest", "gateway_reference", "password", "session_data")
_APPEND_ONLY = """
SELECT DISTINCT class.relname FROM pg_trigger AS guard
JOIN pg_class AS class ON class.oid = guard.tgrelid
JOIN pg_proc AS refusal ON refusal.oid = guard.tgfoid
WHERE NOT guard.tgisinternal AND refusal.proname LIKE '%%refuse_change'
"""


@dataclass(slots=True, kw_only=True)
class Swept:
    """Be what was found in one column of one table, in rows."""

    table: str
    column: str
    rows: int = 0
    holding: int = 0
    masked: int = 0
    is_append_only: bool = False

    @property
    def left(self) -> int:
        """Return in how many rows card numbers still stand."""
        return self.holding - self.masked


def sweep(*, is_masking: bool) -> Iterator[Swept]:
    """Yield what was found in every column of text or JSON there is, a table at a time.

    With `is_masking` what is found is masked, except in the append-only tables, whose triggers refuse it, and where the
    masked text would be another row's: both are left, and counted.
    """
    guarded = append_only_tables()
    for model in apps.get_models(include_auto_created=True):
        columns = text_columns(model)
        if columns and model._meta.managed and not model._meta.proxy:
            is_guarded = model._meta.db_table in guarded
            yield from _sweep_table(model, columns, is_masking=is_masking and not is_guarded, is_guarded=is_guarded)


def text_columns(model: type[models.Model]) -> list[str]:
    """Return the columns of a model that could hold what somebody wrote."""
    return [
        field.name
        for field in model._meta.concrete_fields
        if isinstance(field, _TEXT) and not field.choices and not field.name.endswith(_MACHINE_MADE)
    ]


def append_only_tables() -> set[str]:
    """Return the tables whose rows a trigger keeps as they are."""
    with connection.cursor() as cursor:
        cursor.execute(_APPEND_ONLY)
        return {table for (table,) in cursor.fetchall()}


def count_in(value: Any) -> int:
    """Return how many card numbers a column's value holds, at any depth; a guest's phone number is none."""
    if isinstance(value, str):
        return 0 if is_international_phone(value) else count_card_numbers(value)
    if isinstance(value, list):
        return sum(map(count_in, value))
    if isinstance(value, dict):
        return sum(count_in(key) + count_in(item) for key, item in value.items())
    return count_card_numbers(str(value)) if isinstance(value, int) else 0


def _sweep_table(
    model: type[models.Model], columns: list[str], *, is_masking: bool, is_guarded: bool
) -> Iterator[Swept]:
    found = {column: Swept(table=model._meta.db_table, column=column, is_append_only=is_guarded) for column in columns}
    last: Any = None
    while True:
        rows = model._default_manager.order_by("pk")
        if last is not None:
            rows = rows.filter(pk__gt=last)
        chunk = list(rows.values_list("pk", *columns)[:CHUNK])
        if not chunk:
            break
        for pk, *values in chunk:
            for column, value in zip(columns, values, strict=True):
                swept = found[column]
                swept.rows += 1
                if count_in(value):
                    swept.holding += 1
                    swept.masked += is_masking and _mask(model, pk, column, value)
        last = chunk[-1][0]
    yield from found.values()


def _mask(model: type[models.Model], pk: Any, column: str, value: Any) -> bool:
    """Mask one value, unless somebody wrote it anew meanwhile; the next sweep finds that."""
    masked = without_card_numbers(value if not isinstance(value, int) else str(value))
    try:
        with transaction.atomic():
            changed = model._default_manager.filter(pk=pk, **{column: value}).update(**{column: masked})
    except IntegrityError:
        return False
    return changed == 1

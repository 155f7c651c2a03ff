"""Seed a volume of payments: one transaction, rows by COPY, indexes made afterwards."""

import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from django.db import connection, transaction

from bookings.models import Order
from config.volume.catalog import DAYS_AHEAD, OWN_SLUG, ensure_catalog
from config.volume.copying import copy_lines, without_indexes
from config.volume.stories import Plan, plans
from config.volume.writing import Numbers, Writer
from payments.models import ConsentText

# What the demo's partners sold may stand beside it.
_KNOWN_PARTNERS = ("nordwind-reisen", "blue-harbor", "box-office")
_SEQUENCES = {
    "customer": "customer_number",
    "booking": "booking_number",
    "payment": "payments_payment_number",
    "transaction": "payments_transaction_number",
    "event": "payments_gatewayevent_id_seq",
}
_ORDERS_AT_ONCE = 10_000
_CONSENT = "I agree that my card is kept for later payments of my bookings."


class DatabaseIsInUse(Exception):
    """Say that a database holds orders that nobody seeded, or was seeded before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Say how much is seeded: at least so many transactions, over the days before `until`; one seed, one result."""

    transactions: int
    partners: int
    until: datetime
    days: int = 548
    seed: int = 1
    is_beside_others: bool = False


def seed_volume(wish: Wish, *, say: Callable[[str], None]) -> int:
    """Write the orders, with all that hangs on them, and return how many transactions there are of them.

    :raises DatabaseIsInUse: nothing was written.
    """
    _check_database(wish)
    chance = random.Random(wish.seed)  # noqa: S311 - invented data, the same again for the same seed
    since = (wish.until - timedelta(days=wish.days)).replace(hour=0, minute=0, second=0, microsecond=0)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = 0")
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        catalog = ensure_catalog(
            partners=wish.partners, first_at=since.replace(hour=10), days=wish.days + DAYS_AHEAD, chance=chance
        )
        consent, _ = ConsentText.objects.get_or_create(
            digest=f"{wish.seed:064}", language="en", defaults={"text": _CONSENT, "first_used_at": since}
        )
        numbers = {name: Numbers(_last_value(sequence)) for name, sequence in _SEQUENCES.items()}
        writer = Writer(catalog=catalog, numbers=numbers, consent=consent, until=wish.until, seed=wish.seed)
        orders = plans(catalog=catalog, transactions=wish.transactions, since=since, until=wish.until, chance=chance)
        tables = [rows.table for rows in writer.tables]
        # What was only just written would otherwise be checked later, and no table can be altered till then.
        connection.check_constraints()
        with without_indexes(tables):
            _copy(orders, writer, say)
            say("indexes and foreign keys")
        _count_seats(writer)
        for name, sequence in _SEQUENCES.items():
            _set_value(sequence, numbers[name].last)
        say("statistics")
        with connection.cursor() as cursor:
            cursor.execute(f"ANALYZE {', '.join(tables)}")
    if not connection.in_atomic_block:  # inside somebody's transaction nothing can be vacuumed
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = 0")
            cursor.execute(f"VACUUM {', '.join(tables)}")
    return writer.transactions


def _check_database(wish: Wish) -> None:
    if Order.objects.filter(partner__slug__startswith=OWN_SLUG).exists():
        raise DatabaseIsInUse("this database was seeded before: take an empty one")
    others = Order.objects.exclude(partner__slug__in=_KNOWN_PARTNERS)
    if not wish.is_beside_others and others.exists():
        raise DatabaseIsInUse("this database holds orders that are neither seeded nor the demo's")


def _copy(orders: Iterator[Plan], writer: Writer, say: Callable[[str], None]) -> None:
    """Write batch after batch; while the database takes one, the next is made."""

    def make_batch() -> list[tuple[str, list[str], bytes]]:
        for plan in islice(orders, _ORDERS_AT_ONCE):
            writer.write(plan)
        return [(rows.table, rows.columns, rows.take()) for rows in writer.tables]

    with ThreadPoolExecutor(1) as ahead:
        batch = ahead.submit(make_batch)
        while any(lines for _, _, lines in batch.result()):
            made = batch.result()
            batch = ahead.submit(make_batch)
            for table, columns, lines in made:
                copy_lines(table, columns, lines)
            say(f"{writer.transactions:,} transactions")


def _count_seats(writer: Writer) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE bookings_availability a SET reserved = sold.seats
              FROM unnest(%s::uuid[], %s::int[]) AS sold (id, seats)
             WHERE a.id = sold.id
            """,
            [list(writer.seats.keys()), list(writer.seats.values())],
        )


def _last_value(sequence: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT last_value, is_called FROM {sequence}")  # noqa: S608 - a name of ours
        value, is_called = cursor.fetchone()
    return int(value) if is_called else int(value) - 1


def _set_value(sequence: str, value: int) -> None:
    if value > 0:
        with connection.cursor() as cursor:
            cursor.execute("SELECT setval(%s, %s)", [sequence, value])

"""COPY a file as it is written into unlogged tables of its own, each record with its number.

A large file goes into two tables by two connections, cut where a record ends; reading it back is one query over both.
Where no second one is to be had, it goes the way of a small one.
Whoever dies on the way leaves tables that nobody reads, and the next import of the source drops them.
"""

from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import structlog
from django.db import OperationalError, connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg.copy import LibpqWriter
from psycopg.sql import SQL, Composable, Identifier

from reconciliation.importing.columns import Layout
from reconciliation.importing.reading import Progress, middle_of, records_of, text_blocks
from reconciliation.models import SettlementReport, SettlementSource

log = structlog.get_logger(__name__)
# So many bad lines are named; a file that has more is the wrong file.
MOST_BAD_LINES = 1_000
_PREFIX = "reconciliation_staging_"
# Below this a second connection takes longer to open than it saves.
WORTH_TWO_BYTES = 8 * 1024**2


@dataclass(slots=True)
class Bad:
    """Be the bad lines of a file: how many, and the first of them."""

    count: int = 0
    first: list[tuple[int, str]] = field(default_factory=list)

    def add(self, number: int, reason: str) -> None:
        """Count one, and keep it where it is among the first."""
        self.count += 1
        if len(self.first) < MOST_BAD_LINES:
            self.first.append((number, reason))


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """Say where the text of a file is: its tables, and how many records are in those before each."""

    tables: tuple[tuple[str, int], ...]
    bad: Bad

    def rows(self, width: int) -> Composable:
        """Return what reads all records, each with its number in the file."""
        columns = SQL(", ").join(Identifier(f"c{position}") for position in range(width))
        return SQL("({}) AS staged").format(
            SQL(" UNION ALL ").join(
                SQL("SELECT record + {} AS record, {} FROM {}").format(before, columns, Identifier(table))
                for table, before in self.tables
            )
        )


def staging_tables(report: SettlementReport) -> tuple[str, str]:
    """Return the names of the tables that a file may be staged in.

    They differ where what PostgreSQL names after them, and shortens, still does: two connections make them at once.
    """
    return f"{_PREFIX}{report.pk.hex}", f"{_PREFIX}rest_{report.pk.hex}"


def stage(*, report: SettlementReport, layout: Layout, path: Path, encoding: str, progress: Progress | None) -> Staged:
    """Copy a file into tables of its own; a record that is none is among the bad ones.

    :raises UnreadableFile: see `text_blocks`.
    """
    first, rest = staging_tables(report)
    delimiter = report.source.delimiter
    try:
        # In a transaction that is open already, another connection sees nothing of ours, nor we of it until it ends.
        middle = None if connection.in_atomic_block else middle_of(path, encoding, least=WORTH_TWO_BYTES)
        other = None if middle is None else _another_connection()
        if middle is None or other is None:
            with transaction.atomic():
                _copy(connection, first, layout, delimiter, text_blocks(path, encoding, progress), has_header=True)
            return Staged(tables=((first, 0),), bad=Bad())
        with closing(other):
            before = _copy_halves(other, first, rest, layout, delimiter, path, encoding, middle, progress)
        return Staged(tables=((first, 0), (rest, before)), bad=Bad())
    except psycopg.DataError:
        # Some record has too many columns, too few, or a stray quote. Read them one by one, to say which.
        with transaction.atomic():
            drop_staging(report)
            _make_table(connection, first, layout.width)
            bad = _copy_good_records(first, layout.width, records_of(path, encoding, delimiter))
        return Staged(tables=((first, 0),), bad=bad)


def drop_staging(report: SettlementReport) -> None:
    """Drop what a file was staged in, now or by a process that died over it."""
    _drop(staging_tables(report))


def drop_left_behind(source: SettlementSource) -> None:
    """Drop what files of a source were staged in by processes that died: their text is as it came, with whatever card
    numbers people wrote. Call it under the lock of the source.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_class WHERE relkind = 'r' AND starts_with(relname, %s)", [_PREFIX])
        there = {name for (name,) in cursor.fetchall()}
    if there:
        _drop([name for report in source.reports.all() for name in staging_tables(report) if name in there])


def _drop(tables: Collection[str]) -> None:
    if tables:
        with connection.cursor() as cursor:
            cursor.execute(SQL("DROP TABLE IF EXISTS {}").format(SQL(", ").join(map(Identifier, sorted(tables)))))


def _another_connection() -> BaseDatabaseWrapper | None:
    """Return an open connection that another thread may use; None where the server has none left."""
    other = connection.copy()
    other.inc_thread_sharing()
    try:
        other.ensure_connection()
    except OperationalError as problem:
        log.warning("copied_by_one_connection", problem=str(problem).strip())
        return None
    return other


def _copy_halves(
    other: BaseDatabaseWrapper,
    first: str,
    rest: str,
    layout: Layout,
    delimiter: str,
    path: Path,
    encoding: str,
    middle: int,
    progress: Progress | None,
) -> int:
    """Copy what lies before the middle, and beside it the rest; return how many records lie before."""
    size, copied_of_rest = path.stat().st_size, 0

    def note(done: int, _: int) -> None:
        nonlocal copied_of_rest
        copied_of_rest = done

    def tell(done: int, _: int) -> None:
        if progress is not None:
            progress(done + copied_of_rest, size)

    def copy_rest() -> None:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute("SET statement_timeout = 0; SET lock_timeout = 0")
        blocks = text_blocks(path, encoding, note, start=middle)
        _copy(other, rest, layout, delimiter, blocks, has_header=False)
        other.commit()

    with ThreadPoolExecutor(1) as beside:
        copying = beside.submit(copy_rest)
        with transaction.atomic():
            blocks = text_blocks(path, encoding, tell, end=middle)
            before = _copy(connection, first, layout, delimiter, blocks, has_header=True)
        copying.result()
    if progress is not None:
        progress(size, size)
    return before


def _copy(
    database: BaseDatabaseWrapper,
    table: str,
    layout: Layout,
    delimiter: str,
    blocks: Iterator[str],
    *,
    has_header: bool,
) -> int:
    """Make a table in the transaction that is open and copy text into it; return how many records it has.

    A table that is filled where it was made has nothing to hide from anybody: FREEZE spares whoever reads it first to
    note so on every page.
    """
    _make_table(database, table, layout.width)
    copied = SQL("COPY {} ({}) FROM STDIN (FORMAT csv, HEADER {}, DELIMITER {}, FREEZE)").format(
        Identifier(table),
        SQL(", ").join(Identifier(f"c{position}") for position in range(layout.width)),
        has_header,
        delimiter,
    )
    with database.cursor() as cursor:
        # Each block is on its way before the next is read; left to itself, the driver keeps a megabyte of them.
        with cursor.copy(copied, writer=LibpqWriter(cursor.cursor, flush_threshold=0)) as copy:
            for block in blocks:
                copy.write(block)
        return int(cursor.rowcount)


def _make_table(database: BaseDatabaseWrapper, table: str, width: int) -> None:
    columns = SQL(", ").join(SQL("{} text").format(Identifier(f"c{position}")) for position in range(width))
    with database.cursor() as cursor:
        cursor.execute(SQL("DROP TABLE IF EXISTS {}").format(Identifier(table)))
        cursor.execute(
            SQL("CREATE UNLOGGED TABLE {} (record bigint GENERATED BY DEFAULT AS IDENTITY (CACHE 1000), {})").format(
                Identifier(table), columns
            )
        )


def _copy_good_records(table: str, width: int, records: Iterator[tuple[int, list[str] | None]]) -> Bad:
    bad = Bad()
    next(records)
    columns = SQL(", ").join(Identifier(f"c{position}") for position in range(width))
    copied = SQL("COPY {} (record, {}) FROM STDIN").format(Identifier(table), columns)
    with connection.cursor() as cursor, cursor.copy(copied) as copy:
        for number, record in records:
            if record is None:
                bad.add(number, "a quote where none may be")
            elif record and len(record) != width:
                bad.add(number, f"it has {len(record)} columns and not {width}")
            elif record:
                copy.write_row([number - 1, *record])
    return bad

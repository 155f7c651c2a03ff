"""The one statement that types a staged file: every cell read by its column's unit, every reason why it cannot be.

It is put together from the layout and runs in PostgreSQL over the staging table, in four steps: `cell` takes what was
written, `value` reads amounts and times and looks words up, `worth` folds debit, credit and fees, and the last gives
the columns of a SettlementLine, its batch and `problem`, which is NULL for a line that can be read. A field that the
file does not have is an empty cell; no step hands it on, for what every row carries through four of them costs more
than reading it.

Each step has a clock among its columns, for nobody to read: a step with a volatile column is computed once. PostgreSQL
otherwise writes the steps into each other, and reads a cell anew for each of the dozens of times it is named. The
clock, other than MATERIALIZED or OFFSET 0, leaves the work to as many processes as there are.

A regular expression with counts costs microseconds a cell, which is most of the time a large file takes, and trimming
half of one. So the amounts of a row are looked at together (`is_plain`), and times by how PostgreSQL writes them; only
what is not written plainly is trimmed and read cell by cell.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal

from psycopg.sql import SQL, Composable, Identifier, Literal

from reconciliation.importing.columns import (
    AMOUNTS,
    DAY_AND_TIME,
    EITHER_TIMES,
    FEES,
    LOCAL_TIMES,
    TEXTS,
    TIMES,
    ZONED_TIMES,
    ZONES,
    Layout,
)
from reconciliation.models import PAYMENT_KINDS, LineKind, SettlementSource

_CELL = """
SELECT record, {cells}, {is_plain} AS is_plain, clock_timestamp() AS cell_clock FROM {staged}
"""
# Of names of currencies only the letters of ASCII are raised, which takes less than by the rules of a language.
_VALUE = """
SELECT record, is_plain, {handed_on}, {values}, type.kind AS kind_of_type,
       gross_in.code AS gross_code, net_in.code AS net_code,
       gross_in.{gross_scale} AS gross_scale, net_in.{net_scale} AS net_scale, net_in.{fee_scale} AS fee_scale,
       clock_timestamp() AS value_clock
  FROM {cell}
  LEFT JOIN zone occurred_in ON occurred_in.name = cell.time_zone
  LEFT JOIN zone booked_in ON booked_in.name = cell.booked_time_zone
  LEFT JOIN type ON type.name = cell.type
  LEFT JOIN currency gross_in ON gross_in.name = upper(coalesce(nullif(gross_currency, ''), net_currency) COLLATE "C")
  LEFT JOIN currency net_in ON net_in.name = upper(coalesce(nullif(net_currency, ''), gross_currency) COLLATE "C")
"""
# What is owed to us is positive. `owed_converted` is the gross in the currency of the net, where the file says it.
_WORTH = """
SELECT record, {handed_on}, {unreadable} AS unreadable, {kind} AS kind, gross_code, net_code,
       gross_scale * coalesce(
           customer_amount_value, gross_value, gross_signed_value,
           CASE WHEN num_nonnulls(gross_debit_value, gross_credit_value) > 0
                THEN coalesce(gross_credit_value, 0) - coalesce(gross_debit_value, 0) END) AS owed_gross,
       net_scale * coalesce(
           net_value, net_signed_value,
           CASE WHEN num_nonnulls(net_debit_value, net_credit_value) > 0
                THEN coalesce(net_credit_value, 0) - coalesce(net_debit_value, 0) END) AS owed_net,
       net_scale * CASE WHEN customer_amount_value IS NOT NULL THEN gross_value END AS owed_converted,
       fee_scale * coalesce({stated_fee}, 0) AS owed_fee, {stated_fee} AS stated_fee,
       clock_timestamp() AS worth_clock
  FROM {value}
"""
_LINE = """
WITH currency(name, code, of_major, of_minor) AS NOT MATERIALIZED (VALUES {currencies}),
zone(name, utc_offset) AS NOT MATERIALIZED (
    SELECT name, written::interval FROM (VALUES {zones}) AS zone(name, written)
),
type(name, kind) AS NOT MATERIALIZED (VALUES {types})
SELECT record + 1 AS line_number, kind, left(type, 60) AS vendor_type,
       gateway_reference, payment_reference, our_reference, our_operation_reference, acquirer_reference,
       left(description, 300) AS description,
       gross_code AS gross_currency, coalesce(owed_gross, 0) AS gross_minor,
       net_code AS net_currency, coalesce(owed_net, owed_gross - round(owed_fee)) AS net_minor,
       CASE WHEN kind = 'FEE' THEN -coalesce(owed_net, owed_gross)
            WHEN NOT kind = ANY({payment_kinds}) THEN 0
            WHEN owed_net IS NULL THEN round(owed_fee)
            WHEN owed_converted IS NOT NULL THEN owed_converted - owed_net
            WHEN gross_code = net_code THEN owed_gross - owed_net
            ELSE round(owed_fee) END AS fee_minor,
       stated_fee, exchange_rate_value AS exchange_rate,
       coalesce(occurred_at_value, booked_at_value) AS occurred_at,
       coalesce(booked_at_value, occurred_at_value) AS settled_at,
       {batch} AS batch_reference,
       merchant_account,
       left(nullif(concat_ws('; ', {problems}), ''), 500) AS problem
  FROM {worth}
"""
_REFERENCES = (
    "gateway_reference",
    "payment_reference",
    "our_reference",
    "our_operation_reference",
    "acquirer_reference",
    "batch_number",
)
_OFFSET_TIME = r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d(:?\d\d)?)$"
_BARE_TIME = r"^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?)?$"
_READ_AT_ONCE = frozenset(unit for unit, local in LOCAL_TIMES.items() if local.shape == DAY_AND_TIME)
_ZONE_OF = {"occurred_at": ("time_zone", "occurred_in"), "booked_at": ("booked_time_zone", "booked_in")}
# Any number of them, or of nothing, each with a comma behind it that is none of its own.
_PLAIN_AMOUNTS = r"^((-?[0-9]+([.][0-9]+)?)?,)*$"
_BETWEEN = ("2000-01-01Z", "2100-01-01Z")
# A reason shows so much of a cell: too little for a card number that stands in the wrong column.
_SHOWN = 12


def typed_lines(layout: Layout, source: SettlementSource, staged: Composable) -> Composable:
    """Return the query that reads the records of a file as lines."""
    there, nothing = (TEXTS | AMOUNTS | TIMES) & layout.positions.keys(), _nothing(layout)
    cell = SQL(_CELL).format(
        cells=SQL(", ").join(_columns({field: _cell(layout, field) for field in there} | _times_read_at_once(layout))),
        is_plain=_is_plain(layout, source),
        staged=staged,
    )
    value = SQL(_VALUE).format(
        handed_on=_names(there),
        values=SQL(", ").join(_columns(_amounts(layout, source) | _times(layout, source))),
        gross_scale=_scale(layout, ("customer_amount", "gross", "gross_signed", "gross_credit")),
        net_scale=_scale(layout, ("net", "net_signed", "net_credit", "gross")),
        fee_scale=_scale(layout, FEES),
        cell=_step("cell", cell, nothing),
    )
    worth = SQL(_WORTH).format(
        handed_on=_names((there - AMOUNTS) | {f"{field}_value" for field in there & (TIMES | {"exchange_rate"})}),
        unreadable=_unreadable(layout),
        kind=_kind(layout),
        stated_fee=_stated_fee(layout),
        value=_step("value", value, nothing),
    )
    return SQL(_LINE).format(
        currencies=_rows(
            (name, code, Decimal(10) ** iso, Decimal(10) ** (iso - own)) for name, code, iso, own in layout.currencies
        ),
        zones=_rows((name, offset) for name, offset in ZONES.items()),
        types=_rows(layout.types.items() or [("", LineKind.UNKNOWN.value)]),
        payment_kinds=Literal([kind.value for kind in PAYMENT_KINDS]),
        batch=_batch(layout, source),
        problems=SQL(", ").join(_problems(layout)),
        worth=_step("worth", worth, nothing),
    )


def _there(layout: Layout, fields: Iterable[str]) -> list[str]:
    return sorted(layout.positions.keys() & fields)


def _nothing(layout: Layout) -> dict[str, Composable]:
    """Return the cells and values of the fields that the file does not have."""
    absent = (TEXTS | AMOUNTS | TIMES) - layout.positions.keys()
    cells: dict[str, Composable] = {field: SQL("''") for field in absent}
    amounts = {f"{field}_value": SQL("NULL::numeric") for field in absent & AMOUNTS}
    times = {f"{field}_value": SQL("NULL::timestamptz") for field in absent & TIMES}
    return cells | amounts | times


def _step(name: str, query: Composable, nothing: Mapping[str, Composable]) -> Composable:
    """Return a step for the next to read; what the file does not have are constants beside it, which cost nothing."""
    columns = SQL(", ").join([SQL("step.*"), *_columns(nothing)])
    return SQL("(SELECT {} FROM ({}) AS step) AS {}").format(columns, query, Identifier(name))


def _names(fields: Iterable[str]) -> Composable:
    return SQL(", ").join(map(Identifier, sorted(fields)))


def _columns(columns: Mapping[str, Composable]) -> list[Composable]:
    return [SQL("{} AS {}").format(columns[name], Identifier(name)) for name in sorted(columns)]


def _cell(layout: Layout, field: str) -> Composable:
    written = SQL("coalesce({}, '')").format(Identifier(f"c{layout.positions[field]}"))
    return written if _is_trimmed_later(layout, field) else _trimmed(written)


def _trimmed_cell(layout: Layout, field: str) -> Composable:
    return _trimmed(Identifier(field)) if _is_trimmed_later(layout, field) else Identifier(field)


def _is_trimmed_later(layout: Layout, field: str) -> bool:
    """Return whether a cell is trimmed only where it turns out not to be written plainly."""
    return field in AMOUNTS or _is_read_at_once(layout, field)


def _trimmed(written: Composable) -> Composable:
    return SQL("btrim({}, E' \\t\\r\\n\\u00a0')").format(written)


def _amounts(layout: Layout, source: SettlementSource) -> dict[str, Composable]:
    read = SQL(
        "CASE WHEN is_plain THEN nullif({cell}, '')::numeric "
        "WHEN {trimmed} <> '' THEN reconciliation_amount({trimmed}, {mark}) END"
    )
    return {
        f"{field}_value": read.format(
            cell=Identifier(field), trimmed=_trimmed(Identifier(field)), mark=Literal(source.decimal_mark)
        )
        for field in _there(layout, AMOUNTS)
    }


def _is_plain(layout: Layout, source: SettlementSource) -> Composable:
    """Return whether every amount of a row is digits with a point at most, which a cast can be trusted with."""
    if source.decimal_mark != ".":
        return SQL("false")
    there = [Identifier(f"c{layout.positions[field]}") for field in _there(layout, AMOUNTS)]
    return SQL("concat_ws(',', {cells}, '') ~ {shape} AND strpos(concat({cells}), ',') = 0 AND {lengths} <= 15").format(
        cells=SQL(", ").join(there),
        shape=Literal(_PLAIN_AMOUNTS),
        lengths=SQL("greatest({})").format(SQL(", ").join(SQL("octet_length({})").format(cell) for cell in there)),
    )


def _times(layout: Layout, source: SettlementSource) -> dict[str, Composable]:
    return {f"{field}_value": _time(layout, source, field) for field in _there(layout, TIMES)}


def _time(layout: Layout, source: SettlementSource, field: str) -> Composable:
    unit, cell = layout.unit_of(field), _trimmed_cell(layout, field)
    zoned = SQL("WHEN {looks} AND pg_input_is_valid({cell}, 'timestamptz') THEN {cell}::timestamptz").format(
        cell=cell, looks=_looks(cell, "YYYY-MM-DDTHH:MM:SSZ", _OFFSET_TIME)
    )
    if unit in ZONED_TIMES:
        return SQL("CASE {} END").format(zoned)
    if unit in EITHER_TIMES:
        bare = _local(cell, _looks(cell, "YYYY-MM-DDTHH:MM:SS", _BARE_TIME), _in_zone(source.time_zone))
        return SQL("CASE {} {} END").format(zoned, bare)
    local = LOCAL_TIMES[unit]
    written: Composable = cell
    if local.as_iso:
        written = SQL("regexp_replace({}, {}, {})").format(cell, Literal(local.shape), Literal(local.as_iso))
    zone_field, zone = _ZONE_OF[field]
    if zone_field in layout.positions:
        in_zone: Composable = SQL(
            "AT TIME ZONE coalesce({zone}.utc_offset, CASE WHEN {name} = '' THEN {offset} END)"
        ).format(zone=Identifier(zone), name=Identifier(zone_field), offset=_offset_of(written, source.time_zone))
    else:
        in_zone = _in_zone("UTC" if local.is_utc else source.time_zone)
    if not _is_read_at_once(layout, field):
        return SQL("CASE {} END").format(_local(written, _looks(cell, unit, local.shape), in_zone))
    otherwise = _local(written, SQL("{} ~ {}").format(cell, Literal(local.shape)), in_zone)
    return SQL("CASE WHEN {read}::text = {cell} THEN {read} {in_zone} {otherwise} END").format(
        read=Identifier(f"{field}_read"), cell=Identifier(field), in_zone=in_zone, otherwise=otherwise
    )


def _is_read_at_once(layout: Layout, field: str) -> bool:
    """Return whether a field is a time that PostgreSQL may read as it is."""
    return field in TIMES and layout.unit_of(field) in _READ_AT_ONCE


def _times_read_at_once(layout: Layout) -> dict[str, Composable]:
    """Return what PostgreSQL reads of such times. What it writes the same way again was written as it should be.

    That is asked quicker than what each character is.
    """
    read = SQL(
        "CASE WHEN {0} LIKE '____-__-__ __:__:__' AND pg_input_is_valid({0}, 'timestamp') THEN {0}::timestamp END"
    )
    return {
        f"{field}_read": read.format(Identifier(f"c{layout.positions[field]}"))
        for field in _there(layout, TIMES)
        if _is_read_at_once(layout, field)
    }


def _local(written: Composable, looks: Composable, in_zone: Composable) -> Composable:
    return SQL("WHEN {looks} AND pg_input_is_valid({written}, 'timestamp') THEN {written}::timestamp {in_zone}").format(
        looks=looks, written=written, in_zone=in_zone
    )


def _looks(cell: Composable, plain: str, shape: str) -> Composable:
    """Return whether a cell is written in a shape; the most frequent one is told without a regular expression."""
    return SQL("(({cell} LIKE {places} AND translate({cell}, '0123456789', '') = {rest}) OR {cell} ~ {shape})").format(
        cell=cell,
        places=Literal(re.sub("[A-SU-Y]", "_", plain)),
        rest=Literal(re.sub("[A-SU-Y]", "", plain)),
        shape=Literal(shape),
    )


def _in_zone(name: str) -> Composable:
    return SQL("AT TIME ZONE {}").format(Literal(name))


def _offset_of(written: Composable, zone: str) -> Composable:
    """Return how far a zone is from UTC at a local time, where a row does not name its zone."""
    return SQL("({written}::timestamp - ({written}::timestamp AT TIME ZONE {zone} AT TIME ZONE 'UTC'))").format(
        written=written, zone=Literal(zone)
    )


def _kind(layout: Layout) -> Composable:
    if layout.is_bank:
        return Literal(LineKind.BANK.value)
    if "type" in layout.positions:
        return SQL("coalesce(kind_of_type, {})").format(Literal(LineKind.UNKNOWN.value))
    # A till's list without types: what was taken is positive, and what was given back negative.
    return SQL(
        "CASE WHEN coalesce(gross_value, gross_signed_value, gross_credit_value) >= 0 THEN 'CAPTURE' ELSE 'REFUND' END"
    )


def _scale(layout: Layout, fields: Iterable[str]) -> Composable:
    """Return by what amounts are multiplied to be minor units by ISO 4217."""
    units = {layout.unit_of(field) for field in fields if field in layout.positions}
    return Identifier("of_minor" if units == {"minor"} else "of_major")


def _stated_fee(layout: Layout) -> Composable:
    """Return the sum of the fees a row states; NULL where it states none."""
    there = _there(layout, FEES)
    if not there:
        return SQL("NULL::numeric")
    total = SQL(" + ").join(SQL("coalesce({}, 0)").format(Identifier(f"{field}_value")) for field in there)
    stated = SQL(", ").join(Identifier(f"{field}_value") for field in there)
    return SQL("CASE WHEN num_nonnulls({}) > 0 THEN {} END").format(stated, total)


def _batch(layout: Layout, source: SettlementSource) -> Composable:
    if "batch_number" in layout.positions:
        return Identifier("batch_number")
    return SQL("to_char(coalesce(booked_at_value, occurred_at_value) AT TIME ZONE {}, 'YYYY-MM-DD')").format(
        Literal(source.time_zone)
    )


def _unreadable(layout: Layout) -> Composable:
    """Return which amounts of a row are none; where all are plain, none need be asked."""
    return SQL("CASE WHEN NOT is_plain THEN nullif(concat_ws('; ', {}), '') END").format(
        SQL(", ").join(
            _problem(_is_unreadable(layout, field), layout, field, "is no amount") for field in _there(layout, AMOUNTS)
        )
    )


def _problems(layout: Layout) -> Iterator[Composable]:
    yield SQL("unreadable")
    for field in _there(layout, TIMES):
        yield _problem(_is_unreadable(layout, field), layout, field, "is no time as the column map says")
    for field in _there(layout, TIMES):
        # A slip of the pen would open a month of the books that nobody can close, and few calendars go that far.
        outside = SQL("{} NOT BETWEEN {} AND {}").format(Identifier(f"{field}_value"), *map(Literal, _BETWEEN))
        yield _problem(outside, layout, field, "is not of this century")
    for field, found in (("gross_currency", "gross_code"), ("net_currency", "net_code")):
        if field in layout.positions:
            wrong = SQL("{} <> '' AND {} IS NULL").format(Identifier(field), Identifier(found))
            yield _problem(wrong, layout, field, "is no currency that we know the decimals of")
    for field in _REFERENCES:
        if field in layout.positions:
            # Bytes are counted at once, and are no fewer than characters.
            too_long = SQL("octet_length({0}) > 120 AND length({0}) > 120").format(Identifier(field))
            yield _problem(too_long, layout, field, "is longer than 120 characters")
    if "batch_number" in layout.positions:
        yield SQL("CASE WHEN batch_number = '' THEN 'it names no batch' END")
    yield SQL("CASE WHEN gross_currency = '' AND net_currency = '' THEN 'it has no currency' END")
    no_time = SQL(" AND ").join(SQL("{} = ''").format(_trimmed_cell(layout, field)) for field in _there(layout, TIMES))
    yield SQL("CASE WHEN coalesce(occurred_at_value, booked_at_value) IS NULL AND {} THEN 'it has no time' END").format(
        no_time
    )
    yield SQL(
        "CASE WHEN coalesce(owed_gross, owed_net) IS NULL AND unreadable IS NULL "
        "AND coalesce(gross_code, net_code) IS NOT NULL "
        "THEN 'it has no amount' END"
    )
    yield SQL(
        "CASE WHEN owed_gross IS NULL AND owed_net IS NOT NULL AND unreadable IS NULL AND kind = ANY({}) "
        "THEN 'it does not say what was paid' END"
    ).format(Literal([kind.value for kind in PAYMENT_KINDS]))
    yield SQL(
        "CASE WHEN owed_gross <> trunc(owed_gross) OR owed_net <> trunc(owed_net) "
        "OR owed_converted <> trunc(owed_converted) "
        "THEN 'an amount has more decimals than its currency' END"
    )
    yield SQL(
        "CASE WHEN owed_net IS NULL AND unreadable IS NULL AND gross_code <> net_code "
        "THEN 'it does not say what came of it abroad' END"
    )


def _is_unreadable(layout: Layout, field: str) -> Composable:
    return SQL("{} IS NULL AND {} <> ''").format(Identifier(f"{field}_value"), _trimmed_cell(layout, field))


def _problem(is_wrong: Composable, layout: Layout, field: str, words: str) -> Composable:
    return SQL("CASE WHEN {} THEN {} || left({}, {}) || {} END").format(
        is_wrong,
        Literal(f"{layout.columns[field].header}: “"),
        _trimmed_cell(layout, field),
        Literal(_SHOWN),
        Literal(f"” {words}"),
    )


def _rows(rows: Iterable[Iterable[object]]) -> Composable:
    return SQL(", ").join(SQL("({})").format(SQL(", ").join(map(Literal, row))) for row in rows)

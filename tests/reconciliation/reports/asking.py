"""Read a report inside a test's own transaction: its SELECT, without the COPY around it."""

from datetime import datetime
from typing import Any

from django.db import connection

from reconciliation.exporting.registry import report_of
from reconciliation.statements import statement

NOTHING_ASKED: dict[str, Any] = {
    "since": None,
    "until": None,
    "zone": "UTC",
    "account": None,
    "currency": None,
    "partner": None,
}


def rows_of(slug: str, *, as_of: datetime, is_live: bool = True, **asked: Any) -> list[dict[str, Any]]:
    """Return the rows of a report in its order, by column."""
    report = report_of(slug)
    params = NOTHING_ASKED | {"as_of": as_of, "is_live": is_live, "kinds": list(report.kinds)} | asked
    order = ", ".join(f'"{name}"' for name in report.order)
    columns = ", ".join(f'"{column.name}"' for column in report.columns)
    body = statement(f"exporting/{report.statement or slug}")
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {columns} FROM ({body}) AS told ORDER BY {order}", params)
        names = [column.name for column in report.columns]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def sums_of(rows: list[dict[str, Any]], amount: str = "amount_minor") -> dict[str, int]:
    """Add up an amount by currency; what comes to nothing is left out."""
    sums: dict[str, int] = {}
    for row in rows:
        sums[row["currency"]] = sums.get(row["currency"], 0) + row[amount]
    return {currency: int(minor) for currency, minor in sums.items() if minor}

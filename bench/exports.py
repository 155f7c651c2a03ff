"""How fast reports are exported: CSV, asked for and downloaded over HTTP, beside a bare `COPY TO STDOUT` of the same
rows; a workbook, beside XlsxWriter in constant memory.
"""

import hashlib
import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reconciliation.models import ExportRun

_BLOCK = 256 * 1024
_REPORT = "payments"
_MOST_SECONDS = 120
# What a cursor of the server fetches in one go.
_ROWS_AT_ONCE = 2_000


def measure_csv(account: str, *, rounds: int, port: int) -> dict[str, Any]:
    """Export an account's operations in rounds: bare, and over HTTP with everything that seals it, in turn."""
    from django.utils import timezone
    from psycopg.sql import SQL

    from api.finance.keys import mint_finance_key
    from api.finance.models import FinanceScope
    from reconciliation.exporting.cells import csv_cell
    from reconciliation.exporting.reading import snapshot
    from reconciliation.exporting.registry import report_of
    from reconciliation.exporting.selecting import in_order
    from reconciliation.models import ExportRun
    from reconciliation.services.exporting import params_of, write_export

    report = report_of(_REPORT)
    _, key = mint_finance_key(label="bench", scopes=FinanceScope, is_live=False, now=timezone.now())
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    wish = json.dumps({"report": _REPORT, "format": "csv", "account": account}).encode()
    statement = SQL("COPY (SELECT {} FROM {}) TO STDOUT (FORMAT csv, HEADER true)").format(
        SQL(", ").join(map(csv_cell, report.columns)), in_order(report)
    )
    bare, written, over_http, rows = [], [], [], 0
    with _web(port):
        for _ in range(rounds):
            web = http.client.HTTPConnection("127.0.0.1", port, timeout=_MOST_SECONDS)
            started = time.perf_counter()
            web.request("POST", "/finance/exports", wish, headers)
            asked = json.loads(web.getresponse().read())
            # What a worker does within seconds.
            run = write_export(run=ExportRun.objects.get(pk=asked["id"]))
            # The server does not keep an idle connection for as long as that took; the next request opens another.
            web.close()
            written.append(time.perf_counter() - started)
            web.request("GET", f"/finance/exports/{asked['id']}/file", headers=headers)
            digest, answer = hashlib.sha256(), web.getresponse()
            while block := answer.read(_BLOCK):
                digest.update(block)
            over_http.append(time.perf_counter() - started)
            if digest.hexdigest() != run.sha256:
                raise RuntimeError(f"what came over HTTP ({answer.status}) is not what was sealed")
            web.close()
            rows = run.rows_written
            started = time.perf_counter()
            with snapshot(run.zone) as cursor, cursor.copy(statement, params_of(run)) as copy:
                for _ in copy:
                    pass
            bare.append(time.perf_counter() - started)
    return {"rows": rows, "bare": bare, "written": written, "ours": over_http}


def measure_workbook(account: str, *, rounds: int) -> dict[str, Any]:
    """Write an account's operations as a workbook in rounds: ours, and by XlsxWriter row after row, in turn."""
    from django.utils import timezone

    from reconciliation.models import ExportFormat
    from reconciliation.services.asking import ask_for_export
    from reconciliation.services.export_files import file_of
    from reconciliation.services.exporting import write_export

    ours, theirs, rows = [], [], 0
    for _ in range(rounds):
        started = time.perf_counter()
        run = write_export(
            run=ask_for_export(
                slug=_REPORT,
                form=ExportFormat.XLSX,
                filters={"account": account},
                is_live=False,
                asked_by="bench",
                now=timezone.now(),
            )
        )
        ours.append(time.perf_counter() - started)
        file_of(run).unlink()
        with tempfile.TemporaryDirectory() as folder:
            started = time.perf_counter()
            rows = write_by_xlsxwriter(run, Path(folder) / "rows.xlsx")
            theirs.append(time.perf_counter() - started)
        if rows != run.rows_written:
            raise RuntimeError(f"XlsxWriter wrote {rows} rows where the export has {run.rows_written}")
    return {"rows": rows, "theirs": theirs, "ours": ours}


def write_by_xlsxwriter(run: "ExportRun", path: Path) -> int:
    """Write the rows of an export by XlsxWriter, as somebody would who knows it well, and return how many there are.

    They are the same columns in the same order, by a cursor of the server. What a column holds is known, so that no
    cell is asked for its type; a cell without a value is left out; amounts and moments have their formats.
    """
    import xlsxwriter
    from psycopg.sql import SQL

    from reconciliation.exporting.cells import json_cell
    from reconciliation.exporting.reading import snapshot
    from reconciliation.exporting.registry import report_of
    from reconciliation.exporting.report import Kind
    from reconciliation.exporting.selecting import in_order
    from reconciliation.services.exporting import params_of

    report = report_of(run.report)
    found = SQL("SELECT {} FROM {}").format(SQL(", ").join(map(json_cell, report.columns)), in_order(report))
    # Moments as clocks show them, without a zone, which a workbook does not know.
    options = {"constant_memory": True, "remove_timezone": True}
    with xlsxwriter.Workbook(path, options) as book, snapshot(run.zone) as own:
        sheet = book.add_worksheet(report.slug)
        formats = {
            Kind.TIME: book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}),
            Kind.DATE: book.add_format({"num_format": "yyyy-mm-dd"}),
            Kind.MAJOR: book.add_format({"num_format": "0.00"}),
        }
        writes = dict.fromkeys((Kind.TIME, Kind.DATE), sheet.write_datetime)
        writes |= dict.fromkeys((Kind.MINOR, Kind.MAJOR, Kind.COUNT), sheet.write_number)
        cells = [
            (place, writes.get(column.kind, sheet.write_string), formats.get(column.kind))
            for place, column in enumerate(report.columns)
        ]
        for place, column in enumerate(report.columns):
            sheet.write_string(0, place, column.heading(run.zone))
        with own.connection.cursor(name="rows") as cursor:
            cursor.itersize = _ROWS_AT_ONCE
            cursor.execute(found, params_of(run))
            number = 0
            for number, row in enumerate(cursor, start=1):
                for (place, write, cell_format), value in zip(cells, row, strict=True):
                    if value is not None:
                        write(number, place, value, cell_format)
    return number


@contextmanager
def _web(port: int) -> Iterator[None]:
    """Run a web server on this process's database meanwhile."""
    command = [sys.executable, "-m", "gunicorn", "-c", "python:config.gunicorn", "config.wsgi"]
    process = subprocess.Popen(command, env={**os.environ, "WEB_PORT": str(port), "WEB_BIND": f"127.0.0.1:{port}"})
    try:
        ends = time.monotonic() + _MOST_SECONDS
        while not _answers(port):
            if process.poll() is not None or time.monotonic() > ends:
                raise RuntimeError("the web server does not answer")
            time.sleep(0.2)
        yield
    finally:
        process.terminate()
        process.wait()


def _answers(port: int) -> bool:
    probe = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        probe.request("GET", "/health/ready")
        return probe.getresponse().status == 200
    except OSError:
        return False
    finally:
        probe.close()

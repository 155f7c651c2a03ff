"""Every list of the back office as CSV: what it shows, all of its pages, in constant memory."""

import csv
import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, time
from decimal import Decimal
from html import unescape
from itertools import islice
from typing import Any

from django.contrib.admin import ModelAdmin
from django.contrib.admin.utils import display_for_field, label_for_field, lookup_field
from django.contrib.admin.views.main import SEARCH_VAR, ChangeList
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied
from django.db import connection
from django.db.models import Model
from django.http import HttpRequest, StreamingHttpResponse
from django.utils import timezone
from django.utils.html import strip_tags
from django.utils.safestring import SafeString
from django.utils.text import capfirst

from backoffice.audit import record
from payments.admin.columns import when_text
from reconciliation.exporting.cells import FORMULA_SIGNS

# Excel takes a file for UTF-8 by this mark alone; everything else skips it.
_MARK = "\ufeff"
_ROWS_AT_ONCE = 500
# What a spreadsheet would take for a formula; some look behind an empty beginning.
_FORMULA = (*FORMULA_SIGNS, "\t", "\r", "\n")
_NUMBER = re.compile(r"-?\d+(\.\d+)?( [A-Z]{3})?")
# The query itself; how long a slow line takes to fetch the file is not limited.
_LONGEST_QUERY = "10min"


class _Line:
    """Be the file that a CSV writer writes a line to and gets it back from."""

    def write(self, line: str) -> str:
        return line


def csv_pieces(headings: Iterable[Any], rows: Iterable[Iterable[Any]]) -> Iterator[str]:
    """Yield a file that spreadsheets read, a few hundred rows at once."""
    writer = csv.writer(_Line())
    yield _MARK + writer.writerow(headings)
    lines = (writer.writerow(row) for row in rows)
    while piece := "".join(islice(lines, _ROWS_AT_ONCE)):
        yield piece


def list_as_csv(request: HttpRequest, model_admin: "ModelAdmin[Any]") -> StreamingHttpResponse:
    """Return what a list shows, with its filters, search, order and columns, as a file; and keep that it was taken.

    :raises PermissionDenied: the person may not see the list.
    """
    if not model_admin.has_view_permission(request):
        raise PermissionDenied("You may not see this list.")
    shown: ChangeList = model_admin.get_changelist_instance(request)
    record(
        actor=request.user.get_username(),
        action="exported list",
        subject=None,
        detail=_in_words(model_admin, request),
        request=request,
    )
    response = StreamingHttpResponse(_pieces(shown), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{_file_name(model_admin)}"'
    return response


def neutralized(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula; amounts are left as they are."""
    return f"'{text}" if text.startswith(_FORMULA) and not _NUMBER.fullmatch(text) else text


def _in_words(model_admin: "ModelAdmin[Any]", request: HttpRequest) -> str:
    """Name the list and its filters, and not what was searched: that may be a guest's name."""
    filters = [f"{name}={value}" for name, value in request.GET.items() if name != SEARCH_VAR]
    return "; ".join([model_admin.opts.label, *filters, *(["searched"] if request.GET.get(SEARCH_VAR) else [])])


def _file_name(model_admin: "ModelAdmin[Any]") -> str:
    now = timezone.localtime()
    return f"{model_admin.opts.app_label}-{model_admin.opts.model_name}-{now:%Y-%m-%d-%H%M-%Z}.csv"


def _pieces(shown: ChangeList) -> Iterator[str]:
    columns = [name for name in shown.list_display if name != "action_checkbox"]
    labels = [capfirst(str(label_for_field(name, shown.model, shown.model_admin))) for name in columns]
    rows = shown.queryset.iterator(chunk_size=_ROWS_AT_ONCE)
    with _patient_connection():
        yield from csv_pieces(labels, ([_cell(row, name, shown.model_admin) for name in columns] for row in rows))


@contextmanager
def _patient_connection() -> Iterator[None]:
    """Give the one query of a download more time than a page has; PostgreSQL computes it whole before the first row."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('statement_timeout', %s, false)", [_LONGEST_QUERY])
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("RESET statement_timeout")


def _cell(row: Model, name: Any, model_admin: "ModelAdmin[Any]") -> str | int | Decimal:
    try:
        field, _, value = lookup_field(name, row, model_admin)
    except ObjectDoesNotExist:
        return ""
    if field is not None and field.is_relation:
        value = getattr(row, field.name)
    elif field is not None and getattr(field, "flatchoices", None):
        value = display_for_field(value, field, "")
    return _plain(value)


def _plain(value: Any) -> str | int | Decimal:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case int() | Decimal():
            return value
        case datetime():
            return when_text(value)
        case date() | time():
            return value.isoformat()
        case SafeString():
            return neutralized(unescape(strip_tags(value)).strip())
        case list() | tuple():
            return neutralized(", ".join(str(each) for each in value))
        case dict():
            return neutralized(json.dumps(value, ensure_ascii=False))
        case _:
            return neutralized(str(value))

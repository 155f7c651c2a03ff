"""Read what finance asks for."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from api.fields import FieldRefused, Fields
from reconciliation.exporting.report import Filter
from reconciliation.models import ExportFormat

FILTERS = ("from", "to", *(str(name) for name in Filter))
ROWS_A_PAGE = 50
_KNOWN = {"report", "format", "as_of", *FILTERS}
_LONGEST = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportWish:
    """Be what one export is to hold."""

    report: str
    form: ExportFormat
    filters: dict[str, str]
    as_of: datetime | None


def read_wish(body: Mapping[str, object]) -> ExportWish:
    """Return what is asked for; whether there is such a report, and what its filters mean, is not looked at here.

    :raises FieldRefused: a field is missing, of another kind, or unknown: a filter that we overlooked would tell more
        than was wanted.
    """
    for name in body:
        if name not in _KNOWN:
            raise FieldRefused(name[:_LONGEST], "is not known")
    fields = Fields(body)
    report = fields.text("report", longest=_LONGEST, is_required=True)
    form = fields.choice("format", list(ExportFormat.values))
    given = {name: fields.text(name, longest=_LONGEST) for name in FILTERS}
    assert report is not None
    return ExportWish(
        report=report,
        form=ExportFormat(form or ExportFormat.CSV),
        filters={name: value for name, value in given.items() if value is not None},
        as_of=_moment(fields.text("as_of", longest=40)),
    )


def read_page(query: Mapping[str, str]) -> UUID | None:
    """Return the export after which a page of the list begins; None for the first page.

    :raises FieldRefused: it is no id.
    """
    after = query.get("after", "")
    if not after:
        return None
    try:
        return UUID(after)
    except ValueError:
        raise FieldRefused("after", "must be the id of an export") from None


def _moment(written: str | None) -> datetime | None:
    if written is None:
        return None
    refused = FieldRefused("as_of", "must be a time with its offset, such as 2026-04-02T06:00:00Z")
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        raise refused from None
    if moment.tzinfo is None:
        raise refused
    return moment

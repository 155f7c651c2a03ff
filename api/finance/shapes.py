"""The shapes of this API's document as JSON Schema, closed, so that a test finds what we forgot."""

from api.finance.requests import FILTERS
from api.openapi import CURRENCY, DATE, TEXT, WHOLE, Schema, closed, list_of, or_null, shape, words
from reconciliation.exporting.registry import REPORTS
from reconciliation.exporting.report import Kind
from reconciliation.models import ExportFormat, ExportState

TIME: Schema = {"type": "string", "format": "date-time"}
_UUID: Schema = {"type": "string", "format": "uuid"}
_REPORT = words(*sorted(REPORTS))
_FORMAT = words(*ExportFormat.values)
_FILTER_SHAPES = {
    "from": {**DATE, "description": "The first day, in the operator's time zone."},
    "to": {**DATE, "description": "The day after the last."},
    "account": {**TEXT, "description": "The slug of a gateway account."},
    "currency": CURRENCY,
    "partner": {**TEXT, "description": "The slug of a partner."},
}
assert set(_FILTER_SHAPES) == set(FILTERS)

SHAPES: dict[str, Schema] = {
    "ExportRequest": {
        **closed(
            {"report": _REPORT},
            optional={
                "format": {**_FORMAT, "default": ExportFormat.CSV.value},
                **_FILTER_SHAPES,
                "as_of": {
                    **TIME,
                    "description": "Nothing recorded later is in the file. Absent: the closing of a closed period, "
                    "else the time up to which the books are complete.",
                },
            },
        )
    },
    "Report": closed(
        {
            "report": _REPORT,
            "title": TEXT,
            "filters": list_of(words(*FILTERS)),
            "period": or_null(TEXT),
            "columns": list_of(closed({"name": TEXT, "kind": words(*(kind.name for kind in Kind))})),
        }
    ),
    "Export": closed(
        {
            "id": _UUID,
            "report": _REPORT,
            "filters": {"type": "object", "additionalProperties": TEXT},
            "mode": words("live", "test"),
            "format": _FORMAT,
            "time_zone": TEXT,
            "as_of": TIME,
            "state": words(*ExportState.values),
            "problem": or_null(TEXT),
            "rows": WHOLE,
            "asked_by": TEXT,
            "asked_at": TIME,
            "finished_at": or_null(TIME),
            "seal": or_null(
                closed(
                    {
                        "totals": {
                            "type": "object",
                            "description": "By column and currency, in minor units.",
                            "additionalProperties": {"type": "object", "additionalProperties": WHOLE},
                        },
                        "bytes": WHOLE,
                        "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
                    }
                )
            ),
            "file": or_null(closed({"name": TEXT, "href": TEXT})),
        }
    ),
    "Exports": closed(
        {"reports": list_of(shape("Report")), "exports": list_of(shape("Export")), "next": or_null(TEXT)}
    ),
    "Problem": closed(
        {"type": TEXT, "title": TEXT, "status": WHOLE, "code": TEXT, "detail": TEXT, "request_id": TEXT},
        optional={"field": TEXT},
    ),
}

"""Ask for exports, list them, and give their files out."""

import base64
import re
from functools import partial
from typing import Any
from uuid import UUID

import structlog
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.utils.http import parse_etags
from drf_spectacular.utils import OpenApiParameter
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from api.finance.errors import WRITING_RETRY_SECONDS, Refusal
from api.finance.models import FinanceScope
from api.finance.presenters import all_export_fields, export_fields, report_fields
from api.finance.repeating import ask_once
from api.finance.requests import ROWS_A_PAGE, read_page, read_wish
from api.finance.schema import operation
from api.finance.views.base import FinanceView
from api.openapi import answer_headers, idempotency_key, shape
from reconciliation.exporting.registry import REPORTS
from reconciliation.models import ExportFormat, ExportRun, ExportState
from reconciliation.selectors import exports_of_mode
from reconciliation.services.asking import ask_for_export
from reconciliation.services.export_files import file_name_of, file_of

log = structlog.get_logger(__name__)

_ID = {"export_id": "The export's id."}
# What a client sends whose download broke off. Any other Range may be passed over, and is (RFC 9110, 14.2).
_REST = re.compile(r"bytes=([0-9]{1,18})-")
_GOING_ON = tuple(
    OpenApiParameter(name, str, OpenApiParameter.HEADER, description=text)
    for name, text in {
        "Range": "`bytes=N-`: the file from byte N on, where a download broke off; anything else is passed over.",
        "If-Range": "The ETag of what was downloaded so far; of another file all is sent.",
        "If-None-Match": "The ETag of what is there already.",
    }.items()
)
MEDIA_TYPES = {
    ExportFormat.CSV: "text/csv; charset=utf-8",
    ExportFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ExportFormat.JSONL: "application/x-ndjson",
}


class ExportListView(FinanceView):
    """GET and POST /finance/exports."""

    @operation(
        "listExports",
        "The reports there are, and the exports that were asked for, the newest first",
        answer=shape("Exports"),
        refusals=(422,),
        query=(OpenApiParameter("after", str, description="The `next` of the page before."),),
    )
    def get(self, request: Request) -> Response:
        """List what can be asked for, and what was."""
        key = self.key_with(FinanceScope.READ)
        runs = list(exports_of_mode(is_live=key.is_live, after=read_page(request.query_params))[: ROWS_A_PAGE + 1])
        shown = runs[:ROWS_A_PAGE]
        return Response(
            {
                "reports": [report_fields(report) for report in REPORTS.values()],
                "exports": all_export_fields(shown),
                "next": str(shown[-1].pk) if len(runs) > ROWS_A_PAGE else None,
            }
        )

    @operation(
        "askForExport",
        "Ask for an export; a worker writes it",
        answer=shape("Export"),
        refusals=(400, 409, 415, 422, 503),
        body="ExportRequest",
        status=202,
        headers=(
            idempotency_key("asks for an export"),
            *answer_headers([("Idempotent-Replayed", "true where the export was asked for before.")], 202),
        ),
    )
    def post(self, request: Request) -> Response:
        """Note what is wanted."""
        key = self.key_with(FinanceScope.ASK)
        wish, now = read_wish(request.data), self.now()
        ask = partial(
            ask_for_export,
            slug=wish.report,
            form=wish.form,
            filters=wish.filters,
            is_live=key.is_live,
            asked_by=f"key {key.prefix}",
            now=now,
            as_of=wish.as_of,
        )
        if self.idempotency_key is None:
            run = ask()
        else:
            run, was_asked_before = ask_once(
                key=key, idempotency_key=self.idempotency_key, body=request.data, ask=ask, now=now
            )
            if was_asked_before:
                self.note_replay()
        self.headers_to_add["Location"] = f"/finance/exports/{run.pk}"
        return Response(export_fields(run), status=status.HTTP_202_ACCEPTED)


class ExportView(FinanceView):
    """GET /finance/exports/{id}."""

    @operation("getExport", "How far an export is, and its seal", answer=shape("Export"), refusals=(404,), path=_ID)
    def get(self, request: Request, export_id: str) -> Response:
        """Show one export."""
        return Response(export_fields(_find(self, export_id)))


class ExportFileView(FinanceView):
    """GET /finance/exports/{id}/file."""

    @operation(
        "downloadExport",
        "The file of an export",
        answer={"type": "string", "format": "binary"},
        kind="application/octet-stream",
        refusals=(404, 409, 410, 416),
        path=_ID,
        headers=_GOING_ON,
        others={206: "The rest of the file.", 304: "The file is the one that If-None-Match names."},
    )
    def get(self, request: Request, export_id: str) -> Any:
        """Stream the file."""
        key = self.key_with(FinanceScope.READ)
        run = _find(self, export_id)
        if run.state in (ExportState.ASKED, ExportState.RUNNING):
            raise Refusal(409, "NOT_WRITTEN_YET", "The file is not written yet.", retry_after=WRITING_RETRY_SECONDS)
        if run.state == ExportState.FAILED:
            raise Refusal(410, "NOT_WRITTEN", f"The file could not be written: {run.problem}.")
        path, etag = file_of(run), f'"{run.sha256}"'
        # Source: RFC 9530, Digest Fields
        digest = base64.b64encode(bytes.fromhex(run.sha256)).decode()
        self.headers_to_add |= {"ETag": etag, "Repr-Digest": f"sha-256=:{digest}:", "Accept-Ranges": "bytes"}
        known = parse_etags(request.META.get("HTTP_IF_NONE_MATCH", ""))
        if "*" in known or etag in [each.removeprefix("W/") for each in known]:
            return HttpResponse(status=status.HTTP_304_NOT_MODIFIED)
        begin = self._begin_of_rest(request, etag, run.byte_count or 0)
        file = path.open("rb")
        file.seek(begin or 0)
        response = FileResponse(
            file,
            as_attachment=True,
            filename=file_name_of(run),
            content_type=MEDIA_TYPES[ExportFormat(run.format)],
            status=status.HTTP_200_OK if begin is None else status.HTTP_206_PARTIAL_CONTENT,
        )
        log.info("export_downloaded", run=str(run.pk), report=run.report, key=key.prefix, begin=begin or 0)
        return response

    def _begin_of_rest(self, request: HttpRequest, etag: str, size: int) -> int | None:
        """Return with which byte a download goes on that broke off; None where the whole file is wanted.

        :raises Refusal: the file has no such byte.
        """
        rest = _REST.fullmatch(request.META.get("HTTP_RANGE", ""))
        if rest is None or request.META.get("HTTP_IF_RANGE", etag) != etag:
            return None
        begin = int(rest[1])
        if begin >= size:
            self.headers_to_add["Content-Range"] = f"bytes */{size}"
            raise Refusal(416, "RANGE_NOT_SATISFIABLE", f"The file has {size} bytes.")
        self.headers_to_add["Content-Range"] = f"bytes {begin}-{size - 1}/{size}"
        return begin


def _find(view: FinanceView, export_id: str) -> ExportRun:
    """Return an export that the caller's key may see.

    :raises Http404: there is none of that id in the key's mode.
    """
    key = view.key_with(FinanceScope.READ)
    try:
        found = exports_of_mode(is_live=key.is_live).filter(pk=UUID(export_id)).first()
    except ValueError:
        found = None
    if found is None:
        raise Http404
    return found

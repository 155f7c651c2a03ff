"""Have a report made of one payout, and read it: with exactly the columns that our map knows.

Source: Stripe docs, "Report runs" and "Payout reconciliation report". The file lies on another host, which opens with
the same key; it is given to no host but that one.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from gateways.adapters.stripe.calls import Refused, Stripe, call
from gateways.adapters.stripe.refusals import text_of
from gateways.adapters.stripe.settlement import PAYOUT_RECONCILIATION
from gateways.adapters.stripe.wire import id_of, object_of
from gateways.errors import AnswerLost, NotReady, Rejected, Unsupported
from gateways.http import HttpClient
from gateways.protocol import ReportRequest

REPORT_TYPE = "payout_reconciliation.by_id.itemized.4"
_FILES = "https://files.stripe.com"
_TOO_EARLY = "payout_reconciliation_not_ready"
# As many payouts as Stripe lists at once: an account has one a day and currency.
_LISTED = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Reports:
    """Be the payouts of one account and their reports."""

    stripe: Stripe
    http: HttpClient
    secret_key: str = field(repr=False)
    base_url: str

    def since(self, moment: datetime) -> tuple[str, ...]:
        """Return the payouts whose lines can be read; a webhook may be lost, and this asks once more."""
        parameters = {"created": {"gte": int(moment.timestamp())}, "limit": _LISTED}
        rows = call("reports_since", self.stripe.payouts.list, parameters=parameters).get("data")
        if not isinstance(rows, list):
            raise AnswerLost("stripe reports_since: the answer is no list")
        return tuple(
            name
            for row in map(object_of, rows)
            if row is not None and row.get("reconciliation_status") == "completed" and (name := id_of(row))
        )

    def fetch(self, request: ReportRequest) -> AbstractContextManager[Iterator[bytes]]:
        """Ask for the report of a payout, by the same key as before, and have its file.

        :raises Unsupported: it is no payout's, or Stripe cannot itemize that payout.
        :raises NotReady: it is still being made.
        """
        if not request.name.startswith("po_"):
            raise Unsupported("stripe: only payouts are settled")
        run = self._run(request)
        if run.get("status") == "pending":
            raise NotReady("stripe fetch_report: it is still being made")
        url = text_of((object_of(run.get("result")) or {}).get("url"))
        if run.get("status") != "succeeded" or not url:
            raise Rejected("stripe fetch_report: the report could not be made")
        if _place(url) != _place(self.base_url or _FILES):
            raise Rejected("stripe fetch_report: the file lies where our key does not go")
        return self.http.download(
            "fetch_report",
            url,
            headers={"Authorization": f"Bearer {self.secret_key}", "Accept": "text/csv"},
            most_bytes=request.most_bytes,
        )

    def _run(self, request: ReportRequest) -> Mapping[str, Any]:
        columns = [column.header for column in PAYOUT_RECONCILIATION.columns]
        try:
            run = call(
                "fetch_report",
                self.stripe.report_runs.create,
                parameters={"report_type": REPORT_TYPE, "parameters": {"payout": request.name, "columns": columns}},
                idempotency_key=request.idempotency_key,
            )
            if run.get("status") == "pending" and (name := id_of(run)):
                # What the key repeats is the answer of the first time.
                run = call("fetch_report", self.stripe.report_runs.retrieve, name)
        except Refused as refused:
            if refused.problem.code == _TOO_EARLY:
                raise NotReady(str(refused)) from None
            raise Unsupported(str(refused)) from None
        return run


def _place(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port

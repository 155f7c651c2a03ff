"""Download what REPORT_AVAILABLE announced.

The address in its `reason` is not signed, so nothing is fetched from there: the signed file name and our own setting
make the address. Source: Adyen docs, "Automatically get reports"; a report user's own password opens reports, no API
key does.
"""

import re
from base64 import b64encode
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from urllib.parse import quote

from gateways.errors import Unsupported
from gateways.http import HttpClient
from gateways.protocol import ReportRequest

# Of the many reports that Adyen announces the one that settles.
_SETTLEMENT = re.compile(r"settlement_detail_report_batch_\d+[\w.-]*\.csv", re.ASCII)
_HOSTS = {True: "https://ca-live.adyen.com", False: "https://ca-test.adyen.com"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reports:
    """Be where the reports of one merchant account lie."""

    merchant_account: str
    is_live: bool
    base_url: str
    user: str
    password: str = field(repr=False)
    http: HttpClient

    def fetch(self, request: ReportRequest) -> AbstractContextManager[Iterator[bytes]]:
        """Have a settlement details report.

        :raises Unsupported: it is another report, or the account has no report user.
        """
        if not _SETTLEMENT.fullmatch(request.name):
            raise Unsupported("adyen: this report settles nothing")
        if not self.user or not self.password:
            raise Unsupported("adyen: the account has no report user; download the report and upload it")
        path = f"/reports/download/MerchantAccount/{quote(self.merchant_account, safe='')}/{request.name}"
        token = b64encode(f"{self.user}:{self.password}".encode()).decode()
        return self.http.download(
            "fetch_report",
            (self.base_url.rstrip("/") or _HOSTS[self.is_live]) + path,
            headers={"Authorization": f"Basic {token}", "Accept": "text/csv"},
            most_bytes=request.most_bytes,
        )

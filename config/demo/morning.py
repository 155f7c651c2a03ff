"""The story's last chapter: the processors settle, their files are fetched or brought, and the bank has the money."""

import csv
import io
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from config.demo.accounts import SANDBOX_ACCOUNTS, TAKEN_ELSEWHERE
from config.demo.page import Page
from config.demo.people import Processor, expect, wait_for
from config.demo.settlement import BANK
from config.demo.texts import TEXTS
from config.local_secrets import standin_of
from config.settings import local as settings
from money import Money

Totals = Counter[tuple[str, str]]
# A worker looks for reports every ten seconds, and some take a moment to be made.
_PATIENCE_SECONDS = 90.0
_WAITS_FOR_THE_BANK = ("CLEARING", "EXTERNAL")


@dataclass(kw_only=True)
class Morning:
    """Be the day after the story; `ledger` returns what each account of the books holds."""

    page: Page
    processor: Processor
    manage: Callable[..., str]
    ledger: Callable[[], Totals]
    gateway: str
    receipts: list[tuple[str, Money]] = field(default_factory=list)

    def tell(self) -> None:
        """Tell the chapter.

        :raises StoryFailed: a step did not hold.
        """
        before, open_before = self.ledger(), self._status()["discrepancies"]
        batches = self._settle()
        self._fetch([batch for batch in batches if batch["announced"]])
        self._bring([batch for batch in batches if not batch["announced"]])
        self._count_the_till()
        self._read_the_bank()
        self._books(before, open_before, batches)

    def _settle(self) -> list[Any]:
        texts = TEXTS[self.gateway]
        if not texts.has_page:
            return []
        page = self.page
        page.step(f"The next morning. {texts.name} settles", f"POST /control/{self.gateway}/settle at the sandbox")
        batches: list[Any] = self.processor.post(f"{self.gateway}/settle", {})["batches"]
        expect(batches, f"{texts.name} has nothing to settle")
        for batch in batches:
            page.fact("report", batch["fileName"], f"{len(batch['lines'])} lines")
            for currency, minor in batch["payouts"].items():
                page.fact("payout", _money(minor, currency), batch["bankText"])
        page.held("fees are taken off, and the rest is paid out")
        return batches

    def _fetch(self, batches: list[Any]) -> None:
        names = {name for batch in batches for name in batch["announced"]}
        if not names:
            return
        page, texts = self.page, TEXTS[self.gateway]
        page.step(f"{texts.name} announces it; a worker fetches and imports it", "webhook, then GET the report")

        def look() -> Any:
            return names if names <= set(self._status()["files"]) else None

        wait_for(look, f"the reports {', '.join(sorted(names))}", seconds=_PATIENCE_SECONDS)
        page.fact("imported", " · ".join(sorted(names)))
        page.held("every line is matched with the ledger")

    def _bring(self, batches: list[Any]) -> None:
        if not batches:
            return
        page, texts = self.page, TEXTS[self.gateway]
        page.step(f"{texts.name} has no call for reports: finance downloads it", "manage.py import_settlement")
        for batch in batches:
            self._import(batch["fileName"], batch["content"].encode(), self._account_of(batch))
        page.held("every line is matched with the ledger")

    def _count_the_till(self) -> None:
        page = self.page
        page.step(
            "Nordwind sends the list of its till, and carries the money to the bank", "manage.py import_settlement"
        )
        at, text, sums = datetime.now(UTC).isoformat(timespec="seconds"), io.StringIO(), Counter[str]()
        closing = f"Z{datetime.now(UTC):%y%m%d%H%M%S}"
        writer = csv.DictWriter(text, ["Closing", "Kind", "Receipt", "At", "Amount", "Currency"], restval="")
        writer.writeheader()
        for reference, money in self.receipts:
            sums[money.currency] += money.minor
            row = {"Closing": closing, "At": at, "Amount": money.format(), "Currency": money.currency}
            writer.writerow({**row, "Kind": "Sale" if money.minor > 0 else "Return", "Receipt": reference})
        for currency, minor in sums.items():
            row = {"Closing": closing, "At": at, "Amount": Money(-minor, currency).format(), "Currency": currency}
            writer.writerow({**row, "Kind": "Deposit"})
            text_at_bank = f"Nordwind, till {closing}"
            self.processor.post("bank/credit", {"text": text_at_bank, "currency": currency, "minor": minor})
            page.fact("deposit", _money(minor, currency))
        self._import(f"till-{closing}.csv", text.getvalue().encode(), next(iter(TAKEN_ELSEWHERE)))
        page.held("each receipt is matched by the booking that it names")

    def _read_the_bank(self) -> None:
        page = self.page
        page.step("The bank's statement comes", f"manage.py import_settlement --account {BANK}")
        told = self.processor.post("bank/statement", {})
        self._import(told["fileName"], told["content"].encode("cp1252"), BANK)
        unpaid = self._status()["unpaid"]
        expect(unpaid == [], f"the bank does not have {unpaid}")
        page.held("every payout is there")

    def _books(self, before: Totals, open_before: list[Any], batches: list[Any]) -> None:
        page, lines = self.page, [line for batch in batches for line in batch["lines"]]
        page.step("What the ledger says in the morning", "manage.py settlement_status, check_ledger")
        after = self.ledger()
        moved = Counter({key: after[key] - before[key] for key in {*after, *before}})
        page.table(
            [account, currency, ("+" if minor > 0 else "") + Money(minor, currency).format()]
            for (account, currency), minor in sorted(moved.items())
            if minor
        )
        settled: Totals = Counter()
        for line in lines:
            if line["payment"]:
                settled["CLEARING", line["currency"]] -= line["gross"]
        for _, money in self.receipts:
            settled["EXTERNAL", money.currency] -= money.minor
        left = {key: minor for key, minor in moved.items() if key[0] in _WAITS_FOR_THE_BANK and minor}
        told = {key: minor for key, minor in settled.items() if minor}
        expect(left == told, f"the books say {left} was settled, the files {told}")
        page.held("nothing of this waits at a gateway or in a till any more, to the cent")
        status = self._status()
        expect(status["discrepancies"] == open_before, f"open are {status['discrepancies']}")
        check = json.loads(self.manage("check_ledger", "--json"))
        expect(check["ok"], f"the checks found {check['findings']}")
        page.held("no discrepancy is open, and check_ledger finds nothing wrong")

    def _import(self, name: str, content: bytes, account: str) -> None:
        folder: Path = settings.VAR_DIR / "run" / "settlement"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / name
        path.write_bytes(content)
        self.page.fact("imported", self.manage("import_settlement", str(path), "--account", account).strip())

    def _status(self) -> dict[str, list[Any]]:
        status: dict[str, list[Any]] = json.loads(self.manage("settlement_status", "--json"))
        return status

    def _account_of(self, batch: Any) -> str:
        """Return our name of an account at the sandbox."""
        standin = standin_of(settings.GATEWAYS[self.gateway])
        for slug, gateway in SANDBOX_ACCOUNTS.items():
            if gateway == self.gateway:
                described = standin.sandbox_account(settings.GATEWAY_CREDENTIALS[slug], "")
                if standin.account_name(described) == batch["account"]:
                    return slug
        raise AssertionError(f"no account of ours is {batch['account']}")


def _money(minor: int, currency: str) -> str:
    return f"{currency} {Money(minor, currency).format()}"

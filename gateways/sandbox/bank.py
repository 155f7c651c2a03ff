"""The merchant's bank: a statement of what processors paid out, and of what else was paid in.

Written as many banks write theirs: semicolons, a comma for the decimals, days without a time. The text is made to be
read by people, and names the batch somewhere.
"""

import csv
import io
import time
from collections.abc import Mapping
from typing import Any

from gateways.sandbox.settling import BANKED, BATCHES, CannotSettle, Report, decimals
from gateways.sandbox.store import Document, Store

HEADER = ("Buchungstag", "Valuta", "Betrag", "Währung", "Verwendungszweck", "Umsatz-ID")
_LINES = "settlement.bank_lines"


def credit(store: Store, wish: Mapping[str, Any]) -> Document:
    """Note that somebody paid something in: `text`, `currency`, `minor`, negative where it was taken.

    :raises CannotSettle: it is not described.
    """
    text, currency, minor = wish.get("text"), wish.get("currency"), wish.get("minor")
    if not isinstance(text, str) or not isinstance(currency, str) or not isinstance(minor, int):
        raise CannotSettle("a credit has a text, a currency and so many minor units")
    return _book(store, text, currency, minor)


def statement(store: Store) -> Report:
    """Return a statement of what was not in an earlier one; payouts of all processors arrive with it."""
    for number, batch in store.all(BATCHES).items():
        if store.get(BANKED, number) is None:
            store.put(BANKED, number, {})
            for currency, minor in batch["payouts"].items():
                _book(store, batch["bankText"], currency, minor)
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    writer.writerow(HEADER)
    for line in [line for line in store.all(_LINES).values() if not line["isTold"]]:
        writer.writerow(
            (
                line["day"],
                line["day"],
                _with_comma(line["minor"], line["currency"]),
                line["currency"],
                line["text"],
                line["id"],
            )
        )
        store.put(_LINES, line["id"], {**line, "isTold": True})
    return Report(file_name=f"umsaetze-{len(store.all(_LINES)):04d}.csv", content=text.getvalue())


def _book(store: Store, text: str, currency: str, minor: int) -> Document:
    day = time.strftime("%d.%m.%Y", time.gmtime())
    identity = f"B{len(store.all(_LINES)) + 1:06d}"
    line = {"id": identity, "day": day, "text": text, "currency": currency, "minor": minor, "isTold": False}
    store.put(_LINES, identity, line)
    return line


def _with_comma(minor: int, currency: str) -> str:
    """Return an amount as 1.234,56."""
    places = decimals(currency)
    whole, part = divmod(abs(minor), 10**places)
    grouped = f"{whole:,}".replace(",", ".")
    return ("-" if minor < 0 else "") + grouped + (f",{part:0{places}d}" if places else "")

"""What a discrepancy leaves in the operator's accounts, and what takes it out of there."""

from collections.abc import Iterable

from money import Money
from payments.models import LedgerAccount
from reconciliation.errors import NotResolvable
from reconciliation.models import BatchState, Discrepancy, DiscrepancyKind, LedgerConsumed, Match, SettlementLine
from reconciliation.movements import UNPLACED, movement_minor, movements_minor
from reconciliation.services.matching import money_account_of

Transfer = tuple[LedgerAccount, LedgerAccount, Money]
# Nothing of these is left in an account: what was settled was posted as it is, or nothing was.
_WITHOUT_MONEY = {
    DiscrepancyKind.FEE: "The fees were posted as they were taken, so nothing is left to write off: explain it.",
    DiscrepancyKind.LATE: "It was settled, so nothing is left to write off: explain it.",
    DiscrepancyKind.UNBALANCED_BATCH: "Nothing of a batch is posted before it adds up: explain it, or get it anew.",
    DiscrepancyKind.UNKNOWN_CREDIT: "What the bank received is in no account of these books yet: match or explain it.",
    DiscrepancyKind.SETTLED_AFTER_ALL: "It came after all: undo the write-off, which closes this, or explain it.",
    DiscrepancyKind.ANOTHER_PAYOUT: "Undo the write-off, which closes this and opens what it is now, or explain it.",
}


def may_be_written_off(discrepancy: Discrepancy) -> bool:
    """Say whether a discrepancy of the kind leaves money anywhere."""
    return DiscrepancyKind(discrepancy.kind) not in _WITHOUT_MONEY


def in_words(transfers: Iterable[Transfer]) -> list[str]:
    """Return what transfers come to, each as one text: it is what two people mean by the same write-off."""
    return [f"{from_account} {to_account} {money}" for from_account, to_account, money in transfers]


def transfers_to_write_off(discrepancy: Discrepancy) -> list[Transfer]:
    """Return what to post so that a discrepancy leaves nothing behind in the gateway's account, or in the bank's.

    :raises NotResolvable: it leaves nothing, or its batch is not posted.
    """
    kind = DiscrepancyKind(discrepancy.kind)
    if kind in _WITHOUT_MONEY:
        raise NotResolvable(_WITHOUT_MONEY[kind])
    if kind == DiscrepancyKind.NOT_IN_BANK:
        batch = discrepancy.batch
        assert batch is not None, "it is about a batch"
        if batch.bank_line_id is not None:
            raise NotResolvable("The bank has it meanwhile: the next run closes this.")
        return _out_of(LedgerAccount.BANK, batch.payout_minor or 0, batch.currency)
    money_account = money_account_of(discrepancy.source)
    if kind == DiscrepancyKind.MISSING_THERE:
        entry = discrepancy.entry
        assert entry is not None, "it is about an entry"
        if LedgerConsumed.objects.filter(entry=entry).exists():
            raise NotResolvable("It was settled meanwhile: the next run closes this.")
        return _out_of(money_account, movement_minor(entry, money_account), entry.currency)
    line = discrepancy.line
    assert line is not None, "it is about a line"
    if line.batch.state == BatchState.UNBALANCED:
        raise NotResolvable("Its batch does not add up, so nothing of it is posted yet.")
    if kind in UNPLACED:
        return _out_of(money_account, -line.gross_minor, line.gross_currency)
    if kind == DiscrepancyKind.UNKNOWN_TYPE:
        return _out_of(money_account, -line.net_minor, line.net_currency)
    match = Match.objects.filter(line=line, undone_at__isnull=True).first()
    if match is None:
        raise NotResolvable("Its match was undone meanwhile.")
    if kind == DiscrepancyKind.AMOUNT:
        return _out_of(money_account, -match.difference_minor, line.gross_currency)
    return _of_another_currency(line, match, money_account)


def _of_another_currency(line: SettlementLine, match: Match, money_account: LedgerAccount) -> list[Transfer]:
    transfers = _out_of(money_account, -line.gross_minor, line.gross_currency)
    taken = [each.entry for each in LedgerConsumed.objects.filter(match=match).select_related("entry")]
    moved = movements_minor(taken, money_account)
    for entry in taken:
        transfers += _out_of(money_account, moved[entry.pk], entry.currency)
    return transfers


def _out_of(account: LedgerAccount, minor: int, currency: str) -> list[Transfer]:
    """Return what takes an amount out of an account; a negative one is what is missing there."""
    if minor == 0:
        raise NotResolvable("Nothing is left to write off: explain it.")
    if minor > 0:
        return [(account, LedgerAccount.WRITE_OFF, Money(minor, currency))]
    return [(LedgerAccount.WRITE_OFF, account, Money(-minor, currency))]

"""March 2026 with everything that a report could tell of it, the same in every run; and what came after its closing."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import mkdtemp
from uuid import UUID

from bookings.models import Availability, Booking, FormerBooking
from gateways.models import GatewayAccount
from payments.models import (
    CardConsent,
    ConsentText,
    Dispute,
    ExternalNote,
    LedgerAccount,
    Payment,
    ReusableCard,
    Transaction,
)
from payments.services.periods import close_month
from reconciliation.models import (
    AccountCode,
    Discrepancy,
    DiscrepancyEvent,
    FeeContract,
    LedgerConsumed,
    Match,
    SettlementBatch,
    SettlementSource,
)
from reconciliation.services.importing import import_file, receive_file
from tests.reconciliation.month import CLOSED, BookedMonth, booked_month, count_from
from tests.reconciliation.till import Till, account_row, payout, settled, written
from tests.remembered import remembered

IMPORTED = datetime(2026, 4, 1, 6, tzinfo=UTC)
# Where the later things end.
LATER = datetime(2026, 5, 1, tzinfo=UTC)
_SETTLED = datetime(2026, 3, 31, 2, tzinfo=UTC)
_LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class ReportedMonth:
    """Be the booked month, settled in part, disputed, annotated and closed."""

    month: BookedMonth
    test: Till
    departure: Availability

    def of(self, reference: str) -> Transaction:
        """Return an operation by its reference."""
        return Transaction.objects.get(reference=reference)


@remembered
def reported_month() -> ReportedMonth:
    """Build it; the operator's time zone is Berlin's meanwhile."""
    month = booked_month()
    count_from(6_000_000)
    world = ReportedMonth(month=month, test=_test_till(month), departure=_depart(month))
    _record_contracts_and_codes(month.card.account)
    _dispute(world)
    Transaction.objects.filter(reference="tx_0002").update(card_brand="visa", card_last4="1111")
    _settle(month.card)
    _keep_card(month.card)
    _note(month.cash)
    for first in (date(2026, 2, 1), date(2026, 3, 1)):
        close_month(month=first, by="ada", now=CLOSED)
    return world


def happen_later(world: ReportedMonth) -> None:
    """Let everything change that can: none of it may change what was told of March when it was closed."""
    month, card = world.month, world.month.card
    refund = month.books(card, -1_500, datetime(2026, 3, 30, 9, tzinfo=UTC), kind="REFUND")
    card.postings[-1].posted_at = CLOSED + timedelta(days=3)
    month.books(card, 5_000, CLOSED + timedelta(days=6), kind="CHARGEBACK", of=world.of("tx_0010"))
    card.save()
    assert refund.payment_id == card.payment.pk
    summer = _departure(world.departure.option_id, datetime(2026, 6, 20, 8, tzinfo=UTC))
    Booking.objects.filter(order=card.order).update(availability=summer, updated_at=CLOSED + timedelta(days=4))
    match = Match.objects.filter(consumed__entry__transaction__reference="tx_0002").get()
    LedgerConsumed.objects.filter(match=match).delete()
    Match.objects.filter(pk=match.pk).update(undone_at=CLOSED + timedelta(days=5))
    paid = SettlementBatch.objects.get(bank_line__isnull=False)
    Match.objects.filter(line=paid.bank_line).update(undone_at=CLOSED + timedelta(days=5))
    SettlementBatch.objects.filter(pk=paid.pk).update(bank_line=None, state="BALANCED")
    dispute = Dispute.objects.get(gateway_reference="DISPUTE1")
    won = {"stage": "WON", "evidence_due_at": None, "recorded_at": (CLOSED + timedelta(days=6)).isoformat()}
    Dispute.objects.filter(pk=dispute.pk).update(
        stage="WON", evidence_due_at=None, changed_at=CLOSED + timedelta(days=6), stages=[*dispute.stages, won]
    )
    recorded = {"recorded_by": "ada", "recorded_at": CLOSED + timedelta(days=7)}
    contract = {"account": card.account, "currency": "EUR", "valid_from": date(2026, 1, 1)}
    FeeContract.objects.create(percent="9.9", fixed_minor=99, **contract, **recorded)
    AccountCode.objects.create(ledger_account=LedgerAccount.CLEARING, code="9999", **recorded)
    ReusableCard.objects.update(revoked_at=CLOSED + timedelta(days=8))
    corrected = ExternalNote.objects.get(amends__isnull=True)
    _amend(corrected, CLOSED + timedelta(days=8))
    for discrepancy in Discrepancy.objects.exclude(state="CLOSED"):
        _explain(discrepancy, CLOSED + timedelta(days=9))
    rows = [_line(4_500, "PSP0005", batch="43", fee="0.70"), _line(700, "PSP0404", batch="42", at=_SETTLED)]
    path = written(Path(mkdtemp()) / "april.csv", rows)
    card.imports(path, clock=lambda: CLOSED + timedelta(days=10))


def _depart(month: BookedMonth) -> Availability:
    """Let one order's trip depart in May, the other's have departed in March."""
    option = Booking.objects.filter(order=month.card.order).values_list("option_id", flat=True).get()
    spring = _departure(option, datetime(2026, 5, 9, 8, tzinfo=UTC))
    for order, departure in ((month.card.order, spring), (month.cash.order, _departure(option, _MARCH_TRIP))):
        Booking.objects.filter(order=order).update(
            availability=departure, created_at=_LONG_AGO, updated_at=_LONG_AGO, retail_minor=9_000
        )
    FormerBooking.objects.all().delete()
    return spring


_MARCH_TRIP = datetime(2026, 3, 20, 9, tzinfo=UTC)


def _departure(option_id: UUID, starts_at: datetime) -> Availability:
    return Availability.objects.create(
        option_id=option_id,
        starts_at=starts_at,
        ends_at=starts_at + timedelta(hours=2),
        local_date=starts_at.date(),
        capacity=40,
    )


def _test_till(month: BookedMonth) -> Till:
    """Book a sale at a processor's test system: of a live order, and no real money all the same."""
    account = GatewayAccount.objects.create(
        slug="march-test", name="march-test", gateway="adyen", environment="test", currencies=["EUR"], sources=["ECOM"]
    )
    till = Till(account=account, order=month.card.order, payment=month.card.payment)
    month.books(till, 9_900, datetime(2026, 3, 15, 12, tzinfo=UTC))
    till.save()
    return till


def _record_contracts_and_codes(account: GatewayAccount) -> None:
    recorded = {"recorded_by": "ada", "recorded_at": _LONG_AGO}
    contract = {"account": account, "currency": "EUR", "valid_from": date(2026, 1, 1), **recorded}
    FeeContract.objects.create(percent="1.4", fixed_minor=25, **contract)
    FeeContract.objects.create(percent="1.2", fixed_minor=20, card_brand="visa", **contract)
    FeeContract.objects.create(percent="2", valid_through=date(2026, 3, 30), **contract)
    FeeContract.objects.create(kind="CHARGEBACK", fixed_minor=750, **contract)
    names = LedgerAccount
    AccountCode.objects.create(ledger_account=names.CLEARING, code="1360", name="Money at gateways", **recorded)
    AccountCode.objects.create(ledger_account=names.CLEARING, code="1361", gateway_account=account, **recorded)
    AccountCode.objects.create(ledger_account=names.RECEIVABLE, code="0420", name="=Guests, owing", **recorded)


def _dispute(world: ReportedMonth) -> None:
    operation = world.of("tx_0010")
    about = {"payment": operation.payment, "reason": "Not as described", "currency": "EUR", "opened_at": _DISPUTED}
    due = _DISPUTED + timedelta(days=14)
    told = {"stage": "CHARGEBACK", "evidence_due_at": due.isoformat(), "recorded_at": _DISPUTED.isoformat()}
    for reference, of, stage in (("DISPUTE1", operation, "CHARGEBACK"), ("DISPUTE2", None, "INQUIRY")):
        Dispute.objects.create(
            transaction=of,
            gateway_reference=reference,
            stage=stage,
            amount_minor=5_000,
            evidence_due_at=due,
            changed_at=_DISPUTED,
            stages=[told | {"stage": stage}],
            **about,
        )


_DISPUTED = datetime(2026, 3, 11, 12, tzinfo=UTC)


def _line(minor: int, psp: str, *, at: datetime = _SETTLED, **fields: str | int) -> dict[str, str]:
    return settled(minor, psp, at=at, **fields)  # type: ignore[arg-type]


def _settle(card: Till) -> None:
    """Import a payout that the bank has, with a fault of several kinds, and a batch that is not paid out yet."""
    rows = [
        _line(12_000, "PSP0002", fee="1.64"),
        _line(7_990, "PSP0002", modification="PSP0003", fee="1.37"),
        _line(-3_000, "PSP0002", type="Refunded", modification="PSP0009"),
        _line(-5_000, "PSP0002", type="Chargeback", modification="PSP0010", fee="7.50"),
        _line(4_444, "PSP0777", fee="0.87"),
        _line(5_000, "PSP0007", currency="JPY", rate="0.0061", fee="0.5", net_minor=3_000),
        account_row("Fee", -140, at=_SETTLED),
        account_row("DepositCorrection", -1_000, at=_SETTLED),
    ]
    rows.append(payout(rows, at=_SETTLED))
    rows.append(
        _line(8_001, "PSP0002", modification="PSP0004", batch="43", fee="1.37", at=_SETTLED + timedelta(hours=20))
    )
    folder = Path(mkdtemp())
    card.imports(written(folder / "march.csv", rows), clock=lambda: IMPORTED)
    bank = SettlementSource.objects.create(
        slug="house-bank",
        kind="BANK",
        reconciled_from=date(2026, 1, 1),
        column_map={
            "columns": {
                "gross": {"header": "Amount", "unit": "major"},
                "gross_currency": {"header": "Currency"},
                "occurred_at": {"header": "Date", "unit": "YYYY-MM-DD"},
                "description": {"header": "Text"},
            },
            "types": {},
        },
    )
    paid = next(row for row in rows if row["Type"] == "MerchantPayout")
    statement = folder / "bank.csv"
    statement.write_text(f"Date,Amount,Currency,Text\n2026-04-01,{paid['Net Debit (NC)']},EUR,ADYEN BATCH 42\n")
    report = receive_file(
        source=bank, path=statement, file_name="bank.csv", skips_bad_lines=False, received_by="ada", now=IMPORTED
    )
    import_file(report=report, path=statement, clock=lambda: IMPORTED)


def _keep_card(card: Till) -> None:
    kept_at = datetime(2026, 3, 29, 1, tzinfo=UTC)
    text = ConsentText.objects.create(digest="c" * 64, language="de", text="Ich willige ein.", first_used_at=kept_at)
    card_of_guest = ReusableCard.objects.create(
        partner=card.order.partner,
        account=card.account,
        order=card.order,
        is_live=True,
        token_encrypted=b"encrypted",
        token_fingerprint="f" * 64,
        brand="visa",
        last4="1111",
        expiry_month=3,
        expiry_year=2030,
        created_at=kept_at,
    )
    CardConsent.objects.create(card=card_of_guest, payment=card.payment, order=card.order, text=text, given_at=kept_at)


def _note(cash: Till) -> None:
    payment = Payment.objects.get(pk=cash.payment.pk)
    ExternalNote.objects.create(
        payment=payment,
        transaction=Transaction.objects.get(account=cash.account),
        text='+49 30 0000000 paid in cash;\nreceipt "17"',
        evidence="Receipt 17",
        written_by="greta",
        written_at=datetime(2026, 3, 12, 9, 31, tzinfo=UTC),
    )


def _amend(note: ExternalNote, at: datetime) -> ExternalNote:
    return ExternalNote.objects.create(
        payment=note.payment,
        transaction=note.transaction,
        amends=note,
        text="Paid by bank transfer",
        written_by="ada",
        written_at=at,
    )


def _explain(discrepancy: Discrepancy, at: datetime) -> None:
    DiscrepancyEvent.objects.create(
        discrepancy=discrepancy,
        actor="ada",
        action="explained",
        state_before=discrepancy.state,
        state_after="CLOSED",
        detail="The gateway corrected it",
        at=at,
    )
    Discrepancy.objects.filter(pk=discrepancy.pk).update(
        state="CLOSED", resolution="EXPLAINED", reason="The gateway corrected it", closed_at=at
    )

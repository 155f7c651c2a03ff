"""What is asked for of who works on a discrepancy."""

from typing import Any

from django import forms
from django.contrib.auth.models import User
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminSelectWidget

from backoffice.actions.forms import words_field
from bookings.staff_text import MaskedForm
from payments.admin.columns import money_text
from reconciliation.models import Discrepancy, DiscrepancyKind, LineKind, SettlementBatch, SettlementLine
from reconciliation.movements import (
    Movement,
    candidate_batches,
    candidate_credits,
    candidate_lines,
    candidate_movements,
    movement_minor,
    names_of,
)
from reconciliation.services.matching import money_account_of

MAY_WORK = "reconciliation.work_discrepancies"
_OF_THE_BANK = (DiscrepancyKind.UNKNOWN_CREDIT, DiscrepancyKind.NOT_IN_BANK)
_LONGEST_REASON = 300


def why_field(label: str = "Reason") -> forms.CharField:
    """Return the field for why a discrepancy ends so."""
    return words_field(label=label, help_text="Stays with it for good: name no guest.", longest=_LONGEST_REASON)


class WhyForm(MaskedForm, forms.Form):
    """Ask why."""

    reason = why_field()


class CommentForm(MaskedForm, forms.Form):
    """Ask what there is to say."""

    reason = why_field("Comment")


class AssignForm(MaskedForm, forms.Form):
    """Ask who takes it on."""

    assignee = forms.ChoiceField(label="Who", required=False, widget=UnfoldAdminSelectWidget)

    def __init__(self, entered: Any, *, assignee_id: int | None) -> None:
        super().__init__(entered)
        people = User.objects.with_perm(MAY_WORK, backend="django.contrib.auth.backends.ModelBackend")
        names = people.filter(is_staff=True).order_by("username").values_list("pk", "username")
        self.fields["assignee"].choices = [("", "nobody"), *((str(pk), name) for pk, name in names)]  # type: ignore[attr-defined]
        self.fields["assignee"].initial = str(assignee_id or "")


class MatchForm(MaskedForm, forms.Form):
    """Ask what belongs together: what comes near is offered, and anything else is found by its reference."""

    lines = forms.TypedMultipleChoiceField(
        coerce=int, required=False, label="What was settled", widget=UnfoldAdminCheckboxSelectMultipleWidget
    )
    movements = forms.TypedMultipleChoiceField(
        coerce=int, required=False, label="What was booked", widget=UnfoldAdminCheckboxSelectMultipleWidget
    )
    payouts = forms.TypedMultipleChoiceField(
        coerce=int, required=False, label="What was paid out", widget=UnfoldAdminCheckboxSelectMultipleWidget
    )
    more = words_field(
        label="Others",
        help_text="References of payments, orders, bookings or operations: what is free of them is matched as well.",
        required=False,
    )
    reason = why_field()

    def __init__(self, entered: Any, *, discrepancy: Discrepancy) -> None:
        super().__init__(entered)
        self._discrepancy = discrepancy
        if discrepancy.kind in _OF_THE_BANK:
            del self.fields["movements"], self.fields["more"]
            self._offer_payouts()
        else:
            del self.fields["payouts"]
            self._offer_movements()

    def clean(self) -> dict[str, Any]:
        """Add what the typed references name, each once."""
        cleaned = super().clean()
        named = set(cleaned.get("more", "").split())
        if named:
            found = [each.entry_id for each in self._movements if named & each.names]
            if not found:
                self.add_error("more", "Nothing that is free goes by that in this account and currency.")
            cleaned["movements"] = sorted({*cleaned.get("movements", []), *found})
        return cleaned

    def _offer_movements(self) -> None:
        discrepancy, source = self._discrepancy, self._discrepancy.source
        money_account = money_account_of(source)
        line, entry = discrepancy.line, discrepancy.entry
        if line is not None:
            minor, at, names = line.gross_minor, line.occurred_at, names_of(line)
        else:
            assert entry is not None, "it is about a line or a movement"
            operation = entry.transaction
            assert operation is not None, "a movement is of an operation"
            minor, at = movement_minor(entry, money_account), entry.posting.occurred_at
            names = [operation.gateway_reference or "", operation.reference]
        assert source.account_id is not None, "only a bank has none"
        typed = self.data.get("more", "").split() if self.is_bound else []
        self._movements = candidate_movements(
            account_id=source.account_id,
            money_account=money_account,
            currency=discrepancy.currency,
            minor=minor,
            at=at,
            references=[*names, *typed],
        )
        lines = candidate_lines(source_id=source.pk, currency=discrepancy.currency, minor=minor, references=names)
        self._offer("lines", [(each.pk, line_words(each)) for each in lines], discrepancy.line_id)
        offered = [(each.entry_id, movement_words(each)) for each in self._movements]
        self._offer("movements", offered, discrepancy.entry_id)

    def _offer_payouts(self) -> None:
        line, batch, currency = self._discrepancy.line, self._discrepancy.batch, self._discrepancy.currency
        if line is not None:
            minor, at = line.net_minor, line.settled_at
        else:
            assert batch is not None, "it is about a line or a batch"
            minor, at = batch.payout_minor or 0, batch.settled_at
        received = candidate_credits(currency=currency, minor=minor)
        self._offer("lines", [(each.pk, line_words(each)) for each in received], self._discrepancy.line_id)
        batches = candidate_batches(currency=currency, minor=minor, at=at)
        self._offer("payouts", [(each.pk, batch_words(each)) for each in batches], self._discrepancy.batch_id)

    def _offer(self, name: str, choices: list[tuple[int, str]], chosen: int | None) -> None:
        field = self.fields[name]
        field.choices = choices  # type: ignore[attr-defined]
        field.initial = [chosen] if chosen in dict(choices) else []
        if not choices:
            field.help_text = "Nothing comes near."


def line_words(line: SettlementLine) -> str:
    """Say what a line is, on one line."""
    is_bank = line.kind == LineKind.BANK
    amount = (
        money_text(line.net_minor, line.net_currency) if is_bank else money_text(line.gross_minor, line.gross_currency)
    )
    said = line.description if is_bank else ", ".join(names_of(line)[:2])
    kind = "bank" if is_bank else line.kind.replace("_", " ").lower()
    return f"{amount}, {kind}, {line.settled_at:%Y-%m-%d}, {said or 'without a reference'} ({line.report}, {line})"


def movement_words(movement: Movement) -> str:
    """Say what a movement is, on one line."""
    amount = money_text(movement.minor, movement.currency)
    return (
        f"{amount}, {movement.kind.lower()}, {movement.occurred_at:%Y-%m-%d}, "
        f"{movement.gateway_reference or movement.reference} ({movement.payment_reference})"
    )


def batch_words(batch: SettlementBatch) -> str:
    """Say what a payout is, on one line."""
    amount = money_text(batch.payout_minor, batch.currency)
    return f"{amount}, {batch.source}, {batch.settled_at:%Y-%m-%d}, {batch.reference}"

"""What actions ask for, in the theme's look; card numbers are masked in what is typed."""

from typing import Any

from django import forms
from unfold.widgets import (
    UnfoldAdminEmailInputWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminRadioSelectWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from backoffice.models import ReasonCode
from bookings.staff_text import MaskedForm
from money import Money, MoneyError, exponent_of

_LONGEST_REASON = 140


class AmountField(forms.CharField):
    """Ask for an amount in major units of one currency, up to a limit; None is one that cannot be chosen."""

    def __init__(self, *, limit: Money, is_fixed: bool = False) -> None:
        super().__init__(
            max_length=20,
            label=f"Amount in {limit.currency}",
            help_text=f"At most {limit}.",
            initial=limit.format(),
            disabled=is_fixed,
            widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal", "autocomplete": "off"}),
        )
        self._limit = limit

    def clean(self, value: Any) -> int:
        """Return the amount in minor units.

        :raises ValidationError: it is no amount of the currency, or more than there is.
        """
        text = super().clean(value).strip()
        try:
            money = Money.parse(text, self._limit.currency)
            if len(text.partition(".")[2]) > exponent_of(self._limit.currency):
                # Half of the world writes five thousand as 5.000, which would be five.
                raise MoneyError(f"{text!r} has more decimals than {self._limit.currency} allows")
        except MoneyError as error:
            raise forms.ValidationError(f"{error}. Write it as {self._limit.format()}.") from None
        if not 0 < money.minor <= self._limit.minor:
            raise forms.ValidationError(f"Between nothing and {self._limit}.")
        return money.minor


def words_field(*, label: str, help_text: str, longest: int = 200, required: bool = True) -> forms.CharField:
    """Return a field for a text that people read."""
    widget = UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"})
    return forms.CharField(label=label, help_text=help_text, max_length=longest, required=required, widget=widget)


def reason_field() -> forms.CharField:
    """Return the field for why something is done."""
    return words_field(label="Reason", help_text="For us; the guest does not see it.", longest=_LONGEST_REASON)


class ReasonForm(MaskedForm, forms.Form):
    """Ask why."""

    reason = reason_field()


class AmountForm(MaskedForm, forms.Form):
    """Ask how much."""

    def __init__(self, entered: Any, *, limit: Money) -> None:
        super().__init__(entered)
        self.fields["amount"] = AmountField(limit=limit)


class RefundForm(MaskedForm, forms.Form):
    """Ask how much goes back and why, once as a word that can be counted and once in the person's own."""

    reason_code = forms.ChoiceField(label="Why", choices=ReasonCode.choices, widget=UnfoldAdminSelectWidget)
    reason = reason_field()

    def __init__(self, entered: Any, *, limit: Money, is_fixed: bool = False) -> None:
        super().__init__(entered)
        self.fields = {"amount": AmountField(limit=limit, is_fixed=is_fixed), **self.fields}


class LinkForm(MaskedForm, forms.Form):
    """Ask how long a link is good, and whether it is mailed at once."""

    days = forms.IntegerField(
        min_value=1, max_value=365, label="Good for so many days", widget=UnfoldAdminIntegerFieldWidget
    )
    is_mailed = forms.BooleanField(
        required=False, initial=True, label="Mail it to the guest", widget=UnfoldBooleanWidget
    )

    def __init__(self, entered: Any, *, days: int) -> None:
        super().__init__(entered)
        self.fields["days"].initial = days


class MailForm(MaskedForm, forms.Form):
    """Ask where a link is mailed, when not to the guest's own address."""

    to = forms.EmailField(
        required=False,
        label="Another address",
        help_text="Empty: the guest's own.",
        widget=UnfoldAdminEmailInputWidget,
    )


class CardForm(MaskedForm, forms.Form):
    """Ask which card is charged, and how much of the price."""

    card = forms.ChoiceField(label="Card", widget=UnfoldAdminRadioSelectWidget)

    def __init__(self, entered: Any, *, cards: list[tuple[str, str]], limit: Money) -> None:
        super().__init__(entered)
        self.fields["card"].choices = cards  # type: ignore[attr-defined]
        self.fields["card"].initial = cards[-1][0] if cards else None
        self.fields["amount"] = AmountField(limit=limit)


METHODS = [(each, each) for each in ("cash", "card terminal", "bank transfer", "voucher", "other")]


class ExternalForm(MaskedForm, forms.Form):
    """Ask how something was paid elsewhere, and by what one can see it."""

    method = forms.ChoiceField(label="Paid by", choices=METHODS, widget=UnfoldAdminSelectWidget)
    note = words_field(label="Note", help_text="Who took it, where and when.")
    evidence = words_field(
        label="Evidence", help_text="A receipt's number, a bank reference, a document.", required=False
    )

    def __init__(self, entered: Any, *, limit: Money) -> None:
        super().__init__(entered)
        self.fields = {"amount": AmountField(limit=limit), **self.fields}

"""What staff fill in to cancel departures."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.db.models import QuerySet
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from bookings.models import Availability, Option
from bookings.staff_text import MaskedForm

if TYPE_CHECKING:
    _OptionField = forms.ModelChoiceField[Option]
else:
    _OptionField = forms.ModelChoiceField


class OptionField(_OptionField):
    """Name an option with its product."""

    def label_from_instance(self, obj: Option) -> str:
        """Return both names."""
        return f"{obj.product.name} · {obj.name}"


class DateInput(UnfoldAdminTextInputWidget):
    """Take a day by the browser's own calendar."""

    input_type = "date"

    def format_value(self, value: Any) -> str | None:
        """Return the day as browsers read it."""
        return value.isoformat() if hasattr(value, "isoformat") else super().format_value(value)


class SpanForm(MaskedForm, forms.Form):
    """Ask which departures: those of an option within a span of local days, both of them included."""

    option = OptionField(
        queryset=Option.objects.select_related("product").order_by("product__name", "name"),
        widget=UnfoldAdminSelectWidget,
        label="Product and option",
    )
    first_day = forms.DateField(widget=DateInput, label="From")
    last_day = forms.DateField(widget=DateInput, label="To")

    def clean(self) -> dict[str, Any]:
        """Refuse a span that ends before it begins."""
        cleaned = super().clean() or {}
        first_day, last_day = cleaned.get("first_day"), cleaned.get("last_day")
        if first_day and last_day and last_day < first_day:
            self.add_error("last_day", "It ends before it begins.")
        return cleaned

    def departures(self) -> QuerySet[Availability]:
        """Return the departures of a valid form."""
        span = (self.cleaned_data["first_day"], self.cleaned_data["last_day"])
        found = Availability.objects.filter(option=self.cleaned_data["option"], local_date__range=span)
        return found.order_by("starts_at")


class ReasonForm(MaskedForm, forms.Form):
    """Ask why departures are cancelled."""

    reason = forms.CharField(
        max_length=200,
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "Storm warning"}),
        help_text="Partners are told, and it stands on every refund.",
    )

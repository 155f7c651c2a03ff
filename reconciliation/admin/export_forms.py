"""What staff fill in to have a report: once, or by itself."""

from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from django import forms
from django.conf import settings
from django.utils import timezone
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminSingleDateWidget,
    UnfoldAdminTextInputWidget,
)

from bookings.models import Partner
from bookings.staff_text import MaskedForm
from gateways.models import GatewayAccount
from payments.services.periods import month_of
from reconciliation.errors import ExportError
from reconciliation.exporting.periods import RelativePeriod, days_of
from reconciliation.exporting.registry import REPORTS, report_of
from reconciliation.models import ExportFormat, ExportRun, ScheduledExport
from reconciliation.services.asking import ask_for_export, checked_filters

if TYPE_CHECKING:
    _AskForm = forms.ModelForm[ExportRun]
    _ScheduleForm = forms.ModelForm[ScheduledExport]
else:
    _AskForm = _ScheduleForm = forms.ModelForm

_OWN = "OWN"
FILTERS = ["account", "currency", "partner"]


def _reports() -> list[tuple[str, str]]:
    return [(report.slug, report.title) for report in REPORTS.values()]


def _slugs(model: Any) -> list[tuple[str, str]]:
    return [("", "all"), *((slug, slug) for slug in model.objects.order_by("slug").values_list("slug", flat=True))]


def _sentence(problem: ExportError) -> str:
    return f"{str(problem)[0].upper()}{str(problem)[1:]}."


class _Filtered(MaskedForm, forms.Form):
    """Be what a report can be narrowed by."""

    report = forms.ChoiceField(choices=_reports, widget=UnfoldAdminSelectWidget)
    account = forms.ChoiceField(choices=lambda: _slugs(GatewayAccount), required=False, widget=UnfoldAdminSelectWidget)
    currency = forms.CharField(
        max_length=3, required=False, widget=UnfoldAdminTextInputWidget, help_text="Such as EUR; empty: all."
    )
    partner = forms.ChoiceField(choices=lambda: _slugs(Partner), required=False, widget=UnfoldAdminSelectWidget)

    def filters(self) -> dict[str, str]:
        """Return what was chosen."""
        return {name: self.cleaned_data[name] for name in FILTERS if self.cleaned_data.get(name)}


class AskForm(_Filtered, _AskForm):
    """Ask for an export; a worker writes it within seconds."""

    period = forms.ChoiceField(
        choices=[(_OWN, "the days below"), *RelativePeriod.choices],
        initial=RelativePeriod.LAST_MONTH,
        widget=UnfoldAdminSelectWidget,
    )
    format = forms.ChoiceField(choices=ExportFormat.choices, widget=UnfoldAdminSelectWidget)
    first_day = forms.DateField(required=False, widget=UnfoldAdminSingleDateWidget)
    end_day = forms.DateField(
        required=False,
        label="Day after the last",
        widget=UnfoldAdminSingleDateWidget,
        help_text="Itself not included: all of March ends on 1 April.",
    )
    is_live = forms.TypedChoiceField(
        choices=[("live", "live: real money"), ("test", "TEST: all else")],
        coerce=lambda mode: mode == "live",
        label="Mode",
        widget=UnfoldAdminSelectWidget,
    )

    class Meta:
        model = ExportRun
        fields = ["report", "format", "is_live"]

    asked_by = ""

    def clean(self) -> dict[str, Any]:
        """Ask, so that what cannot be had is refused on the form."""
        cleaned = super().clean()
        if self.errors:
            return cleaned
        try:
            self.instance = ask_for_export(
                slug=cleaned["report"],
                form=ExportFormat(cleaned["format"]),
                filters=self.filters() | self._days(cleaned),
                is_live=cleaned["is_live"],
                asked_by=self.asked_by,
                now=timezone.now(),
            )
        except ExportError as problem:
            raise forms.ValidationError(_sentence(problem)) from None
        return cleaned

    def _days(self, cleaned: dict[str, Any]) -> dict[str, str]:
        if not report_of(cleaned["report"]).period and cleaned["period"] != _OWN:
            return {}
        if cleaned["period"] == _OWN:
            days = (cleaned.get("first_day"), cleaned.get("end_day"))
        else:
            today = timezone.localdate(timezone=ZoneInfo(settings.OPERATOR_TIME_ZONE))
            days = days_of(RelativePeriod(cleaned["period"]), today) or (None, None)
        return {name: day.isoformat() for name, day in zip(("from", "to"), days, strict=True) if day is not None}


class ScheduleForm(_Filtered, _ScheduleForm):
    """Set what is made by itself, when, and who is mailed."""

    class Meta:
        model = ScheduledExport
        fields = [
            *("report", "format", "is_live", "period", "cadence", "day", "hour"),
            *("recipients", "attaches_file", "is_active"),
        ]
        labels = {"is_live": "Live", "attaches_file": "Attach the file", "is_active": "Active"}
        widgets = {"recipients": UnfoldAdminTextInputWidget}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in FILTERS:
            self.initial.setdefault(name, (self.instance.filters or {}).get(name, ""))

    def clean(self) -> dict[str, Any]:
        """Refuse what could never be asked for."""
        cleaned = super().clean()
        if self.errors:
            return cleaned
        days = days_of(RelativePeriod(cleaned["period"]), month_of(timezone.now()))
        period = {"from": days[0].isoformat(), "to": days[1].isoformat()} if days else {}
        try:
            checked_filters(report_of(cleaned["report"]), self.filters() | period)
        except ExportError as problem:
            raise forms.ValidationError(_sentence(problem)) from None
        self.instance.filters = self.filters()
        return cleaned

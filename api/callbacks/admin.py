"""What staff see of callbacks: who wants to be told, what arrived and what did not, and the secrets that sign it."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from api.callbacks.addresses import shown_url
from api.callbacks.errors import SecretAlreadyRetired
from api.callbacks.signing import mint_signing_secret, retire_signing_secret
from api.callbacks.subscriptions import headers_of, url_of
from api.models import Delivery, Subscription
from bookings.admin.mode import mode
from bookings.admin.read_only import ReadOnlyAdmin
from bookings.admin.shown_once import ShownOnce, ShownOnceAdmin
from bookings.models import SigningSecret
from payments.admin.columns import link, when

if TYPE_CHECKING:
    _SecretForm = forms.ModelForm[SigningSecret]
else:
    _SecretForm = forms.ModelForm


@admin.register(Subscription)
class SubscriptionAdmin(ReadOnlyAdmin):
    """Show who is told of what, and how its receiver does; passwords are not shown."""

    list_display = ["url_host", "event", "partner", "mode", "failures", "rests", "attempted", "created", "ended"]
    list_select_related = ["partner"]
    list_filter = ["event", "is_live", ("ended_at", admin.EmptyFieldListFilter), "partner"]
    search_fields = ["=id", "url_host", "partner__name", "partner__slug"]
    ordering = ["-created_at"]
    fields = [
        "id",
        "partner",
        "is_live",
        "event",
        "address",
        "header_names",
        "capabilities",
        "retries_on_error",
        "uses_contact_language",
        "failures",
        "rests",
        "attempted",
        "created",
        "ended",
    ]
    mode = staticmethod(mode)
    rests = staticmethod(when("rests_until", "rests until"))
    attempted = staticmethod(when("last_attempt_at", "last attempt"))
    created = staticmethod(when("created_at", "created"))
    ended = staticmethod(when("ended_at", "ended"))

    @admin.display(description="address")
    def address(self, subscription: Subscription) -> str:
        """Show the address without user, password and query."""
        return shown_url(url_of(subscription)) if subscription.url_encrypted is not None else "–"

    @admin.display(description="headers")
    def header_names(self, subscription: Subscription) -> str:
        """Show which headers the partner added, not what they hold."""
        return ", ".join(headers_of(subscription)) or "–"


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    """Show what was told and what was not; what it said is not kept."""

    list_display = [
        "created",
        "subscription",
        "booking_link",
        "order_link",
        "version",
        "status",
        "attempts",
        "last_status_code",
        "last_error",
        "next_attempt",
    ]
    list_select_related = ["subscription", "booking", "order"]
    list_filter = ["status", "subscription__event", "subscription__is_live", "subscription__partner"]
    search_fields = [
        "=id",
        "=subject_id",
        "=booking__uuid",
        "booking__reference",
        "order__reference",
        "subscription__url_host",
    ]
    ordering = ["-created_at", "-pk"]
    fields = [
        "id",
        "subscription_link",
        "booking_link",
        "order_link",
        "after_version",
        "version",
        "status",
        "attempts",
        "failures",
        "attempted",
        "last_status_code",
        "last_duration_ms",
        "last_error",
        "next_attempt",
        "created",
        "succeeded",
        "ended",
    ]
    subscription_link = staticmethod(link("subscription", "subscription"))
    booking_link = staticmethod(link("booking", "booking"))
    order_link = staticmethod(link("order", "order"))
    created = staticmethod(when("created_at", "created"))
    attempted = staticmethod(when("last_attempt_at", "last attempt"))
    next_attempt = staticmethod(when("next_attempt_at", "next attempt"))
    succeeded = staticmethod(when("succeeded_at", "arrived"))
    ended = staticmethod(when("ended_at", "ended"))


class SecretForm(_SecretForm):
    """Ask for whom; the secret itself is made, not typed."""

    class Meta:
        model = SigningSecret
        fields = ["partner"]

    def clean(self) -> dict[str, Any]:
        """Refuse a third one: partners check two at a time, while one replaces the other."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        partner = cleaned.get("partner")
        if partner is not None and partner.signing_secrets.filter(retired_at__isnull=True).count() > 1:
            raise ValidationError("This partner has two active secrets; retire the older one first.")
        return cleaned


@admin.register(SigningSecret)
class SigningSecretAdmin(ShownOnceAdmin):
    """Mint signing secrets, which are shown once, and retire them."""

    shown_once = ShownOnce(
        name="signing secret",
        verb="Retire",
        done="retired",
        mint=lambda wished, _: mint_signing_secret(partner=wished.partner),
        end=lambda secret, now: retire_signing_secret(secret=secret, now=now),
        ended_before=SecretAlreadyRetired,
        minted_template="admin/bookings/signingsecret/minted.html",
        end_template="admin/bookings/signingsecret/retire.html",
    )
    form = SecretForm
    shown_fields = ["partner", "slot", "created_at", "retired_at"]
    list_display = ["partner", "slot", "created_at", "retired_at"]
    list_select_related = ["partner"]
    list_filter = [("retired_at", admin.EmptyFieldListFilter)]
    search_fields = ["partner__name", "partner__slug"]
    actions = ["retire_secrets"]

    def get_fields(self, request: HttpRequest, obj: SigningSecret | None = None) -> Any:
        """Show no more than may be seen."""
        return self.shown_fields if obj else ["partner"]

    @admin.action(description="Retire the selected secrets", permissions=["change"])
    def retire_secrets(self, request: HttpRequest, queryset: QuerySet[SigningSecret]) -> HttpResponse | None:
        """Sign nothing with them any more."""
        return self.end_chosen(request, queryset, "retire_secrets")

"""What staff see of callbacks: who wants to be told, what arrived and what did not, and the secrets that sign it."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache

from api.callbacks.addresses import shown_url
from api.callbacks.errors import SecretAlreadyRetired
from api.callbacks.signing import mint_signing_secret, retire_signing_secret
from api.callbacks.subscriptions import headers_of, url_of
from api.models import Delivery, Subscription
from bookings.admin.mode import mode
from bookings.admin.read_only import KeptAdmin, ReadOnlyAdmin
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
class SigningSecretAdmin(KeptAdmin):
    """Mint signing secrets, which are shown once, and retire them."""

    form = SecretForm
    list_display = ["partner", "slot", "created_at", "retired_at"]
    list_select_related = ["partner"]
    list_filter = [("retired_at", admin.EmptyFieldListFilter)]
    search_fields = ["partner__name", "partner__slug"]
    ordering = ["-created_at"]
    actions = ["retire_secrets"]

    def get_readonly_fields(self, request: HttpRequest, obj: SigningSecret | None = None) -> list[str]:
        """Freeze a secret that exists; ask for the partner of a new one."""
        return ["partner", "slot", "created_at", "retired_at"] if obj else []

    def get_fields(self, request: HttpRequest, obj: SigningSecret | None = None) -> Any:
        """Show no more than may be seen."""
        return ["partner", "slot", "created_at", "retired_at"] if obj else ["partner"]

    def save_model(self, request: HttpRequest, obj: SigningSecret, form: Any, change: bool) -> None:
        """Mint a new secret; one that exists is only looked at."""
        if change:
            return
        minted, text = mint_signing_secret(partner=obj.partner)
        obj.__dict__.update(minted.__dict__)
        request.minted_secret = text  # type: ignore[attr-defined]

    def response_add(
        self, request: HttpRequest, obj: SigningSecret, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Show the secret in this answer and nowhere else."""

        @never_cache
        def show(request: HttpRequest) -> HttpResponse:
            context = {
                **self.admin_site.each_context(request),
                "title": "The new signing secret",
                "opts": self.opts,
                "signing_secret": obj,
                "text": request.minted_secret,  # type: ignore[attr-defined]
            }
            return TemplateResponse(request, "admin/bookings/signingsecret/minted.html", context)

        return show(request)

    @admin.action(description="Retire the selected secrets", permissions=["change"])
    def retire_secrets(self, request: HttpRequest, queryset: QuerySet[SigningSecret]) -> HttpResponse | None:
        """Retire secrets after asking once more."""
        if "confirmed" not in request.POST:
            context = {
                **self.admin_site.each_context(request),
                "title": "Retire signing secrets",
                "opts": self.opts,
                "chosen": queryset.select_related("partner"),
                "action_name": "retire_secrets",
                "verb": "Retire",
                "action_checkbox_name": ACTION_CHECKBOX_NAME,
            }
            return TemplateResponse(request, "admin/bookings/signingsecret/retire.html", context)
        retired = 0
        for secret in queryset:
            try:
                retire_signing_secret(secret=secret, now=timezone.now())
            except SecretAlreadyRetired:
                self.message_user(request, f"{secret} was retired before.", messages.WARNING)
                continue
            self.log_change(request, secret, "Retired.")
            retired += 1
        self.message_user(request, f"Signing secrets retired: {retired}.", messages.SUCCESS)
        return None

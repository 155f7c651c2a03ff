from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html

from bookings.models import Order
from payments.admin.buttons import faults_as_messages
from payments.admin.columns import RecordAdmin, link, mode_badge, page_of, when
from payments.models import PaymentLink
from payments.services.links import PAYABLE, create_link, expire_link, link_url, send_link_again

if TYPE_CHECKING:
    _LinkForm = forms.ModelForm[PaymentLink]
else:
    _LinkForm = forms.ModelForm

_LONGEST_DAYS = 365


class LinkForm(_LinkForm):
    """Ask for which order a link is, how long it is good, and whether it is mailed at once."""

    order_reference = forms.CharField(max_length=24, help_text="As people read it aloud: OR-…")
    days = forms.IntegerField(min_value=1, max_value=_LONGEST_DAYS, label="good for so many days")
    is_mailed = forms.BooleanField(required=False, initial=True, label="mail it to the guest")

    class Meta:
        model = PaymentLink
        fields: list[str] = []

    def __init__(self, *arguments: Any, **fields: Any) -> None:
        super().__init__(*arguments, **fields)
        self.fields["days"].initial = settings.BOOKINGS["PAY_LINK_DAYS"]

    def clean_order_reference(self) -> Order:
        """Return the order.

        :raises ValidationError: there is none, or it cannot be paid any more.
        """
        order = Order.objects.filter(reference=self.cleaned_data["order_reference"].strip().upper()).first()
        if order is None:
            raise forms.ValidationError("No order has this reference.")
        if order.status not in PAYABLE:
            raise forms.ValidationError(f"The order is {order.status}: nothing can be paid.")
        return order


@admin.register(PaymentLink)
class PaymentLinkAdmin(RecordAdmin):
    """Make payment links, mail them again and withdraw them; whoever may make them sees their addresses."""

    form = LinkForm
    change_form_template = "admin/payments/paymentlink/change_form.html"
    list_display = ["created", "order_link", "mode", "status", "expires", "created_by", "closed"]
    list_select_related = ["order__partner"]
    list_filter = [("closed_at", admin.EmptyFieldListFilter), "closed_as", "order__is_live", "order__partner"]
    search_fields = ["=id", "=order__reference", "order__bookings__reference", "order__bookings__contact_email"]
    ordering = ["-created_at"]
    order_link = staticmethod(link("order", "order"))
    created = staticmethod(when("created_at", "made"))
    expires = staticmethod(when("expires_at", "good until"))
    closed = staticmethod(when("closed_at", "closed"))

    @admin.display(description="mode", ordering="order__is_live")
    def mode(self, row: PaymentLink) -> str:
        """Return LIVE or a TEST that nobody overlooks."""
        return mode_badge(is_live=row.order.is_live)

    @admin.display(description="stands")
    def status(self, row: PaymentLink) -> str:
        """Say whether the link can be followed."""
        if row.closed_at is None:
            return "open" if row.expires_at > timezone.now() else "over"
        return row.closed_as.lower()

    @admin.display(description="address")
    def address(self, row: PaymentLink) -> str:
        """Show the address, which lets anybody pay who has it."""
        return format_html('<a href="{0}">{0}</a>', link_url(row))

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Let those make links who may."""
        return bool(request.user.has_perm("payments.add_paymentlink"))

    def get_fields(
        self, request: HttpRequest, obj: PaymentLink | None = None
    ) -> list[str | list[str] | tuple[str, ...] | tuple[()]]:
        """Ask for what a new link needs; show one that is there."""
        return ["order_reference", "days", "is_mailed"] if obj is None else [*self._shown(request)]

    def get_readonly_fields(self, request: HttpRequest, obj: PaymentLink | None = None) -> list[str]:
        """Let nobody write what a link is."""
        return [] if obj is None else self._shown(request)

    def _shown(self, request: HttpRequest) -> list[str]:
        shown = ["order_link", "mode", "status", "created", "created_by", "expires", "closed", "return_urls"]
        return [*shown, "address"] if self.has_add_permission(request) else shown

    def save_model(self, request: HttpRequest, obj: PaymentLink, form: Any, change: bool) -> None:
        """Make the link, and mail it where that was asked for."""
        now = timezone.now()
        made = create_link(
            order=form.cleaned_data["order_reference"],
            expires_at=now + timedelta(days=form.cleaned_data["days"]),
            now=now,
            created_by=request.user.get_username(),
        )
        obj.__dict__.update(made.__dict__)
        if form.cleaned_data["is_mailed"]:
            self._mail(request, made)

    def response_add(
        self, request: HttpRequest, obj: PaymentLink, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Go to the link's page, where its address is."""
        return HttpResponseRedirect(page_of(obj))

    def get_urls(self) -> list[URLPattern]:
        """Add the addresses of the buttons."""
        buttons = {"withdraw": self._withdraw, "mail": self._mail}
        return [
            *(
                path(
                    f"<uuid:link_id>/{name}/",
                    self.admin_site.admin_view(self._button(act)),
                    name=f"payments_paymentlink_{name}",
                )
                for name, act in buttons.items()
            ),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show a link, with its buttons while it is open."""
        row = self.get_object(request, object_id)
        is_open = row is not None and row.closed_at is None and row.expires_at > timezone.now()
        context = {"may_act": is_open and self._may_act(request), **(extra_context or {})}
        return super().change_view(request, object_id, form_url, context)

    def _button(self, act: Any) -> Any:
        def press(request: HttpRequest, link_id: str) -> HttpResponse:
            if request.method != "POST":
                return HttpResponseNotAllowed(["POST"])
            if not self._may_act(request):
                raise PermissionDenied("You may not do that.")
            row = self.get_object(request, str(link_id))
            if row is None:
                raise Http404
            self.log_change(request, row, act(request, row))
            return HttpResponseRedirect(reverse("admin:payments_paymentlink_change", args=[row.pk]))

        return press

    def _withdraw(self, request: HttpRequest, row: PaymentLink) -> str:
        with faults_as_messages(request):
            if expire_link(link=row, now=timezone.now()):
                messages.success(request, "The link is withdrawn: nobody can pay by it any more.")
            else:
                messages.warning(request, "The link was closed already.")
        return "Withdrawn."

    def _mail(self, request: HttpRequest, row: PaymentLink) -> str:
        with faults_as_messages(request) as said:
            mail = send_link_again(link=row, now=timezone.now())
            messages.success(request, f"The link goes out to {mail.to} within seconds.")
        return " ".join(["Mailed.", *said])

    @staticmethod
    def _may_act(request: HttpRequest) -> bool:
        return bool(request.user.has_perm("payments.change_paymentlink"))

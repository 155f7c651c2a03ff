from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html

from bookings.models import Booking
from money import Money
from payments.admin.buttons import (
    StaleWish,
    Wish,
    WishForm,
    faults_as_messages,
    read_wish,
    sign,
    tell_outcomes,
    wish_in_words,
)
from payments.admin.columns import mode, money, unbroken, when
from payments.admin.page import page_context
from payments.admin.searching import FoundAdmin
from payments.admin.timeline import history_of
from payments.models import Case, Payment, Transaction
from payments.services import aftercare, janitor
from payments.services.surplus import refundable_of_payment
from payments.states import State

CarryOut = Callable[[Payment, Wish], list[Transaction]]
_PERMISSION = {
    "refund": "payments.refund_payment",
    "capture": "payments.capture_payment",
    "void": "payments.capture_payment",
    "ask": "payments.ask_gateway",
}
_TITLES = {"refund": "Give money back", "capture": "Take held money", "void": "Release held money"}


@admin.register(Payment)
class PaymentAdmin(FoundAdmin):
    """Show payments; a payment's page says what happened and offers what can be done."""

    change_form_template = "admin/payments/payment/change_form.html"
    list_display = [
        "reference",
        "mode",
        "order",
        "partner",
        "amount",
        "standing",
        "captured",
        "returned",
        "waits_for_staff",
        "created",
        "account",
        "number",
    ]
    list_select_related = ["order", "partner", "account"]
    list_filter = ["state", "is_live", "account", "partner"]
    payment_path, order_path = "pk", "order_id"
    ordering = ["-number"]
    mode = staticmethod(mode)
    amount = staticmethod(money("amount_minor", "amount"))
    captured = staticmethod(money("captured_minor", "taken"))
    created = staticmethod(when("created_at", "created"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Payment]:
        """Read with each payment what its list and page name."""
        waiting = Case.objects.filter(payment=OuterRef("pk"), closed_at__isnull=True)
        payments: QuerySet[Payment] = super().get_queryset(request)
        return payments.select_related("order__customer", "partner", "account").annotate(has_case=Exists(waiting))

    @admin.display(description="state", ordering="state")
    def standing(self, payment: Payment) -> str:
        """Show the state so that trouble is seen."""
        color = {State.FAILED: "#b91c1c", State.CAPTURED: "#15803d", State.PENDING: "#b45309"}.get(State(payment.state))
        return format_html('<span style="color:{};font-weight:600">{}</span>', color or "inherit", payment.state)

    @admin.display(description="given back")
    def returned(self, payment: Payment) -> str:
        """Show what went back, asked for or taken, in major units."""
        total = payment.refunded_minor + payment.charged_back_minor
        return unbroken(str(Money(total, payment.currency))) if total else "–"

    @admin.display(description="case", boolean=False)
    def waits_for_staff(self, payment: Payment) -> str:
        """Say whether a case of it is open."""
        return format_html("<strong>{}</strong>", "open") if getattr(payment, "has_case", False) else ""

    def get_urls(self) -> list[URLPattern]:
        """Add the buttons' addresses."""
        own = [
            path(f"<uuid:payment_id>/{verb}/", self.admin_site.admin_view(view), name=f"payments_payment_{verb}")
            for verb, view in (
                ("refund", self.refund_view),
                ("capture", self.capture_view),
                ("void", self.void_view),
                ("ask", self.ask_view),
            )
        ]
        return [*own, *super().get_urls()]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show what happened, what it comes to, and what can be done."""
        payment = self.get_object(request, object_id)
        if payment is None or not self.has_view_permission(request, payment):
            return super().change_view(request, object_id, form_url, extra_context)
        allowed = {verb for verb, permission in _PERMISSION.items() if request.user.has_perm(permission)}
        context = {**(extra_context or {}), **page_context(payment, history_of(payment), allowed)}
        return super().change_view(request, object_id, form_url, context)

    def refund_view(self, request: HttpRequest, payment_id: str) -> HttpResponse:
        """Ask how much and why, show it once more, then give it back."""

        def carry_out(payment: Payment, wish: Wish) -> list[Transaction]:
            return aftercare.refund_payment(
                payment=payment,
                money=wish.money,
                reason=wish.reason,
                requested_by=request.user.get_username(),
                clock=timezone.now,
                operations_seen=wish.operations_seen,
            )

        return self._wish_view(request, payment_id, "refund", carry_out)

    def capture_view(self, request: HttpRequest, payment_id: str) -> HttpResponse:
        """Ask how much of the hold to take, show it once more, then take it."""

        def carry_out(payment: Payment, wish: Wish) -> list[Transaction]:
            requested_by = request.user.get_username()
            return [
                aftercare.capture_payment(
                    payment=payment,
                    money=wish.money,
                    requested_by=requested_by,
                    clock=timezone.now,
                    operations_seen=wish.operations_seen,
                )
            ]

        return self._wish_view(request, payment_id, "capture", carry_out)

    def void_view(self, request: HttpRequest, payment_id: str) -> HttpResponse:
        """Show what would be released, then release it."""

        def carry_out(payment: Payment, wish: Wish) -> list[Transaction]:
            return aftercare.void_payment(
                payment=payment,
                reason=wish.reason,
                requested_by=request.user.get_username(),
                clock=timezone.now,
                operations_seen=wish.operations_seen,
            )

        return self._wish_view(request, payment_id, "void", carry_out)

    def ask_view(self, request: HttpRequest, payment_id: str) -> HttpResponse:
        """Ask the gateway about every operation and Opening of a payment that nobody knows the outcome of."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        payment = self._payment(request, payment_id, "ask")
        history = history_of(payment)
        asked = 0
        with faults_as_messages(request) as said:
            operations = []
            for row in history.undecided:
                operations.append(janitor.ask_again(transaction_id=row.pk, clock=timezone.now))
                asked += 1
            for opening in history.unanswered:
                janitor.open_again(opening_id=opening.pk, clock=timezone.now)
                asked += 1
            tell_outcomes(request, operations)
            if not asked:
                messages.info(request, "Nothing of this payment is undecided.")
        self.log_change(request, payment, " ".join([f"Asked the gateway again about {asked} things.", *said]))
        return HttpResponseRedirect(_page(payment))

    def _wish_view(self, request: HttpRequest, payment_id: str, verb: str, carry_out: CarryOut) -> HttpResponse:
        payment = self._payment(request, payment_id, verb)
        if request.method == "POST" and "wish" in request.POST:
            return self._confirmed(request, payment, verb, carry_out)
        limit = _limit(payment, verb)
        if limit.minor <= 0:
            messages.error(request, "There is nothing left to do that with.")
            return HttpResponseRedirect(_page(payment))
        form = WishForm(request.POST or None, limit=limit, needs_reason=verb != "capture")
        if verb == "void":
            form.fields["amount"].disabled = True
        wish = None
        if request.method == "POST" and form.is_valid():
            wish = Wish(
                verb=verb,
                money=form.cleaned_data["amount"],
                reason=form.cleaned_data.get("reason", ""),
                operations_seen=payment.transactions.count(),
            )
        context = {
            **self.admin_site.each_context(request),
            "title": f"{_TITLES[verb]}: {payment.reference}",
            "opts": self.opts,
            "payment": payment,
            "bookings": Booking.objects.filter(order_id=payment.order_id),
            "form": form,
            "wish": wish,
            "verb": verb,
            "token": sign(request, payment, wish) if wish else "",
            "page": _page(payment),
        }
        return TemplateResponse(request, "admin/payments/payment/wish.html", context)

    def _confirmed(self, request: HttpRequest, payment: Payment, verb: str, carry_out: CarryOut) -> HttpResponse:
        with faults_as_messages(request) as said:
            wish = read_wish(request, payment, verb)
            what = wish_in_words(wish)
            told = ""
            if has_changed(payment, wish):
                raise StaleWish(f"{what}: the payment has changed since you looked; nothing was sent. Look again.")
            with faults_as_messages(request) as refused:
                told = tell_outcomes(request, carry_out(payment, wish))
            self.log_change(request, payment, " ".join([f"{what}.", told, *refused]))
        if said:
            self.log_change(request, payment, f"{_TITLES[verb]}: {' '.join(said)}")
        return HttpResponseRedirect(_page(payment))

    def _payment(self, request: HttpRequest, payment_id: str, verb: str) -> Payment:
        if not request.user.has_perm(_PERMISSION[verb]):
            raise PermissionDenied("You may not do that.")
        payment: Payment | None = self.get_object(request, str(payment_id))
        if payment is None:
            raise Http404
        return payment


def has_changed(payment: Payment, wish: Wish) -> bool:
    """Say whether anything was asked or told since the wish was made; for a refund the service looks again, locked."""
    return payment.transactions.count() != wish.operations_seen


def _limit(payment: Payment, verb: str) -> Money:
    match verb:
        case "refund":
            return refundable_of_payment(payment)
        case "capture":
            return aftercare.capturable(payment)
        case _:
            return Money(payment.authorized_minor, payment.currency)


def _page(payment: Payment) -> str:
    return reverse("admin:payments_payment_change", args=[payment.pk])

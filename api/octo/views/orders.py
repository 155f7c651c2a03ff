"""Orders: made, read, changed, previewed, extended, confirmed and cancelled as one."""

from rest_framework.request import Request
from rest_framework.response import Response

from api.fields import Fields
from api.octo.capabilities import CART
from api.octo.notify_requests import read_notify
from api.octo.order_requests import read_order, read_order_changes, read_order_list
from api.octo.presenters.gifts import gift_payment_fields
from api.octo.presenters.orders import order_fields
from api.octo.requests import read_cancel, read_extend
from api.octo.schema import operation
from api.octo.views.notifying import NotifyView
from api.octo.views.paying import PayingView, query_of_list
from api.openapi import list_of, shape
from bookings import selectors, services
from bookings.models import Order, OutgoingMail
from payments.services import aftercare, changing, confirming, reserving, tenders
from payments.services.collecting import NO_REQUEST
from payments.services.viewing import CardPaymentView

_ID = {"order_id": "The order's id."}


class OrderViewBase(PayingView[Order]):
    """Find the partner's order, and show it."""

    needs = CART

    def fields_of(self, sold: Order) -> dict[str, object]:
        """Return OCTO's Order."""
        return order_fields(sold, self.capabilities, now=self.now())

    def order_of(self, sold: Order) -> Order:
        """Return itself."""
        return sold

    def find(self, name: str) -> Order:
        """Return the partner's order of this mode, to be shown."""
        return selectors.order_for_partner(partner=self.partner, is_live=self.is_live, order_id=name)

    def name_of(self, sold: Order) -> str:
        """Return its id."""
        return str(sold.uuid)

    def order_to_change(self, order_id: str) -> Order:
        """Return the partner's order of this mode, for a service that reads the rest under its lock."""
        order = selectors.order_to_change(partner=self.partner, is_live=self.is_live, order_id=order_id)
        self.about = order.pk
        return order


class OrderListView(OrderViewBase):
    """GET and POST /orders."""

    @operation(
        "getOrders",
        "Find orders",
        answer=list_of(shape("ListedOrder")),
        query=query_of_list(
            supplierReference="One of the filters.",
            utcCreatedAtStart="With utcCreatedAtEnd.",
            utcCreatedAtEnd="With utcCreatedAtStart.",
            utcUpdatedAtStart="With utcUpdatedAtEnd.",
            utcUpdatedAtEnd="With utcUpdatedAtStart.",
            contactEmailAddress="Of the order or of one of its bookings.",
            contactPhoneNumber="Of the order or of one of its bookings.",
            contactLastName="At least three characters.",
        ),
        needs=CART,
    )
    def get(self, request: Request) -> Response:
        """List orders, newest first, never with card payment or return URL."""
        asked = read_order_list(request.query_params)
        found = selectors.orders_for_partner(partner=self.partner, is_live=self.is_live, filters=asked.filters)
        return Response(self.listed(found, asked))

    @operation(
        "createOrder",
        "Hold an order",
        body=shape("OrderRequest"),
        answer=shape("Order"),
        needs=CART,
        takes_payment=True,
    )
    def post(self, request: Request) -> Response:
        """Hold an order with all of its bookings or nothing; the same orderId with the same content shows it again."""

        def act(fields: Fields) -> Order:
            order, self.card_payment = reserving.create_order(
                partner=self.partner,
                is_live=self.is_live,
                request=read_order(
                    fields,
                    with_cards=self.takes_cards,
                    with_pricing=self.sees_prices,
                    with_gifts=self.takes_gifts,
                    language=self.language,
                ),
                payment_request=self.payment_request(request, fields),
                gift_code=self.gift_code(request, fields),
                clock=self.now,
            )
            return order if order.was_just_made else self.find(self.name_of(order))

        return self.once(request, act)


class OrderView(OrderViewBase):
    """GET, PATCH and DELETE /orders/{orderId}."""

    @operation("getOrder", "Show an order", answer=shape("Order"), path=_ID, needs=CART, takes_payment=True)
    def get(self, request: Request, order_id: str) -> Response:
        """Show an order; with octo/cardPayments always with something the guest can pay."""
        return self.show(request, self.find(order_id))

    @operation(
        "updateOrder",
        "Change an order",
        body=shape("OrderChangeRequest"),
        answer=shape("Order"),
        path=_ID,
        needs=CART,
        takes_payment=True,
    )
    def patch(self, request: Request, order_id: str) -> Response:
        """Change what the order itself says; its bookings are changed one by one."""
        order = self.order_to_change(order_id)

        def act(fields: Fields) -> Order:
            changing.update_order(
                order=order,
                changes=read_order_changes(fields, with_cards=self.takes_cards),
                payment_request=self.payment_request(request, fields),
                gift_code=self.gift_code(request, fields),
                clock=self.now,
            )
            return self.find(order_id)

        return self.once(request, act)

    @operation(
        "deleteOrder", "Cancel an order", body=shape("CancelRequest"), answer=shape("Order"), path=_ID, needs=CART
    )
    def delete(self, request: Request, order_id: str) -> Response:
        """Cancel an order."""
        return cancel(self, request, order_id)


class PreviewView(OrderViewBase):
    """PATCH /orders/{orderId}/preview."""

    @operation(
        "previewOrder",
        "Show what a change would make of an order",
        body=shape("OrderChangeRequest"),
        answer=shape("Order"),
        path=_ID,
        needs=CART,
        is_write=False,
    )
    def patch(self, request: Request, order_id: str) -> Response:
        """Show the order as the change would leave it; nothing is changed, and no session is opened."""
        order = self.order_to_change(order_id)
        fields = Fields(request.data)

        def show(changed: Order, view: CardPaymentView | None) -> dict[str, object]:
            shown = self.fields_of(selectors.with_what_was_ordered(Order.objects.filter(pk=changed.pk)).get())
            if self.takes_gifts:
                shown["giftPayment"] = gift_payment_fields(tenders.gift_payments([changed.pk]).get(changed.pk))
            return shown | self.payment_fields(changed, view) if self.takes_cards else shown

        return Response(
            changing.preview_order(
                order=order,
                changes=read_order_changes(fields, with_cards=self.takes_cards),
                payment_request=self.payment_request(request, fields),
                gift_code=self.gift_code(request, fields),
                show=show,
                clock=self.now,
            )
        )


class ExtendOrderView(OrderViewBase):
    """POST /orders/{orderId}/extend."""

    @operation("extendOrder", "Hold longer", body=shape("ExtendRequest"), answer=shape("Order"), path=_ID, needs=CART)
    def post(self, request: Request, order_id: str) -> Response:
        """Let everything the order holds run some minutes from now."""
        order = self.order_to_change(order_id)

        def act(fields: Fields) -> Order:
            services.extend_order(order=order, minutes=read_extend(fields), now=self.now())
            return self.find(order_id)

        return self.once(request, act)


class ConfirmOrderView(OrderViewBase):
    """POST /orders/{orderId}/confirm."""

    @operation(
        "confirmOrder",
        "Confirm an order",
        body=shape("OrderChangeRequest"),
        answer=shape("Order"),
        path=_ID,
        needs=CART,
        takes_payment=True,
    )
    def post(self, request: Request, order_id: str) -> Response:
        """Confirm everything in the order once what a card must pay is paid; confirming again changes nothing."""
        order = self.order_to_change(order_id)

        def act(fields: Fields) -> Order:
            confirmation = confirming.confirm_order(
                order=order,
                changes=read_order_changes(fields, with_cards=self.takes_cards),
                request=self.payment_request(request, fields, may_bring_card=True) or NO_REQUEST,
                gift_code=self.gift_code(request, fields),
                clock=self.now,
            )
            self.money = confirmation.money
            return self.find(order_id)

        return self.once(request, act)


class CancelOrderView(OrderViewBase):
    """POST /orders/{orderId}/cancel."""

    @operation(
        "cancelOrder", "Cancel an order", body=shape("CancelRequest"), answer=shape("Order"), path=_ID, needs=CART
    )
    def post(self, request: Request, order_id: str) -> Response:
        """Cancel an order."""
        return cancel(self, request, order_id)


class NotifyOrderView(NotifyView):
    """POST /orders/{orderId}/notify."""

    needs = CART

    @operation(
        "notifyOrder",
        "Mail what the order holds",
        body=shape("NotifyRequest"),
        answer=shape("Notified"),
        path=_ID,
        needs=CART,
    )
    def post(self, request: Request, order_id: str) -> Response:
        """Mail what an order holds, to its contact unless another address is sent."""
        order = selectors.order_to_change(partner=self.partner, is_live=self.is_live, order_id=order_id)
        self.about = order.pk

        def act(fields: Fields) -> OutgoingMail:
            wish = read_notify(fields)
            return services.notify_order(
                order=order,
                to=wish.email,
                locales=wish.locales,
                follows_contact=wish.follows_contact,
                language=self.language,
                now=self.now(),
            )

        return self.once(request, act)


def cancel(view: OrderViewBase, request: Request, order_id: str) -> Response:
    """Cancel everything in an order; `force` is read and not obeyed, for only staff may cancel after the cutoff."""
    order = view.order_to_change(order_id)

    def act(fields: Fields) -> Order:
        aftercare.cancel_order(order=order, reason=read_cancel(fields), force=False, clock=view.now)
        return view.find(order_id)

    return view.once(request, act)

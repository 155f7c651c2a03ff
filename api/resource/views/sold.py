"""Show bookings and customers, and list what belongs to them."""

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from api.resource.paging import page_fields, read_page
from api.resource.presenters.payments import listed_payment, listed_refund
from api.resource.presenters.sold import booking_fields, customer_fields, listed_booking, listed_customer
from api.resource.schema import operation, paged
from api.resource.views.base import ResourceView
from bookings.models import Booking, Customer
from bookings.numbered import booking_by_number, bookings_by_number, customer_by_number
from payments.attempts import charges_of_bookings, refunds_of_bookings
from payments.models import Transaction
from payments.selectors import order_money

_BOOKING = {"booking_id": "The booking's id."}
_CUSTOMER = {"customer_id": "The customer's id."}
_LINKS = {**ResourceView.item_names, "links": "link"}


class BookingView(ResourceView):
    """GET /bookings/{id}."""

    root_name = "booking"

    @operation("showBooking", "Show a booking and its money", answer="Booking", path=_BOOKING)
    def get(self, request: Request, booking_id: str) -> Response:
        """Show a booking."""
        booking = booking_by_number(**self.scope, number=booking_id)
        return Response(booking_fields(booking, order_money(booking.order)))


class BookingPaymentsView(ResourceView):
    """GET /bookings/{id}/payments."""

    root_name = "payments"
    item_names = {**_LINKS, "results": "payment"}

    @operation("listBookingPayments", "List a booking's payments", answer="PaymentList", path=_BOOKING, query=paged())
    def get(self, request: Request, booking_id: str) -> Response:
        """List every attempt to take money for a booking, oldest first."""
        page = read_page(request.query_params)
        booking = booking_by_number(**self.scope, number=booking_id)
        found: QuerySet[Transaction] = charges_of_bookings(**self.scope).filter(order=booking.order)
        path = ("bookings", booking.number, "payments")
        return Response(page_fields(found, page, path=path, row=listed_payment))


class BookingRefundsView(ResourceView):
    """GET /bookings/{id}/refunds."""

    root_name = "refunds"
    item_names = {**_LINKS, "results": "refund"}

    @operation("listBookingRefunds", "List a booking's refunds", answer="RefundList", path=_BOOKING, query=paged())
    def get(self, request: Request, booking_id: str) -> Response:
        """List what was or is being given back, oldest first."""
        page = read_page(request.query_params)
        booking = booking_by_number(**self.scope, number=booking_id)
        found: QuerySet[Transaction] = refunds_of_bookings(**self.scope).filter(order=booking.order)
        path = ("bookings", booking.number, "refunds")
        return Response(page_fields(found, page, path=path, row=listed_refund))


class BookingCustomersView(ResourceView):
    """GET /bookings/{id}/customers."""

    root_name = "customers"
    item_names = {**_LINKS, "results": "customer"}

    @operation("listBookingCustomers", "List whose a booking is", answer="CustomerList", path=_BOOKING, query=paged())
    def get(self, request: Request, booking_id: str) -> Response:
        """List whose a booking is: one customer."""
        page = read_page(request.query_params)
        booking = booking_by_number(**self.scope, number=booking_id)
        found: QuerySet[Customer] = Customer.objects.filter(orders=booking.order).order_by("number")
        path = ("bookings", booking.number, "customers")
        return Response(page_fields(found, page, path=path, row=listed_customer))


class CustomerView(ResourceView):
    """GET /customers/{id}."""

    root_name = "customer"

    @operation("showCustomer", "Show a customer", answer="Customer", path=_CUSTOMER)
    def get(self, request: Request, customer_id: str) -> Response:
        """Show a customer."""
        return Response(customer_fields(customer_by_number(**self.scope, number=customer_id)))


class CustomerBookingsView(ResourceView):
    """GET /customers/{id}/bookings."""

    root_name = "bookings"
    item_names = {**_LINKS, "results": "booking"}

    @operation(
        "listCustomerBookings", "List a customer's bookings", answer="BookingList", path=_CUSTOMER, query=paged()
    )
    def get(self, request: Request, customer_id: str) -> Response:
        """List a customer's bookings, oldest first."""
        page = read_page(request.query_params)
        customer = customer_by_number(**self.scope, number=customer_id)
        found: QuerySet[Booking] = bookings_by_number(**self.scope).filter(order__customer=customer)
        path = ("customers", customer.number, "bookings")
        return Response(page_fields(found, page, path=path, row=listed_booking))

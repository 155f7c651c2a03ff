"""Staff see what a customer is owed, and what became of it."""

import pytest
from django.utils import timezone

from bookings.models import Customer
from tests.payments.credits import booked_for, spend, topped_up

pytestmark = pytest.mark.django_db


def test_a_customers_page_shows_the_credit_and_its_history(house, desk):
    customer = Customer.objects.create(
        partner=house.partner, is_live=True, full_name="Greta Lindqvist", created_at=timezone.now()
    )
    topped_up(house, customer)
    order = booked_for(house, customer)
    spend(house, order, 4000)

    page = desk.get(f"/admin/bookings/customer/{customer.pk}/change/").content.decode()

    for text in ("20.00 EUR", "topped_up", "credit_spent", "60.00", "40.00", order.reference):
        assert text in page
    assert "Greta Lindqvist" in desk.get("/admin/bookings/customer/?q=Lindqvist").content.decode()

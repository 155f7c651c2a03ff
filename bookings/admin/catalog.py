from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.db import models
from django.http import HttpRequest

from bookings.admin.read_only import KeptAdmin, LabelledInline
from bookings.models import Availability, Option, Price, Product, Supplier, Unit
from money import MoneyError, exponent_of

if TYPE_CHECKING:
    _AvailabilityForm = forms.ModelForm[Availability]
    _ProductForm = forms.ModelForm[Product]
else:
    _AvailabilityForm = _ProductForm = forms.ModelForm


@admin.register(Supplier)
class SupplierAdmin(KeptAdmin):
    """Show the operator's brands."""

    list_display = ["name", "country_code", "email", "telephone"]
    formfield_overrides = {models.URLField: {"assume_scheme": "https"}}
    search_fields = ["name", "email"]
    ordering = ["name"]


class OptionInline(LabelledInline):
    """Show a product's options."""

    model = Option
    fields = ["name", "reference", "is_default", "local_start_times", "duration_minutes", "position"]
    can_delete = False
    show_change_link = True


class ProductForm(_ProductForm):
    """Refuse a deposit in a currency that does not exist; the database refuses the rest."""

    class Meta:
        model = Product
        fields = "__all__"

    def clean_deposit_amounts(self) -> object:
        """Return the deposits by currency."""
        amounts = self.cleaned_data["deposit_amounts"] or {}
        for currency in amounts if isinstance(amounts, dict) else ():
            try:
                exponent_of(currency)
            except MoneyError as error:
                raise forms.ValidationError(str(error)) from None
        return amounts


@admin.register(Product)
class ProductAdmin(KeptAdmin):
    """Show what is sold."""

    form = ProductForm
    list_display = ["name", "supplier", "availability_type", "time_zone", "default_currency", "is_active"]
    list_select_related = ["supplier"]
    list_filter = ["is_active", "availability_type", "supplier"]
    search_fields = ["name", "reference", "=id"]
    ordering = ["position", "name"]
    inlines = [OptionInline]


class UnitInline(LabelledInline):
    """Show an option's units."""

    model = Unit
    fields = ["name", "reference", "type", "min_age", "max_age", "pax_count", "min_quantity", "max_quantity"]
    can_delete = False
    show_change_link = True


@admin.register(Option)
class OptionAdmin(KeptAdmin):
    """Show the ways to take a product."""

    list_display = ["name", "product", "is_default", "local_start_times", "min_units", "max_units"]
    list_select_related = ["product"]
    search_fields = ["name", "reference", "product__name", "=id"]
    ordering = ["product__name", "position"]
    autocomplete_fields = ["product"]
    inlines = [UnitInline]


class PriceInline(LabelledInline):
    """Show what a unit costs, in minor units."""

    model = Price


@admin.register(Unit)
class UnitAdmin(KeptAdmin):
    """Show the kinds of ticket and their prices; what was sold keeps its own price."""

    list_display = ["name", "option", "type", "pax_count"]
    list_select_related = ["option__product"]
    list_filter = ["type"]
    search_fields = ["name", "reference", "option__product__name", "=id"]
    ordering = ["option__product__name", "position"]
    autocomplete_fields = ["option"]
    inlines = [PriceInline]


class AvailabilityForm(_AvailabilityForm):
    """Change a departure without overselling it."""

    class Meta:
        model = Availability
        fields = ["option", "starts_at", "ends_at", "local_date", "opening_hours", "capacity", "is_closed"]

    def clean_capacity(self) -> int | None:
        """Refuse less capacity than is sold; the row's lock lasts until the admin's transaction has saved."""
        capacity: int | None = self.cleaned_data["capacity"]
        if capacity is not None and not self.instance._state.adding:
            reserved = (
                Availability.objects.select_for_update().values_list("reserved", flat=True).get(pk=self.instance.pk)
            )
            if capacity < reserved:
                raise forms.ValidationError(f"{reserved} seats are held or sold already.")
        return capacity


@admin.register(Availability)
class AvailabilityAdmin(KeptAdmin):
    """Show departures; seats that are held or sold are counted by the services alone."""

    form = AvailabilityForm
    list_display = ["starts_at", "trip", "capacity", "reserved", "is_on_sale"]
    list_select_related = ["option__product"]
    list_filter = ["is_closed", "option__product"]
    search_fields = ["option__name", "option__product__name", "=id"]
    date_hierarchy = "starts_at"
    ordering = ["starts_at"]
    readonly_fields = ["reserved"]
    autocomplete_fields = ["option"]

    @admin.display(description="trip", ordering="option__product__name")
    def trip(self, departure: Availability) -> str:
        """Name the product and the way to take it."""
        return f"{departure.option.product.name} · {departure.option.name}"

    @admin.display(description="on sale", boolean=True, ordering="-is_closed")
    def is_on_sale(self, departure: Availability) -> bool:
        """Say whether it may be sold, so that green is good."""
        return not departure.is_closed

    def get_readonly_fields(self, request: HttpRequest, obj: Availability | None = None) -> list[str]:
        """Freeze what tickets were sold for."""
        return ["option", "starts_at", "ends_at", "local_date", "reserved"] if obj else ["reserved"]

    def save_model(self, request: HttpRequest, obj: Availability, form: Any, change: bool) -> None:
        """Save what was edited only: `reserved` may have grown since the page was read."""
        if change:
            obj.save(update_fields=form.changed_data)
        else:
            super().save_model(request, obj, form, change)

"""Card numbers that staff type or paste: masked before anything is saved, in every form of the admin."""

import pytest
from django import forms
from django.apps import apps
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.postgres.forms import SimpleArrayField
from django.test import RequestFactory
from django.urls import reverse

from backoffice.guarded import GuardedAdmin
from backoffice.roles import Role
from bookings.models import Product, Supplier, Unit
from bookings.staff_text import MaskedForm

pytestmark = pytest.mark.django_db

VISA, MASKED = "4111 1111 1111 1111", "**** **** **** 1111"
FREE_TEXT = (forms.CharField, forms.JSONField, SimpleArrayField)


@pytest.fixture
def root_request():
    request = RequestFactory().get("/admin/")
    request.user = get_user_model().objects.create_superuser("root", password="correct horse battery")
    return request


def takes_free_text(field):
    return type(field) in FREE_TEXT and not isinstance(field.widget, forms.PasswordInput)


def told(answer):
    return " ".join(str(message) for message in answer.context["messages"])


def test_every_admin_is_behind_the_guard():
    assert [
        model for model, model_admin in admin.site._registry.items() if not isinstance(model_admin, GuardedAdmin)
    ] == []


def test_every_form_of_the_admin_masks_what_is_typed(root_request):
    checked = 0
    for model, model_admin in admin.site._registry.items():
        is_change = not model_admin.has_add_permission(root_request)
        forms_of = [("", model_admin.get_form(root_request, None, change=is_change))]
        forms_of += [
            (type(inline).__name__, formset.form)
            for formset, inline in model_admin.get_formsets_with_inlines(root_request)
        ]
        assert not model_admin.list_editable, model
        for name, form in forms_of:
            assert issubclass(form, MaskedForm), (model, name)
            texts = [each for each, field in form.base_fields.items() if takes_free_text(field)]
            filled_in = form(dict.fromkeys(form.base_fields, f"card {VISA}"))
            filled_in.is_valid()
            for each in texts:
                cleaned = filled_in.cleaned_data.get(each)
                assert cleaned is None or VISA not in str(cleaned), (model, name, each)
                checked += cleaned is not None
    assert checked >= 20


def test_the_person_is_told_and_only_the_masked_text_is_saved(browser_with_role):
    client = browser_with_role(Role.MANAGER)

    answer = client.post(
        reverse("admin:bookings_supplier_add"),
        {"name": f"Boats {VISA}", "address": "Kai 1", "country_code": "DE"},
        follow=True,
    )

    supplier = Supplier.objects.get()
    assert (supplier.name, supplier.address) == (f"Boats {MASKED}", "Kai 1")
    assert "A card number was masked before anything was saved (Name)." in told(answer)
    assert VISA not in answer.content.decode()


def test_an_address_that_holds_one_is_refused(browser_with_role):
    client = browser_with_role(Role.MANAGER)

    answer = client.post(
        reverse("admin:bookings_supplier_add"),
        {"name": "Boats", "email": "4111111111111111@example.com", "country_code": "DE"},
    )

    assert answer.context["adminform"].form.errors == {"email": ["This holds a card number, which is never kept."]}
    assert not Supplier.objects.exists()


def test_what_is_shown_again_after_an_error_holds_no_card_number(browser_with_role):
    client = browser_with_role(Role.MANAGER)
    typed = {"name": f"Boats {VISA}", "address": "4111+1111+1111+1111", "email": "4111111111111111@example.com"}

    answer = client.post(reverse("admin:bookings_supplier_add"), {**typed, "country_code": VISA})

    shown = answer.content.decode()
    assert set(answer.context["adminform"].form.errors) == {"email", "country_code"}
    assert [number for number in (VISA, "4111+1111", "4111111111111111") if number in shown] == []
    assert (f"Boats {MASKED}" in shown, "****+****+****+1111" in shown) == (True, True)


class PickyForm(MaskedForm, forms.Form):
    """Complain of what was typed by repeating it."""

    amount = forms.DecimalField()
    on = forms.DateTimeField()
    color = forms.ChoiceField(choices=[("red", "red")])


def test_no_complaint_repeats_a_card_number_and_a_time_is_shown_as_it_was_typed():
    form = PickyForm({"amount": VISA, "on": "2026-11-21 12:04:38", "color": "4111111111111111"})

    shown = str(form)

    assert form.errors["color"] == ["Select a valid choice. ************1111 is not one of the available choices."]
    assert ("4111" in shown, "2026-11-21 12:04:38" in shown) == (False, True)


def test_every_form_of_ours_masks_what_is_typed():
    ours = {config.name.partition(".")[0] for config in apps.get_app_configs() if "site-packages" not in config.path}

    unmasked = [
        form
        for form in every_kind_of(forms.Form)
        if form.__module__.partition(".")[0] in ours and not issubclass(form, MaskedForm)
    ]

    assert unmasked == []


def every_kind_of(form):
    return {form, *(each for kind in form.__subclasses__() for each in every_kind_of(kind))}


def test_rows_below_a_row_are_masked_as_well(browser_with_role):
    supplier = Supplier.objects.create(name="Boats", country_code="DE")
    product = Product.objects.create(
        supplier=supplier,
        name="Canal cruise",
        time_zone="Europe/Berlin",
        availability_type="START_TIME",
        default_currency="EUR",
        delivery_formats=["QRCODE"],
        delivery_methods=["VOUCHER"],
        settlement_methods=["DIRECT"],
    )
    option = product.options.create(name="Evening")
    client = browser_with_role(Role.MANAGER)
    page = client.get(reverse("admin:bookings_option_change", args=[option.pk]))
    form = page.context["adminform"].form
    filled_in = {name: form.initial.get(name) for name in form.fields}
    filled_in = {name: value for name, value in filled_in.items() if value not in (None, "", []) and value is not False}
    rows = {
        "units-TOTAL_FORMS": "1", "units-INITIAL_FORMS": "0", "units-0-name": f"Adult {VISA}", "units-0-type": "ADULT",
        "units-0-min_age": "0", "units-0-max_age": "99", "units-0-pax_count": "1", "units-0-min_quantity": "0",
        "units-0-max_quantity": "9", "units-0-option": str(option.pk),
    }  # fmt: skip

    answer = client.post(page.request["PATH_INFO"], {**filled_in, **rows}, follow=True)

    assert answer.redirect_chain, answer.context["errors"]
    assert Unit.objects.get().name == f"Adult {MASKED}"
    assert "was masked before anything was saved (Name)" in told(answer)


class PasswordForm(MaskedForm, forms.Form):
    """Ask for a password and for a note."""

    password = forms.CharField(widget=forms.PasswordInput)
    note = forms.CharField()


def test_a_password_stays_as_it_was_typed():
    form = PasswordForm({"password": "4111111111111111", "note": "4111111111111111"})

    assert form.is_valid()
    assert form.cleaned_data == {"password": "4111111111111111", "note": "************1111"}
    assert form.masked_labels == ["note"]


class ShownForm(MaskedForm, forms.Form):
    """Show a hash, whose digits may be those of a card number by chance, and ask for an address."""

    hash = forms.SlugField(disabled=True, initial="4111111111111111")
    address = forms.EmailField()


def test_what_a_form_only_shows_is_not_refused():
    form = ShownForm({"address": "ada@example.com"})

    assert form.is_valid(), form.errors
    assert form.cleaned_data == {"hash": "4111111111111111", "address": "ada@example.com"}


def test_a_card_number_in_the_search_box_of_any_list_is_masked_before_anything_shows_it(admin_client):
    for model, model_admin in admin.site._registry.items():
        if not model_admin.search_fields:
            continue
        address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")

        answer = admin_client.get(address, {"q": f"miller {VISA}", "o": "1"}, follow=True)

        assert answer.redirect_chain[0] == (f"{address}?q=miller+1111&o=1", 302), model
        assert "411111" not in answer.content.decode(), model
        assert "That was a card number" in told(answer), model

"""Who may do what, over real requests: every list, every page, every button and every list action, by every role."""

import uuid

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command
from django.db.models import UUIDField
from django.test import Client
from django.urls import reverse

from backoffice.actions import ACTIONS
from backoffice.models import AuditEntry
from backoffice.roles import ROLES, Role
from bookings.models import OutgoingMail, Partner
from payments.models import Case, Transaction

pytestmark = pytest.mark.django_db

NOBODY = str(uuid.UUID(int=0))
# What a page's button asks for, and its address. No such row is there: only who may press is told 404.
BUTTONS = {
    "payments.change_reusablecard": [("payments_reusablecard_revoke", NOBODY)],
    "payments.add_externalnote": [("payments_externalnote_amend", "0")],
    "reconciliation.view_exportrun": [("reconciliation_exportrun_download", NOBODY)],
}
LIST_ACTIONS = {
    "payments.change_case": [("payments_case", "close_cases", "0")],
    "payments.change_reusablecard": [("payments_reusablecard", "revoke_cards", NOBODY)],
    "bookings.change_partnerkey": [("bookings_partnerkey", "revoke_keys", NOBODY)],
    "api.change_financekey": [("api_financekey", "revoke_keys", NOBODY)],
    "bookings.change_signingsecret": [("bookings_signingsecret", "retire_secrets", NOBODY)],
    "auth.change_user": [("auth_user", "reset_second_factor", "0")],
}
# Pages that only tell, one of Django's that asks as the user's own page does, and pages with a test of their own.
ELSEWHERE = {
    "auth_user_password_change",
    "payments_payment_explain",
    *(f"backoffice_departurecancellation_{name}" for name in ("act", "csv", "plan", "report")),
}
# No form of its own, whatever the role: a group is a superuser's, a note is added on the page of the one it amends, and
# a link is made by an action.
NEVER_ADDED = {"auth.group", "payments.externalnote", "payments.paymentlink"}
# Added by a permission of another name.
ADDED_BY = {
    "reconciliation.exportrun": "reconciliation.export_reports",
    "reconciliation.settlementreport": "reconciliation.import_settlement",
}


@pytest.fixture(params=list(Role))
def role(request) -> Role:
    return request.param


@pytest.fixture
def browser(browser_with_role, role) -> Client:
    return browser_with_role(role)


def own_models():
    return [model for model in admin.site._registry if model._meta.app_label != "admin"]


def missing_row_of(action):
    return NOBODY if isinstance(action.rows().model._meta.pk, UUIDField) else "0"


def written():
    """Return how much is in every table that a button could write to; what is logged of a refusal is nothing."""
    return [model.objects.count() for model in (AuditEntry, Transaction, OutgoingMail, Case, Partner)]


def test_the_migrations_come_to_the_table():
    held = {
        group.name: {f"{row.content_type.app_label}.{row.codename}" for row in group.permissions.all()}
        for group in Group.objects.prefetch_related("permissions__content_type")
    }

    assert held == {str(role): set(permissions) for role, permissions in ROLES.items()}


def test_every_permission_of_the_table_exists():
    known = {
        f"{row.content_type.app_label}.{row.codename}" for row in Permission.objects.select_related("content_type")
    }

    assert not {name for permissions in ROLES.values() for name in permissions} - known


def test_an_auditor_may_change_nothing():
    assert all(name.partition(".")[2].startswith("view_") for name in ROLES[Role.AUDITOR])


def test_a_second_migrate_leaves_what_staff_set_by_hand():
    support = Group.objects.get(name=Role.SUPPORT)
    support.permissions.remove(Permission.objects.get(codename="refund_payment"))
    extra = Permission.objects.get(codename="capture_payment")
    support.permissions.add(extra)
    before = set(support.permissions.values_list("pk", flat=True))

    call_command("migrate", verbosity=0)

    assert set(support.permissions.values_list("pk", flat=True)) == before


def test_every_list_opens_for_the_roles_that_may_see_it_and_for_no_other(role, browser):
    wrong = []
    for model in own_models():
        label = model._meta.label_lower
        may = f"{model._meta.app_label}.view_{model._meta.model_name}" in ROLES[role]
        answer = browser.get(reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"))
        if answer.status_code != (200 if may else 403):
            wrong.append((label, answer.status_code))

    assert wrong == []


def test_every_form_for_something_new_opens_for_the_roles_that_may_add_it_and_for_no_other(role, browser):
    wrong = []
    for model in own_models():
        options = model._meta
        own = f"{options.app_label}.add_{options.model_name}"
        may = ADDED_BY.get(options.label_lower, own) in ROLES[role]
        is_open = may and options.label_lower not in NEVER_ADDED
        answer = browser.get(reverse(f"admin:{options.app_label}_{options.model_name}_add"))
        if answer.status_code != (200 if is_open else 403):
            wrong.append((options.label_lower, answer.status_code))

    assert wrong == []


def test_a_button_is_for_who_may_press_it(role, browser):
    before = written()

    answers = {
        (permission, name): browser.post(reverse(f"admin:{name}", args=[row])).status_code
        for permission, buttons in BUTTONS.items()
        for name, row in buttons
    }

    assert answers == {pressed: 404 if pressed[0] in ROLES[role] else 403 for pressed in answers}
    assert written() == before


def test_an_action_is_for_who_may_do_it(role, browser):
    before = written()

    answers = {
        name: browser.post(reverse("admin:do", args=[name, missing_row_of(action)])).status_code
        for name, action in ACTIONS.items()
    }

    assert answers == {name: 404 if action.permission in ROLES[role] else 403 for name, action in ACTIONS.items()}
    assert written() == before


def test_a_list_action_is_for_who_may_do_it(role, browser):
    before = written()

    answers = {
        (permission, name): browser.post(
            reverse(f"admin:{name}_changelist"), {"action": action, "_selected_action": [row], "confirmed": "yes"}
        ).status_code
        for permission, actions in LIST_ACTIONS.items()
        for name, action, row in actions
    }

    assert answers == {taken: 302 if taken[0] in ROLES[role] else 403 for taken in answers}
    assert written() == before


def test_every_list_action_is_in_the_table_above():
    known = {(name, action) for actions in LIST_ACTIONS.values() for name, action, _ in actions}

    found = {
        (f"{model._meta.app_label}_{model._meta.model_name}", action)
        for model, model_admin in admin.site._registry.items()
        for action in model_admin.actions
        if isinstance(action, str)
    }

    assert found == known


def test_every_button_is_in_the_table_above():
    known = {name for buttons in BUTTONS.values() for name, _ in buttons}

    found = {
        pattern.name
        for model_admin in admin.site._registry.values()
        for pattern in model_admin.get_urls()
        if pattern.name and not pattern.name.endswith(("_changelist", "_add", "_history", "_delete", "_change"))
    }

    assert found - ELSEWHERE == known


def test_a_role_that_only_looks_cannot_save_a_page(browser_with_role):
    partner = Partner.objects.create(
        name="Nordwind", slug="nordwind", settlement_methods=["DIRECT"], default_settlement_method="DIRECT"
    )
    page = reverse("admin:bookings_partner_change", args=[partner.pk])

    answers = [browser_with_role(each).post(page, {"name": "Changed"}).status_code for each in list(Role)[:-1]]

    assert answers == [403] * 4
    partner.refresh_from_db()
    assert partner.name == "Nordwind"


def test_somebody_without_a_role_sees_nothing(user_with_role):
    user = user_with_role(Role.SUPPORT)
    user.groups.clear()
    client = Client()
    client.force_login(user)

    answers = {client.get(reverse("admin:payments_payment_changelist")).status_code}

    assert answers == {403}

"""How staff get in: password, lock-out, second factor, and how long they stay."""

import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django_otp.oath import totp
from django_otp.plugins.otp_static.models import StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from backoffice.entering.forms import TOO_MANY
from backoffice.models import AuditEntry
from backoffice.roles import Role
from tests.payments.races import run_together

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery"
HOME = "/admin/"
WRONG = (
    "Please enter the correct username and password for a staff account. Note that both fields may be case-sensitive."
)
DESK, ELSEWHERE = "192.0.2.10", "198.51.100.7"


@pytest.fixture
def ada(user_with_role):
    return user_with_role(Role.FINANCE, "ada")


def log_in(client, username, password=PASSWORD, address=DESK):
    return client.post(
        reverse("admin:login"), {"username": username, "password": password, "next": HOME}, REMOTE_ADDR=address
    )


def errors(answer):
    return answer.context["form"].non_field_errors() if answer.context else []


def actions():
    return list(
        AuditEntry.objects.exclude(action__in=["added", "changed"]).order_by("id").values_list("action", "actor")
    )


def is_in(client):
    return client.get(HOME).status_code == 200


def code_of(user, **state):
    device = TOTPDevice.objects.get(user=user, **state)
    return f"{totp(device.bin_key):06d}"


def with_app(user):
    """Give somebody an authenticator app."""
    return TOTPDevice.objects.create(user=user, confirmed=True, name="app")


def test_a_login_is_kept_with_where_it_came_from(ada):
    client = Client()

    answer = log_in(client, "ada")

    assert (answer.status_code, answer["Location"]) == (302, HOME)
    assert is_in(client)
    entry = AuditEntry.objects.get(action="logged in")
    assert (entry.actor, entry.address, entry.subject_kind) == ("ada", DESK, "login")


def test_a_wrong_password_and_an_unknown_name_are_told_the_same(ada):
    known, unknown = log_in(Client(), "ada", "wrong"), log_in(Client(), "nobody", "wrong")

    assert errors(known) == errors(unknown) == [WRONG]
    assert actions() == [("failed login", "ada"), ("failed login", "")]


def test_what_was_typed_as_a_name_that_nobody_has_is_not_kept(ada):
    log_in(Client(), "my secret password", "ada")

    entry = AuditEntry.objects.get(action="failed login")
    assert "secret" not in "".join(str(value) for value in vars(entry).values())


def test_five_wrong_passwords_lock_the_name_at_that_address_until_the_cool_off_is_over(ada):
    with time_machine.travel(datetime(2026, 11, 2, 9, 0, tzinfo=UTC), tick=False) as clock:
        for _ in range(5):
            assert errors(log_in(Client(), "ada", "wrong")) == [WRONG]

        assert errors(log_in(Client(), "ada")) == [TOO_MANY]
        assert errors(log_in(Client(), "ada")) == [TOO_MANY]
        assert actions() == [("failed login", "ada")] * 5 + [("locked login", "ada")]
        assert is_in_after(log_in, "ada", ELSEWHERE)

        clock.shift(timedelta(minutes=15, seconds=1))
        assert is_in_after(log_in, "ada", DESK)


def is_in_after(enter, username, address):
    client = Client()
    return enter(client, username, address=address).status_code == 302 and is_in(client)


@pytest.mark.django_db(transaction=True)
def test_of_guesses_that_are_sent_at_once_each_is_counted(ada):
    # The contexts of answers that are rendered at once get mixed up by the test client; the pages do not.
    locked = run_together(*[lambda: TOO_MANY in log_in(Client(), "ada", "wrong").content.decode()] * 8)

    assert sorted(locked) == [False] * 5 + [True] * 3
    assert AuditEntry.objects.filter(action="failed login").count() == 5


def test_a_name_that_nobody_has_locks_like_any_other(ada):
    for _ in range(5):
        log_in(Client(), "nobody", "wrong")

    assert errors(log_in(Client(), "nobody", "wrong")) == [TOO_MANY]


def test_a_login_that_works_begins_the_count_anew(ada):
    for _ in range(4):
        log_in(Client(), "ada", "wrong")
    assert log_in(Client(), "ada").status_code == 302
    for _ in range(4):
        log_in(Client(), "ada", "wrong")

    assert log_in(Client(), "ada").status_code == 302


def test_an_address_that_tries_many_names_is_locked_and_who_works_there_is_not(ada, user_with_role, settings):
    settings.STAFF_LOCKOUT = {**settings.STAFF_LOCKOUT, "PER_ADDRESS": 6}
    user_with_role(Role.SUPPORT, "ben")
    assert log_in(Client(), "ada").status_code == 302
    for number in range(6):
        log_in(Client(), f"guess-{number}", "wrong")

    assert errors(log_in(Client(), "ben")) == [TOO_MANY]
    assert log_in(Client(), "ben", address=ELSEWHERE).status_code == 302
    assert log_in(Client(), "ada").status_code == 302


def test_guesses_from_everywhere_lock_a_name_except_where_its_owner_works(ada, settings):
    settings.STAFF_LOCKOUT = {**settings.STAFF_LOCKOUT, "PER_NAME": 6}
    assert log_in(Client(), "ada").status_code == 302
    for number in range(6):
        log_in(Client(), "ada", "wrong", address=f"203.0.113.{number}")

    assert errors(log_in(Client(), "ada", address=ELSEWHERE)) == [TOO_MANY]
    assert log_in(Client(), "ada").status_code == 302


def test_a_command_unlocks_a_name(ada, capsys):
    for _ in range(5):
        log_in(Client(), "ada", "wrong")

    call_command("unlock_login", "ada")

    assert log_in(Client(), "ada").status_code == 302


def test_behind_a_proxy_the_address_is_what_the_proxy_saw(ada, settings):
    settings.TRUSTED_PROXIES = 1
    client = Client(headers={"X-Forwarded-For": f"{ELSEWHERE}, {DESK}"})

    log_in(client, "ada", address="10.0.0.1")

    assert AuditEntry.objects.get(action="logged in").address == DESK


@pytest.fixture
def required(settings):
    settings.STAFF_TWO_FACTOR = "required"


def test_a_password_alone_reaches_nothing_but_the_set_up_and_the_way_out(ada, required):
    client = Client()

    answer = log_in(client, "ada")

    assert answer["Location"] == "/admin/second-factor/?next=%2Fadmin%2F"
    assert client.get(answer["Location"])["Location"] == "/admin/second-factor/set-up/"
    assert client.get("/admin/second-factor/set-up/").status_code == 200
    for page in (HOME, "/admin/payments/payment/", "/admin/password_change/", "/admin/search/?s=a", "/admin/jsi18n/"):
        assert client.get(page)["Location"].startswith("/admin/login/"), page
    assert client.post("/admin/second-factor/recovery-codes/").status_code == 403
    assert actions() == []
    assert client.post("/admin/logout/").status_code in (200, 302)
    assert client.get("/admin/second-factor/set-up/")["Location"] == "/admin/login/"


def test_a_code_of_the_app_finishes_the_set_up_and_shows_recovery_codes_once(ada, required):
    client = Client()
    log_in(client, "ada")
    page = client.get("/admin/second-factor/set-up/")
    assert page.context["picture"].startswith("data:image/svg+xml")

    wrong = client.post("/admin/second-factor/set-up/", {"code": "000000"})
    assert wrong.context["form"].errors
    TOTPDevice.objects.update(throttling_failure_timestamp=None)
    answer = client.post("/admin/second-factor/set-up/", {"code": code_of(ada)})

    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    codes = answer.context["codes"]
    assert len(set(codes)) == 10
    assert is_in(client)
    assert actions() == [("set up second factor", "ada"), ("logged in", "ada")]
    assert client.get("/admin/second-factor/").context["codes_left"] == 10
    kept = set(StaticToken.objects.values_list("token", flat=True))
    assert not kept & {code.replace("-", "") for code in codes}


def test_a_code_lets_in_once(ada, required):
    with_app(ada)
    first, second = Client(), Client()
    for client in (first, second):
        log_in(client, "ada")
    code = code_of(ada)

    answer = first.post("/admin/second-factor/?next=/admin/payments/payment/", {"code": code})
    again = second.post("/admin/second-factor/", {"code": code})

    assert answer["Location"] == "/admin/payments/payment/"
    assert is_in(first)
    assert again.status_code == 200
    assert not is_in(second)
    assert actions() == [("logged in", "ada"), ("failed login", "ada")]


def test_nobody_sets_up_another_app_by_the_password_alone(ada, required):
    with_app(ada)
    client = Client()
    log_in(client, "ada")

    answer = client.get("/admin/second-factor/set-up/")

    assert answer["Location"] == "/admin/second-factor/"
    assert TOTPDevice.objects.count() == 1


def test_a_recovery_code_lets_in_once_and_never_again(ada, required):
    client = Client()
    log_in(client, "ada")
    client.get("/admin/second-factor/set-up/")
    code = client.post("/admin/second-factor/set-up/", {"code": code_of(ada)}).context["codes"][0]
    outcomes = []
    for _ in range(2):
        visitor = Client()
        log_in(visitor, "ada")
        visitor.post("/admin/second-factor/", {"code": code.upper()})
        outcomes.append(is_in(visitor))

    assert outcomes == [True, False]
    assert StaticToken.objects.count() == 9


def test_wrong_codes_lock_like_wrong_passwords(ada, required):
    with_app(ada)
    client = Client()
    log_in(client, "ada")
    for _ in range(5):
        client.post("/admin/second-factor/", {"code": "000000"}, REMOTE_ADDR=DESK)

    answer = client.post("/admin/second-factor/", {"code": code_of(ada)}, REMOTE_ADDR=DESK)

    assert errors(answer) == [TOO_MANY]
    assert not is_in(client)


def test_who_set_one_up_is_asked_for_it_where_nobody_has_to_have_one(ada):
    with_app(ada)
    client = Client()

    assert log_in(client, "ada")["Location"].startswith("/admin/second-factor/")
    assert not is_in(client)


def test_a_wanted_page_of_somebody_else_is_not_gone_to(ada, required):
    with_app(ada)
    client = Client()
    log_in(client, "ada")

    answer = client.post("/admin/second-factor/?next=https://evil.example.com/", {"code": code_of(ada)})

    assert answer["Location"] == HOME


def test_an_administrator_resets_a_lost_second_factor_and_that_ends_what_was_open(ada, browser_with_role):
    device = with_app(ada)
    client = Client()
    client.force_login(ada)
    session = client.session
    session["otp_device_id"] = device.persistent_id
    session.save()
    assert is_in(client)
    eve = browser_with_role(Role.ADMINISTRATOR, "eve")
    reset = {"action": "reset_second_factor", "_selected_action": [ada.pk]}

    eve.post("/admin/auth/user/", reset)

    assert not TOTPDevice.objects.exists()
    entry = AuditEntry.objects.get(action="reset second factor")
    assert (entry.actor, entry.subject_words) == ("eve", "ada")


def test_an_administrator_cannot_reset_the_own_second_factor_or_a_superusers(browser_with_role):
    root = get_user_model().objects.create_superuser("root", password=PASSWORD)
    eve = browser_with_role(Role.ADMINISTRATOR, "eve")
    with_app(root)

    eve.post("/admin/auth/user/", {"action": "reset_second_factor", "_selected_action": [root.pk]})

    assert TOTPDevice.objects.count() == 1
    assert actions() == []


@pytest.mark.parametrize(
    ("clicks", "wait", "stays"),
    [
        (1, timedelta(minutes=59), True),
        (1, timedelta(minutes=61), False),
        (14, timedelta(minutes=50), True),
        (15, timedelta(minutes=50), False),
    ],
    ids=["a while", "idle", "nearly the whole day", "longer than a day's work"],
)
def test_a_session_ends_when_it_is_idle_and_when_the_day_is_over(ada, clicks, wait, stays):
    with time_machine.travel(datetime(2026, 11, 2, 8, 0, tzinfo=UTC), tick=False) as clock:
        client = Client()
        log_in(client, "ada")
        for _ in range(clicks):
            clock.shift(wait)
            answer = client.get(HOME)

        assert (answer.status_code == 200) is stays
        assert is_in(client) is stays


def test_a_new_password_ends_all_other_sessions(ada):
    here, there = Client(), Client()
    for client in (here, there):
        log_in(client, "ada")
    new = "a much better phrase"

    here.post("/admin/password_change/", {"old_password": PASSWORD, "new_password1": new, "new_password2": new})

    assert is_in(here)
    assert not is_in(there)
    assert ("changed own password", "ada") in actions()


def user_form(client, user, **changes):
    """Fill in the page of a user as a browser would, and change something."""
    page = client.get(reverse("admin:auth_user_change", args=[user.pk]))
    form = page.context["adminform"].form
    filled_in = {name: form.initial.get(name) for name in form.fields}
    filled_in["groups"] = [group.pk for group in user.groups.all()]
    filled_in = {name: value for name, value in filled_in.items() if value not in (None, "", False)}
    return client.post(reverse("admin:auth_user_change", args=[user.pk]), {**filled_in, **changes})


def test_an_administrator_gives_a_role_and_that_is_kept(ada, browser_with_role):
    eve = browser_with_role(Role.ADMINISTRATOR, "eve")
    manager = ada.groups.model.objects.get(name=Role.MANAGER)

    answer = user_form(eve, ada, groups=[manager.pk], is_superuser="on")

    assert answer.status_code == 302, answer.context["errors"]
    ada.refresh_from_db()
    assert ([group.name for group in ada.groups.all()], ada.is_superuser) == (["Manager"], False)
    entry = AuditEntry.objects.get(action="changed rights")
    assert (entry.actor, entry.subject_words, entry.detail) == ("eve", "ada", "into Manager, out of Finance")


def test_nobody_gives_rights_to_themself(user_with_role):
    eve = user_with_role(Role.ADMINISTRATOR, "eve")
    client = Client()
    client.force_login(eve)
    finance = eve.groups.model.objects.get(name=Role.FINANCE)

    user_form(client, eve, groups=[finance.pk], is_superuser="on", first_name="Eve")

    eve.refresh_from_db()
    assert eve.first_name == "Eve"
    assert ([group.name for group in eve.groups.all()], eve.is_superuser) == (["Administrator"], False)


def test_nobody_is_renamed_and_so_becomes_a_second_person(user_with_role):
    eve = user_with_role(Role.ADMINISTRATOR, "eve")
    client = Client()
    client.force_login(eve)

    user_form(client, eve, username="somebody-else", first_name="Eve")

    eve.refresh_from_db()
    assert (eve.username, eve.first_name) == ("eve", "Eve")


def test_nobody_is_renamed_or_deleted_past_the_admin_either(user_with_role):
    eve = user_with_role(Role.ADMINISTRATOR, "eve")
    user_with_role(Role.SUPPORT, "sue")

    with pytest.raises(IntegrityError, match="nobody is renamed"), transaction.atomic():
        get_user_model().objects.filter(pk=eve.pk).update(username="somebody-else")
    eve.username = "Eve"
    with pytest.raises(IntegrityError, match="nobody is renamed"), transaction.atomic():
        eve.save()
    with pytest.raises(IntegrityError, match="nobody is deleted"), transaction.atomic():
        get_user_model().objects.get(username="eve").delete()

    kept = get_user_model().objects.get(pk=eve.pk)
    kept.first_name = "Eve"
    kept.save()
    assert get_user_model().objects.filter(username="eve", first_name="Eve").exists()


@pytest.mark.parametrize(("username", "is_taken"), [("System", False), ("partner", False), ("sue", True)])
def test_nobody_is_called_what_stands_for_no_person(browser_with_role, username, is_taken):
    eve = browser_with_role(Role.ADMINISTRATOR, "eve")
    new = {"password1": "a much better phrase", "password2": "a much better phrase", "usable_password": "true"}

    eve.post(reverse("admin:auth_user_add"), {"username": username, **new})

    assert get_user_model().objects.filter(username=username).exists() is is_taken


def test_an_administrator_cannot_touch_a_superuser(browser_with_role):
    root = get_user_model().objects.create_superuser("root", password=PASSWORD)
    eve = browser_with_role(Role.ADMINISTRATOR, "eve")
    new = {"password1": "a much better phrase", "password2": "a much better phrase", "usable_password": "true"}

    answers = [
        eve.post(reverse("admin:auth_user_change", args=[root.pk]), {"username": "root"}).status_code,
        eve.post(reverse("admin:auth_user_password_change", args=[root.pk]), new).status_code,
    ]

    assert answers == [403, 403]
    root.refresh_from_db()
    assert root.check_password(PASSWORD)


def test_the_secrets_of_the_second_factor_have_no_page(admin_client):
    assert not re.search("otp_(totp|static)", admin_client.get(HOME).content.decode())
    assert admin_client.get("/admin/otp_totp/totpdevice/").status_code == 404

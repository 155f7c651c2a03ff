import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings as django_settings

from config.local_secrets import LocalSecrets, sandbox_config
from config.settings.celery import broker_url
from config.settings.gateways import GATEWAYS, credential_variables, gateway_credentials

PRODUCTION = {
    "DJANGO_SETTINGS_MODULE": "config.settings.production",
    "SECRET_KEY": "only-for-this-test-" + "0123456789abcdefghijklmnopqrstuvwxyz",
    "FIELD_ENCRYPTION_KEYS": LocalSecrets(None).fernet_key("production"),
    "FINGERPRINT_KEY": "f" * 64,
    "METRICS_TOKEN": "m" * 64,
    "DATABASE_URL": "postgres://app:sample@db.example.com/app",
    "REDIS_URL": "redis://redis.example.com:6379/0",
    "ALLOWED_HOSTS": "pay.example.com",
    "PUBLIC_BASE_URL": "https://pay.example.com",
    "EMAIL_HOST": "smtp.example.com",
    "DEFAULT_FROM_EMAIL": "Tours <tours@example.com>",
    "GATEWAY_ADYEN_EU__API_KEY": "sample",
}


def manage(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=django_settings.BASE_DIR,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )


def test_production_starts_with_everything_set() -> None:
    result = manage("check", "--deploy", "--fail-level", "WARNING", **PRODUCTION)

    assert result.returncode == 0, result.stderr


def test_production_refuses_every_empty_value_and_names_it() -> None:
    names = [name for name in PRODUCTION if name not in {"DJANGO_SETTINGS_MODULE", "GATEWAY_ADYEN_EU__API_KEY"}]

    result = manage("check", **{**PRODUCTION, **dict.fromkeys(names, ""), "GATEWAY_ADYEN_EU__API_KEY": ""})

    assert result.returncode != 0
    last_line = result.stderr.splitlines()[-1]
    assert last_line.startswith("django.core.exceptions.ImproperlyConfigured: ")
    assert {name for name in names if f"{name} is not set" in last_line} == set(names)
    assert last_line.endswith("api_key of gateway account adyen-eu is empty")


@pytest.mark.parametrize("name", ["SECRET_KEY", "FIELD_ENCRYPTION_KEYS"])
def test_one_empty_secret_is_enough_to_refuse(name: str) -> None:
    result = manage("check", **{**PRODUCTION, name: ""})

    assert result.returncode != 0
    assert result.stderr.splitlines()[-1].endswith(f"ImproperlyConfigured: {name} is not set")


def test_production_refuses_unsafe_values_and_repeats_none() -> None:
    unsafe = {
        "SECRET_KEY": "too-short-a-secret",
        "FIELD_ENCRYPTION_KEYS": "no-key-at-all",
        "PUBLIC_BASE_URL": "http://pay.example.com",
        "ALLOWED_HOSTS": "*",
        "EMAIL_USE_TLS": "true",
        "EMAIL_USE_SSL": "true",
        "CALLBACK_ALLOWED_NETWORKS": "10.0.0.0/8",
    }

    result = manage("check", **{**PRODUCTION, **unsafe})

    assert result.returncode != 0
    assert result.stderr.splitlines()[-1].partition(": ")[2].split("; ") == [
        "SECRET_KEY has fewer than 32 characters",
        "FIELD_ENCRYPTION_KEYS: key 1 is no Fernet key",
        "PUBLIC_BASE_URL does not begin with https://",
        "CALLBACK_ALLOWED_NETWORKS must be empty: partners could make us call our own network",
        "ALLOWED_HOSTS allows every host",
        "EMAIL_USE_TLS and EMAIL_USE_SSL are both set",
    ]
    assert "too-short-a-secret" not in result.stderr
    assert "no-key-at-all" not in result.stderr


def test_production_has_no_default_for_a_secret() -> None:
    result = manage("check", DJANGO_SETTINGS_MODULE="config.settings.production")

    assert result.returncode != 0
    assert "ImproperlyConfigured" in result.stderr


def test_a_command_without_servers_says_make_run(tmp_path: Path) -> None:
    result = manage("showmigrations", VAR_DIR=str(tmp_path))

    assert result.returncode == 1
    assert "make run" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_record_of_dead_servers_counts_as_none(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    record = {
        "database_url": f"postgres://app@/app?host={tmp_path}",
        "redis_url": f"unix://{tmp_path}/redis.sock",
        "supervisor_pid": ended.pid,
        "socket_directory": str(tmp_path),
    }
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "servers.json").write_text(json.dumps(record))

    result = manage("showmigrations", VAR_DIR=str(tmp_path))

    assert result.returncode == 1
    assert "make run" in result.stderr


def test_a_command_that_needs_no_database_works_without_servers(tmp_path: Path) -> None:
    result = manage("check", VAR_DIR=str(tmp_path))

    assert result.returncode == 0, result.stderr
    assert not (tmp_path / "run").exists()


def test_one_server_address_without_the_other_is_refused(tmp_path: Path) -> None:
    result = manage("check", VAR_DIR=str(tmp_path), REDIS_URL="redis://127.0.0.1:6379/0")

    assert result.returncode != 0
    assert "Set both DATABASE_URL and REDIS_URL" in result.stderr


def test_local_secrets_stay_the_same_and_differ_between_checkouts(tmp_path: Path) -> None:
    here, there = tmp_path / "here" / "secret", tmp_path / "there" / "secret"

    first, again, elsewhere = LocalSecrets(here), LocalSecrets(here), LocalSecrets(there)

    assert first.text("SECRET_KEY") == again.text("SECRET_KEY")
    assert first.text("SECRET_KEY") != first.text("FINGERPRINT_KEY")
    assert first.text("SECRET_KEY") != elsewhere.text("SECRET_KEY")
    assert here.stat().st_mode & 0o777 == 0o600


def test_gateway_credentials_are_collected_by_account() -> None:
    environment = {
        "GATEWAY_ADYEN_EU__API_KEY": "first",
        "GATEWAY_ADYEN_EU__HMAC_KEYS": "AA,BB",
        "GATEWAY_VIVA__CLIENT_ID": "second",
        "GATEWAY_TIMEOUT": "15",
        "PATH": "/bin",
    }

    credentials = gateway_credentials(environment)

    assert credentials == {"adyen-eu": {"api_key": "first", "hmac_keys": "AA,BB"}, "viva": {"client_id": "second"}}
    assert gateway_credentials(credential_variables(credentials)) == credentials


def test_the_sandbox_knows_the_demo_accounts_and_no_other() -> None:
    demo = dict.fromkeys(("adyen-eu", "adyen-us", "adyen-test"), "adyen")
    known = {"own-account": {"merchant_account": "Elsewhere"}}
    credentials = LocalSecrets(None).credentials(
        accounts=demo, gateways=GATEWAYS, origin="http://127.0.0.1:8100", known=known
    )

    accounts = sandbox_config(credentials, accounts=demo, gateways=GATEWAYS, web_base_url="http://127.0.0.1:8000")[
        "adyen"
    ]["accounts"]

    assert set(credentials) == {*demo, "own-account"}
    assert [account["merchant_account"] for account in accounts] == ["ToursEU", "ToursUS", "ToursTest"]
    assert accounts[0]["webhook_url"] == "http://127.0.0.1:8000/webhooks/adyen-eu/"
    assert accounts[0]["hmac_key"] == credentials["adyen-eu"]["hmac_keys"]
    assert len(bytes.fromhex(accounts[0]["hmac_key"])) == 32


@pytest.mark.parametrize(
    ("redis_url", "celery_url"),
    [
        ("redis://redis.example.com:6379/0", "redis://redis.example.com:6379/0"),
        ("unix:///tmp/redis.sock?db=3", "redis+socket:///tmp/redis.sock?virtual_host=3"),
    ],
)
def test_a_redis_address_is_spelled_for_celery(redis_url: str, celery_url: str) -> None:
    assert broker_url(redis_url) == celery_url


@pytest.mark.django_db
def test_every_connection_carries_the_time_limits() -> None:
    from django.db import connection

    shown = {}
    with connection.cursor() as cursor:
        for name in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"):
            cursor.execute(f"SHOW {name}")
            shown[name] = cursor.fetchone()[0]

    assert shown == {
        "statement_timeout": "15s",
        "lock_timeout": "3s",
        "idle_in_transaction_session_timeout": "30s",
    }

"""Run `check --deploy` under production settings, with an environment made up for it."""

import base64
import os
import secrets
import subprocess
import sys

SAMPLE = {
    "DJANGO_SETTINGS_MODULE": "config.settings.production",
    "SECRET_KEY": secrets.token_urlsafe(64),
    "FIELD_ENCRYPTION_KEYS": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
    "FINGERPRINT_KEY": secrets.token_hex(32),
    "METRICS_TOKEN": secrets.token_hex(32),
    "DATABASE_URL": "postgres://app:sample@db.example.com/app",
    "REDIS_URL": "redis://redis.example.com:6379/0",
    "ALLOWED_HOSTS": "pay.example.com",
    "CSRF_TRUSTED_ORIGINS": "https://pay.example.com",
    "PUBLIC_BASE_URL": "https://pay.example.com",
    "EMAIL_HOST": "smtp.example.com",
    "DEFAULT_FROM_EMAIL": "Tours <tours@example.com>",
}

sys.exit(
    subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        env={**os.environ, **SAMPLE},
        check=False,
    ).returncode
)

"""The gateway accounts of the demo's operator."""

from typing import Any

from config.demo.texts import TEXTS, Texts


def _accounts_of(gateway: str, texts: Texts) -> dict[str, dict[str, Any]]:
    return {slug: {"gateway": gateway, **fields} for slug, fields in texts.accounts.items()}


AT_THE_SANDBOX: dict[str, dict[str, Any]] = {}
TAKEN_ELSEWHERE: dict[str, dict[str, Any]] = {}
for _gateway, _texts in TEXTS.items():
    (AT_THE_SANDBOX if _texts.has_page else TAKEN_ELSEWHERE).update(_accounts_of(_gateway, _texts))
ACCOUNTS = {**AT_THE_SANDBOX, **TAKEN_ELSEWHERE}
# Account -> gateway.
SANDBOX_ACCOUNTS: dict[str, str] = {slug: fields["gateway"] for slug, fields in AT_THE_SANDBOX.items()}
# The one that a booking is paid through unless somebody asks for another.
FIRST_ACCOUNT = next(iter(SANDBOX_ACCOUNTS))
# Serves bookings made with a test key.
TEST_ACCOUNT = next(slug for slug in SANDBOX_ACCOUNTS if slug.endswith("-test"))

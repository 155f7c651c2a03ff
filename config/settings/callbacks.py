"""How partners are told of changes, and where we may not be sent to."""

from typing import Any

from config.settings.environment import env

CALLBACKS: dict[str, Any] = {
    # After each failed attempt, until the next one. After the last the delivery has failed, and staff see it.
    "RETRY_SECONDS": [10, 60, 300, 1_800, 7_200, 21_600, 43_200, 86_400],
    # The same for invoices: a minute, then each time a minute more than before.
    "INVOICE_RETRY_SECONDS": [
        60 * waits for waits in range(1, max(2, env.int("INVOICE_CALLBACK_ATTEMPTS", default=100)))
    ],
    # A receiver that keeps failing rests as a whole after each attempt, as long as above but never longer than this.
    "LONGEST_REST_SECONDS": 3_600,
    # One attempt, from looking the name up to the last byte we read, however slowly the bytes come.
    "ATTEMPT_SECONDS": 10,
    # A claim older than this belonged to a process that died.
    "CLAIM_LEASE_SECONDS": 45,
    # Attempts under way in one worker process; those at receivers that failed last time leave room for the others.
    "AT_ONCE": 16,
    "FAILING_AT_ONCE": 10,
    # One task begins no attempt after this; the next one goes on.
    "DRAIN_SECONDS": 20,
    "CHANGES_AT_ONCE": 500,
    # Looking a name up when somebody subscribes.
    "LOOK_UP_SECONDS": 3,
    "MOST_SUBSCRIPTIONS": 20,
    "MOST_RESENT": 1_000,
    "HTTPS_ONLY": True,
    # Networks that are allowed besides the public internet. Production refuses any.
    "ALLOWED_NETWORKS": env.list("CALLBACK_ALLOWED_NETWORKS", default=[]),
    # Told changes are what diffs are made of, so keep them longer than the retries take.
    "KEEP_TOLD_CHANGES_DAYS": env.int("KEEP_TOLD_CHANGES_DAYS", default=30),
    "KEEP_DELIVERIES_DAYS": env.int("KEEP_DELIVERIES_DAYS", default=90),
}
# `make run` and the tests: receivers on this machine, without TLS.
LOCAL_CALLBACKS: dict[str, Any] = {
    **CALLBACKS,
    "HTTPS_ONLY": False,
    "ALLOWED_NETWORKS": ["127.0.0.0/8", "::1/128"],
}

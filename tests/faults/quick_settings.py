"""Settings of the tests, in more of a hurry: leases and schedules of a second or two instead of minutes."""

from config.settings.test import *  # noqa: F403
from config.settings.test import PAYMENTS as _UNHURRIED

PAYMENTS = {
    **_UNHURRIED,
    "CLAIM_LEASE_SECONDS": 3,
    "UNKNOWN_CHECK_SCHEDULE_SECONDS": [1] * 90,
    "CARD_DELETION_SCHEDULE_SECONDS": [1] * 90,
    "WEBHOOK_RETRY_SECONDS": [1],
    "SAME_HINT_SECONDS": 1,
}

"""Settings of the tests, in more of a hurry: a claim of a dead worker is taken over after two seconds."""

from config.settings.test import *  # noqa: F403
from config.settings.test import CALLBACKS as _UNHURRIED

CALLBACKS = {**_UNHURRIED, "CLAIM_LEASE_SECONDS": 2, "ATTEMPT_SECONDS": 20}

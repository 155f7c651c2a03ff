"""The settings of a checkout, with one more route: the bare view that webhooks are measured beside."""

from config.settings.local import *  # noqa: F403
from config.settings.local import API as _API

ROOT_URLCONF = "bench.urls"
# The bench is one partner that asks as fast as it can.
API = {**_API, "REQUESTS_PER_MINUTE": 0}

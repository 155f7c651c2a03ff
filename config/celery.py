"""What a worker and beat are started with: the app, what beat sends, and that a worker tells that it is alive."""

import os
import time
from typing import Any

import redis
import structlog
from celery import signals

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.production")

from django.conf import settings

from celery_app import app
from config.beat import BEAT_SCHEDULE
from config.heartbeat import beat_heart, stop_heart
from config.logs import configure
from config.tether import die_with_parent

app.conf.beat_schedule = BEAT_SCHEDULE

logger = structlog.get_logger(__name__)


@signals.setup_logging.connect(weak=False)
def _use_our_logging(**_: Any) -> None:
    configure(settings.LOGGING)


@signals.heartbeat_sent.connect(weak=False)
def _tell_alive(sender: Any, **_: Any) -> None:
    try:
        beat_heart(settings.REDIS_URL, worker=sender.eventer.hostname, now=time.time())
    except redis.RedisError as error:
        logger.warning("heartbeat_not_written", error=type(error).__name__)


@signals.worker_shutdown.connect(weak=False)
def _tell_gone(sender: Any, **_: Any) -> None:
    try:
        stop_heart(settings.REDIS_URL, worker=sender.hostname)
    except redis.RedisError as error:
        logger.warning("heartbeat_not_removed", error=type(error).__name__)


@signals.worker_process_init.connect(weak=False)
def _end_with_the_worker(**_: Any) -> None:
    die_with_parent()

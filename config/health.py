"""Three probes. Readiness fails for the database only: without a worker the web tier must go on storing webhooks."""

import time
from functools import lru_cache

import redis
import structlog
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from config.heartbeat import fresh_workers

logger = structlog.get_logger(__name__)


@never_cache
@require_safe
def live(_request: HttpRequest) -> JsonResponse:
    """Say that this process answers."""
    return JsonResponse({"status": "ok"})


@never_cache
@require_safe
def ready(_request: HttpRequest) -> JsonResponse:
    """Say whether requests may come here: 503 without database or with a migration missing, else 200."""
    checks = {"database": _database_state(), **_broker_states()}
    if checks["database"] != "ok":
        logger.warning("not_ready", **checks)
        return JsonResponse({"status": "unavailable", "checks": checks}, status=503)
    status = "ok" if all(state == "ok" for state in checks.values()) else "degraded"
    return JsonResponse({"status": status, "checks": checks})


@never_cache
@require_safe
def workers(_request: HttpRequest) -> JsonResponse:
    """Say whether any worker was heard of lately: 503 without one."""
    states = _broker_states()
    is_ok = all(state == "ok" for state in states.values())
    return JsonResponse({"status": "ok" if is_ok else "unavailable", "checks": states}, status=200 if is_ok else 503)


def _database_state() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        return "ok" if _all_migrated() else "migrations missing"
    except DatabaseError as error:
        logger.warning("database_not_ready", error=type(error).__name__)
        return "unreachable"


def _broker_states() -> dict[str, str]:
    try:
        names = fresh_workers(settings.REDIS_URL, now=time.time())
    except redis.RedisError as error:
        logger.warning("broker_not_ready", error=type(error).__name__)
        return {"broker": "unreachable", "workers": "unknown"}
    return {"broker": "ok", "workers": "ok" if names else "none heard of"}


class _MigrationsMissing(Exception):
    pass


@lru_cache(maxsize=1)
def _remember_all_migrated() -> bool:
    # Reading every migration file takes long; a process's code does not change, so "nothing missing" stays true.
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise _MigrationsMissing
    return True


def _all_migrated() -> bool:
    try:
        return _remember_all_migrated()
    except _MigrationsMissing:
        return False

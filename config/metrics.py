"""What Prometheus reads at /metrics.

Figures of two kinds. What alerts need is read from the database and the broker at each scrape, so that any web process
tells the same truth: eight queries, each over an index that holds only what is under way. Counts and durations of
requests and gateway calls belong to processes: those of one machine keep them in files in METRICS_DIR, and whichever
web process is asked adds them up. Without a METRICS_DIR (tests, management commands) a process shows its own.
"""

import time
from collections.abc import Callable, Iterator
from datetime import datetime

import redis
import structlog
from django.conf import settings
from django.db import DatabaseError
from django.db.models import BooleanField, Count, ExpressionWrapper, Min, Q
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from api.models import OPEN_CALLBACKS, CallbackStatus, Delivery
from bookings.models import Change
from config.heartbeat import impatient_redis, last_heartbeats
from config.middleware import QUIET_PATHS
from payments.models import (
    Case,
    CaseKind,
    DeliveryStatus,
    Opening,
    OpeningStatus,
    Payment,
    Transaction,
    WebhookDelivery,
)
from payments.states import State, Status

log = structlog.get_logger(__name__)

HTTP_REQUESTS = Counter("http_requests", "Requests answered, by route.", ["route", "method", "status"])
HTTP_REQUEST_SECONDS = Histogram(
    "http_request_seconds",
    "How long requests take, by route; one that calls a gateway ends within 20 s.",
    ["route", "method"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0),
)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_DAY_SECONDS = 86_400


class MetricsMiddleware:
    """Count and time requests by route: a path would make a series of every booking."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith(QUIET_PATHS):
            return self.get_response(request)
        started = time.perf_counter()
        response = self.get_response(request)
        seconds = time.perf_counter() - started
        route = (request.resolver_match.route if request.resolver_match else "") or "(none)"
        # A client may invent methods, and each would be a series of its own.
        method = request.method if request.method in _METHODS else "(other)"
        HTTP_REQUESTS.labels(route, method, str(response.status_code)).inc()
        HTTP_REQUEST_SECONDS.labels(route, method).observe(seconds)
        return response


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer a scrape that brings METRICS_TOKEN as its bearer token; without a token configured there is no door."""
    if not settings.METRICS_TOKEN:
        return HttpResponse("not found", status=404, content_type="text/plain")
    if not constant_time_compare(request.headers.get("Authorization", ""), f"Bearer {settings.METRICS_TOKEN}"):
        refused = HttpResponse("a bearer token is needed", status=401, content_type="text/plain")
        refused["WWW-Authenticate"] = "Bearer"
        return refused
    registry = CollectorRegistry()
    registry.register(WorkUnderWay(now=timezone.now()))
    kept = registry if settings.METRICS_DIR else REGISTRY
    if settings.METRICS_DIR:
        MultiProcessCollector(registry, path=settings.METRICS_DIR)
    body = generate_latest(registry) + (generate_latest(kept) if kept is not registry else b"")
    return HttpResponse(body, content_type=CONTENT_TYPE_LATEST)


class WorkUnderWay(Collector):
    """Read what waits, and for how long, from the database and the broker."""

    def __init__(self, *, now: datetime) -> None:
        self._now = now

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Return the gauges; a server that is away makes one gauge zero and leaves its others out."""
        yield from self._guarded("database_up", "Whether the database answers.", self._database, DatabaseError)
        yield from self._guarded("broker_up", "Whether the broker answers.", self._broker, redis.RedisError)

    def _guarded(
        self, name: str, what: str, read: Callable[[], Iterator[GaugeMetricFamily]], fault: type[Exception]
    ) -> Iterator[GaugeMetricFamily]:
        try:
            gauges = list(read())
        except fault as error:
            log.warning("metrics_incomplete", server=name, error=type(error).__name__)
            yield GaugeMetricFamily(name, what, value=0)
            return
        yield GaugeMetricFamily(name, what, value=1)
        yield from gauges

    def _database(self) -> Iterator[GaugeMetricFamily]:
        yield from self._unknown()
        yield from self._deliveries()
        oldest_change = Change.objects.filter(told_at__isnull=True).aggregate(oldest=Min("created_at"))["oldest"]
        yield GaugeMetricFamily(
            "oldest_untold_change_seconds",
            "Age of the oldest Change that no delivery to partners was made of.",
            value=self._age(oldest_change),
        )
        yield from self._callbacks()
        yield from self._cases()
        yield self._payments()

    def _unknown(self) -> Iterator[GaugeMetricFamily]:
        age = GaugeMetricFamily(
            "oldest_unknown_seconds", "Age of the oldest operation or opening of unknown outcome.", labels=["subject"]
        )
        count = GaugeMetricFamily("unknown_outcomes", "Operations and openings of unknown outcome.", labels=["subject"])
        unknown = {
            "operation": Transaction.objects.filter(status=Status.PENDING, unknown_since_at__isnull=False),
            "opening": Opening.objects.filter(
                status=OpeningStatus.REQUESTED, unknown_since_at__isnull=False, next_check_at__isnull=False
            ),
        }
        for subject, rows in unknown.items():
            read = rows.aggregate(oldest=Min("unknown_since_at"), count=Count("pk"))
            age.add_metric([subject], self._age(read["oldest"]))
            count.add_metric([subject], read["count"])
        yield age
        yield count

    def _deliveries(self) -> Iterator[GaugeMetricFamily]:
        age = GaugeMetricFamily(
            "oldest_waiting_delivery_seconds", "Age of the oldest webhook that is not processed.", labels=["status"]
        )
        count = GaugeMetricFamily("waiting_deliveries", "Webhooks that are not processed.", labels=["status"])
        waiting = WebhookDelivery.objects.filter(processed_at__isnull=True).values("status")
        read = {row["status"]: row for row in waiting.annotate(oldest=Min("received_at"), count=Count("pk"))}
        for status in (DeliveryStatus.RECEIVED, DeliveryStatus.FAILED, DeliveryStatus.ORPHAN):
            row = read.get(status, {"oldest": None, "count": 0})
            age.add_metric([status.lower()], self._age(row["oldest"]))
            count.add_metric([status.lower()], row["count"])
        yield age
        yield count

    def _callbacks(self) -> Iterator[GaugeMetricFamily]:
        """Tell receivers that answer from those that do not: what waits for the latter is their partner's to mend."""
        age = GaugeMetricFamily(
            "oldest_waiting_callback_seconds",
            "Age of the oldest delivery to a partner that did not arrive yet, by whether its receiver answered last.",
            labels=["receiver"],
        )
        count = GaugeMetricFamily("waiting_callbacks", "Deliveries to partners that wait.", labels=["receiver"])
        waiting = Delivery.objects.filter(status__in=OPEN_CALLBACKS, subscription__partner__is_active=True)
        rows = waiting.values(
            is_well=ExpressionWrapper(Q(subscription__failures=0), output_field=BooleanField())
        ).annotate(oldest=Min("waiting_since_at"), count=Count("pk"))
        read = {row["is_well"]: (row["oldest"], row["count"]) for row in rows}
        for receiver, is_well in (("answering", True), ("failing", False)):
            oldest, number = read.get(is_well, (None, 0))
            age.add_metric([receiver], self._age(oldest))
            count.add_metric([receiver], number)
        yield age
        yield count
        yield GaugeMetricFamily(
            "failed_callbacks",
            "Deliveries to partners that were given up and not sent again.",
            value=Delivery.objects.filter(status=CallbackStatus.FAILED, subscription__ended_at__isnull=True).count(),
        )

    def _cases(self) -> Iterator[GaugeMetricFamily]:
        count = GaugeMetricFamily("open_cases", "Cases that wait for a person.", labels=["kind"])
        age = GaugeMetricFamily("oldest_open_case_seconds", "Age of the oldest case of a kind.", labels=["kind"])
        cases = Case.objects.filter(closed_at__isnull=True).values("kind")
        read = {row["kind"]: row for row in cases.annotate(oldest=Min("opened_at"), count=Count("pk"))}
        for kind in CaseKind:
            row = read.get(kind, {"oldest": None, "count": 0})
            count.add_metric([kind.lower()], row["count"])
            age.add_metric([kind.lower()], self._age(row["oldest"]))
        yield count
        yield age

    def _payments(self) -> GaugeMetricFamily:
        """Count a day's payments: of all that ever were would read the whole table at every scrape."""
        gauge = GaugeMetricFamily(
            "payments_of_last_day", "Payments made in the last 24 hours, by where they stand now.", labels=["state"]
        )
        since = datetime.fromtimestamp(self._now.timestamp() - _DAY_SECONDS, tz=self._now.tzinfo)
        rows = Payment.objects.filter(created_at__gte=since).values_list("state")
        counts = dict(rows.annotate(count=Count("pk")))
        for state in State:
            gauge.add_metric([state.lower()], counts.get(state, 0))
        return gauge

    def _broker(self) -> Iterator[GaugeMetricFamily]:
        beats = last_heartbeats(settings.REDIS_URL).values()
        youngest = max(beats, default=None)
        # Nobody was ever heard of, or all ended in order: as bad as a worker that fell silent long ago.
        silent = _DAY_SECONDS if youngest is None else max(0.0, self._now.timestamp() - youngest)
        yield GaugeMetricFamily(
            "worker_heartbeat_age_seconds",
            "Since when no Celery worker was heard of; 86400: none at all.",
            value=silent,
        )
        length = GaugeMetricFamily("queue_length", "Messages that wait for a worker.", labels=["queue"])
        queues = settings.TASK_QUEUES
        pipe = impatient_redis(settings.REDIS_URL).pipeline(transaction=False)
        for queue in queues:
            pipe.llen(queue)
        for queue, waiting in zip(queues, pipe.execute(), strict=True):
            length.add_metric([queue], waiting)
        yield length

    def _age(self, since: datetime | None) -> float:
        return max(0.0, (self._now - since).total_seconds()) if since else 0.0

"""One HTTP client for every adapter: it knows for certain whether anything was sent.

Connecting and talking are two phases. What fails while connecting was not sent; what fails later may have been acted
upon. Connections are not kept: a kept one that the far side has just closed cannot be told from a lost answer.
Redirects are not followed, because they would carry a key to another host.
"""

import http.client
import ipaddress
import json
import logging
import socket
import ssl
import threading
import time
import urllib.request
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import certifi
import structlog

from gateways.errors import AnswerLost, KeyRefused, NotReady, NotSent, Rejected
from gateways.scrubbing import scrub

logger = structlog.get_logger(__name__)

_CONNECT_ATTEMPTS = 2
_PIECE_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAnswer:
    """Be a complete answer, whatever its status; header names are lower case."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    def json_object(self) -> dict[str, Any] | None:
        """Return the body as a JSON object with exact decimals, or None if it is anything else."""
        return json_object(self.body)


# Connecting has 2 s on top. Whoever asks counts on both when all calls of a request must end within its 20 s.
LONGEST_CALL_SECONDS = 12.0
# A file may be large, and nobody waits for it.
LONGEST_DOWNLOAD_SECONDS = 600.0


def call_seconds(credentials: Mapping[str, str]) -> float | None:
    """Return how long one call of an account may take, by its `timeout_seconds`; None when that cannot be used."""
    try:
        seconds = float(credentials.get("timeout_seconds") or LONGEST_CALL_SECONDS)
    except ValueError:
        return None
    return seconds if 0 < seconds <= LONGEST_CALL_SECONDS else None


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpClient:
    """Talk to one processor.

    `read_seconds` bounds one silence, `total_seconds` the whole exchange after connecting, so that a processor that
    drips bytes cannot hold a worker.
    """

    gateway: str
    secret_fields: Collection[str]
    connect_seconds: float = 2.0
    read_seconds: float = 12.0
    total_seconds: float = 12.0
    max_answer_bytes: int = 1024 * 1024

    def send(
        self, operation: str, method: str, url: str, *, headers: Mapping[str, str], body: bytes | None = None
    ) -> HttpAnswer:
        """Send one request and return whatever is answered.

        :raises NotSent: no connection was made; the request never left.
        :raises AnswerLost: the connection failed, or ran out of time, after the request began to leave.
        :raises Rejected: the request cannot be written down as HTTP.
        """
        started_at = time.monotonic()
        try:
            answer = self._exchange(operation, method, url, headers, body)
        except (NotSent, AnswerLost) as problem:
            logger.warning(
                "gateway_call_failed",
                gateway=self.gateway,
                operation=operation,
                problem=type(problem).__name__,
                milliseconds=_milliseconds_since(started_at),
            )
            raise
        logger.info(
            "gateway_answered",
            gateway=self.gateway,
            operation=operation,
            status=answer.status,
            milliseconds=_milliseconds_since(started_at),
        )
        if logging.getLogger(__name__).isEnabledFor(logging.DEBUG):
            logger.debug(
                "gateway_transcript",
                gateway=self.gateway,
                operation=operation,
                sent=scrub(json_object(body or b""), self.secret_fields),
                received=scrub(answer.json_object(), self.secret_fields),
            )
        return answer

    def _exchange(
        self, operation: str, method: str, url: str, headers: Mapping[str, str], body: bytes | None
    ) -> HttpAnswer:
        connection, target = self._reach(operation, url)
        connected = connection.sock
        # A socket timeout bounds one silence only; this ends the exchange from outside.
        watchdog = threading.Timer(self.total_seconds, _cut, [connected])
        watchdog.daemon = True
        watchdog.start()
        try:
            connected.settimeout(self.read_seconds)
            connection.request(method, target, body=body, headers=dict(headers))
            response = connection.getresponse()
            received = response.read(self.max_answer_bytes + 1)
            is_cut_short = bool(response.length) and len(received) <= self.max_answer_bytes
            answer_headers = {name.lower(): value for name, value in response.getheaders()}
        except (http.client.InvalidURL, ValueError) as problem:
            raise Rejected(
                f"{self.gateway} {operation}: cannot be written as HTTP ({type(problem).__name__})"
            ) from None
        except (OSError, http.client.HTTPException) as problem:
            raise AnswerLost(f"{self.gateway} {operation}: no whole answer ({type(problem).__name__})") from None
        finally:
            watchdog.cancel()
            connection.close()
        if len(received) > self.max_answer_bytes:
            raise AnswerLost(f"{self.gateway} {operation}: the answer is larger than {self.max_answer_bytes} bytes")
        if is_cut_short:
            raise AnswerLost(f"{self.gateway} {operation}: the answer ended early")
        return HttpAnswer(status=response.status, headers=answer_headers, body=received)

    @contextmanager
    def download(
        self,
        operation: str,
        url: str,
        *,
        headers: Mapping[str, str],
        most_bytes: int,
    ) -> Iterator[Iterator[bytes]]:
        """Have a file piece by piece while the block runs; it is never in memory as a whole.

        :raises NotSent: no connection was made; (NotReady) there is no such file, yet.
        :raises AnswerLost: the far side is in trouble; while the pieces are read also: the file broke off, is larger
            than `most_bytes`, or took too long.
        :raises Rejected: it is not given to us (KeyRefused), or the request makes no sense.
        """
        connection, target = self._reach(operation, url)
        connected = connection.sock
        watchdog = threading.Timer(LONGEST_DOWNLOAD_SECONDS, _cut, [connected])
        watchdog.daemon = True
        watchdog.start()
        try:
            try:
                connected.settimeout(self.read_seconds)
                connection.request("GET", target, headers=dict(headers))
                response = connection.getresponse()
            except (http.client.InvalidURL, ValueError) as problem:
                raise Rejected(
                    f"{self.gateway} {operation}: cannot be written as HTTP ({type(problem).__name__})"
                ) from None
            except (OSError, http.client.HTTPException) as problem:
                raise AnswerLost(f"{self.gateway} {operation}: no answer ({type(problem).__name__})") from None
            logger.info("gateway_answered", gateway=self.gateway, operation=operation, status=response.status)
            if response.status != 200:
                raise _no_file(response.status, f"{self.gateway} {operation}: HTTP {response.status}")
            yield self._pieces(operation, response, most_bytes)
        finally:
            watchdog.cancel()
            connection.close()

    def _pieces(self, operation: str, response: http.client.HTTPResponse, most_bytes: int) -> Iterator[bytes]:
        left = most_bytes
        while True:
            try:
                piece = response.read(_PIECE_BYTES)
            except (OSError, ValueError, http.client.HTTPException) as problem:
                raise AnswerLost(f"{self.gateway} {operation}: the file broke off ({type(problem).__name__})") from None
            left -= len(piece)
            if left < 0:
                raise AnswerLost(f"{self.gateway} {operation}: the file is larger than {most_bytes} bytes")
            if not piece:
                break
            yield piece
        if response.length:
            raise AnswerLost(f"{self.gateway} {operation}: the file ended early")

    def _reach(self, operation: str, url: str) -> tuple[http.client.HTTPConnection, str]:
        """Return a connection to where an address leads, and what to ask for there."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise Rejected(f"{self.gateway} {operation}: the address is not an http or https URL")
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection = self._connect(operation, parts.scheme, parts.hostname, parts.port)
        if isinstance(connection, _ThroughPlainProxy):
            target = url
        return connection, target

    def _connect(self, operation: str, scheme: str, host: str, port: int | None) -> http.client.HTTPConnection:
        problem: Exception | None = None
        for _ in range(_CONNECT_ATTEMPTS):
            connection = self._new_connection(scheme, host, port)
            try:
                connection.connect()
            except (OSError, UnicodeError, http.client.HTTPException) as failure:
                connection.close()
                problem = failure
                if isinstance(failure, TimeoutError):
                    break
            else:
                return connection
        raise NotSent(f"{self.gateway} {operation}: no connection to {host} ({type(problem).__name__})") from None

    def _new_connection(self, scheme: str, host: str, port: int | None) -> http.client.HTTPConnection:
        is_direct = _is_loopback(host) or urllib.request.proxy_bypass(host)
        proxy = None if is_direct else urllib.request.getproxies().get(scheme)
        if proxy is None:
            if scheme == "https":
                return http.client.HTTPSConnection(host, port, timeout=self.connect_seconds, context=_tls())
            return http.client.HTTPConnection(host, port, timeout=self.connect_seconds)
        through = urlsplit(proxy if "//" in proxy else f"//{proxy}")
        if scheme == "https":
            tunnel = http.client.HTTPSConnection(
                through.hostname or "", through.port, timeout=self.connect_seconds, context=_tls()
            )
            tunnel.set_tunnel(host, port)
            return tunnel
        return _ThroughPlainProxy(through.hostname or "", through.port, timeout=self.connect_seconds)


class _ThroughPlainProxy(http.client.HTTPConnection):
    """Be a connection to a forward proxy, which wants the whole URL as the target."""


def _no_file(status: int, said: str) -> Exception:
    """Return what it means that a file was not given."""
    if status in (401, 403):
        return KeyRefused(said)
    if status in (404, 425, 429):
        return NotReady(said)
    # A redirect would carry the key elsewhere.
    return Rejected(said) if 300 <= status < 500 else AnswerLost(said)


@cache
def _tls() -> ssl.SSLContext:
    """Trust the machine's own authorities (SSL_CERT_FILE is honored) and certifi's."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _milliseconds_since(started_at: float) -> int:
    return round((time.monotonic() - started_at) * 1000)


def _cut(connected: socket.socket) -> None:
    with suppress(OSError):
        connected.shutdown(socket.SHUT_RDWR)


def json_object(body: bytes) -> dict[str, Any] | None:
    """Return a body as a JSON object with exact decimals, or None if it is anything else.

    NaN is no JSON, and a number with an exponent that no Decimal has is none that we could read.
    """
    try:
        found = json.loads(body, parse_float=Decimal, parse_constant=_refuse_constant)
    except (ValueError, RecursionError, InvalidOperation):
        return None
    return found if isinstance(found, dict) else None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")

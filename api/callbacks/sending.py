"""One POST to a receiver we know nothing good of: to a pinned address, within one deadline, with no redirect.

Connections are made by hand instead of by `gateways.http`: that one looks a name up by itself and may go through a
proxy, and both would lead elsewhere than to the address that was checked.
"""

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache

import certifi

from api.callbacks.addresses import AddressRefused, Destination, LookUp, looked_up

# What a receiver says beyond its status is of no use to us; one look lets a polite one finish its answer.
_MOST_BYTES_READ = 4_096
_ENDING_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """Be what came of one POST: a status, or in a few words why there is none."""

    status_code: int | None
    error: str
    milliseconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """Be what is posted where."""

    destination: Destination
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


def post(
    message: Message, *, seconds: float, look_up: LookUp | None = None, trust: ssl.SSLContext | None = None
) -> Attempt:
    """Send a message once and return what came of it; never raises for what the receiver or the network does."""
    started = time.monotonic()
    status_code, error = None, ""
    try:
        addresses = looked_up(message.destination, look_up=look_up)
        status_code = _exchange(message, addresses, started + seconds, trust)
    except AddressRefused as refusal:
        error = refusal.code
    except TimeoutError:
        error = "timeout"
    except ssl.SSLError as problem:
        error = f"tls_failed ({getattr(problem, 'reason', None) or type(problem).__name__})"
    except (OSError, http.client.HTTPException, ValueError) as problem:
        error = f"no_answer ({type(problem).__name__})"
    if error and error != "timeout" and time.monotonic() - started >= seconds:
        error = "timeout"
    return Attempt(status_code=status_code, error=error, milliseconds=round((time.monotonic() - started) * 1000))


def _exchange(message: Message, addresses: tuple[str, ...], until: float, trust: ssl.SSLContext | None) -> int:
    destination = message.destination
    sock = _connect(addresses, destination.port, until)
    # A socket's timeout bounds one silence only; this ends the exchange from outside, at whatever pace bytes come. It
    # holds the connection by a handle of its own, because TLS takes the socket itself over.
    handle = sock.dup()
    watchdog = threading.Timer(_left(until), _cut, [handle])
    watchdog.daemon = True
    watchdog.start()
    try:
        sock.settimeout(_left(until))
        if destination.scheme == "https":
            sock = (trust or _trust()).wrap_socket(
                sock, server_hostname=destination.host, do_handshake_on_connect=False
            )
            sock.do_handshake()
        connection = http.client.HTTPConnection(destination.host, destination.port)
        connection.sock = sock
        # By hand, so that the Host is the receiver's and no header is added for us.
        connection.putrequest("POST", destination.target, skip_host=True, skip_accept_encoding=True)
        connection.putheader("Host", destination.host_header)
        for name, value in message.headers.items():
            connection.putheader(name, value)
        connection.putheader("Content-Length", str(len(message.body)))
        connection.putheader("Connection", "close")
        connection.endheaders(message.body)
        response = connection.getresponse()
        # A header that was cut off reads as the last one.
        _left(until)
        with suppress(OSError, http.client.HTTPException, ValueError):
            sock.settimeout(min(_left(until), _ENDING_SECONDS))
            response.read1(_MOST_BYTES_READ)
        return response.status
    finally:
        watchdog.cancel()
        for each in (sock, handle):
            with suppress(OSError):
                each.close()


def _connect(addresses: tuple[str, ...], port: int, until: float) -> socket.socket:
    problem: OSError = TimeoutError()
    for address in addresses:
        try:
            return socket.create_connection((address, port), timeout=_left(until))
        except OSError as failure:
            problem = failure
    raise problem


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _cut(connected: socket.socket) -> None:
    with suppress(OSError):
        connected.shutdown(socket.SHUT_RDWR)


@cache
def _trust() -> ssl.SSLContext:
    """Trust the machine's own authorities (SSL_CERT_FILE is honored) and certifi's."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context

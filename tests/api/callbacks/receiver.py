"""A partner's receiver: a real HTTP server on loopback that behaves as it is told and remembers what it got."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Got:
    """One request as it came in; header names are lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Receiver:
    """Answer with a status, or hang, drip, drip a body, redirect or flood."""

    behavior: str = "answer"
    status: int = 200
    location: str = ""
    got: list[Got] = field(default_factory=list)
    port: int = 0
    _released: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/octo"

    @property
    def bodies(self) -> list[Any]:
        return [got.json for got in self.got]

    def serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            got = _read(connection)
            if got is None:
                return
            self.got.append(got)
            match self.behavior:
                case "hang":
                    self._released.wait(60)
                case "drip":
                    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
                    while not self._released.wait(0.05):
                        connection.sendall(b"z")
                case "drip body":
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n")
                    while not self._released.wait(0.05):
                        connection.sendall(b"z")
                case "flood":
                    connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b"z" * 5_000_000)
                case "redirect":
                    head = f"HTTP/1.1 307 Elsewhere\r\nLocation: {self.location}\r\nContent-Length: 0\r\n\r\n"
                    connection.sendall(head.encode())
                case _:
                    connection.sendall(f"HTTP/1.1 {self.status} Said\r\nContent-Length: 2\r\n\r\nok".encode())

    def release(self) -> None:
        """Let go of every connection that hangs."""
        self._released.set()


def _read(connection: socket.socket) -> Got | None:
    connection.settimeout(60)
    received = b""
    while b"\r\n\r\n" not in received:
        piece = connection.recv(65_536)
        if not piece:
            return None
        received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    while len(body) < int(headers.get("content-length", 0)):
        body += connection.recv(65_536)
    return Got(method, target, headers, body)


@contextmanager
def receiver(behavior: str = "answer", *, wrap: Any = None) -> Iterator[Receiver]:
    """Run a receiver; `wrap` turns an accepted connection into another, such as one with TLS."""
    running = Receiver(behavior)
    listener = socket.create_server(("127.0.0.1", 0))
    running.port = listener.getsockname()[1]

    def serve(connection: socket.socket) -> None:
        with suppress(OSError):
            running.serve(wrap(connection) if wrap else connection)

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield running
    finally:
        running.release()
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()

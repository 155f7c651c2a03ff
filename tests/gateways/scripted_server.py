"""A processor that misbehaves on purpose, over real sockets."""

import json
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import pytest


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it came in."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class ScriptedServer:
    """Answer every request in the way set last: a name of a misbehavior, or a status and a body.

    `turns` come first, one for each request.
    """

    behavior: str = "answer"
    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    url: str = ""
    turns: list[str | tuple[int, Any]] = field(default_factory=list)
    _released: threading.Event = field(default_factory=threading.Event)

    def answers(self, body: Any, *, status: int = 200, **headers: str) -> None:
        """Answer with JSON, or with bytes as they are."""
        self.behavior, self.status = "answer", status
        self.body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.headers = headers

    def misbehaves(self, behavior: str) -> None:
        """Misbehave: hang, close, reset, truncate, drip or flood."""
        self.behavior = behavior

    def release(self) -> None:
        """Let go of every connection that hangs."""
        self._released.set()

    def serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            asked = _read(connection)
            if asked is None:
                return
            self.asked.append(asked)
            turn = self.turns.pop(0) if self.turns else None
            if isinstance(turn, str):
                behavior, status, headers, body = turn, 200, {}, b"{}"
            elif turn is not None:
                behavior, (status, content), headers = "answer", turn, {}
                body = content if isinstance(content, bytes) else json.dumps(content).encode()
            else:
                behavior, status, headers, body = self.behavior, self.status, self.headers, self.body
            head = f"HTTP/1.1 {status} Said\r\n" + "".join(f"{n}: {v}\r\n" for n, v in headers.items())
            match behavior:
                case "hang":
                    self._released.wait(60)
                case "close":
                    return
                case "reset":
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                case "truncate":
                    connection.sendall(f"{head}Content-Length: 5000\r\n\r\n".encode() + body)
                case "flood":
                    connection.sendall(f"{head}Connection: close\r\n\r\n".encode() + b"{" + b" " * 3_000_000 + b"}")
                case "drip":
                    connection.sendall(f"{head}Content-Length: 5000\r\n\r\n".encode())
                    while not self._released.wait(0.05):
                        connection.sendall(b" ")
                case _:
                    connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)


def _read(connection: socket.socket) -> Asked | None:
    connection.settimeout(60)
    received = b""
    while b"\r\n\r\n" not in received:
        piece = connection.recv(65536)
        if not piece:
            return None
        received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    while len(body) < int(headers.get("content-length", 0)):
        body += connection.recv(65536)
    return Asked(method, target, headers, body)


@contextmanager
def scripted_server() -> Iterator[ScriptedServer]:
    server = ScriptedServer()
    listener = socket.create_server(("127.0.0.1", 0))
    server.url = f"http://127.0.0.1:{listener.getsockname()[1]}"

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=server.serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield server
    finally:
        server.release()
        # Closing does not wake a thread that waits in accept; shutting down does.
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()


@contextmanager
def closed_port() -> Iterator[str]:
    """Give an address at which nobody listens: the port is bound, so that nobody else takes it."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with scripted_server() as running:
        yield running

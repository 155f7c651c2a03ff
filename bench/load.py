"""Send prepared requests over keep-alive connections and time each: `python -m bench.load FILE CONNECTIONS`.

A process of its own that does nothing else. The file is a pickled list of complete HTTP/1.1 requests; the answer, on
standard output, is one JSON object.
"""

import json
import pickle
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

_LONGEST_ANSWER = 4 * 1024 * 1024


class Connection:
    """One keep-alive connection, opened again when the server ends it."""

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)
        self._socket: socket.socket | None = None

    def send(self, request: bytes) -> tuple[int, bytes]:
        """Return status and body of the answer."""
        if self._socket is None:
            self._socket = socket.create_connection(self._address, timeout=30)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(request)
        received = b""
        while b"\r\n\r\n" not in received:
            received += self._more(self._socket)
        head, _, body = received.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        length = int(headers.get("content-length", "0"))
        while len(body) < length:
            body += self._more(self._socket)
        if headers.get("connection", "").lower() == "close":
            self._socket.close()
            self._socket = None
        return int(lines[0].split()[1]), body

    @staticmethod
    def _more(connection: socket.socket) -> bytes:
        received = connection.recv(_LONGEST_ANSWER)
        if not received:
            raise ConnectionError("the server ended the connection in the middle of an answer")
        return received


def request_bytes(url: str, path: str, *, method: str = "POST", headers: dict[str, str], body: bytes) -> bytes:
    """Return a complete request."""
    head = {
        "Host": urlsplit(url).netloc,
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        **headers,
    }
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in head.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


def run(host: str, port: int, requests: list[bytes], connections: int) -> dict[str, Any]:
    """Send every request once, spread over the connections; return seconds in all and milliseconds of each."""
    milliseconds = [0.0] * len(requests)
    statuses = [0] * len(requests)
    start = threading.Barrier(connections + 1)

    def work(first: int) -> None:
        connection = Connection(host, port)
        start.wait()
        for index in range(first, len(requests), connections):
            sent_at = time.perf_counter()
            statuses[index], _ = connection.send(requests[index])
            milliseconds[index] = (time.perf_counter() - sent_at) * 1000

    threads = [threading.Thread(target=work, args=(number,)) for number in range(connections)]
    for thread in threads:
        thread.start()
    start.wait()
    started = time.perf_counter()
    for thread in threads:
        thread.join()
    return {"seconds": time.perf_counter() - started, "milliseconds": milliseconds, "statuses": statuses}


if __name__ == "__main__":
    content = pickle.loads(Path(sys.argv[1]).read_bytes())  # noqa: S301 - written by our own parent a moment ago
    print(json.dumps(run(content["host"], content["port"], content["requests"], int(sys.argv[2]))))

"""The way of one API request: note it, let a scripted fault strike, let the processor answer, save, reply."""

import asyncio
import json
import socket
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from aiohttp import web

from gateways.sandbox.forms import BadForm, read_form
from gateways.sandbox.processor import Answer, Call, Processor

if TYPE_CHECKING:
    from gateways.sandbox.app import Sandbox


FORM = "application/x-www-form-urlencoded"
Respond = Callable[[Call, float], Awaitable[Answer]]


class Endpoint:
    """The aiohttp handler of one operation of one processor.

    `respond` does the work of one call and answers; it keeps the finished answer back for `hold_seconds`.
    """

    def __init__(self, sandbox: "Sandbox", processor: Processor, operation: str, respond: Respond) -> None:
        self._sandbox = sandbox
        self._processor = processor
        self._operation = operation
        self._respond = respond

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        call = await read_call(request, self._operation)
        slug = self._processor.slug
        entry = self._sandbox.log.add(
            gateway=slug,
            operation=self._operation,
            method=call.method,
            path=call.path,
            query=request.query_string,
            body=call.json if call.json is not None else ("[not JSON]" if call.raw else None),
            idempotency_key=call.headers.get("idempotency-key"),
        )
        fault = self._sandbox.faults.take(gateway=slug, operation=self._operation, path=request.path_qs, body=call.json)
        kind = fault.fault if fault else None
        if kind:
            entry["fault"] = kind
        match kind:
            case "hang":
                assert fault is not None
                await asyncio.sleep(fault.seconds)
                return reset_connection(request)
            case "reset":
                return reset_connection(request)
            case "garbage":
                entry["status"] = 200
                return web.Response(
                    text="<html><body>Service Temporarily Confused</body></html>", content_type="text/html"
                )
            case "error" | "unavailable" | "in_progress":
                answer = self._processor.fault_answer(kind)
                entry["status"] = answer.status
                return render(answer)
        hold = fault.seconds if fault and kind == "slow" else 0.0
        answer = await self._respond(call, hold)
        entry["status"] = answer.status
        entry.update(answer.notes)
        self._sandbox.store.save()
        if kind == "answer_lost":
            return reset_connection(request)
        return render(answer)


async def read_call(request: web.Request, operation: str) -> Call:
    """Read a request as a whole."""
    raw = await request.read()
    parsed = None
    if raw and request.content_type == FORM:
        with suppress(BadForm, UnicodeDecodeError):
            parsed = read_form(raw.decode())
    elif raw:
        with suppress(ValueError):
            parsed = json.loads(raw)
    return Call(
        operation=operation,
        method=request.method,
        path=request.path,
        parameters=dict(request.match_info),
        query=dict(request.query),
        headers={name.lower(): value for name, value in request.headers.items()},
        origin=f"{request.scheme}://{request.host}",
        raw=raw,
        json=parsed,
    )


def render(answer: Answer) -> web.Response:
    """Turn an answer into an HTTP response."""
    if answer.body is None and answer.content is None:
        return web.Response(status=answer.status, headers=answer.headers)
    return web.Response(
        status=answer.status,
        headers=answer.headers,
        body=answer.content
        if answer.content is not None
        else json.dumps(answer.body, ensure_ascii=False, separators=(",", ":")).encode(),
        content_type="application/json",
        charset="utf-8",
    )


def reset_connection(request: web.Request) -> web.Response:
    """Break the connection with a TCP reset, so that the client sees an error and no answer."""
    transport = request.transport
    if transport is not None:
        raw_socket = transport.get_extra_info("socket")
        if raw_socket is not None:
            # Lingering for zero seconds makes the kernel send RST in place of a polite FIN.
            raw_socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    return web.Response(status=500)

"""The control API that all processors share: faults, requests, webhooks, money, reset. For tests and people."""

import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from aiohttp import web

from gateways.sandbox import bank
from gateways.sandbox.faults import BadFault
from gateways.sandbox.settling import BATCHES, CannotSettle, Settlement, settle

if TYPE_CHECKING:
    from gateways.sandbox.app import Sandbox

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class BadWish(Exception):
    """A control request cannot be carried out; the message says why."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


@web.middleware
async def reply_in_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer wrong paths, methods and wishes with JSON, as all else."""
    try:
        return await handler(request)
    except BadWish as error:
        return web.json_response({"error": str(error)}, status=error.status)
    except web.HTTPException as error:
        if error.status >= 400:
            return web.json_response({"status": error.status, "message": error.reason}, status=error.status)
        raise


async def read_wish(request: web.Request) -> dict[str, Any]:
    """Return the JSON object in the body; an empty body is an empty object."""
    raw = await request.read()
    if not raw:
        return {}
    try:
        wish = json.loads(raw)
    except ValueError:
        raise BadWish("the body is not valid JSON") from None
    if not isinstance(wish, dict):
        raise BadWish("the body must be a JSON object")
    return wish


def control_routes(sandbox: "Sandbox") -> list[web.RouteDef]:
    """Return the shared routes below /control."""
    control = _Control(sandbox)
    return [
        web.get("/control/health", control.health),
        web.post("/control/reset", control.reset),
        web.post("/control/faults", control.add_fault),
        web.get("/control/faults", control.list_faults),
        web.delete("/control/faults", control.clear_faults),
        web.get("/control/requests", control.list_requests),
        web.delete("/control/requests", control.clear_requests),
        web.get("/control/money", control.money),
        web.get("/control/webhooks", control.list_webhooks),
        web.get("/control/webhooks/idle", control.idle),
        web.post("/control/webhooks/flush", control.flush),
        web.post("/control/webhooks/send", control.send),
        web.post("/control/webhooks/{id}/resend", control.resend),
        web.get("/control/settlements", control.list_settlements),
        web.post("/control/bank/credit", control.credit),
        web.post("/control/bank/statement", control.statement),
        web.post("/control/{gateway}/settle", control.settle),
    ]


class _Control:
    def __init__(self, sandbox: "Sandbox") -> None:
        self._sandbox = sandbox

    async def health(self, _: web.Request) -> web.Response:
        named = {slug: sorted(processor.operations) for slug, processor in sorted(self._sandbox.processors.items())}
        return web.json_response({"status": "ok", "gateways": list(named), "operations": named})

    async def reset(self, _: web.Request) -> web.Response:
        self._sandbox.reset()
        return web.json_response({"status": "ok"})

    async def add_fault(self, request: web.Request) -> web.Response:
        operations = {slug: processor.operations for slug, processor in self._sandbox.processors.items()}
        try:
            fault = self._sandbox.faults.add(await read_wish(request), operations=operations)
        except BadFault as error:
            raise BadWish(str(error)) from error
        return web.json_response(fault.shown(), status=201)

    async def list_faults(self, _: web.Request) -> web.Response:
        return web.json_response({"faults": self._sandbox.faults.shown()})

    async def clear_faults(self, _: web.Request) -> web.Response:
        self._sandbox.faults.clear()
        return web.json_response({"faults": []})

    async def list_requests(self, request: web.Request) -> web.Response:
        entries = self._sandbox.log.entries(request.query.get("gateway"))
        operation = request.query.get("operation")
        return web.json_response({"requests": [row for row in entries if operation in (None, row["operation"])]})

    async def clear_requests(self, _: web.Request) -> web.Response:
        self._sandbox.log.clear()
        return web.json_response({"requests": []})

    async def money(self, _: web.Request) -> web.Response:
        return web.json_response({"money": [row for one in self._sandbox.processors.values() for row in one.money()]})

    async def list_webhooks(self, request: web.Request) -> web.Response:
        rows = self._sandbox.courier.shown(status=request.query.get("status"), event=request.query.get("event"))
        return web.json_response({"webhooks": rows})

    async def idle(self, _: web.Request) -> web.Response:
        return web.json_response({"pending": self._sandbox.courier.pending_count()})

    async def flush(self, request: web.Request) -> web.Response:
        wish = await read_wish(request)
        return web.json_response(await self._sandbox.courier.flush(lost=bool(wish.get("lost", False))))

    async def send(self, request: web.Request) -> web.Response:
        wish = await read_wish(request)
        gateway = str(wish.pop("gateway", ""))
        processor = self._sandbox.processors.get(gateway)
        if processor is None:
            raise BadWish(f"there is no gateway {gateway!r}")
        account, event, item = processor.compose(wish.get("item", wish))
        delivery = await self._sandbox.courier.send(gateway=gateway, account=account, event=event, item=item)
        return web.json_response(delivery, status=201)

    async def resend(self, request: web.Request) -> web.Response:
        delivery = await self._sandbox.courier.resend(request.match_info["id"])
        if delivery is None:
            raise BadWish("there is no such webhook", status=404)
        return web.json_response(delivery)

    async def settle(self, request: web.Request) -> web.Response:
        wish, gateway = await read_wish(request), request.match_info["gateway"]
        desk: Settlement | None = getattr(self._sandbox.processors.get(gateway), "settlement", None)
        if desk is None:
            raise BadWish(f"there is no gateway {gateway!r} that settles", status=404)
        origin = f"{request.scheme}://{request.host}"
        try:
            batches = settle(self._sandbox.store, desk, wish, origin=origin)
        except CannotSettle as error:
            raise BadWish(str(error), status=422) from error
        finally:
            self._sandbox.store.save()
        return web.json_response({"batches": batches}, status=201)

    async def list_settlements(self, _: web.Request) -> web.Response:
        return web.json_response({"batches": list(self._sandbox.store.all(BATCHES).values())})

    async def credit(self, request: web.Request) -> web.Response:
        try:
            line = bank.credit(self._sandbox.store, await read_wish(request))
        except CannotSettle as error:
            raise BadWish(str(error), status=422) from error
        self._sandbox.store.save()
        return web.json_response(line, status=201)

    async def statement(self, _: web.Request) -> web.Response:
        told = bank.statement(self._sandbox.store)
        self._sandbox.store.save()
        return web.json_response({"fileName": told.file_name, "content": told.content}, status=201)

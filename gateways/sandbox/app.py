"""The application: the shared machinery and the processors that live on it."""

import pkgutil
from collections.abc import Callable, Sequence
from importlib import import_module

from aiohttp import web

import gateways.sandbox
from gateways.sandbox.config import Config
from gateways.sandbox.control import control_routes, reply_in_json
from gateways.sandbox.faults import FaultBook
from gateways.sandbox.pages import FRAME_SCRIPT
from gateways.sandbox.processor import Processor
from gateways.sandbox.requestlog import RequestLog
from gateways.sandbox.store import Store
from gateways.sandbox.vendor_scripts import frame_script
from gateways.sandbox.webhooks import Courier

# Larger bodies are refused; the longest that a processor documents is an encrypted card of 40,000 characters.
BODY_LIMIT = 1024 * 1024


class Sandbox:
    """Everything the processors share: state, faults, the request log and the courier of webhooks.

    `further` names modules of processors that live elsewhere.
    """

    def __init__(self, config: Config, store: Store, *, further: Sequence[str] = ()) -> None:
        self.config = config
        self.store = store
        self.faults = FaultBook()
        self.log = RequestLog()
        self.courier = Courier(
            store,
            self.faults,
            retry_scale=config.webhook_retry_scale,
            delay_seconds=config.webhook_delay_seconds,
        )
        self.processors: dict[str, Processor] = {}
        for build in processor_builders(further):
            processor = build(self)
            self.processors[processor.slug] = processor
        self.courier.processors = self.processors
        store.save()

    def reset(self) -> None:
        """Forget everything but the accounts."""
        self.courier.stop()
        self.faults.clear()
        self.log.clear()
        kept = frozenset[str]().union(*(processor.account_kinds for processor in self.processors.values()))
        self.store.clear(keep=kept)
        self.store.save()


def processor_builders(further: Sequence[str] = ()) -> list[Callable[[Sandbox], Processor]]:
    """Return what builds each stand-in processor: `build` in the module `processor` of every package here, and in
    `further` modules.
    """
    found = [
        f"{gateways.sandbox.__name__}.{package.name}.processor"
        for package in pkgutil.iter_modules(gateways.sandbox.__path__)
        if package.ispkg
    ]
    return [import_module(name).build for name in (*found, *further)]


def build_application(sandbox: Sandbox) -> web.Application:
    """Put the routes of the control API and of every processor together."""
    application = web.Application(client_max_size=BODY_LIMIT, middlewares=[reply_in_json])
    application.add_routes(control_routes(sandbox))
    application.add_routes([web.get(FRAME_SCRIPT, frame_script)])
    for processor in sandbox.processors.values():
        application.add_routes(processor.routes())

    async def start(_: web.Application) -> None:
        await sandbox.courier.start()

    async def stop(_: web.Application) -> None:
        await sandbox.courier.close()

    application.on_startup.append(start)
    application.on_shutdown.append(stop)
    return application

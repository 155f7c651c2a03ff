"""The command: `python -m gateways.sandbox --port 8100 --config sandbox.json`."""

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from aiohttp import web

from gateways.sandbox.app import Sandbox, build_application
from gateways.sandbox.config import BadConfig, Config, load_config
from gateways.sandbox.store import Store

PRODUCTION_NAMES = frozenset({"production", "prod", "live"})


def main() -> int:
    """Run the sandbox until SIGTERM or SIGINT, and return the exit code."""
    arguments = _parser().parse_args()
    reason = production_reason(os.environ)
    if reason:
        print(f"The sandbox answers for real processors and must not run in production: {reason}.", file=sys.stderr)
        return 2
    try:
        config = load_config(arguments.config, retry_scale=arguments.webhook_retry_scale)
    except BadConfig as error:
        print(f"The sandbox cannot start: {error}", file=sys.stderr)
        return 2
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
    serving = _serve(
        config, host=arguments.host, port=arguments.port, state=arguments.state, further=arguments.processor
    )
    return asyncio.run(serving)


def production_reason(environment: Mapping[str, str]) -> str | None:
    """Say which variable marks this as a production environment, or return None."""
    if environment.get("DJANGO_SETTINGS_MODULE", "").lower().endswith("production"):
        return f"DJANGO_SETTINGS_MODULE is {environment['DJANGO_SETTINGS_MODULE']}"
    for name in ("DJANGO_ENV", "ENVIRONMENT"):
        if environment.get(name, "").strip().lower() in PRODUCTION_NAMES:
            return f"{name} is {environment[name]}"
    return None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m gateways.sandbox", description="Stand-in card processors.")
    parser.add_argument("--port", type=int, default=8100, help="0 takes a free port")
    parser.add_argument("--host", default="127.0.0.1", help="loopback unless told otherwise")
    parser.add_argument("--config", type=Path, help="JSON file with the accounts")
    parser.add_argument("--state", type=Path, help="SQLite file that keeps the state over a restart")
    parser.add_argument("--webhook-retry-scale", type=float, help="multiplies the waits between webhook attempts")
    parser.add_argument(
        "--processor", action="append", default=[], metavar="MODULE", help="a further processor, by its module"
    )
    return parser


async def _serve(config: Config, *, host: str, port: int, state: Path | None, further: Sequence[str]) -> int:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    store = Store(state)
    try:
        sandbox = Sandbox(config, store, further=further)
    except BadConfig as error:
        print(f"The sandbox cannot start: {error}", file=sys.stderr)
        return 2
    # Hung and slow requests are cut off: whoever ends the sandbox has no use for their answers.
    runner = web.AppRunner(build_application(sandbox), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port, backlog=512)
        await site.start()
    except OSError as error:
        print(f"The sandbox cannot listen on {host}:{port}: {error.strerror or error}", file=sys.stderr)
        await runner.cleanup()
        store.close()
        return 2
    bound = runner.addresses[0]
    shown_host = f"[{bound[0]}]" if ":" in bound[0] else bound[0]
    print(f"sandbox ready on http://{shown_host}:{bound[1]}", flush=True)
    await stopping.wait()
    await runner.cleanup()
    store.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())

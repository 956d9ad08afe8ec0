"""Listeners: where the tenant can be reached, and what it says when it can."""

import asyncio
import gc
import ipaddress
import json
import signal
import ssl
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from tests.tenant.app import create_app
from tests.tenant.config import Config
from tests.tenant.errors import ConfigError
from tests.tenant.keys import Keys
from tests.tenant.node import ActionRunner
from tests.tenant.tls import server_context


@dataclass(frozen=True)
class Address:
    """Where to listen; port 0 is any free one."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> "Address":
        """HOST:PORT.

        Raises:
            ConfigError: it is something else.
        """
        host, _, port = text.rpartition(":")
        if not host or not port.isdecimal() or int(port) > 65535:
            raise ConfigError((f"{text} is not HOST:PORT",))
        return cls(host.strip("[]"), int(port))

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


@dataclass(frozen=True, kw_only=True)
class Listeners:
    """What the command line asked for."""

    http: Address | None
    https: Address | None
    ca_dir: Path | None
    allow_remote: bool = False

    def check(self) -> None:
        """Refuse to be reachable from elsewhere by accident.

        Raises:
            ConfigError: an address is not loopback, or https lacks its folder.
        """
        if self.https is not None and self.ca_dir is None:
            raise ConfigError(("--https needs --ca-dir",))
        remote = [address for address in (self.http, self.https) if address and not address.is_loopback]
        for address in remote:
            if not self.allow_remote:
                raise ConfigError((f"{address.host} is not loopback: --allow-remote would be needed",))
            _say(
                "tenant.warning", message=f"{address.host} can be reached from elsewhere: anybody can log in"
            )


async def serve(config: Config, listeners: Listeners, *, greet: Callable[[str], None] | None = None) -> None:
    """Serve until SIGTERM or SIGINT; prints one JSON line when everything listens, then `greet`s."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        runner = await stack.enter_async_context(ActionRunner(timeout=config.choices.action_timeout))
        await _report_broken_actions(config, runner)
        web_runner = web.AppRunner(
            create_app(config, runner=runner, keys=Keys()), access_log=None, shutdown_timeout=1
        )
        stack.push_async_callback(web_runner.cleanup)
        await web_runner.setup()
        ready = await _listen(web_runner, config, listeners)
        gc.freeze()  # what was imported lives as long as we do: to look through it holds up many requests
        _print_line({"event": "tenant.ready", **ready})
        if greet is not None:
            greet(ready.get("http") or ready["https"])
        await stop.wait()


async def _report_broken_actions(config: Config, runner: ActionRunner) -> None:
    for action in config.actions:
        fault = await runner.load(action)
        if fault is not None:
            _say("action.broken", action=action.name, message=str(fault), where=fault.where)


async def _listen(runner: web.AppRunner, config: Config, listeners: Listeners) -> dict[str, str]:
    ready: dict[str, str] = {}
    if listeners.http is not None:
        port = await _open(runner, listeners.http)
        ready["http"] = f"http://{_bracketed(listeners.http.host)}:{port}"
    if listeners.https is not None and listeners.ca_dir is not None:
        host = listeners.https.host
        names = tuple(domain.partition(":")[0] for domain in config.custom_domains)
        hosts = tuple(dict.fromkeys(("localhost", "127.0.0.1", host, *names)))
        port = await _open(runner, listeners.https, context=server_context(listeners.ca_dir, hosts=hosts))
        shown = "localhost" if host in {"127.0.0.1", "::1"} else _bracketed(host)
        ready["https"] = f"https://{shown}:{port}"
        ready["ca"] = str((listeners.ca_dir / "ca.pem").resolve())
    return ready


async def _open(runner: web.AppRunner, address: Address, *, context: ssl.SSLContext | None = None) -> int:
    before = len(runner.addresses)
    try:
        await web.TCPSite(runner, address.host, address.port, ssl_context=context).start()
    except OSError as exc:
        raise ConfigError((f"cannot listen on {address.host}:{address.port}: {exc.strerror}",)) from exc
    return int(runner.addresses[before][1])


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _say(event: str, **fields: str | None) -> None:
    sys.stderr.write(json.dumps({"event": event, **fields}) + "\n")


def _print_line(line: dict[str, str]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()

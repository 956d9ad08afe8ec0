"""`./dev up`: the local stack, or its servers alone, until Ctrl-C or SIGTERM."""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from shlex import quote
from typing import Any

from tests.support.broker_definitions import ADMIN, VHOST
from tests.support.databases import Databases
from tests.support.deeds import STEPS
from tests.support.errors import ProcessFailedError, SupportError
from tests.support.interrupts import interruptible
from tests.support.local import DATABASE, local_stack
from tests.support.run_folder import RunFolder, claim_run_folder
from tests.support.servers import TEST_VHOSTS, Servers, start_servers
from tests.support.stack import SERVICES, Stack
from tests.support.steps_option import clicked_tenant, steps_of
from tests.support.waiting import run_alone
from tests.support.watch import watching


def main(arguments: list[str]) -> int:
    """Keep the stack up; 0 after Ctrl-C or SIGTERM, 1 if something did not start or did not stay."""
    options = _parser().parse_args(arguments)
    say = _keep_quiet if options.json else _say
    with interruptible():
        try:
            if options.only:
                _keep_servers(as_json=options.json)
            else:
                with local_stack("up", say=say, tenant=clicked_tenant(options.steps)) as stack:
                    _write_environments(stack)
                    _announce(stack, as_json=options.json)
                    if options.watch:
                        outputs = {service: stack.processes[service].output for service in SERVICES}
                        with watching(outputs) as watch:
                            _stay(stack.folder, tick=watch.look)
                    else:
                        _stay(stack.folder)
        except SupportError as exc:
            sys.stderr.write(f"./dev up failed: {exc}\n")
            if isinstance(exc, ProcessFailedError):
                sys.stderr.writelines(f"  | {line}\n" for line in exc.last_lines)
            return 1
        except KeyboardInterrupt:
            say("Everything is stopped.")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./dev up", description="Keep a local stack running.")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--only", choices=["servers"], help="PostgreSQL and RabbitMQ alone")
    what.add_argument("--watch", action="store_true", help="show logins as they happen, from the logs")
    parser.add_argument("--json", action="store_true", help="one JSON line when it is ready")
    parser.add_argument(
        "--steps", type=steps_of, default=("idproof",), help=f"what is asked for: any of {', '.join(STEPS)}"
    )
    return parser


@contextmanager
def _servers() -> Iterator[tuple[RunFolder, Servers]]:
    """Both servers with an empty database for the services, and virtual hosts for tests."""
    with claim_run_folder("up") as folder:
        servers = start_servers(folder, vhosts=(VHOST, *TEST_VHOSTS), metrics=True)
        run_alone(Databases.on(servers.postgres, servers.secrets).ensure(DATABASE))
        servers.describe(folder.path)
        yield folder, servers


def _keep_servers(*, as_json: bool) -> None:
    with _servers() as (folder, servers):
        database, amqp = servers.postgres.dsn(DATABASE), servers.rabbitmq.url(ADMIN)
        if as_json:
            _say(json.dumps({"event": "up.ready", "database": database, "amqp": amqp}))
        else:
            _say(
                "PostgreSQL and RabbitMQ are up.\n\n"
                f"  Database   {database}\n"
                f"  AMQP       {amqp}\n"
                f"  For tests  WAYSTATION_SERVERS={folder.path}\n\n"
                "Ctrl-C stops them."
            )
        _stay(folder)


def _write_environments(stack: Stack) -> None:
    """What the `waystation` command reads, as files that a shell takes in."""
    folder = stack.folder.path / "env"
    folder.mkdir(exist_ok=True)
    for service in SERVICES:
        path = folder / f"{service}.sh"
        path.touch(mode=0o600)
        variables = stack.service_environment(service).items()
        path.write_text("".join(f"export {name}={quote(value)}\n" for name, value in variables))


def _announce(stack: Stack, *, as_json: bool) -> None:
    ready = {
        "event": "up.ready",
        "tenant": stack.origins.tenant,
        "gateway": stack.origins.gateway,
        "app": stack.origins.app,
        "mails": stack.mails,
        "admin": stack.admin,
        "database": stack.database.owner,
        "amqp": stack.amqp.admin,
        "tenants_file": str(stack.tenants_file),
    }
    _say(json.dumps(ready) if as_json else _prose(stack, ready))


def _prose(stack: Stack, ready: dict[str, Any]) -> str:
    person = stack.tenant.person
    first, second = person.mrz()
    health = "\n".join(
        f"  {service:<14} {url}/readyz, process {stack.processes[service].pid}"
        for service, url in stack.admin.items()
    )
    return f"""Waystation is up.

  Open           {ready["app"]}
  Log in as      {person.email}
  Password       {person.password}
  Then type      {first}
                 {second}

  Mails          {ready["mails"]}
  Tenant         {ready["tenant"]}/__control/
{health}
  Database       {ready["database"]}
  AMQP           {ready["amqp"]}
  Tenants file   {ready["tenants_file"]}
  Logs           {stack.folder.logs}
  For operators  . {stack.folder.path}/env/proofing.sh && .venv/bin/waystation reviews list

Ctrl-C stops all of it."""


def _stay(folder: RunFolder, *, tick: Callable[[], None] = lambda: None) -> None:
    """Return never: an interrupt ends it, or a process that did."""
    while True:
        if ended := folder.ended():
            raise ProcessFailedError(
                f"{ended.name} ended with exit code {ended.exit_code} (its output: {ended.output})",
                last_lines=ended.last_lines(),
            )
        tick()
        time.sleep(0.5)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _keep_quiet(_text: str) -> None:
    """Leave stdout to the one JSON line."""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

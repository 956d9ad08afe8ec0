"""The command line: a tenant from a file, or around somebody's Actions.

`python -m tests.tenant --config tenant.yaml [--http HOST:PORT] [--https HOST:PORT --ca-dir DIR]`
`python -m tests.tenant --action PATH --secret NAME=VALUE`
"""

import argparse
import asyncio
import os
import sys
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

from tests.tenant.config import Config, load_config
from tests.tenant.errors import ConfigError, NodeBrokenError, NodeMissingError
from tests.tenant.server import Address, Listeners, serve
from tests.tenant.settings import parse_settings, settings_of_environment
from tests.tenant.trial import PERSON, trial_config


def main(arguments: list[str]) -> int:
    """Run the tenant; 2 means that it never started, with the reasons on stderr."""
    options = _parser().parse_args(arguments)
    try:
        config = replace(_config(options), control_from=tuple(options.control_from))
        listeners = _listeners(options)
        listeners.check()
        asyncio.run(serve(config, listeners, greet=_greet if options.action else None))
    except ConfigError as exc:
        sys.stderr.write("".join(f"{mistake}\n" for mistake in exc.mistakes))
        return 2
    except (NodeMissingError, NodeBrokenError) as exc:
        sys.stderr.write(f"{exc}\n")
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.tenant", description="A local stand-in for an Auth0 tenant."
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--config", type=Path, metavar="FILE", help="the tenant file")
    what.add_argument(
        "--action",
        type=Path,
        action="append",
        metavar="PATH",
        help="the code of an Action, for a tenant without a file; again for more, in trigger order",
    )
    _add_listeners(parser)
    parser.add_argument(
        "--secret",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a secret of every --action; as often as needed",
    )
    parser.add_argument(
        "--setting",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a row of the table of unverified choices; wins over the tenant file",
    )
    return parser


def _add_listeners(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--http", metavar="HOST:PORT", help="plain listener; port 0 is any free one")
    parser.add_argument("--https", metavar="HOST:PORT", help="TLS listener with a local CA")
    parser.add_argument(
        "--ca-dir", type=Path, metavar="DIR", help="where the local CA is kept; made at first use"
    )
    parser.add_argument(
        "--allow-remote", action="store_true", help="listen on an address that is not loopback"
    )
    parser.add_argument(
        "--control-from",
        type=ip_network,
        action="append",
        default=[],
        metavar="NETWORK",
        help="who may come near the control plane besides this machine, such as 172.16.0.0/12",
    )


def _config(options: argparse.Namespace) -> Config:
    defaults = settings_of_environment(os.environ)
    overrides = parse_settings(options.setting, where="--setting")
    if options.action:
        return trial_config(options.action, secrets=options.secret, defaults=defaults, overrides=overrides)
    if options.secret:
        raise ConfigError(("--secret goes with --action; the tenant file has secrets of its own",))
    return load_config(options.config, defaults=defaults, overrides=overrides)


def _listeners(options: argparse.Namespace) -> Listeners:
    http = options.http if options.http or options.https else "127.0.0.1:0"
    return Listeners(
        http=Address.parse(http) if http else None,
        https=Address.parse(options.https) if options.https else None,
        ca_dir=options.ca_dir,
        allow_remote=options.allow_remote,
    )


def _greet(origin: str) -> None:
    """Where a person goes on; the line for programs is on stdout."""
    sys.stderr.write(
        f"Open {origin}/__control/ and begin a login as {PERSON['email']}, password {PERSON['password']}\n"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""`python -m tests.tenant --config tenant.yaml [--http HOST:PORT] [--https HOST:PORT --ca-dir DIR]`."""

import argparse
import asyncio
import sys
from pathlib import Path

from tests.tenant.config import load_config
from tests.tenant.errors import ConfigError, NodeBrokenError, NodeMissingError
from tests.tenant.server import Address, Listeners, serve


def main(arguments: list[str]) -> int:
    """Run the tenant; 2 means that it never started, with the reasons on stderr."""
    options = _parser().parse_args(arguments)
    try:
        config = load_config(options.config)
        listeners = _listeners(options)
        listeners.check()
        asyncio.run(serve(config, listeners))
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
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="the tenant file")
    parser.add_argument("--http", metavar="HOST:PORT", help="plain listener; port 0 is any free one")
    parser.add_argument("--https", metavar="HOST:PORT", help="TLS listener with a local CA")
    parser.add_argument(
        "--ca-dir", type=Path, metavar="DIR", help="where the local CA is kept; made at first use"
    )
    parser.add_argument(
        "--allow-remote", action="store_true", help="listen on an address that is not loopback"
    )
    return parser


def _listeners(options: argparse.Namespace) -> Listeners:
    http = options.http if options.http or options.https else "127.0.0.1:0"
    return Listeners(
        http=Address.parse(http) if http else None,
        https=Address.parse(options.https) if options.https else None,
        ca_dir=options.ca_dir,
        allow_remote=options.allow_remote,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

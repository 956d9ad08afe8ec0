"""`python -m tests.mail`: take mails and show them until SIGTERM; one JSON line on stdout when it does."""

import argparse
import asyncio
import json
import signal
import sys
from functools import partial

from aiohttp import web
from aiosmtpd.smtp import SMTP

from tests.mail.app import create_app
from tests.mail.kept import Kept

_LOOPBACK = "127."


async def serve(*, smtp: tuple[str, int], http: tuple[str, int]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    kept = Kept()
    takes_mail = partial(SMTP, kept, hostname="localhost", enable_SMTPUTF8=True)
    runner = web.AppRunner(create_app(kept), access_log=None, shutdown_timeout=2)
    await runner.setup()
    try:
        async with await loop.create_server(takes_mail, *smtp) as server:
            await web.TCPSite(runner, *http).start()
            places = (server.sockets[0].getsockname(), runner.addresses[0])
            smtp_at, http_at = (f"{host}:{port}" for host, port in places)
            ready = {"event": "mail.ready", "smtp": smtp_at, "http": f"http://{http_at}"}
            sys.stdout.write(json.dumps(ready) + "\n")
            sys.stdout.flush()
            await stop.wait()
    finally:
        await runner.cleanup()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mail", description="A local mail server.")
    parser.add_argument("--smtp", type=_address, default=_address("127.0.0.1:0"), metavar="HOST:PORT")
    parser.add_argument("--http", type=_address, default=_address("127.0.0.1:0"), metavar="HOST:PORT")
    parser.add_argument(
        "--allow-remote", action="store_true", help="listen on addresses that are not loopback"
    )
    options = parser.parse_args()
    for host, _ in (options.smtp, options.http):
        if not host.startswith(_LOOPBACK) and not options.allow_remote:
            parser.error(f"{host} is not 127.x.y.z: the mails are for nobody else")
    asyncio.run(serve(smtp=options.smtp, http=options.http))
    return 0


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal():
        raise argparse.ArgumentTypeError("must be HOST:PORT")
    return host, int(port)


if __name__ == "__main__":
    sys.exit(main())

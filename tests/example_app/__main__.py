"""`python -m tests.example_app`: serve until SIGTERM; one JSON line on stdout when it does."""

import asyncio
import json
import os
import signal
import sys

from aiohttp import web

from tests.example_app.app import create_app
from tests.example_app.errors import SettingsError
from tests.example_app.openid import OpenID
from tests.example_app.sessions import Sessions
from tests.example_app.settings import Settings


async def serve(settings: Settings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    app = create_app(
        openid=OpenID(settings), sessions=Sessions(secure=settings.base_url.startswith("https://"))
    )
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=2)
    await runner.setup()
    try:
        await web.TCPSite(runner, settings.host, settings.port).start()
        sys.stdout.write(json.dumps({"event": "app.ready", "url": settings.base_url}) + "\n")
        sys.stdout.flush()
        await stop.wait()
    finally:
        await runner.cleanup()


def main() -> int:
    try:
        settings = Settings.from_env(os.environ)
    except SettingsError as exc:
        sys.stderr.write(f"{exc}\n")
        return 2
    asyncio.run(serve(settings))
    return 0


if __name__ == "__main__":
    sys.exit(main())

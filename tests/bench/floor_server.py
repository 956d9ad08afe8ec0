"""The least that answers a PATCH: aiohttp, one route, a body of fixed bytes. `floor_server BYTES`."""

import asyncio
import json
import signal
import sys

from aiohttp import web


async def _serve(size: int) -> None:
    async def answer(request: web.Request) -> web.Response:
        json.loads(await request.read())
        return web.json_response(text=body)

    body = json.dumps("x" * max(0, size - 2))
    app = web.Application()
    app.router.add_patch("/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    sys.stdout.write(json.dumps({"http": f"http://127.0.0.1:{runner.addresses[0][1]}"}) + "\n")
    sys.stdout.flush()
    await stop.wait()
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))

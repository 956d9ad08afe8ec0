"""auth0-python's asynchronous client, asyncio.gather, and aiolimiter for the rate."""

import asyncio
import time

from aiolimiter import AsyncLimiter
from auth0.management import AsyncAuth0
from auth0.management.core.api_error import ApiError

from tests.bench.peers.replay import API, RATE, TOKEN, Update, updates, wait_for_start


async def main() -> None:
    client = AsyncAuth0(base_url=API, token=TOKEN)
    limiter = AsyncLimiter(RATE, 1)
    arriving = updates()
    start = wait_for_start()

    async def write(update: Update) -> None:
        await asyncio.sleep(max(0.0, start + update.at - time.time()))
        async with limiter:
            try:
                await client.users.update(update.user_id, **update.changes)
            except ApiError as exc:
                print(f"given up: {exc.status_code}")

    await asyncio.gather(*map(write, arriving))


if __name__ == "__main__":
    asyncio.run(main())

"""A taskiq task that tenacity repeats after a 429; `python -m` sends the updates as tasks."""

import asyncio
import os
import time
from typing import Any

from auth0.management import AsyncAuth0
from auth0.management.errors import TooManyRequestsError
from taskiq_aio_pika import AioPikaBroker
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from tests.bench.peers.replay import API, TOKEN, updates, wait_for_start

broker = AioPikaBroker(os.environ["BROKER"])
client = AsyncAuth0(base_url=API, token=TOKEN)


async def _write(user_id: str, changes: dict[str, Any]) -> None:
    async for attempt in AsyncRetrying(
        retry=retry_if_exception_type(TooManyRequestsError),
        wait=wait_random_exponential(max=10),
        stop=stop_after_attempt(10),
    ):
        with attempt:
            await client.users.update(user_id, **changes, request_options={"max_retries": 0})


write = broker.task(task_name="write")(_write)


async def main() -> None:
    arriving = updates()
    await broker.startup()
    start = wait_for_start()
    for update in arriving:
        await asyncio.sleep(max(0.0, start + update.at - time.time()))
        await write.kiq(update.user_id, update.changes)
    await broker.shutdown()


if __name__ == "__main__":
    asyncio.run(main())

"""A Celery task with `rate_limit`, which holds for each worker; `python -m` sends the updates as tasks."""

import os
from typing import Any

from auth0.management import Auth0
from celery import Celery

from tests.bench.peers.replay import API, RATE, TOKEN, as_they_arrive

app = Celery("peer", broker=os.environ["BROKER"])
app.conf.update(task_ignore_result=True, broker_connection_retry_on_startup=True)
client = Auth0(base_url=API, token=TOKEN)


def _write(user_id: str, changes: dict[str, Any]) -> None:
    client.users.update(user_id, **changes)


write = app.task(_write, name="write", rate_limit=f"{RATE}/s")


def main() -> None:
    for update in as_they_arrive():
        app.send_task("write", (update.user_id, update.changes))


if __name__ == "__main__":
    main()

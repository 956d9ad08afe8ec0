"""The database of one service, as a command of `waystation` opens it."""

from contextlib import AbstractAsyncContextManager

from common.db import Database, open_database


def open_for_command(url: str, *, schema: str, production: bool) -> AbstractAsyncContextManager[Database]:
    """A small pool that sees the rows of every tenant; raises what `open_database` does."""
    return open_database(
        url,
        schema=schema,
        application_name="waystation",
        production=production,
        pool_size=2,
        all_tenants=True,
    )

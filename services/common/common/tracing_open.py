"""Exports traces where a collector is named; else nothing is loaded, and no thread is begun."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from common.settings import DEVELOPMENT, PRODUCTION
from common.tracing_settings import TracingSettings


@asynccontextmanager
async def open_tracing(
    settings: TracingSettings | None, *, service: str, production: bool
) -> AsyncIterator[None]:
    """Enter it first, so that what is told last of all can still be sent."""
    if settings is None:
        yield
        return
    from common.tracing_export import exporting  # noqa: PLC0415 - its packages may not be there

    environment = PRODUCTION if production else DEVELOPMENT
    async with exporting(settings, service=service, environment=environment):
        yield

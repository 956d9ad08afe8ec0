"""The tenants file of a running service: read again when it, or a secret that it names, changes."""

import asyncio
import signal
from collections.abc import Set as AbstractSet
from datetime import timedelta
from pathlib import Path

import structlog

from common.loops import pause
from common.metrics import TENANTS
from common.tenant_secrets import ALL_PARTS, Reading, TenantPart, stamp
from common.tenants import Tenants, TenantsFileError, read_tenants

log = structlog.stdlib.get_logger()


class TenantsWatcher:
    """Holds the newest good reading; a bad one is logged once and changes nothing.

    Raises:
        TenantsFileError: the first reading is bad, so there is nothing to fall back on.
    """

    def __init__(
        self,
        path: Path,
        *,
        production: bool,
        parts: AbstractSet[TenantPart] = ALL_PARTS,
        can_mail: bool = True,
        can_call: bool = True,
    ) -> None:
        self._path = path
        self._production = production
        self._parts = parts
        self._can_mail = can_mail
        self._can_call = can_call
        self._current = self._read()

    @property
    def current(self) -> Tenants:
        return self._current

    async def watch(self, stop: asyncio.Event, *, interval: timedelta = timedelta(seconds=5)) -> None:
        """Look for changes now, every `interval`, and at once on SIGHUP, until `stop` is set."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self.refresh)
        while not stop.is_set():
            self.refresh()
            await pause(stop, seconds=interval.total_seconds())

    def refresh(self) -> None:
        """Read again if any of the files is not what it was."""
        if all(stamp(path) == seen for path, seen in self._stamps.items()):
            return
        try:
            self._current = self._read()
        except TenantsFileError as exc:
            log.warning("tenants.reload_refused", mistakes=exc.mistakes)
        else:
            log.info("tenants.reloaded", tenants=len(self._current))

    def _read(self) -> Tenants:
        reading = Reading(
            production=self._production,
            parts=self._parts,
            can_mail=self._can_mail,
            can_call=self._can_call,
        )
        # Also after a bad reading: it is tried again when something changes, not every interval.
        self._stamps = reading.stamps
        tenants = read_tenants(self._path, reading)
        TENANTS.know(tenant.key for tenant in tenants)
        return tenants

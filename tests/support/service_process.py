"""A service as a process of its own, on real servers."""

import json
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import Any

from tests.support.processes import Process
from tests.support.run_folder import RunFolder
from tests.support.waiting import wait_until

_READY_SECONDS, _LINE_SECONDS = 20.0, 30.0


@dataclass
class ServiceProcess:
    """Processes of one service that a test starts, ends and starts again; `service` is its name in logs."""

    service: str
    folder: RunFolder
    environment: dict[str, str]
    processes: list[Process] = field(default_factory=list)

    def start(self) -> Process:
        process = self.launch()
        process.block_until_ready(lambda: self.readiness() == 200, _READY_SECONDS)
        return process

    def launch(self, **changes: str) -> Process:
        """Start one without waiting for it; `changes` are laid over its environment."""
        argv = [sys.executable, "-m", self.service.replace("-", "_")]
        name = f"{self.service}-{len(self.processes)}"
        self.processes.append(self.folder.start(name, argv, env=self.environment | changes))
        return self.processes[-1]

    def readiness(self) -> int:
        """The status of /readyz; 0 while nobody answers."""
        url = f"http://{self.environment['ADMIN_LISTEN']}/readyz"
        try:
            with urllib.request.urlopen(url, timeout=1) as response:
                return int(response.status)
        except urllib.error.HTTPError as exc:
            return exc.code
        except (urllib.error.URLError, OSError):
            return 0

    def output(self) -> str:
        """What the last process wrote."""
        return self.processes[-1].output.read_text()

    async def says(self, event: str) -> dict[str, Any]:
        """The last process's first line of this event, once it has written it."""

        def line() -> dict[str, Any] | None:
            whole = self.output().rpartition("\n")[0].splitlines()
            return next((line for text in whole if (line := json.loads(text))["event"] == event), None)

        found = await wait_until(line, _LINE_SECONDS, what=f"the line {event}")
        assert found is not None
        return found

    def lines(self) -> list[dict[str, Any]]:
        """Every log line of the last process."""
        return [json.loads(line) for line in self.output().splitlines()]

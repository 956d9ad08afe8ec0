"""A private Prometheus that scrapes a running stack, and promtool."""

import json
import shutil
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Self

import yaml

from tests.support.errors import MissingToolError
from tests.support.ports import free_port
from tests.support.processes import Process
from tests.support.run_folder import RunFolder

_HOST = "127.0.0.1"
_START_SECONDS = 60.0
_SCRAPE_SECONDS = 1


@dataclass(frozen=True, kw_only=True)
class Target:
    """What is scraped: its name in the label `service_name`, its address, and where the figures are."""

    service: str
    address: str
    path: str = "/metrics"
    parameters: Mapping[str, list[str]] | None = None


@dataclass(frozen=True, kw_only=True)
class Prometheus:
    """A running server at `origin`."""

    origin: str
    process: Process

    @classmethod
    def start(cls, folder: RunFolder, targets: list[Target]) -> Self:
        """Scrape these every second from now on, until the folder is stopped.

        Raises:
            MissingToolError: Prometheus is not installed.
            ProcessFailedError: it did not come up.
        """
        home = folder.path / "prometheus"
        home.mkdir(exist_ok=True)
        configuration = home / "prometheus.yaml"
        configuration.write_text(yaml.safe_dump(_configuration(targets)))
        port = free_port()
        argv = [
            _program("prometheus"),
            f"--config.file={configuration}",
            f"--storage.tsdb.path={home / 'data'}",
            f"--web.listen-address={_HOST}:{port}",
            "--log.level=warn",
        ]
        process = folder.start("prometheus", argv, env={})
        server = cls(origin=f"http://{_HOST}:{port}", process=process)
        process.block_until_ready(server.is_ready, _START_SECONDS)
        return server

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.origin}/-/ready", timeout=5) as response:  # noqa: S310 - ours
                return bool(response.status == HTTPStatus.OK)
        except OSError:
            return False

    def query(self, expr: str, *, at: float | None = None) -> dict[frozenset[tuple[str, str]], float]:
        """The value of each series at that moment, or now.

        Raises:
            urllib.error.HTTPError: it is no query.
        """
        moment = {} if at is None else {"time": str(at)}
        found = self._ask("query", {"query": expr} | moment)
        return {frozenset(series["metric"].items()): float(series["value"][1]) for series in found["result"]}

    def scraped(self) -> dict[str, int]:
        """How often each service's figures were had."""
        up = self.query("sum by (service_name) (sum_over_time(up[1h]))")
        return {dict(labels)["service_name"]: round(value) for labels, value in up.items()}

    def _ask(self, what: str, parameters: Mapping[str, str]) -> dict[str, Any]:
        url = f"{self.origin}/api/v1/{what}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=30) as response:  # noqa: S310 - a loopback address of ours
            answer: dict[str, Any] = json.load(response)["data"]
        return answer


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """What it says of rules, configurations and tests of rules.

    Raises:
        MissingToolError: Prometheus is not installed.
    """
    return subprocess.run(
        [_program("promtool"), *arguments], capture_output=True, text=True, check=False, timeout=60
    )


def is_installed() -> bool:
    return shutil.which("prometheus") is not None and shutil.which("promtool") is not None


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise MissingToolError("Prometheus is not installed (Debian: apt-get install prometheus).")
    return found


def _configuration(targets: list[Target]) -> dict[str, Any]:
    jobs = [
        {
            "job_name": f"{target.service}-{number}",
            "metrics_path": target.path,
            "params": dict(target.parameters or {}),
            "static_configs": [
                {"targets": [target.address], "labels": {"service_name": target.service}},
            ],
        }
        for number, target in enumerate(targets)
    ]
    every = f"{_SCRAPE_SECONDS}s"
    return {"global": {"scrape_interval": every, "scrape_timeout": every}, "scrape_configs": jobs}

"""One Node process that calls the JavaScript clients for the tests."""

import json
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.support.node import NODE
from tests.support.processes import base_environment

_SCRIPTS = Path(__file__).with_name("scripts")


class ClientError(Exception):
    """A client threw; `fields` are name, message, code, error, description, status, body and cause."""

    def __init__(self, fields: dict[str, Any]) -> None:
        super().__init__(f"{fields.get('name')}: {fields.get('message')}")
        self.fields = fields

    def __getitem__(self, name: str) -> Any:
        return self.fields.get(name)


class NodeDriver:
    """Runs functions of `scripts/*.js`, with the packages of the lock file and the tenant's CA."""

    def __init__(self, packages: Path, *, ca: Path, output: Path) -> None:
        self._output = output.open("w")
        self._process = subprocess.Popen(
            [NODE, str(_SCRIPTS / "driver.js")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._output,
            text=True,
            env={**base_environment(), "NODE_PATH": str(packages), "NODE_EXTRA_CA_CERTS": str(ca)},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._process, self._output:
            if self._process.stdin is not None:
                self._process.stdin.close()
            self._process.wait(timeout=60)

    def call(self, script: str, call: str, **args: Any) -> Any:
        """Wait for what one function resolves to.

        Raises:
            ClientError: it threw.
        """
        if self._process.stdin is None or self._process.stdout is None:
            raise TypeError(self._process)
        message = {"id": 0, "script": f"{script}.js", "call": call, "args": args}
        self._process.stdin.write(json.dumps(message) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        if "error" in answer:
            raise ClientError(answer["error"])
        return answer["result"]

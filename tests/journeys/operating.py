"""`waystation …` as operators run it beside a running stack: a process with a service's settings."""

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import Any

from tests.journeys.world import World
from tests.support.log_checker import hear
from tests.support.stack import SERVICES, Stack


@dataclass(frozen=True, kw_only=True)
class Done:
    """How a command ended."""

    status: int
    output: str
    complaint: str

    @property
    def json(self) -> Any:
        return json.loads(self.output)


async def waystation(
    world: World, *arguments: str, service: str = "gateway", typed: str = "", **changes: str
) -> Done:
    """Run one command as that service's operator; `changes` are laid over its settings."""
    operator = world.stack.operator(service, **changes)
    process = await asyncio.create_subprocess_exec(
        *operator.argv,
        *arguments,
        env=operator.environment,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, complaint = await process.communicate(typed.encode())
    hear(complaint.decode())
    return Done(status=process.returncode or 0, output=output.decode(), complaint=complaint.decode())


def environment_files(stack: Stack, folder: Path) -> list[str]:
    """`--env FILE` for each service of a stack whose settings somebody has together."""
    options = []
    for service in SERVICES:
        path = folder / f"{service}.env"
        path.touch(mode=0o600)
        variables = stack.service_environment(service).items()
        path.write_text("".join(f"export {name}={quote(value)}\n" for name, value in variables))
        options += ["--env", str(path)]
    return options

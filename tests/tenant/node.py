"""The Node child that runs Action code, and what happens when an Action takes it down.

One child serves all logins. An execution that hangs is ended with its child; one that ends the child by
itself (process.exit, out of memory) is seen as end of file. Whoever else was running is innocent and runs
again: nothing an Action asks for takes effect before its handler has ended.
"""

import asyncio
import contextlib
import itertools
import json
import os
import shutil
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from tests.tenant.config import Action
from tests.tenant.errors import ActionFailedError, NodeBrokenError, NodeMissingError

_WORKER = Path(__file__).with_name("worker.js")
_MEMORY_MB = 256
_LINE_LIMIT = 16 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """What one execution asked for; `fault` is set when it threw."""

    commands: list[dict[str, Any]] = field(default_factory=list)
    validations: list[dict[str, Any]] = field(default_factory=list)
    metadata: dict[str, Any] = field(default_factory=dict)
    redirect: str | None = None
    console: str = ""
    missing: bool = False
    fault: ActionFailedError | None = None


class _ChildGoneError(Exception):
    """The child ended with `others` executions besides this one."""

    def __init__(self, *, others: int) -> None:
        super().__init__("the Action process ended")
        self.others = others


class _Child:
    """One running process; requests are matched to answers by id."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.loaded: set[str] = set()
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def start(cls, node: str) -> Self:
        """Spawn and wait for the first answer, so that no Action's limit pays for it."""
        process = await asyncio.create_subprocess_exec(
            node,
            f"--max-old-space-size={_MEMORY_MB}",
            str(_WORKER),
            stdin=PIPE,
            stdout=PIPE,
            limit=_LINE_LIMIT,
            env={"PATH": os.environ.get("PATH", "")},
        )
        child = cls(process)
        await child.ask({"op": "ping"})
        return child

    @property
    def alive(self) -> bool:
        return not self._reader.done()

    async def _read(self) -> None:
        try:
            await self._read_answers()
        finally:
            self._kill()
            await self.process.wait()
            await self._close_pipe()
            self._desert()

    async def _close_pipe(self) -> None:
        """A pipe that is still open when the event loop ends complains on stderr."""
        if self.process.stdin is not None:
            self.process.stdin.close()
            with contextlib.suppress(ConnectionError):
                await self.process.stdin.wait_closed()

    async def _read_answers(self) -> None:
        output = self.process.stdout
        while output is not None:
            try:
                line = await output.readline()
                answer = json.loads(line) if line else None
            except ValueError:  # an Action wrote to the pipe behind our back, or far too much
                return
            if answer is None:
                return
            future = self._waiting.get(answer["id"])
            if future is not None and not future.done():
                future.set_result(answer)

    def _desert(self) -> None:
        waiting = [future for future in self._waiting.values() if not future.done()]
        for future in waiting:
            future.set_exception(_ChildGoneError(others=len(waiting) - 1))

    async def ask(self, message: Mapping[str, Any]) -> dict[str, Any]:
        if not self.alive or self.process.stdin is None:
            raise _ChildGoneError(others=1)
        number = next(self._ids)
        future = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        try:
            self.process.stdin.write(json.dumps({"id": number, **message}).encode() + b"\n")
            return dict(await future)
        finally:
            del self._waiting[number]

    async def stop(self) -> None:
        self._kill()
        await self._reader

    def _kill(self) -> None:
        """End the process; Process.kill would also reap it, behind the back of asyncio's own watcher."""
        if self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.process.pid, signal.SIGKILL)


class ActionRunner:
    """Runs handlers of Actions; starts a new child whenever the old one is gone."""

    def __init__(self, *, timeout: float) -> None:
        node = shutil.which("node")
        if node is None:
            raise NodeMissingError
        self._node = node
        self._timeout = timeout
        self._child: _Child | None = None
        self._starting = asyncio.Lock()
        self._suspects = asyncio.Lock()

    async def __aenter__(self) -> Self:
        try:
            await self._ready_child()
        except _ChildGoneError as exc:
            raise NodeBrokenError from exc
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._child is not None:
            await self._child.stop()

    async def _ready_child(self) -> _Child:
        async with self._starting:
            if self._child is None or not self._child.alive:
                self._child = await _Child.start(self._node)
            return self._child

    async def load(self, action: Action) -> ActionFailedError | None:
        """Parse an Action and run its top level once; the fault is returned, not raised."""
        child = await self._ready_child()
        try:
            async with asyncio.timeout(self._timeout):
                answer = await self._load(child, action)
        except TimeoutError:
            await child.stop()
            return _too_long()
        except _ChildGoneError:
            return _crashed()
        return _fault(answer.get("error"))

    async def _load(self, child: _Child, action: Action) -> dict[str, Any]:
        child.loaded.add(_key(action))
        return await child.ask(
            {
                "op": "load",
                "key": _key(action),
                "code": action.code,
                "filename": action.filename,
                "directory": action.directory,
            }
        )

    async def run(
        self,
        action: Action,
        *,
        handler: str,
        event: dict[str, Any],
        context: dict[str, Any],
        limit: float | None = None,
    ) -> RunResult:
        """Execute one handler to its end, within `limit` seconds if that is less than what all have.

        Raises:
            ActionFailedError: it ran longer than its limit, or ended its process.
        """
        message = {"op": "run", "key": _key(action), "handler": handler, "event": event, "context": context}
        try:
            return await self._attempt(action, message, limit=limit)
        except _ChildGoneError as exc:
            if not exc.others:
                raise _crashed() from exc
        async with self._suspects:
            try:
                return await self._attempt(action, message, limit=limit)
            except _ChildGoneError as exc:
                raise _crashed() from exc

    async def _attempt(self, action: Action, message: dict[str, Any], *, limit: float | None) -> RunResult:
        child = await self._ready_child()
        try:
            async with asyncio.timeout(self._timeout if limit is None else min(self._timeout, limit)):
                if _key(action) not in child.loaded:
                    await self._load(child, action)
                answer = await child.ask(message)
        except TimeoutError as exc:
            await child.stop()
            raise _too_long() from exc
        return RunResult(
            commands=answer.get("commands", []),
            validations=answer.get("validations", []),
            metadata=answer.get("metadata", {}),
            redirect=answer.get("redirect"),
            console=answer.get("console", ""),
            missing=answer.get("missing", False),
            fault=_fault(answer.get("error")),
        )


def _key(action: Action) -> str:
    return f"{action.name}:{hash((action.code, action.filename, action.directory))}"


def _fault(error: dict[str, Any] | None) -> ActionFailedError | None:
    if error is None:
        return None
    return ActionFailedError(str(error["message"]), kind="action_error", where=error.get("where"))


def _too_long() -> ActionFailedError:
    return ActionFailedError("Script execution time exceeded", kind="action_timeout")


def _crashed() -> ActionFailedError:
    return ActionFailedError("The Action ended its process", kind="platform_error")

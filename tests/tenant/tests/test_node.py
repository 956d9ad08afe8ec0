"""Actions that take their process with them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.tenant.config import Action
from tests.tenant.errors import ActionFailedError, NodeMissingError
from tests.tenant.node import ActionRunner, RunResult

_CONTEXT = {
    "offset": 0,
    "nextState": "state",
    "issuer": None,
    "leeway": 0,
    "stateSource": "any",
    "dropCache": False,
    "consoleLimit": 256,
}


def _action(name: str, body: str) -> Action:
    code = f"exports.onExecutePostLogin = async (event, api) => {{ {body} }};"
    return Action(name=name, code=code, secrets={}, filename=f"/{name}.js", directory="/")


_GOOD = _action("good", "api.access.deny('fine');")
_SLOW = _action(
    "slow",
    "const { existsSync } = require('node:fs');"
    "while (!existsSync(event.gate)) await new Promise((done) => setTimeout(done, 10));"
    "api.access.deny('slow but fine');",
)


async def _run(runner: ActionRunner, action: Action, *, gate: Path | None = None) -> RunResult:
    """`gate` is a file for which a slow Action waits."""
    event: dict[str, Any] = {"transaction": {"metadata": {}}, "request": {}, "gate": str(gate)}
    return await runner.run(action, handler="onExecutePostLogin", event=event, context=_CONTEXT)


async def _runs_again(runner: ActionRunner) -> bool:
    """Whether a good Action runs, however long a busy machine may take to get to it."""
    async with asyncio.timeout(60):
        while True:
            with contextlib.suppress(ActionFailedError):
                return (await _run(runner, _GOOD)).commands == [{"type": "deny", "reason": "fine"}]


@pytest.fixture
async def runner() -> AsyncIterator[ActionRunner]:
    """A runner whose limit no honest Action reaches."""
    async with ActionRunner(timeout=60) as started:
        yield started


@pytest.mark.parametrize("body", ["for (;;);", "await new Promise(() => {});"])
async def test_hang(body: str) -> None:
    """An endless loop and a promise that never settles end at the limit; the next login runs."""
    async with ActionRunner(timeout=0.5) as runner:
        with pytest.raises(ActionFailedError, match="Script execution time exceeded") as caught:
            await _run(runner, _action("hang", body))
        assert caught.value.kind == "action_timeout"
        assert await _runs_again(runner)


@pytest.mark.parametrize(
    "body",
    ["process.exit(0);", "const all = []; for (;;) all.push(new Array(1e6).fill(all.length));"],
    ids=["exit", "memory"],
)
async def test_crash(runner: ActionRunner, body: str) -> None:
    """process.exit and a memory bomb end that login alone; the next one runs."""
    with pytest.raises(ActionFailedError, match="The Action ended its process") as caught:
        await _run(runner, _action("crash", body))
    assert caught.value.kind == "platform_error"
    assert (await _run(runner, _GOOD)).commands == [{"type": "deny", "reason": "fine"}]


async def test_others_survive_a_crash(runner: ActionRunner, tmp_path: Path) -> None:
    """Logins that run beside a crash are run again and end well."""
    gate = tmp_path / "gate"
    crash = _action("crash", "require('node:fs').writeFileSync(event.gate, ''); process.exit(1);")
    slow = asyncio.create_task(_run(runner, _SLOW, gate=gate))
    await _run(runner, _GOOD)
    with pytest.raises(ActionFailedError):
        await _run(runner, crash, gate=gate)
    assert (await slow).commands == [{"type": "deny", "reason": "slow but fine"}]


async def test_garbage_on_the_pipe(runner: ActionRunner) -> None:
    """An Action that writes to the protocol's pipe ends like one that crashed."""
    with pytest.raises(ActionFailedError, match="ended its process"):
        await _run(runner, _action("noise", "require('fs').writeSync(1, 'noise\\n');"))
    assert (await _run(runner, _GOOD)).fault is None


@pytest.mark.parametrize(
    ("code", "limit", "message"),
    [("for (;;);", 0.5, "time exceeded"), ("process.exit();", 60, "ended its")],
)
async def test_bad_top_level(code: str, limit: float, message: str) -> None:
    """A top level that hangs or exits is reported when it is loaded."""
    action = Action(name="top", code=code, secrets={}, filename="/t.js", directory="/")
    async with ActionRunner(timeout=limit) as runner:
        fault = await runner.load(action)
    assert fault is not None
    assert message in str(fault)


async def test_logins_run_side_by_side(runner: ActionRunner, tmp_path: Path) -> None:
    """A slow Action holds nobody else up, and each keeps its own console."""
    talk = _action("talk", "console.log(event.who); await null; console.log(event.who);")
    slow = asyncio.create_task(_run(runner, _SLOW, gate=tmp_path / "gate"))
    events = [{"transaction": {"metadata": {}}, "request": {}, "who": str(number)} for number in range(20)]
    handler = "onExecutePostLogin"
    runs = [runner.run(talk, handler=handler, event=event, context=_CONTEXT) for event in events]
    results = await asyncio.gather(*runs)
    assert [result.console for result in results] == [f"{number}\n{number}\n" for number in range(20)]
    assert not slow.done()
    (tmp_path / "gate").touch()
    await slow


def test_no_node(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without node on PATH the reason is one sentence."""
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(NodeMissingError, match="node was not found on PATH"):
        ActionRunner(timeout=1)

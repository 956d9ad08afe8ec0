"""`--stack`: where the journeys go. The same tests meet processes of this machine, containers, or a cluster.

Only addresses differ. What one of them cannot offer is skipped with its reason: a test that brings servers of
its own, or that lays something of this machine beside the services, is for local stacks.
"""

from pathlib import Path

import pytest

from tests.support.docker import require_docker
from tests.support.errors import MissingToolError

LOCAL, COMPOSE, KUBERNETES = "local", "compose", "kubernetes"

# What is run where no tests are named and the stack is not a local one.
_TESTS = {COMPOSE: ["tests/journeys", "tests/deploy/test_image.py"], KUBERNETES: ["tests/journeys"]}
# The first test waits until images are built.
_SECONDS = 900.0
# Fixtures that start servers on this machine.
_OWN_SERVERS = {"postgres", "rabbitmq", "running_servers", "server_secrets"}


def add_options(parser: pytest.Parser) -> None:
    parser.addoption(
        "--stack",
        choices=[LOCAL, COMPOSE, KUBERNETES],
        default=LOCAL,
        help="where the journeys go: processes of this machine, docker-compose.yml, or what --at names",
    )
    parser.addoption(
        "--at",
        metavar="FILE",
        help="JSON with the addresses of a stack that runs: tenant, gateway, app, mails, and database and"
        " amqp where they can be reached; `./dev up --json` prints such a line",
    )


def add_marker(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "only_at(stack, reason): runs where --stack says so, and why nowhere else"
    )


def chosen(config: pytest.Config) -> str:
    return str(config.getoption("--stack"))


def addresses(config: pytest.Config) -> Path:
    """The file that `--at` names.

    Raises:
        pytest.UsageError: it names none.
    """
    named = config.getoption("--at")
    if named is None:
        raise pytest.UsageError("--stack=kubernetes needs --at=FILE: where does the stack answer?")
    return Path(named)


def choose_tests(config: pytest.Config) -> None:
    """Without names, those that have something to say about that stack; it takes its time to be there."""
    place = chosen(config)
    if place != LOCAL and config.option.timeout is None:
        config.option.timeout = _SECONDS
    if place == KUBERNETES:
        addresses(config)
    if place == COMPOSE:
        _require_docker()
    if place in _TESTS and config.args_source is pytest.Config.ArgsSource.TESTPATHS:
        config.args = _TESTS[place]
        config.args_source = pytest.Config.ArgsSource.ARGS


def _require_docker() -> None:
    try:
        require_docker()
    except MissingToolError as exc:
        raise pytest.UsageError(str(exc)) from exc


def skip_what_is_not_there(config: pytest.Config, items: list[pytest.Item]) -> None:
    place = chosen(config)
    for item in items:
        if reason := _reason(item, place):
            item.add_marker(pytest.mark.skip(reason=reason))


def _reason(item: pytest.Item, place: str) -> str | None:
    for marker in item.iter_markers("only_at"):
        if marker.args[0] != place:
            return f"only with --stack={marker.args[0]}: {marker.kwargs['reason']}"
    if place != LOCAL and isinstance(item, pytest.Function) and _OWN_SERVERS & set(item.fixturenames):
        return "only with --stack=local: it brings servers of its own"
    return None

"""Real clients that know nothing of this project, against the emulator over http and https."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.ports import free_port
from tests.tenant.clients.emulator import Emulator, Visitor, running_emulator
from tests.tenant.clients.node_driver import NodeDriver
from tests.tenant.clients.node_packages import installed_packages

_APPLICATION = "127.0.0.4"


@pytest.fixture(scope="session")
def packages() -> Path:
    """The `node_modules` of the lock file."""
    return installed_packages()


@pytest.fixture(scope="session")
def web_origin() -> str:
    """Where the web application of a test will listen."""
    return f"http://{_APPLICATION}:{free_port(_APPLICATION)}"


@pytest.fixture(scope="session")
def spa_origin(web_origin: str) -> str:
    """Where the single-page application will be served from."""
    port = free_port(_APPLICATION)
    while f"http://{_APPLICATION}:{port}" == web_origin:
        port = free_port(_APPLICATION)
    return f"http://{_APPLICATION}:{port}"


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory, web_origin: str, spa_origin: str) -> Iterator[Emulator]:
    """The tenant of all these tests."""
    folder = tmp_path_factory.mktemp("tenant")
    with running_emulator(folder, callbacks=[f"{web_origin}/callback"], spa=spa_origin) as emulator:
        yield emulator


@pytest.fixture
def emulator(running: Emulator) -> Emulator:
    """The tenant as at its beginning."""
    running.reset()
    return running


@pytest.fixture(params=["http", "https"])
def origin(request: pytest.FixtureRequest, emulator: Emulator) -> str:
    """Each of the tenant's two origins in turn."""
    return emulator.origin(request.param)


@pytest.fixture
def domain(emulator: Emulator) -> str:
    """The domain of clients that put `https://` before it by themselves."""
    return emulator.https.removeprefix("https://")


@pytest.fixture
def visitor(emulator: Emulator) -> Iterator[Visitor]:
    """A new browser."""
    visitor = Visitor(emulator.ca)
    yield visitor
    visitor.close()


@pytest.fixture(autouse=True)
def trust(monkeypatch: pytest.MonkeyPatch, running: Emulator) -> None:
    """Python clients trust the tenant's CA as they would a company's own: by environment."""
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
        monkeypatch.setenv(name, str(running.ca))


@pytest.fixture(scope="session")
def node(packages: Path, running: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeDriver]:
    """The process that calls the JavaScript clients."""
    output = tmp_path_factory.mktemp("node") / "node.log"
    with NodeDriver(packages, ca=running.ca, output=output) as driver:
        yield driver

"""What is installed in production never holds anything that can mint a token for anybody."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The project's wheel, built anew."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=_ROOT, check=True, capture_output=True)
    (built,) = folder.iterdir()
    return zipfile.ZipFile(built)


def test_wheel_has_no_tests(wheel: zipfile.ZipFile) -> None:
    """The wheel holds the four packages of the services and nothing of tests/."""
    tops = {name.partition("/")[0] for name in wheel.namelist()}
    packages = {name for name in tops if not name.endswith(".dist-info")}
    assert packages == {"common", "gateway", "metadata_sync", "proofing"}
    assert [name for name in wheel.namelist() if "tenant/" in name or "tests/" in name] == []


def test_services_know_nothing_of_tests() -> None:
    """No module of a service imports from tests, and the emulator imports nothing of a service."""
    services = [path for path in (_ROOT / "services").rglob("*.py") if "tests" not in path.parts]
    emulator = list((_ROOT / "tests" / "tenant").glob("*.py"))
    names = ("common", "gateway", "proofing", "metadata_sync")
    lines = [(path, line) for path in services for line in path.read_text(encoding="utf-8").splitlines()]
    own = [(path, line) for path in emulator for line in path.read_text(encoding="utf-8").splitlines()]
    assert [path for path, line in lines if line.startswith(("from tests", "import tests"))] == []
    imports = tuple(f"{word} {name}" for word in ("from", "import") for name in names)
    assert [path for path, line in own if line.startswith(imports)] == []

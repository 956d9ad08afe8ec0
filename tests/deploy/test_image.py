"""The image that an installation deploys, as Docker built it: what is in it, and how it runs."""

import json

import pytest

from tests.support.docker import docker, require_docker
from tests.support.errors import ProcessFailedError
from tests.support.places import COMPOSE

pytestmark = [
    pytest.mark.only_at(COMPOSE, reason="it needs a Docker engine, and builds"),
    pytest.mark.timeout(900),
]

_HARDENED = (
    *("--rm", "--network", "none", "--read-only", "--tmpfs", "/tmp"),  # noqa: S108 - of the container
    *("--cap-drop", "ALL", "--security-opt", "no-new-privileges:true"),
)
_INSTALLED = (
    "import json, importlib.metadata as m;"
    "print(json.dumps(sorted((d.name.lower().replace('_', '-'), d.version) for d in m.distributions())))"
)
# In seconds of a processor, so that a busy machine is not a slow start.
_COST = (
    "import resource, subprocess, sys;"
    "done = subprocess.run([sys.executable, '-m', sys.argv[1]], capture_output=True);"
    "used = resource.getrusage(resource.RUSAGE_CHILDREN);"
    "print(done.returncode, used.ru_utime + used.ru_stime)"
)


@pytest.fixture(scope="module")
def image() -> str:
    """The image of target `service`, built from this checkout."""
    require_docker()
    docker("compose", "build", "gateway", seconds=900)
    return "waystation"


def ask(image: str, code: str, *arguments: str) -> str:
    """What Python in the image answers."""
    return docker("run", *_HARDENED, "--entrypoint", "python", image, "-c", code, *arguments)


def test_who_runs_it(image: str) -> None:
    """Nobody's user, with a health check, and the command chooses the service."""
    (told,) = json.loads(docker("image", "inspect", image))
    config = told["Config"]
    assert (config["User"], config["Entrypoint"], config["Cmd"]) == (
        "10001:10001",
        ["python", "-m"],
        ["gateway"],
    )
    assert config["Healthcheck"]["Test"] == ["CMD", "python", "-m", "common.probe"]
    assert [name for name in config["Env"] if "SECRET" in name or "PASSWORD" in name] == []


@pytest.mark.parametrize("service", ["gateway", "proofing", "metadata_sync"])
def test_it_starts_within_a_second(image: str, service: str) -> None:
    """On a read-only root without any capability it comes to read its settings, and lists what is missing."""
    answers = [ask(image, _COST, service).split() for _ in range(3)]
    assert {status for status, _ in answers} == {"2"}
    assert min(float(seconds) for _, seconds in answers) < 1.0


def test_what_is_missing_is_said(image: str) -> None:
    """Without settings it ends at once and names them."""
    with pytest.raises(ProcessFailedError) as failed:
        docker("run", *_HARDENED, image, "proofing")
    assert "DATABASE_URL" in "\n".join(failed.value.last_lines)


def test_nothing_that_builds_or_tests(image: str) -> None:
    """No compiler, no installer, no tests, no emulator, no sources of either."""
    programs = ("cc", "gcc", "ld", "make", "pip", "pip3", "node", "git")
    found = ask(image, f"import shutil; print([p for p in {programs!r} if shutil.which(p)])")
    assert found.strip() == "[]"
    modules = ("pip", "ensurepip", "pytest", "hypothesis", "playwright", "tests", "aiosmtpd", "authlib")
    code = f"import importlib.util as u; print([m for m in {modules!r} if u.find_spec(m)])"
    assert ask(image, code).strip() == "[]"
    assert (
        ask(image, "import os; print(os.path.exists('/opt/local'), os.listdir('/tmp'))").strip() == "False []"
    )


def test_nothing_can_be_written(image: str) -> None:
    """Not even where the code is: neither by who runs it nor with a root that may be written to."""
    code = "import os; print(os.access('/opt/waystation', os.W_OK), os.getuid())"
    assert docker("run", "--rm", "--entrypoint", "python", image, "-c", code).strip() == "False 10001"


def test_the_parts_list_is_complete(image: str) -> None:
    """The SBOM in the image names every package that is installed, in its version, and nothing else."""
    installed = [tuple(one) for one in json.loads(ask(image, _INSTALLED))]
    document = json.loads(ask(image, "print(open('/opt/waystation/sbom.cdx.json').read())"))
    named = [document["metadata"].get("component"), *document["components"]]
    listed = {(part["name"].lower().replace("_", "-"), part["version"]) for part in named if part}
    assert document["bomFormat"] == "CycloneDX"
    assert ("waystation", dict(installed)["waystation"]) in installed
    assert listed == set(installed)

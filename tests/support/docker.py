"""The machine's Docker engine, asked through its own client."""

import os
import shutil
import subprocess
from collections.abc import Mapping

from tests.support.errors import MissingToolError, ProcessFailedError
from tests.support.processes import base_environment
from tests.support.run_folder import ROOT

_SECONDS = 120.0
# Where the client finds its engine, and base images that somebody chose.
_KNOWN = (
    *("DOCKER_HOST", "DOCKER_CONFIG", "DOCKER_CONTEXT", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY"),
    *("PYTHON_IMAGE", "POSTGRES_IMAGE", "RABBITMQ_IMAGE"),
)


def require_docker() -> None:
    """Find an engine with Compose.

    Raises:
        MissingToolError: there is no engine that answers, or its client knows no Compose.
    """
    if shutil.which("docker") is None:
        raise MissingToolError("Docker is not installed.")
    try:
        docker("info")
        docker("compose", "version")
    except ProcessFailedError as exc:
        raise MissingToolError(f"A Docker engine with Compose is needed: {exc}") from exc


def docker(*arguments: str, given: bytes | None = None, seconds: float = _SECONDS) -> str:
    """What `docker ARGUMENTS` writes to stdout; `given` is its stdin.

    Raises:
        ProcessFailedError: it failed; the text is what it said last.
    """
    done = subprocess.run(
        ["docker", *arguments],
        env=client_environment(),
        cwd=ROOT,
        input=given,
        stdin=None if given is not None else subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=seconds,
    )
    output, complaint = done.stdout.decode(), done.stderr.decode()
    if done.returncode:
        lines = tuple((complaint or output).strip().splitlines())
        said = lines[-1] if lines else "it said nothing"
        raise ProcessFailedError(f"docker {arguments[0]} failed: {said}", last_lines=lines[-30:])
    return output


def client_environment() -> Mapping[str, str]:
    """What the client may know of our environment."""
    return base_environment() | {name: os.environ[name] for name in _KNOWN if name in os.environ}

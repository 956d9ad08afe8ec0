"""The doctor's look at the service itself: whether it says that it is ready."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

import aiohttp
from yarl import URL

from common.doctor import Finding, Patient, fail, ok, skipped, warn
from common.doctor_tenants import read_body
from common.health import Health
from common.schema import queue_of, schemas

_SECONDS = aiohttp.ClientTimeout(total=8, connect=3)
_ABOUT = "readiness"


async def look_at_process(patient: Patient) -> Sequence[Finding]:
    """By its /readyz, where ADMIN_LISTEN says that it is."""
    if patient.admin is None or not patient.admin.port:
        return [skipped(_ABOUT, "ADMIN_LISTEN does not say where to ask", fix="Correct ADMIN_LISTEN.")]
    address = patient.admin.nearby
    url = URL.build(scheme="http", host=address.host, port=address.port, path="/readyz")
    try:
        async with (
            aiohttp.ClientSession(timeout=_SECONDS) as session,
            session.get(url, allow_redirects=False) as response,
        ):
            status, body = response.status, await read_body(response)
    except aiohttp.ClientResponseError:
        return [_not_it(patient, "somebody else answers there, and not by HTTP")]
    except (aiohttp.ClientError, TimeoutError, OSError) as exc:
        text = f"{url.authority} does not answer ({type(exc).__name__})"
        if isinstance(exc, aiohttp.ClientConnectorError):
            return [_not_it(patient, text, fix=_start(patient))]
        return [fail(_ABOUT, text, fix=_start(patient))]
    return [judge_readiness(patient, body, status=status)]


def judge_readiness(patient: Patient, body: bytes, *, status: int) -> Finding:
    """`status` and `body` are what somebody answered at its /readyz; see health.py."""
    said = _read(body)
    if said is None:
        return _not_it(patient, f"somebody else answers there (status {status})")
    ill = ", ".join(f"{name} {result}" for name, result in said.checks.items() if result is not Health.OK)
    if said.service is None:
        is_ready = "ready" if status == HTTPStatus.OK else "not ready"
        text = f"who answers there is {is_ready}, and does not say which service it is"
        return skipped(_ABOUT, text, fix=f"Upgrade {patient.service} to this release.")
    service = patient.service
    if said.service != service:
        return _not_it(patient, f"{_known(said.service)} answers there")
    fix = f"See in the log of {service} what it misses, and docs/operations.md what to do."
    if status != HTTPStatus.OK:
        return fail(_ABOUT, f"{service} is not ready: {ill}", fix=fix)
    return warn(_ABOUT, f"{service} works, but: {ill}", fix=fix) if ill else ok(_ABOUT, f"{service} is ready")


@dataclass(frozen=True, kw_only=True)
class _Said:
    """The body of an answer; those of earlier releases named no service."""

    service: str | None
    checks: Mapping[str, Health]


def _read(body: bytes) -> _Said | None:
    """None for what no service of ours says."""
    try:
        content = json.loads(body)
        checks = {str(name): Health(result) for name, result in content["checks"].items()}
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None
    service = content.get("service")
    return _Said(service=None if service is None else str(service), checks=checks)


def _known(service: str) -> str:
    """A stranger may call itself anything."""
    return service if service in {queue_of(schema) for schema in schemas()} else "somebody else"


def _not_it(patient: Patient, text: str, *, fix: str = "") -> Finding:
    """It was not found there: a failure, unless it may be on another machine."""
    service = patient.service
    if patient.may_be_elsewhere and patient.admin and _is_loopback(patient.admin.nearby.host):
        text = f"{text}: {service} does not run on this machine, or listens elsewhere"
        return skipped(_ABOUT, text, fix="Run this command where it runs.")
    return fail(_ABOUT, text, fix=fix or f"Let ADMIN_LISTEN be an address that {service} has for itself.")


def _start(patient: Patient) -> str:
    return f"Start {patient.service}, or see in its log why it has ended or hangs."


def _is_loopback(host: str) -> bool:
    return host in {"localhost", "::1"} or host.startswith("127.")

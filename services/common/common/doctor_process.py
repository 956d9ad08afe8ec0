"""The doctor's look at the service itself: whether it says that it is ready."""

import json
from collections.abc import Sequence
from http import HTTPStatus

import aiohttp
from yarl import URL

from common.doctor import Finding, Patient, fail, ok, skipped, warn
from common.doctor_tenants import read_body
from common.health import Health

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
    except (aiohttp.ClientError, TimeoutError, OSError) as exc:
        text = f"{url.authority} does not answer ({type(exc).__name__})"
        is_empty = isinstance(exc, aiohttp.ClientConnectorError)
        if is_empty and patient.may_be_elsewhere and _is_loopback(address.host):
            text = f"{text}: {patient.service} does not run on this machine"
            return [skipped(_ABOUT, text, fix="Run this command where it runs.")]
        fix = f"Start {patient.service}, or see in its log why it has ended or hangs."
        return [fail(_ABOUT, text, fix=fix)]
    return [judge_readiness(patient.service, status, body)]


def judge_readiness(service: str, status: int, body: bytes) -> Finding:
    """`status` and `body` are what somebody answered at /readyz; see health.py."""
    try:
        checks = {str(name): Health(result) for name, result in json.loads(body)["checks"].items()}
    except (ValueError, LookupError, TypeError, AttributeError):
        fix = f"Let ADMIN_LISTEN be an address that {service} has for itself."
        return fail(_ABOUT, f"somebody else answers there (status {status})", fix=fix)
    ill = ", ".join(f"{name} {result}" for name, result in checks.items() if result is not Health.OK)
    fix = f"See in the log of {service} what it misses, and docs/operations.md what to do."
    if status != HTTPStatus.OK:
        return fail(_ABOUT, f"{service} is not ready: {ill}", fix=fix)
    return warn(_ABOUT, f"{service} works, but: {ill}", fix=fix) if ill else ok(_ABOUT, f"{service} is ready")


def _is_loopback(host: str) -> bool:
    return host in {"localhost", "::1"} or host.startswith("127.")

"""What `waystation doctor` looks at for the gateway alone: tenants' key sets, the password call, mail."""

import ssl
from collections.abc import Mapping, Sequence
from functools import partial
from http import HTTPStatus
from typing import Final

import aiohttp
from aiosmtplib import SMTP, SMTPAuthenticationError, SMTPException

from common.doctor import Check, Finding, Patient, fail, ok
from common.doctor_tenants import NO_ANSWER, OddAnswerError, open_web, read_body, reason_of
from common.jwks import KeySetError, read_key_set
from common.messages import COMMANDS, DEAD, EVENTS
from common.tenant_secrets import TenantPart
from common.tenants import Tenant
from gateway.mail.settings import MailSettings
from gateway.settings import PARTS, PasswordCallSettings, Settings

_SECONDS = aiohttp.ClientTimeout(total=8, connect=3)
_SMTP_SECONDS = 8.0


class GatewayExamination:
    """See `common.doctor.Examination`."""

    parts: frozenset[TenantPart] = PARTS
    exchanges = (COMMANDS, DEAD)
    bindings = frozenset({(EVENTS, "#"), (DEAD, "gateway.again")})

    def read_settings(self, environ: Mapping[str, str]) -> Settings:
        return Settings.from_env(environ)

    def checks(self, patient: Patient) -> Mapping[str, Check]:
        checks: dict[str, Check] = {
            f"key set of tenant {tenant.key}": partial(_look_at_keys, patient, tenant)
            for tenant in patient.tenants or ()
            if tenant.session_token.jwks_url
        }
        settings = patient.settings
        if isinstance(settings, Settings) and settings.password_call:
            checks["password call"] = partial(_look_at_passwords, settings.password_call)
        if isinstance(settings, Settings) and settings.mail:
            checks["mail server"] = partial(_look_at_mail, settings.mail)
        return checks


async def _look_at_keys(patient: Patient, tenant: Tenant) -> Sequence[Finding]:
    about, url = f"key set of tenant {tenant.key}", tenant.session_token.jwks_url or ""
    try:
        async with open_web(patient) as session, session.get(url, allow_redirects=False) as response:
            if response.status != HTTPStatus.OK:
                raise OddAnswerError(f"status {response.status}")
            keys = read_key_set(await read_body(response))
    except NO_ANSWER as exc:
        fix = f"Correct session_token.jwks_url of tenant {tenant.key}, or let us reach it."
        return [fail(about, f"cannot be had ({reason_of(exc)})", fix=fix)]
    except KeySetError as exc:
        fix = "Let the address answer with a JWK Set (RFC 7517) that has RSA keys with names."
        return [fail(about, f"is none ({exc})", fix=fix)]
    if not keys:
        return [fail(about, "has no key for RS256", fix="Publish the public half of the Action's key there.")]
    return [ok(about, f"has {len(keys)} keys for RS256")]


async def _look_at_passwords(settings: PasswordCallSettings) -> Sequence[Finding]:
    """A demand without anything in it: metadata-sync refuses it, and first of all a wrong token."""
    tls = ssl.create_default_context(cafile=settings.ca_file) if settings.ca_file else True
    headers = {"Authorization": f"Bearer {settings.token}", "User-Agent": "waystation-doctor"}
    try:
        async with (
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=tls), timeout=_SECONDS) as session,
            session.post(
                f"{settings.url}/internal/v1/password", json={}, headers=headers, allow_redirects=False
            ) as response,
        ):
            status = response.status
    except (aiohttp.ClientError, TimeoutError, OSError) as exc:
        fix = "Start metadata-sync with INTERNAL_LISTEN, or correct PASSWORD_CALL_URL and _CA_FILE."
        return [fail("password call", f"is not answered ({type(exc).__name__})", fix=fix)]
    if status == HTTPStatus.UNAUTHORIZED:
        fix = "Give PASSWORD_CALL_TOKEN_FILE a token that is in metadata-sync's INTERNAL_TOKEN_FILES."
        return [fail("password call", "metadata-sync does not know our token", fix=fix)]
    if status != HTTPStatus.BAD_REQUEST:
        fix = "Let PASSWORD_CALL_URL be the origin of metadata-sync's INTERNAL_LISTEN."
        return [fail("password call", f"somebody else answers (status {status})", fix=fix)]
    return [ok("password call", "metadata-sync answers, and knows our token")]


async def _look_at_mail(settings: MailSettings) -> Sequence[Finding]:
    """As the postman connects; nothing is sent."""
    try:
        async with SMTP(
            hostname=settings.host,
            port=settings.port,
            username=settings.username,
            password=settings.password,
            use_tls=settings.security == "tls",
            start_tls=settings.security == "starttls",
            local_hostname="localhost",
            timeout=_SMTP_SECONDS,
        ) as server:
            await server.noop()
    except SMTPAuthenticationError:
        fix = "Correct the user in SMTP_URL and the password in SMTP_PASSWORD_FILE."
        return [fail("mail server", "refuses user or password", fix=fix)]
    except (SMTPException, OSError) as exc:
        fix = "Correct SMTP_URL, or let us reach that host and port."
        return [fail("mail server", f"does not take us ({type(exc).__name__})", fix=fix)]
    return [ok("mail server", "takes mail from us")]


EXAMINATION: Final = GatewayExamination()

"""What `waystation doctor` looks at for metadata-sync alone: each tenant, as it meets our writes.

A token is fetched, and with it one request is made that changes nothing: it asks for a user who does not
exist, so that the tenant tells its limit. It counts against that limit like any other.
"""

import json
from base64 import urlsafe_b64decode
from collections.abc import Mapping, Sequence
from functools import partial
from http import HTTPStatus
from typing import Any, Final

import aiohttp

from common.doctor import Check, Finding, Patient, fail, ok, warn
from common.doctor_tenants import NO_ANSWER, OddAnswerError, look_at_hosts, open_web, read_body, reason_of
from common.messages import COMMANDS, DEAD, EVENTS
from common.rate_profiles import RATE_PROFILES, RateProfile
from common.tenant_secrets import TenantPart
from common.tenants import Tenant
from metadata_sync.account import Account, account_of
from metadata_sync.rate_headers import read_rate_headers
from metadata_sync.settings import PARTS, Settings

_NOBODY = "/api/v2/users/auth0%7Cwaystation-doctor?fields=user_id"
_APP_METADATA, _USERS, _TICKETS = "update:users_app_metadata", "update:users", "create:user_tickets"


class MetadataSyncExamination:
    """See `common.doctor.Examination`."""

    parts: frozenset[TenantPart] = PARTS
    exchanges = (EVENTS, DEAD)
    bindings = frozenset({
        (COMMANDS, "update-metadata.*"),
        (COMMANDS, "forget-user.*"),
        (DEAD, "metadata-sync.again"),
    })  # fmt: skip

    def read_settings(self, environ: Mapping[str, str]) -> Settings:
        return Settings.from_env(environ)

    def checks(self, patient: Patient) -> Mapping[str, Check]:
        checks: dict[str, Check] = {}
        for tenant in patient.tenants or ():
            checks[f"tenant {tenant.key}"] = partial(look_at_hosts, patient, tenant)
            checks[f"Management API of tenant {tenant.key}"] = partial(_look_at_management, patient, tenant)
        return checks


async def _look_at_management(patient: Patient, tenant: Tenant) -> Sequence[Finding]:
    about, account = f"Management API of tenant {tenant.key}", account_of(tenant)
    async with open_web(patient) as session:
        try:
            status, told = await _ask_for_token(session, account)
        except NO_ANSWER as exc:
            fix = f"Correct management.domain or base_url of tenant {tenant.key}, or let us reach it."
            return [fail(about, f"cannot be reached ({reason_of(exc)})", fix=fix)]
        token = told.get("access_token")
        if status != HTTPStatus.OK or not isinstance(token, str):
            return [_no_token(about, tenant, status)]
        return [_scopes(about, tenant, told, token), await _limit(session, tenant, account, token)]


async def _ask_for_token(session: aiohttp.ClientSession, account: Account) -> tuple[int, dict[str, Any]]:
    form = {
        "grant_type": "client_credentials",
        "client_id": account.client_id,
        "client_secret": account.client_secret,
        "audience": account.audience,
    }
    async with session.post(account.url("/oauth/token"), json=form, allow_redirects=False) as response:
        body = await read_body(response)
        status = response.status
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise OddAnswerError(f"status {status}")
    try:
        told = json.loads(body)
    except ValueError:
        raise OddAnswerError("no JSON") from None
    return status, told if isinstance(told, dict) else {}


def _no_token(about: str, tenant: Tenant, status: int) -> Finding:
    match status:
        case HTTPStatus.UNAUTHORIZED:
            text = "refuses our client id or its secret"
            fix = f"Compare client_id and client_secret_file of tenant {tenant.key} with Auth0's."
        case HTTPStatus.FORBIDDEN:
            text = "does not let our client ask for a token"
            scopes = ", ".join(needed(tenant, set()))
            fix = f"Authorise the application for the Auth0 Management API with {scopes}."
        case HTTPStatus.TOO_MANY_REQUESTS:
            return warn(about, "asks us to wait before it gives a token", fix="Look again in a minute.")
        case _:
            text = f"gives no token (status {status})"
            fix = f"Compare management of tenant {tenant.key} with the application at Auth0."
    return fail(about, text, fix=fix)


def needed(tenant: Tenant, granted: set[str]) -> list[str]:
    """Scopes that this tenant's steps need and our token lacks."""
    password = tenant.steps.password
    changes_users = tenant.steps.profile is not None or (password is not None and password.mode == "change")
    wanted = [{_USERS}] if changes_users else [{_APP_METADATA, _USERS}]
    if password is not None and password.mode == "ticket":
        wanted.append({_TICKETS})
    return [
        min(choices, key=len) if len(choices) == 1 else _APP_METADATA
        for choices in wanted
        if not choices & granted
    ]


def _scopes(about: str, tenant: Tenant, told: Mapping[str, Any], token: str) -> Finding:
    granted = str(told.get("scope") or _claims(token).get("scope", "")).split()
    missing = needed(tenant, set(granted))
    if missing:
        scopes = ", ".join(missing)
        fix = f"Grant {scopes} to the application at Auth0 (APIs, Auth0 Management API, Machine to Machine)."
        return fail(about, f"our token lacks the scope {scopes}", fix=fix)
    return ok(about, f"gives us a token with {', '.join(sorted(granted))}")


def _claims(token: str) -> dict[str, Any]:
    """What the token says of itself; it is the tenant's to verify, not ours."""
    try:
        part = token.split(".")[1]
        claims = json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, LookupError):
        return {}
    return claims if isinstance(claims, dict) else {}


async def _limit(session: aiohttp.ClientSession, tenant: Tenant, account: Account, token: str) -> Finding:
    headers = {"Authorization": f"Bearer {token}"}
    about = f"rate limit of tenant {tenant.key}"
    try:
        async with session.get(account.url(_NOBODY), headers=headers, allow_redirects=False) as response:
            limit = read_rate_headers(response.headers).limit
    except NO_ANSWER as exc:
        return warn(about, f"was not told ({reason_of(exc)})", fix="Look again in a minute.")
    return judge_limit(about, tenant.management.rate_profile, limit)


def judge_limit(about: str, profile: RateProfile, limit: float | None) -> Finding:
    """`limit`: how many requests the tenant says that it takes at once."""
    bursts = sorted(bucket.burst for bucket in profile.buckets)
    name = next((name for name, known in RATE_PROFILES.items() if known == profile), "our numbers")
    if limit is None:
        return warn(about, "the tenant does not tell it", fix="Compare rate_profile with its plan at Auth0.")
    if limit < bursts[0]:
        text = f"the tenant takes {limit:g} requests at once, rate_profile ({name}) says {bursts[-1]}"
        return fail(about, text, fix="Lower rate_profile, or logins will meet 429.")
    if limit not in bursts:
        text = f"the tenant takes {limit:g} requests at once, rate_profile ({name}) says {bursts[-1]}"
        return warn(about, text, fix="Compare rate_profile with the tenant's plan at Auth0.")
    return ok(about, f"as rate_profile ({name}) says: {limit:g} requests at once")


EXAMINATION: Final = MetadataSyncExamination()

"""A browser arrives with a session token: verify it, and find or make its login."""

import hashlib
import re
import secrets
from dataclasses import dataclass, field, replace

import structlog
from pydantic_core import to_json

from common import audit
from common.audit import Audited, Entry
from common.clock import Clock
from common.db import Connection, Database
from common.metrics import TENANTS
from common.profile import Profile, ProfileError
from common.tenants import Tenant
from common.tenants_watcher import TenantsWatcher
from common.tokens import (
    KeySet,
    Refusal,
    RequestedStep,
    SessionToken,
    SessionTokenError,
    SessionTokenExpiredError,
    key_to_fetch,
    profile_in,
    verify_session_token,
)
from common.tracing import new_traceparent
from common.vault import Vault
from gateway import store
from gateway.errors import (
    BadRequestError,
    ConflictingLoginError,
    MisconfiguredError,
    NotFoundError,
    TokenRefusedError,
    TooManyError,
)
from gateway.jwks_fetch import KeySets
from gateway.limits import Limit
from gateway.login import Login
from gateway.logins import name_in_log
from gateway.metrics import LIMITED, LOGINS_OPENED
from gateway.networks import network_to_keep
from gateway.personal import authorize_place, profile_place, state_place
from gateway.trail import entry
from gateway.transaction import Transaction
from gateway.transaction_step import Step

_STATE = re.compile(r"[\x21-\x7e]{1,2048}")  # opaque to us, and sent back byte for byte

log = structlog.stdlib.get_logger()


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """What a browser brought to /start/{tenant}/{entry}."""

    tenant: str
    entry: str
    state: str = field(repr=False)
    session_token: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Found:
    """The login of an arrival; with a token that is over, only the browser that has its cookie may go on."""

    transaction_id: str
    token_is_over: bool = False
    login_url: str | None = None


@dataclass(frozen=True, kw_only=True)
class ArrivalLimits:
    """How often a user and a tenant may send somebody here; only a good signature spends of them."""

    user: Limit
    tenant: Limit

    def spend(self, token: SessionToken) -> None:
        """Count this arrival: first as the user's, so that nobody alone can use up what is their tenant's.

        Raises:
            TooManyError: one of them has none left.
        """
        tenant = token.tenant.encode()
        user = hashlib.sha256(b"\0".join((tenant, token.subject.encode()))).digest()
        for name, limit, key in (("user", self.user, user), ("tenant", self.tenant, tenant)):
            seconds = limit.take(key)
            if seconds:
                LIMITED.labels(name).inc()
                raise TooManyError(f"limit_{name}", seconds=seconds)


class Intake:
    """Takes logins over. It binds nothing to a browser, so that a reload or a retry loses nothing."""

    def __init__(
        self,
        *,
        database: Database,
        tenants: TenantsWatcher,
        key_sets: KeySets,
        vault: Vault,
        limits: ArrivalLimits,
        clock: Clock,
    ) -> None:
        self._database = database
        self._limits = limits
        self._tenants = tenants
        self._key_sets = key_sets
        self._vault = vault
        self._clock = clock

    async def take(self, arrival: Arrival) -> Found:
        """The login that this arrival belongs to, made if there is none yet.

        Raises:
            NotFoundError: no such tenant.
            BadRequestError: state or token are not even the form of one.
            TokenRefusedError: the token is not good, or not for here.
            MisconfiguredError: it asks for a step that the tenant has not configured.
            TooManyError: its user or its tenant sends too many.
            ConflictingLoginError: its jti came with another state before, or its state with another jti.
            KeySetUnavailableError: the key that may have signed the token cannot be had now.
        """
        tenant = self._tenants.current.get(arrival.tenant)
        if tenant is None:
            raise NotFoundError("unknown_tenant")
        structlog.contextvars.bind_contextvars(tenant=tenant.key)
        if not _STATE.fullmatch(arrival.state):
            raise BadRequestError("state")
        try:
            token, is_over = await self._verify(arrival, tenant), False
        except SessionTokenExpiredError as exc:
            token, is_over = exc.token, True
        self._limits.spend(token)
        if token.entry != arrival.entry:
            raise TokenRefusedError("session_token_entry", login_url=_login_url(tenant, token))
        if is_over:
            return await self._find_old(tenant, token, arrival)
        return await self._find_or_open(tenant, token, arrival)

    async def _verify(self, arrival: Arrival, tenant: Tenant) -> SessionToken:
        try:
            fetched = await self._fetched(arrival.session_token, tenant)
            return verify_session_token(
                arrival.session_token,
                tenants=self._tenants.current,
                now=self._clock.now(),
                tenant_key=arrival.tenant,
                fetched=fetched,
            )
        except SessionTokenExpiredError:
            raise
        except SessionTokenError as exc:
            if exc.reason is Refusal.FORM:
                raise BadRequestError("session_token_form") from None
            raise TokenRefusedError(f"session_token_{exc.reason}") from None

    async def _fetched(self, text: str, tenant: Tenant) -> KeySet:
        wanted, url = key_to_fetch(text, tenant=tenant), tenant.session_token.jwks_url
        return await self._key_sets.keys(url, wanted=wanted) if url and wanted else {}

    async def _find_old(self, tenant: Tenant, token: SessionToken, arrival: Arrival) -> Found:
        login_url = _login_url(tenant, token)
        async with self._database.transaction(tenant=tenant.key) as connection:
            transaction_id = await _find(connection, token, arrival)
        if transaction_id is None:
            raise TokenRefusedError("session_token_expired", login_url=login_url)
        return Found(transaction_id=transaction_id, token_is_over=True, login_url=login_url)

    async def _find_or_open(self, tenant: Tenant, token: SessionToken, arrival: Arrival) -> Found:
        async with self._database.transaction(tenant=tenant.key) as connection:
            found = await _find(connection, token, arrival)
            opened = None
            if found is None:
                opened = await self._open(connection, tenant, token, arrival)
                # The browser may have asked twice at once.
                found = opened.id if opened else await _find(connection, token, arrival)
        if found is None:
            async with self._database.transaction(tenant=tenant.key) as connection:
                await audit.append(connection, _refused(tenant, "state_does_not_fit"))
            raise ConflictingLoginError("state_does_not_fit", login_url=_login_url(tenant, token))
        if opened:
            name_in_log(opened)
            LOGINS_OPENED.labels(TENANTS.of(tenant.key)).inc()
            log.info("login.opened", steps=[step.name for step in opened.transaction.steps])
        return Found(transaction_id=found)

    def _new_login(self, tenant: Tenant, token: SessionToken) -> Login:
        transaction = Transaction(
            id=new_id(),
            tenant=tenant.key,
            subject=token.subject,
            jti=token.jti,
            deadline=self._clock.now() + tenant.transaction.deadline,
            steps=tuple(_step(tenant, token, step) for step in token.steps),
        )
        return Login(
            transaction=transaction,
            issuer=token.issuer,
            client_id=token.client_id,
            continue_uri=token.continue_uri,
            settings=tenant.snapshot(),
            traceparent=new_traceparent(),
            ui_locales=token.ui_locales,
        )

    async def _open(
        self, connection: Connection, tenant: Tenant, token: SessionToken, arrival: Arrival
    ) -> Login | None:
        """A new login; None if this tenant has one with its jti or its state."""
        login = self._new_login(tenant, token)
        person = (tenant.key, token.subject)
        profile = _open_profile(tenant, token).to_json()
        key = (await self._vault.keys_of(connection, {person}))[person]
        request = (
            key.encrypt(to_json(token.authorize), place=authorize_place(login)) if token.authorize else None
        )
        login = replace(login, pseudonym=audit.pseudonym_by(key))
        inserted = await store.insert_login(
            connection,
            login,
            state_digest=_digest(arrival.state),
            state=key.encrypt(arrival.state.encode(), place=state_place(login)),
            profile=key.encrypt(profile, place=profile_place(login)),
            authorize=request,
            network=network_to_keep(login, token.ip, key=key),
        )
        if not inserted:
            return None
        await audit.append(connection, entry(login, Audited.LOGIN_OPENED))
        return login


def _refused(tenant: Tenant, reason: str) -> Entry:
    """A good token that comes with something it did not come with before; whose it is, is not known."""
    return Entry(event=Audited.LOGIN_REFUSED, tenant=tenant.key, about="session_token", reasons=(reason,))


async def _find(connection: Connection, token: SessionToken, arrival: Arrival) -> str | None:
    return await store.find_id(
        connection, tenant=token.tenant, jti=token.jti, state_digest=_digest(arrival.state)
    )


def _step(tenant: Tenant, token: SessionToken, asked: RequestedStep) -> Step:
    rules = tenant.steps.get(asked.name)
    if rules is None or rules.revision < asked.revision:
        raise MisconfiguredError("step_not_configured", login_url=_login_url(tenant, token))
    return Step(name=asked.name, revision=rules.revision, requested=asked.name in token.requested)


def _open_profile(tenant: Tenant, token: SessionToken) -> Profile:
    try:
        return profile_in(token, tenant)
    except ProfileError as exc:
        log.warning("profile.refused", reason=exc.reason)
        raise TokenRefusedError("profile", login_url=_login_url(tenant, token)) from None


def _login_url(tenant: Tenant, token: SessionToken) -> str | None:
    application = tenant.applications.get(token.client_id)
    return str(application.login_url) if application else None


def _digest(state: str) -> bytes:
    return hashlib.sha256(state.encode()).digest()


def new_id() -> str:
    """Of a login: 22 characters, the first of them no dash, which commands would take for an option."""
    identifier = secrets.token_urlsafe(16)
    return new_id() if identifier.startswith("-") else identifier

"""The tenant file, `tenant.yaml`: what it may say, and what it becomes."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any

from tests.tenant.connections import POLICIES, ROOT_ATTRIBUTES, Connection
from tests.tenant.errors import ConfigError, ControlError
from tests.tenant.faults import Faults
from tests.tenant.reader import Section, open_document
from tests.tenant.settings import Choices, mistake_in

PROFILES = ("off", "free", "essentials", "enterprise", "enterprise-nonprod")
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
GRANTS = ("authorization_code", "refresh_token", "client_credentials", "password", DEVICE_GRANT)
ORGANIZATION_USES = ("deny", "allow", "require")
_WITH_CODE = ("authorization_code", "refresh_token")
_GRANTS_OF = {
    "regular_web": _WITH_CODE,
    "spa": _WITH_CODE,
    "native": (*_WITH_CODE, DEVICE_GRANT),
    "non_interactive": ("client_credentials",),
}
_AUTH_METHODS = ("client_secret_basic", "client_secret_post", "none")
_OIDC_SCOPES = frozenset({"openid", "profile", "email", "address", "phone", "offline_access"})
_ROTATION = ("non-rotating", "rotating")
USER_TEXTS = (
    "given_name",
    "family_name",
    "name",
    "nickname",
    "picture",
    "username",
    "phone_number",
)


@dataclass(frozen=True, kw_only=True)
class Client:
    """One application; `secret` is None for a public one, `scope` what the Management API grants it.

    `rotating`: each use of a refresh token replaces it. `organizations`: whether people log in to one.
    `auth_method`: the only one that /oauth/token takes, None for whichever fits the secret.
    """

    client_id: str
    secret: str | None = None
    name: str = ""
    callbacks: tuple[str, ...] = ()
    logout_urls: tuple[str, ...] = ()
    web_origins: tuple[str, ...] = ()
    grants: tuple[str, ...] = _WITH_CODE
    metadata: dict[str, str] = field(default_factory=dict)
    scope: tuple[str, ...] = ()
    login_uri: str | None = None
    rotating: bool = False
    organizations: str = "deny"
    auth_method: str | None = None

    def callbacks_at(self, origin: str) -> tuple[str, ...]:
        """Allowed callbacks; one that is a path alone is at the tenant itself, whatever it is called."""
        return tuple(f"{origin}{uri}" if uri.startswith("/") else uri for uri in self.callbacks)


@dataclass(frozen=True, kw_only=True)
class Api:
    """An API of the customer; `clients` are machines that may call it, each with its scopes.

    `scopes` are all that people may be given for it; an empty list takes any.
    """

    identifier: str
    scopes: tuple[str, ...] = ()
    token_lifetime: float = 86400
    clients: dict[str, str] = field(default_factory=dict)
    permissions: bool = False


@dataclass(frozen=True, kw_only=True)
class Action:
    """One Action of the post-login trigger; `directory` is where its `require` looks for packages."""

    name: str
    code: str
    secrets: dict[str, str]
    filename: str
    directory: str


@dataclass(frozen=True, kw_only=True)
class Organization:
    """One organisation and the `user_id`s of its members."""

    id: str
    name: str
    display_name: str
    members: tuple[str, ...] = ()
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class RateLimit:
    """A published profile by name, and how its buckets fill if not as the settings say."""

    profile: str = "enterprise"
    refill: str | None = None


@dataclass(frozen=True, kw_only=True)
class Config:
    """A whole tenant."""

    tenant_id: str
    issuer: str | None
    friendly_name: str
    default_redirection_uri: str | None
    default_directory: bool
    apis: dict[str, Api]
    clients: dict[str, Client]
    users: tuple[dict[str, Any], ...]
    actions: tuple[Action, ...]
    rate_limit: RateLimit
    custom_domains: tuple[str, ...]
    choices: Choices
    logout_urls: tuple[str, ...] = ()
    organizations: tuple[Organization, ...] = ()
    connections: tuple[Connection, ...] = ()
    faults: tuple[dict[str, Any], ...] = ()
    seed: float | None = None
    starts_at: float | None = None
    control_from: tuple[IPv4Network | IPv6Network, ...] = ()

    @property
    def strategies(self) -> dict[str, str]:
        """The strategy of each connection that the file lists."""
        return {connection.name: connection.strategy for connection in self.connections}

    def granted_scopes(self, asked: str, *, audience: str) -> list[str]:
        """What a person gets of the scopes that were asked for: none that the API does not have."""
        api = self.apis.get(audience)
        if api is None or not api.scopes:
            return asked.split()
        return [scope for scope in asked.split() if scope in _OIDC_SCOPES or scope in api.scopes]


def load_config(
    path: Path, *, defaults: Mapping[str, Any] | None = None, overrides: Mapping[str, Any] | None = None
) -> Config:
    """Read a tenant file; paths in it are relative to its folder.

    Args:
        path: the file.
        defaults: rows of the settings table that hold where the file names none.
        overrides: rows that hold whatever the file says.

    Raises:
        ConfigError: with every mistake and its line.
    """
    mistakes: list[str] = []
    root = open_document(path, mistakes)
    config = _config(root, path.parent, defaults=Choices(**(defaults or {})))
    if mistakes:
        raise ConfigError(tuple(f"{path.name}: {mistake}" for mistake in mistakes))
    return replace(config, choices=replace(config.choices, **(overrides or {})))


def _config(root: Section, folder: Path, *, defaults: Choices) -> Config:
    tenant = root.section("tenant", required=True)
    issuer = _issuer(tenant) if tenant else None
    config = Config(
        tenant_id=tenant.text("id") if tenant else "",
        issuer=issuer,
        friendly_name=(tenant.optional_text("friendly_name") if tenant else None) or "Tenant",
        default_redirection_uri=tenant.optional_text("default_redirection_uri") if tenant else None,
        default_directory=(tenant.flag("default_directory") if tenant else None) is not False,
        apis={api.identifier: api for api in map(_api, root.sections("apis"))},
        clients=_clients(root),
        users=_users(root),
        actions=tuple(_action(section, folder) for section in root.sections("actions")),
        rate_limit=_rate_limit(root.section("rate_limit")),
        custom_domains=root.texts("custom_domains"),
        logout_urls=tenant.texts("allowed_logout_urls") if tenant else (),
        organizations=tuple(map(_organization, root.sections("organizations"))),
        connections=tuple(map(_connection, root.sections("connections"))),
        faults=_faults(root),
        seed=tenant.optional_number("seed") if tenant else None,
        starts_at=_starts_at(tenant) if tenant else None,
        choices=_choices(root.section("settings"), defaults),
    )
    if tenant:
        tenant.finish()
    root.finish()
    return config


def _issuer(tenant: Section) -> str | None:
    line = tenant.line_of("issuer")
    issuer = tenant.optional_text("issuer")
    if issuer is not None and not (issuer.startswith(("https://", "http://")) and issuer.endswith("/")):
        tenant.mistake('issuer must be an http(s) origin that ends in "/"', line=line)
    return issuer


def _clients(root: Section) -> dict[str, Client]:
    clients: dict[str, Client] = {}
    for section in root.sections("clients"):
        client = _client(section)
        if client.client_id in clients:
            section.mistake(f"client_id {client.client_id} is given twice")
        clients[client.client_id] = client
    return clients


def _client(section: Section) -> Client:
    grants_line, method_line = section.line_of("grant_types"), section.line_of("token_endpoint_auth_method")
    kind = section.choice("app_type", tuple(_GRANTS_OF), default="regular_web")
    client = Client(
        client_id=section.text("client_id"),
        secret=section.optional_text("client_secret"),
        name=section.optional_text("name") or "",
        callbacks=section.texts("callbacks"),
        logout_urls=section.texts("allowed_logout_urls"),
        web_origins=section.texts("web_origins"),
        grants=section.texts("grant_types", default=_GRANTS_OF[kind]),
        metadata=section.text_map("client_metadata"),
        scope=_scope(section),
        login_uri=section.optional_text("initiate_login_uri"),
        rotating=section.choice("refresh_token_rotation", _ROTATION, default=_ROTATION[0]) == "rotating",
        organizations=section.choice("organization_usage", ORGANIZATION_USES, default="deny"),
        auth_method=section.choice("token_endpoint_auth_method", _AUTH_METHODS, default="") or None,
    )
    if client.auth_method is not None and (client.auth_method == "none") is not (client.secret is None):
        section.mistake("token_endpoint_auth_method does not fit the client_secret", line=method_line)
    for grant in set(client.grants).difference(GRANTS):
        section.mistake(f"grant_types: {grant} is not one of {', '.join(GRANTS)}", line=grants_line)
    section.finish()
    return client


def _scope(section: Section) -> tuple[str, ...]:
    return tuple((section.optional_text("scope") or "").split())


def _api(section: Section) -> Api:
    api = Api(
        identifier=section.text("identifier"),
        scopes=section.texts("scopes"),
        token_lifetime=section.number("token_lifetime", default=Api.token_lifetime),
        clients=section.text_map("clients"),
        permissions=section.flag("permissions") or False,
    )
    section.finish()
    return api


def _users(root: Section) -> tuple[dict[str, Any], ...]:
    users: dict[str, dict[str, Any]] = {}
    for section in root.sections("users"):
        user = _user(section)
        if user["user_id"] in users:
            section.mistake(f"user_id {user['user_id']} is given twice")
        users[user["user_id"]] = user
    return tuple(users.values())


def _user(section: Section) -> dict[str, Any]:
    user: dict[str, Any] = {
        "user_id": section.text("user_id"),
        "email": section.text("email"),
        "password": section.optional_text("password"),
        "connection": section.optional_text("connection"),
        "provider": section.optional_text("provider"),
        "email_verified": section.flag("email_verified"),
        "phone_verified": section.flag("phone_verified"),
        "blocked": section.flag("blocked"),
        "app_metadata": section.plain("app_metadata"),
        "user_metadata": section.plain("user_metadata"),
        **{name: section.optional_text(name) for name in USER_TEXTS},
    }
    section.finish()
    return {name: value for name, value in user.items() if value is not None}


def _action(section: Section, folder: Path) -> Action:
    line = section.line_of("code")
    path = folder / section.text("code")
    dependencies = section.optional_text("dependencies_dir")
    action = Action(
        name=section.text("name"),
        code=_source(section, path, line=line),
        secrets=section.text_map("secrets"),
        filename=str(path.resolve()),
        directory=str((folder / dependencies).resolve() if dependencies else path.resolve().parent),
    )
    section.finish()
    return action


def _source(section: Section, path: Path, *, line: int) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        section.mistake(f"code: cannot read {path}", line=line)
        return ""


def _starts_at(tenant: Section) -> float | None:
    line = tenant.line_of("clock")
    written = tenant.optional_text("clock")
    try:
        moment = datetime.fromisoformat(written) if written is not None else None
    except ValueError:
        moment = None
    if written is not None and (moment is None or moment.tzinfo is None):
        tenant.mistake("clock must be an instant like 2026-11-22T01:02:03Z", line=line)
        return None
    return moment.timestamp() if moment else None


def _connection(section: Section) -> Connection:
    connection = Connection(
        name=section.text("name"),
        strategy=section.optional_text("strategy") or Connection.strategy,
        set_user_root_attributes=section.choice(
            "set_user_root_attributes", ROOT_ATTRIBUTES, default=ROOT_ATTRIBUTES[0]
        ),
        password_policy=section.choice("password_policy", POLICIES, default=Connection.password_policy),
        password_history=int(section.number("password_history", default=0)),
        password_dictionary=section.flag("password_dictionary") or False,
        password_no_personal_info=section.flag("password_no_personal_info") or False,
    )
    section.finish()
    return connection


def _faults(root: Section) -> tuple[dict[str, Any], ...]:
    """As the control plane takes them, and refused in its words."""
    good: list[dict[str, Any]] = []
    for fault, line in root.values("faults"):
        try:
            Faults().add(fault)
        except ControlError as exc:
            root.mistake(f"faults: {exc}", line=line)
        else:
            good.append(fault)
    return tuple(good)


def _organization(section: Section) -> Organization:
    line = section.line_of("id")
    organization = Organization(
        id=section.text("id"),
        name=section.text("name"),
        display_name=section.optional_text("display_name") or "",
        members=section.texts("members"),
        metadata=section.text_map("metadata"),
    )
    if not organization.id.startswith("org_"):
        section.mistake("id must begin with org_", line=line)
    section.finish()
    return organization


def _rate_limit(section: Section | None) -> RateLimit:
    if section is None:
        return RateLimit()
    limit = RateLimit(
        profile=section.choice("profile", PROFILES, default=RateLimit.profile),
        refill=section.choice("refill", ("window", "continuous"), default="") or None,
    )
    section.finish()
    return limit


def _choices(section: Section | None, defaults: Choices) -> Choices:
    if section is None:
        return defaults
    values: dict[str, Any] = {}
    for item in fields(Choices):
        variants, default = item.metadata["variants"], getattr(defaults, item.name)
        if variants:
            values[item.name] = section.choice(item.name, variants, default=default)
        elif isinstance(default, str):
            values[item.name] = section.optional_text(item.name) or default
        else:
            line = section.line_of(item.name)
            values[item.name] = section.number(item.name, default=default)
            if (mistake := mistake_in(item.name, values[item.name])) is not None:
                section.mistake(f"{item.name} {mistake}", line=line)
    section.finish()
    return Choices(**values)

"""The tenant file, `tenant.yaml`: what it may say, and what it becomes."""

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from tests.tenant.errors import ConfigError
from tests.tenant.reader import Section, open_document
from tests.tenant.settings import Choices

PROFILES = ("off", "free", "essentials", "enterprise", "enterprise-nonprod")
GRANTS = ("authorization_code", "refresh_token", "client_credentials", "password")
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
    """One application; `secret` is None for a public one, `scope` what the Management API grants it."""

    client_id: str
    secret: str | None = None
    name: str = ""
    callbacks: tuple[str, ...] = ()
    logout_urls: tuple[str, ...] = ()
    web_origins: tuple[str, ...] = ()
    grants: tuple[str, ...] = ("authorization_code", "refresh_token")
    metadata: dict[str, str] = field(default_factory=dict)
    scope: tuple[str, ...] = ()
    login_uri: str | None = None


@dataclass(frozen=True, kw_only=True)
class Action:
    """One Action of the post-login trigger; `directory` is where its `require` looks for packages."""

    name: str
    code: str
    secrets: dict[str, str]
    filename: str
    directory: str


@dataclass(frozen=True, kw_only=True)
class RateLimit:
    """A published profile by name, and how its buckets fill."""

    profile: str = "enterprise"
    refill: str = "window"


@dataclass(frozen=True, kw_only=True)
class Config:
    """A whole tenant."""

    tenant_id: str
    issuer: str | None
    friendly_name: str
    default_redirection_uri: str | None
    clients: dict[str, Client]
    users: tuple[dict[str, Any], ...]
    actions: tuple[Action, ...]
    rate_limit: RateLimit
    custom_domains: tuple[str, ...]
    choices: Choices


def load_config(path: Path) -> Config:
    """Read a tenant file; paths in it are relative to its folder.

    Raises:
        ConfigError: with every mistake and its line.
    """
    mistakes: list[str] = []
    root = open_document(path, mistakes)
    config = _config(root, path.parent)
    if mistakes:
        raise ConfigError(tuple(f"{path.name}: {mistake}" for mistake in mistakes))
    return config


def _config(root: Section, folder: Path) -> Config:
    tenant = root.section("tenant", required=True)
    issuer = _issuer(tenant) if tenant else None
    config = Config(
        tenant_id=tenant.text("id") if tenant else "",
        issuer=issuer,
        friendly_name=(tenant.optional_text("friendly_name") if tenant else None) or "Tenant",
        default_redirection_uri=tenant.optional_text("default_redirection_uri") if tenant else None,
        clients=_clients(root),
        users=_users(root),
        actions=tuple(_action(section, folder) for section in root.sections("actions")),
        rate_limit=_rate_limit(root.section("rate_limit")),
        custom_domains=root.texts("custom_domains"),
        choices=_choices(root.section("settings")),
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
    grants_line = section.line_of("grant_types")
    client = Client(
        client_id=section.text("client_id"),
        secret=section.optional_text("client_secret"),
        name=section.optional_text("name") or "",
        callbacks=section.texts("callbacks"),
        logout_urls=section.texts("allowed_logout_urls"),
        web_origins=section.texts("web_origins"),
        grants=section.texts("grant_types", default=Client.grants),
        metadata=section.text_map("client_metadata"),
        scope=_scope(section),
        login_uri=section.optional_text("initiate_login_uri"),
    )
    for grant in set(client.grants).difference(GRANTS):
        section.mistake(f"grant_types: {grant} is not one of {', '.join(GRANTS)}", line=grants_line)
    section.finish()
    return client


def _scope(section: Section) -> tuple[str, ...]:
    return tuple((section.optional_text("scope") or "").split())


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


def _rate_limit(section: Section | None) -> RateLimit:
    if section is None:
        return RateLimit()
    limit = RateLimit(
        profile=section.choice("profile", PROFILES, default=RateLimit.profile),
        refill=section.choice("refill", ("window", "continuous"), default=RateLimit.refill),
    )
    section.finish()
    return limit


def _choices(section: Section | None) -> Choices:
    if section is None:
        return Choices()
    values: dict[str, Any] = {}
    for item in fields(Choices):
        variants = item.metadata["variants"]
        if variants:
            values[item.name] = section.choice(item.name, variants, default=variants[0])
        elif isinstance(item.default, int | float):
            values[item.name] = section.number(item.name, default=item.default)
    section.finish()
    return Choices(**values)

"""The `event` object of a post-login Action."""

from typing import Any

from tests.tenant.config import Config, Organization
from tests.tenant.logins import Login
from tests.tenant.visit import Visit, text

_SECRET_PARAMETERS = frozenset({"client_secret", "password", "refresh_token", "code_verifier", "code"})
_USER_FIELDS = (
    "user_id",
    "email",
    "email_verified",
    "given_name",
    "family_name",
    "name",
    "nickname",
    "picture",
    "username",
    "phone_number",
    "phone_verified",
    "last_password_reset",
    "identities",
    "multifactor",
    "created_at",
    "updated_at",
)
_COUNTRIES = {"US": ("United States", "USA"), "DE": ("Germany", "DEU"), "FR": ("France", "FRA")}


def build_event(
    *, login: Login, visit: Visit, user: dict[str, Any], config: Config, resuming: bool
) -> dict[str, Any]:
    """One snapshot for a run of the pipeline; secrets and transaction metadata are added for each Action.

    On the first leg `request` shows the parameters of /authorize; on resume those of /continue.
    """
    identity = user["identities"][0]
    event: dict[str, Any] = {
        "authentication": {"methods": login.session.methods if login.session else []},
        "authorization": {"roles": []},
        "client": {
            "client_id": login.client.client_id,
            "name": login.client.name,
            "metadata": login.client.metadata,
        },
        "connection": {
            "id": f"con_{identity['connection']}",
            "name": identity["connection"],
            "strategy": strategy_of(config, identity),
            "metadata": {},
        },
        "request": _request(login=login, visit=visit, resuming=resuming),
        "stats": {"logins_count": user.get("logins_count", 0)},
        "tenant": {"id": config.tenant_id},
        "transaction": _transaction(login),
        "user": _user(user),
    }
    if login.session is not None:
        event["session"] = {"id": login.session.id}
    if login.organization is not None:
        event["organization"] = _organization(login.organization)
    if audience := text(login.params, "audience"):
        event["resource_server"] = {"identifier": audience}
    if visit.authority in config.custom_domains:
        event["custom_domain"] = {"domain": visit.authority, "domain_metadata": {}}
    return event


def strategy_of(config: Config, identity: dict[str, Any]) -> str:
    """The connection's, or where the file does not list it the provider's name."""
    return config.strategies.get(identity["connection"]) or str(identity["provider"])


def _organization(organization: Organization) -> dict[str, Any]:
    return {
        "id": organization.id,
        "name": organization.name,
        "display_name": organization.display_name,
        "metadata": organization.metadata,
    }


def _request(*, login: Login, visit: Visit, resuming: bool) -> dict[str, Any]:
    if resuming:
        method, query, body = visit.method, visit.query, visit.body
    elif login.method == "POST":
        method, query, body = "POST", {}, login.params
    else:
        method, query, body = login.method, login.params, {}
    return {
        "method": method,
        "hostname": hostname_of(login),
        "ip": visit.ip,
        "asn": visit.asn,
        "user_agent": visit.user_agent,
        "language": visit.language,
        "query": query,
        "body": {name: value for name, value in body.items() if name not in _SECRET_PARAMETERS},
        "geoip": _geoip(visit.country),
    }


def hostname_of(login: Login) -> str:
    """The bare host of a login, with its port unless it is the scheme's own."""
    return login.issuer.partition("://")[2].rstrip("/")


def _geoip(code: str) -> dict[str, Any]:
    name, code3 = _COUNTRIES.get(code, (code, code))
    return {
        "cityName": "Springfield",
        "continentCode": "NA" if code == "US" else "EU",
        "countryCode": code,
        "countryCode3": code3,
        "countryName": name,
        "latitude": 39.8,
        "longitude": -89.6,
        "subdivisionCode": "IL",
        "subdivisionName": "Illinois",
        "timeZone": "America/Chicago",
    }


def _transaction(login: Login) -> dict[str, Any]:
    params = login.params
    locales = text(params, "ui_locales").split()
    return {
        "id": login.id,
        "protocol": login.protocol,
        "redirect_uri": text(params, "redirect_uri"),
        "requested_scopes": text(params, "scope").split(),
        "response_type": text(params, "response_type").split(),
        "response_mode": text(params, "response_mode") or "query",
        "state": text(params, "state"),
        "prompt": text(params, "prompt").split(),
        "acr_values": text(params, "acr_values").split(),
        "locale": locales[0] if locales else "en",
        "ui_locales": locales,
        "login_hint": text(params, "login_hint") or None,
    }


def _user(user: dict[str, Any]) -> dict[str, Any]:
    shown = {name: user[name] for name in _USER_FIELDS if name in user}
    metadata = {name: user.get(name, {}) for name in ("app_metadata", "user_metadata")}
    return {**shown, **metadata, "enrolledFactors": []}

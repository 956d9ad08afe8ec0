"""What /oauth/token hands out."""

from collections.abc import Mapping
from typing import Any

from tests.tenant.clock import Clock
from tests.tenant.config import Api, Client
from tests.tenant.grants import Grants
from tests.tenant.keys import Keys
from tests.tenant.logins import Login
from tests.tenant.organizations import organization_claims
from tests.tenant.states import identifier
from tests.tenant.users import Users
from tests.tenant.visit import text

ACCESS_SECONDS = 86400
_ID_SECONDS = 36000
_PROFILE = ("name", "given_name", "family_name", "nickname", "picture", "updated_at")
_EMAIL = ("email", "email_verified")


def profile_claims(user: dict[str, Any], scopes: list[str]) -> dict[str, Any]:
    """The standard claims that scopes `profile` and `email` open."""
    names = (_PROFILE if "profile" in scopes else ()) + (_EMAIL if "email" in scopes else ())
    return {name: user[name] for name in names if name in user}


class Minter:
    """Makes token answers."""

    def __init__(
        self,
        *,
        keys: Keys,
        users: Users,
        grants: Grants,
        clock: Clock,
        apis: Mapping[str, Api],
        organization_names: bool,
    ) -> None:
        self._keys = keys
        self._users = users
        self._grants = grants
        self._clock = clock
        self._apis = apis
        self._organization_names = organization_names

    def for_login(self, login: Login, *, gty: str | None = None, refresh: bool) -> dict[str, Any]:
        """The answer for a person's login; `refresh` says whether a refresh token may come with it."""
        answer = {
            "access_token": self._access_token(login, gty=gty),
            "scope": " ".join(login.scopes),
            "expires_in": self._lifetime(text(login.params, "audience")),
            "token_type": "Bearer",
        }
        if "openid" in login.scopes:
            answer["id_token"] = self._id_token(login)
        if refresh and "offline_access" in login.scopes:
            answer["refresh_token"] = self._grants.new_refresh_token(login)
        return answer

    def _lifetime(self, audience: str) -> int:
        api = self._apis.get(audience)
        return int(api.token_lifetime) if api else ACCESS_SECONDS

    def for_client(
        self, client: Client, *, issuer: str, audience: str, scopes: tuple[str, ...], expired: bool
    ) -> dict[str, Any]:
        """The answer for a machine; an `expired` one has had its day already."""
        lifetime = self._lifetime(audience)
        now = int(self._clock.now()) - (2 * lifetime if expired else 0)
        claims: dict[str, Any] = {
            "iss": issuer,
            "sub": f"{client.client_id}@clients",
            "aud": audience,
            "iat": now,
            "exp": now + lifetime,
            "scope": " ".join(scopes),
            "gty": "client-credentials",
            "azp": client.client_id,
            "jti": identifier(),
        }
        if audience in self._apis and self._apis[audience].permissions:
            claims["permissions"] = list(scopes)
        return {
            "access_token": self._keys.sign(claims),
            "scope": claims["scope"],
            "expires_in": lifetime,
            "token_type": "Bearer",
        }

    def _access_token(self, login: Login, *, gty: str | None) -> str:
        now = int(self._clock.now())
        userinfo = f"{login.issuer}userinfo"
        audience = text(login.params, "audience")
        both = [audience, userinfo] if "openid" in login.scopes else [audience]
        claims = {
            **login.access_claims,
            "iss": login.issuer,
            "sub": login.user_id,
            "aud": (both if len(both) > 1 else audience) if audience else userinfo,
            "iat": now,
            "exp": now + self._lifetime(audience),
            "azp": login.client.client_id,
            "scope": " ".join(login.scopes),
            **self._organization(login),
        }
        if gty is not None:
            claims["gty"] = gty
        if audience in self._apis and self._apis[audience].permissions:
            claims["permissions"] = []  # nobody has a role here
        return self._keys.sign(claims)

    def _organization(self, login: Login) -> dict[str, str]:
        return organization_claims(login.organization, names=self._organization_names)

    def _id_token(self, login: Login) -> str:
        now = int(self._clock.now())
        claims = {
            **login.id_claims,
            **profile_claims(self._users.get(login.user_id) or {}, login.scopes),
            "iss": login.issuer,
            "sub": login.user_id,
            "aud": login.client.client_id,
            "iat": now,
            "exp": now + _ID_SECONDS,
            **self._organization(login),
        }
        if login.session is not None:
            claims["sid"] = login.session.id
        if nonce := text(login.params, "nonce"):
            claims["nonce"] = nonce
        if login.session is not None and text(login.params, "max_age"):
            claims["auth_time"] = int(login.session.created_at)
        return self._keys.sign(claims)

from aiohttp import web

from tests.tenant.callback import RESPONSE_MODES
from tests.tenant.config import GRANTS
from tests.tenant.directory import Directory
from tests.tenant.keys import Keys
from tests.tenant.visit import visit_of


class Discovery:
    """The two documents under /.well-known/."""

    def __init__(self, *, directory: Directory, keys: Keys) -> None:
        self._directory = directory
        self._keys = keys

    def routes(self) -> list[web.RouteDef]:
        """Where this answers."""
        return [
            web.get("/.well-known/openid-configuration", self.configuration),
            web.get("/.well-known/jwks.json", self.jwks),
        ]

    async def configuration(self, request: web.Request) -> web.Response:
        """OpenID Connect Discovery 1.0; the issuer ends in a slash, as Auth0's does."""
        visit = await visit_of(request)
        issuer = self._directory.issuer(visit)
        endpoints = {
            "authorization_endpoint": "authorize",
            "token_endpoint": "oauth/token",
            "userinfo_endpoint": "userinfo",
            "jwks_uri": ".well-known/jwks.json",
            "end_session_endpoint": "oidc/logout",
            "revocation_endpoint": "oauth/revoke",
            "device_authorization_endpoint": "oauth/device/code",
        }
        return web.json_response(
            {
                "issuer": issuer,
                **{name: f"{issuer}{path}" for name, path in endpoints.items()},
                "scopes_supported": ["openid", "profile", "offline_access", "name", "email"],
                "response_types_supported": ["code"],
                "response_modes_supported": list(RESPONSE_MODES),
                "grant_types_supported": list(GRANTS),
                "code_challenge_methods_supported": ["S256", "plain"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "token_endpoint_auth_methods_supported": [
                    "client_secret_basic",
                    "client_secret_post",
                    "none",
                ],
                "claims_supported": [
                    "aud",
                    "auth_time",
                    "email",
                    "email_verified",
                    "exp",
                    "iat",
                    "iss",
                    "name",
                    "sub",
                ],
                "request_uri_parameter_supported": False,
            }
        )

    async def jwks(self, request: web.Request) -> web.Response:
        """The public keys."""
        del request
        return web.json_response(self._keys.jwks())

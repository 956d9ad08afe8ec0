"""Which custom claims Auth0 takes; the others vanish without a word."""

import re
from urllib.parse import urlsplit

# fmt: off
_RESTRICTED = frozenset({
    "acr", "act", "active", "amr", "at_hash", "ath", "attest", "aud", "auth_time", "authorization_details",
    "azp", "c_hash", "client_id", "cnf", "cty", "dest", "entitlements", "events", "exp", "groups", "gty",
    "htm", "htu", "iat", "internalService", "iss", "jcard", "jku", "jti", "jwe", "jwk", "kid", "may_act",
    "mky", "nbf", "nonce", "object_id", "org_id", "org_name", "orig", "origid", "permissions", "roles",
    "rph", "s_hash", "sid", "sub", "sub_jwk", "toe", "txn", "typ", "uuid", "vot", "vtm", "x5t#S256",
})
# fmt: on
_REFUSED_HOSTS = ("auth0.com", "webtask.io", "webtask.run")
_NAMESPACED = re.compile(r"^(https?://|urn:)")


def is_settable(name: str, *, access_token: bool, for_api: bool) -> bool:
    """Whether `setCustomClaim` has an effect.

    Args:
        name: the claim.
        access_token: it is for the access token, not the ID token.
        for_api: the access token is for an API of the customer; Auth0's own take namespaced claims only.
    """
    if name in _RESTRICTED or name.startswith(("sip_", "urn:auth0")):
        return False
    host = urlsplit(name).hostname or ""
    if any(host == refused or host.endswith(f".{refused}") for refused in _REFUSED_HOSTS):
        return False
    return for_api or not access_token or bool(_NAMESPACED.match(name))

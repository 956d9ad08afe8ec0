"""A session token in the form of Auth0's former Rules, read as one of the Action's.

The page "Redirect users from within Rules" has `sub` (the user), `iss` (the rule), `aud` (the application
that is redirected to, which is us), `jti` (kept in `user.jti`), `exp`, and for a forced change of the
password `email` and `authorize_again`. The rest is the tenant's `session_token.rules`. The answer has the
roles of `iss` and `aud` exchanged and the same `jti`: `answer_token.issuer`, `answer_token.audience`.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import parse_qsl

from common.tenant_fields import origin_of
from common.tenant_rules_contract import RulesContract
from common.tenants import Tenant
from common.tokens_claims import ClaimError, Claims
from common.tokens_session import SessionToken, read_steps

_LONGEST_ADDRESS = 300
_LONGEST_URL = 4000
# As the Action sends them. `login_hint` is known from `email`; `client_id` is the token's.
_REPEATED = frozenset(
    {
        *("response_type", "response_mode", "redirect_uri", "scope", "audience", "state", "nonce"),
        *("code_challenge", "code_challenge_method", "connection", "organization", "ui_locales"),
        *("acr_values", "max_age", "display", "screen_hint", "prompt", "dpop_jkt"),
    }
)


def read_rules_token(claims: Claims, *, tenant: Tenant, contract: RulesContract) -> SessionToken:
    """The claims, typed, and completed from the contract.

    Raises:
        ClaimError: one of them is not what it must be for this tenant.
    """
    host = tenant.hosts[0]
    return SessionToken(
        tenant=tenant.key,
        jti=claims.text("jti"),
        subject=claims.text("sub"),
        issuer=host,
        issued_at=datetime.fromtimestamp(claims.integer("iat"), UTC),
        expires_at=datetime.fromtimestamp(claims.integer("exp"), UTC),
        ip=None,
        steps=read_steps(contract.steps),
        entry=contract.entry,
        continue_uri=f"{origin_of(host)}/continue",
        client_id=claims.text("client_id") if claims.has("client_id") else contract.client_id,
        protocol="oidc-basic-profile",
        ui_locales=(),
        authorize=_authorize_again(claims, host=host) if claims.has("authorize_again") else None,
        profile_jwe=None,
        email=claims.text("email", at_most=_LONGEST_ADDRESS) if claims.has("email") else None,
    )


def _authorize_again(claims: Claims, *, host: str) -> Mapping[str, str] | None:
    """The parameters of that URL, to be put together anew; None if the request was pushed or signed.

    It is somewhere to send a browser to, so nothing but this tenant's own /authorize is taken.
    """
    text = claims.text("authorize_again", at_most=_LONGEST_URL)
    address, mark, query = text.partition("?")
    if address + mark != f"{origin_of(host)}/authorize?" or "#" in query:
        raise ClaimError("authorize_again")
    try:
        given = parse_qsl(query, strict_parsing=True, errors="strict", max_num_fields=50)
    except ValueError as exc:
        raise ClaimError("authorize_again") from exc
    parameters = dict(given)
    if len(parameters) < len(given):
        raise ClaimError("authorize_again")
    if parameters.keys() & {"request", "request_uri"}:
        return None
    return _without_silence({name: value for name, value in given if name in _REPEATED and value})


def _without_silence(parameters: dict[str, str]) -> Mapping[str, str]:
    """The login is to ask for the password, whatever the first request wanted."""
    wanted = [word for word in parameters.pop("prompt", "").split() if word not in ("none", "login")]
    checked = Claims({"authorize_again": parameters}).text_map("authorize_again", at_most=20)
    return {**checked, "prompt": " ".join(wanted)} if wanted else checked

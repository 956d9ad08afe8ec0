"""/oauth/token, /userinfo, logout and revocation."""

import asyncio
import base64
from pathlib import Path

import pytest

from tests.tenant.tests.support import (
    CLIENT,
    EMAIL,
    PASSWORD,
    PUBLIC,
    REDIRECTING,
    USER,
    Answer,
    claims_of,
    pkce,
    run_tenant,
)

_VERIFIER = "verifier-verifier-verifier-verifier-verifier"
_DENYING = (
    "exports.onExecutePostLogin = async (event, api) => { api.access.deny(event.transaction.protocol); };"
)


@pytest.mark.parametrize(
    ("values", "status", "error", "description"),
    [
        ({"client_id": "nobody"}, 401, "access_denied", "Unauthorized"),
        ({"client_id": CLIENT, "client_secret": "wrong"}, 401, "access_denied", "Unauthorized"),
        ({"client_id": CLIENT}, 401, "access_denied", "Unauthorized"),
        (
            {"client_id": CLIENT, "client_secret": "web-secret"},
            400,
            "invalid_request",
            "Missing required parameter: grant_type",
        ),
        (
            {"client_id": PUBLIC, "grant_type": "password"},
            403,
            "unauthorized_client",
            "Grant type 'password' not allowed for the client.",
        ),
        (
            {"client_id": PUBLIC, "grant_type": "authorization_code", "code": "x"},
            403,
            "invalid_grant",
            "Invalid authorization code",
        ),
        (
            {"client_id": PUBLIC, "grant_type": "refresh_token", "refresh_token": "v1.x"},
            403,
            "invalid_grant",
            "Unknown or invalid refresh token.",
        ),
        (
            {
                "client_id": "machine",
                "client_secret": "machine-secret",
                "grant_type": "client_credentials",
                "audience": "https://x/",
            },
            403,
            "access_denied",
            "Service not enabled within domain: https://x/",
        ),
    ],
)
async def test_refusals(
    tmp_path: Path, values: dict[str, str], status: int, error: str, description: str
) -> None:
    """Each wrong request gets the status and the text of recorded tenants."""
    async with run_tenant(tmp_path, settings={"client_auth_error": "access_denied"}) as tenant:
        answer = await tenant.token(**values)
    assert (answer.status, answer.json) == (status, {"error": error, "error_description": description})
    assert answer.headers["Cache-Control"] == "no-store"


async def test_odd_characters(tmp_path: Path) -> None:
    """Secrets, verifiers and tokens of any characters are wrong ones, not failures of the tenant."""
    odd = '"\\ud800"'
    async with run_tenant(tmp_path) as tenant:
        code = (await tenant.log_in(code_challenge="c", code_challenge_method="plain")).query["code"]
        body = f'{{"client_id": "{CLIENT}", "client_secret": {odd}}}'
        headers = {"Content-Type": "application/json"}
        secret = await tenant.send("POST", "/oauth/token", data=body, headers=headers)
        verifier = await tenant.exchange(code, code_verifier="\u00e9")
        bearer = await tenant.manage("GET", "/users", "a.\u00e9.c")
    assert (secret.status, verifier.status, bearer.status) == (401, 403, 401)


async def test_invalid_client_variant(tmp_path: Path) -> None:
    """The other variant: the error that the specification names."""
    async with run_tenant(tmp_path, settings={"client_auth_error": "invalid_client"}) as tenant:
        answer = await tenant.token(client_id="nobody")
    assert (answer.status, answer.json["error"]) == (401, "invalid_client")


async def test_machine_without_grant(tmp_path: Path) -> None:
    """A machine whose API was not granted reads how to grant it."""
    machine = {"client_id": "m", "client_secret": "s", "grant_types": ["client_credentials"]}
    async with run_tenant(tmp_path, clients=[machine]) as tenant:
        audience = f"{tenant.base}/api/v2/"
        grant = {"grant_type": "client_credentials", "audience": audience}
        answer = await tenant.token(client_id="m", client_secret="s", **grant)
    assert answer.status == 403
    assert answer.json["error_description"].startswith(
        f'Client is not authorized to access "{audience}". You need'
    )


@pytest.mark.parametrize("kind", ["form", "json", "basic"])
async def test_client_authentication(tmp_path: Path, kind: str) -> None:
    """Form, JSON and HTTP Basic with percent-encoding are taken alike."""
    async with run_tenant(tmp_path) as tenant:
        grant = {"grant_type": "client_credentials", "audience": f"{tenant.base}/api/v2/"}
        posted = {**grant, "client_id": "machine", "client_secret": "machine-secret"}
        basic = base64.b64encode(b"machine:machine%2Dsecret").decode()
        options = {
            "form": {"data": posted},
            "json": {"json": posted},
            "basic": {"data": grant, "headers": {"Authorization": f"Basic {basic}"}},
        }
        answer = await tenant.send("POST", "/oauth/token", **options[kind])
    claims = claims_of(answer.json["access_token"])
    assert (claims["sub"], claims["gty"], claims["azp"]) == (
        "machine@clients",
        "client-credentials",
        "machine",
    )
    assert claims["scope"] == "read:users update:users create:users delete:users"


async def test_code_is_good_once(tmp_path: Path) -> None:
    """A code buys tokens once."""
    async with run_tenant(tmp_path) as tenant:
        code = (await tenant.log_in()).query["code"]
        answers = [await tenant.exchange(code), await tenant.exchange(code)]
    assert [answer.status for answer in answers] == [200, 403]


@pytest.mark.parametrize(
    "changes", [{"redirect_uri": "http://127.0.0.4:9/other"}, {"client_id": PUBLIC, "client_secret": ""}]
)
async def test_foreign_code(tmp_path: Path, changes: dict[str, str]) -> None:
    """A code with another callback, or of another application, is no code."""
    async with run_tenant(tmp_path) as tenant:
        answer = await tenant.exchange((await tenant.log_in()).query["code"], **changes)
    assert (answer.status, answer.json["error_description"]) == (403, "Invalid authorization code")


async def test_code_gets_old(tmp_path: Path) -> None:
    """A code lives a minute."""
    async with run_tenant(tmp_path) as tenant:
        code = (await tenant.log_in()).query["code"]
        await tenant.control("POST", "/clock", {"advance": 61})
        answer = await tenant.exchange(code)
    assert answer.status == 403


@pytest.mark.parametrize(
    ("method", "verifier", "status"),
    [("S256", _VERIFIER, 200), ("S256", "wrong", 403), ("S256", "", 403), ("plain", pkce(_VERIFIER), 200)],
)
async def test_pkce(tmp_path: Path, method: str, verifier: str, status: int) -> None:
    """The verifier must be the challenge's own."""
    async with run_tenant(tmp_path) as tenant:
        back = await tenant.log_in(code_challenge=pkce(_VERIFIER), code_challenge_method=method)
        answer = await tenant.exchange(back.query["code"], code_verifier=verifier)
    assert answer.status == status
    if status == 403:
        assert answer.json["error_description"] == "Failed to verify code verifier"


async def test_refresh(tmp_path: Path) -> None:
    """A refresh token buys new tokens, narrower on demand, until it is revoked."""
    async with run_tenant(tmp_path) as tenant:
        tokens = (await tenant.exchange((await tenant.log_in()).query["code"])).json
        grant = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        client = {"client_id": CLIENT, "client_secret": "web-secret"}
        fresh = (await tenant.token(**grant, **client, scope="openid email admin")).json
        revoked = await tenant.send(
            "POST", "/oauth/revoke", json={**client, "token": tokens["refresh_token"]}
        )
        refused = await tenant.token(**grant, **client)
    assert fresh["scope"] == "openid email"
    assert claims_of(fresh["id_token"])["sub"] == USER
    assert "refresh_token" not in fresh
    assert (revoked.status, revoked.text, refused.status) == (200, "", 403)


async def test_password_grant(tmp_path: Path) -> None:
    """A password buys tokens where the grant is on; a wrong one has the real text."""
    grant = {"grant_type": "password", "client_id": CLIENT, "client_secret": "web-secret", "username": EMAIL}
    async with run_tenant(tmp_path) as tenant:
        right = await tenant.token(**grant, password=PASSWORD, scope="openid")
        wrong = await tenant.token(**grant, password="nonsense")
    assert claims_of(right.json["access_token"])["gty"] == "password"
    assert (wrong.status, wrong.json["error_description"]) == (403, "Wrong email or password.")


async def test_actions_run_on_direct_grants(tmp_path: Path) -> None:
    """The Action sees the protocol and may deny; a redirect is impossible there."""
    grant = {"grant_type": "password", "client_id": CLIENT, "client_secret": "web-secret"}
    async with run_tenant(tmp_path, actions={"deny": _DENYING}) as tenant:
        denied = await tenant.token(**grant, username=EMAIL, password=PASSWORD)
        await tenant.control(
            "PUT", "/actions", [{"name": "w", "code": REDIRECTING, "secrets": {"SECRET": "s"}}]
        )
        blocked = await tenant.token(**grant, username=EMAIL, password=PASSWORD)
    assert denied.json == {"error": "access_denied", "error_description": "oauth2-password"}
    assert (blocked.status, blocked.json["error"]) == (403, "interaction_required")


async def test_action_on_refresh(tmp_path: Path) -> None:
    """A refresh runs the Actions under a protocol of its own."""
    async with run_tenant(tmp_path) as tenant:
        tokens = (await tenant.exchange((await tenant.log_in()).query["code"])).json
        await tenant.control("PUT", "/actions", [{"name": "deny", "code": _DENYING}])
        client = {"client_id": CLIENT, "client_secret": "web-secret"}
        refresh = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        answer = await tenant.token(**client, **refresh)
    assert (answer.status, answer.json["error_description"]) == (403, "oauth2-refresh-token")


async def test_userinfo(tmp_path: Path) -> None:
    """The profile of the access token's person; any other token is a plain 401."""
    async with run_tenant(tmp_path) as tenant:
        token = (await tenant.exchange((await tenant.log_in()).query["code"])).json["access_token"]
        good = await tenant.send("GET", "/userinfo", headers={"Authorization": f"Bearer {token}"})
        bad = await tenant.send("GET", "/userinfo", headers={"Authorization": f"Bearer {token}x"})
        machine = await tenant.machine_token()
        foreign = await tenant.send("GET", "/userinfo", headers={"Authorization": f"Bearer {machine}"})
    assert (good.json["sub"], good.json["email"], good.json["given_name"]) == (USER, EMAIL, "Ann")
    assert (bad.status, bad.text, foreign.status) == (401, "Unauthorized", 401)
    assert "WWW-Authenticate" in bad.headers


async def test_token_limit(tmp_path: Path) -> None:
    """Beyond the limit of the token endpoint there is a 429 with its body and headers."""
    async with run_tenant(tmp_path, rate_limit={"profile": "free"}) as tenant:
        refused: list[Answer] = []
        while not refused:  # on a slow machine seconds pass, and each brings thirty more
            answers = await asyncio.gather(*(tenant.token(client_id="nobody") for _ in range(200)))
            refused = [answer for answer in answers if answer.status == 429]
    told = {"error": "too_many_requests", "error_description": "Global limit has been reached"}
    assert refused[0].json == told
    headers = refused[0].headers
    assert (headers["x-ratelimit-limit"], headers["x-ratelimit-remaining"]) == ("30", "0")
    assert headers["x-ratelimit-reset"].isdecimal()


async def test_userinfo_limit(tmp_path: Path) -> None:
    """A person's profile can be read ten times at once."""
    async with run_tenant(tmp_path, rate_limit={"profile": "enterprise"}) as tenant:
        token = (await tenant.exchange((await tenant.log_in()).query["code"])).json["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        statuses = [(await tenant.send("GET", "/userinfo", headers=headers)).status for _ in range(16)]
    assert statuses[:10] == [200] * 10
    assert statuses[-1] == 429


async def test_logout(tmp_path: Path) -> None:
    """Logging out ends the session and returns only to listed places."""
    async with run_tenant(tmp_path) as tenant:
        await tenant.log_in()
        foreign = await tenant.send("GET", f"/v2/logout?client_id={CLIENT}&returnTo=http://evil.example")
        still = await tenant.authorize(prompt="none")
        listed = await tenant.send("GET", f"/v2/logout?client_id={CLIENT}&returnTo=http://127.0.0.4:9")
        gone = await tenant.authorize(prompt="none")
        first = await tenant.send("GET", f"/v2/logout?client_id={CLIENT}")
        nowhere = await tenant.send("GET", "/v2/logout")
    assert (foreign.status, listed.status, nowhere.status, nowhere.text) == (400, 302, 200, "OK")
    assert "code" in still.query
    assert gone.query["error"] == "login_required"
    assert listed.headers["Location"] == first.headers["Location"] == "http://127.0.0.4:9"


async def test_oidc_logout(tmp_path: Path) -> None:
    """The standard logout finds the application in the ID token and gives the state back."""
    async with run_tenant(tmp_path) as tenant:
        tokens = (await tenant.exchange((await tenant.log_in()).query["code"])).json
        target = f"id_token_hint={tokens['id_token']}&post_logout_redirect_uri=http://127.0.0.4:9&state=s"
        answer = await tenant.send("GET", f"/oidc/logout?{target}")
        gone = await tenant.authorize(prompt="none")
        wrong = await tenant.send("GET", "/oidc/logout?id_token_hint=x")
    assert (answer.headers["Location"], wrong.status) == ("http://127.0.0.4:9?state=s", 400)
    assert gone.query["error"] == "login_required"


async def test_cors(tmp_path: Path) -> None:
    """Single-page applications may call /oauth/token from their origin; /continue answers no other origin."""
    origin = {"Origin": "http://127.0.0.4:9"}
    async with run_tenant(tmp_path, settings={"continue_cors": "off"}) as tenant:
        preflight = await tenant.send("OPTIONS", "/oauth/token", headers=origin)
        answer = await tenant.send("POST", "/oauth/token", headers=origin)
        stranger = await tenant.send("POST", "/oauth/token", headers={"Origin": "http://evil.example"})
        resume = await tenant.send("POST", "/continue", headers=origin)
    assert preflight.headers["Access-Control-Allow-Origin"] == "http://127.0.0.4:9"
    assert "auth0-client" in preflight.headers["Access-Control-Allow-Headers"]
    assert (preflight.status, answer.status) == (204, 401)
    assert answer.headers["Access-Control-Allow-Origin"] == "http://127.0.0.4:9"
    assert "Access-Control-Allow-Origin" not in stranger.headers
    assert "Access-Control-Allow-Origin" not in resume.headers

"""What each end of a call to the Management API is taken for."""

import asyncio
import dataclasses
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from common.clock import SystemClock
from common.messages import Kind
from common.outgoing import Outgoing
from metadata_sync.coalesce import Patch
from metadata_sync.errors import (
    CredentialsError,
    EndNotSeenError,
    ManagementError,
    NotSentError,
    PasswordRefusedError,
    RateLimitedError,
    RefusedError,
)
from metadata_sync.management import Accepted, ManagementClient, open_management_client
from tests.metadata_sync.management_server import ManagementServer, Scripted, serve_management
from tests.support.ports import free_port

_ANY = Outgoing(any_address=True)
PATCH = Patch(first=("waystation_idproof", {"status": "passed"}), rest=(("waystation_terms", None),))


@pytest.fixture
async def server() -> AsyncIterator[ManagementServer]:
    async with serve_management() as serving:
        yield serving


@pytest.fixture
async def client() -> AsyncIterator[ManagementClient]:
    async with open_management_client(SystemClock(), outgoing=_ANY) as opened:
        yield opened


async def _write(client: ManagementClient, server: ManagementServer, *, user_id: str = "auth0|1") -> Accepted:
    return await client.patch_user(server.account(), user_id, patch=PATCH)


async def test_a_tenant_that_leads_inside_is_not_asked(server: ManagementServer) -> None:
    """Neither a token nor a write goes to an address that is not public; the write is tried again later."""
    async with open_management_client(SystemClock(), outgoing=Outgoing()) as careful:
        with pytest.raises(NotSentError) as refused:
            await _write(careful, server)
    assert (refused.value.reason, refused.value.sent) == ("token_unavailable", 0)
    assert server.token_requests() == server.patches() == []


async def test_a_write_is_one_patch_of_the_given_keys(
    client: ManagementClient, server: ManagementServer
) -> None:
    """The id is percent-encoded, the token fetched as the documented client does, the body only our keys."""
    accepted = await _write(client, server, user_id="auth0|a/b c")
    assert accepted.sent == 1
    (token,), (patch,) = server.token_requests(), server.patches()
    assert token.body == {
        "grant_type": "client_credentials",
        "client_id": "m2m",
        "client_secret": "hush",
        "audience": "https://acme.eu.auth0.com/api/v2/",
    }
    assert patch.path == "/api/v2/users/auth0%7Ca%2Fb%20c"
    assert patch.headers["Authorization"] == "Bearer token-1"
    assert patch.body == {
        "app_metadata": {"waystation_idproof": {"status": "passed"}, "waystation_terms": None}
    }


async def test_the_limit_of_the_answer_is_told(client: ManagementClient, server: ManagementServer) -> None:
    """The x-ratelimit headers of a 200 come back with it."""
    server.answers.append(Scripted(headers={"x-ratelimit-limit": "50", "x-ratelimit-remaining": "49"}))
    headers = (await _write(client, server)).headers
    assert (headers.limit, headers.remaining) == (50, 49)


@pytest.mark.parametrize("body", [b"x" * 10_000, b"x" * 10_000_000])
async def test_a_profile_of_any_size_confirms(
    client: ManagementClient, server: ManagementServer, body: bytes
) -> None:
    """A 200 is a 200, whatever the profile that comes with it, and the next write is not disturbed."""
    server.answers.append(Scripted(body=body))
    assert [(await _write(client, server)).sent for _ in range(2)] == [1, 1]


async def test_a_200_that_breaks_off_confirms(client: ManagementClient, server: ManagementServer) -> None:
    """Once the status has arrived the write is done, also when the rest of the answer never comes."""
    server.answers.append(Scripted(breaks_off=True))
    assert (await _write(client, server)).sent == 1
    assert len(server.patches()) == 1


async def test_one_token_serves_all(client: ManagementClient, server: ManagementServer) -> None:
    """Many writes at once fetch one token, and later ones use it too."""
    await asyncio.gather(*(_write(client, server) for _ in range(5)))
    await _write(client, server)
    assert len(server.token_requests()) == 1


async def test_a_refused_token_is_renewed_once_for_all(
    client: ManagementClient, server: ManagementServer
) -> None:
    """Five writes that meet a 401 fetch one new token and succeed with it."""
    await _write(client, server)
    server.answers.extend(Scripted(status=401, delay=0.05) for _ in range(5))
    accepted = await asyncio.gather(*(_write(client, server) for _ in range(5)))
    assert [answer.sent for answer in accepted] == [2] * 5
    assert len(server.token_requests()) == 2


async def test_a_second_401_is_not_repeated(client: ManagementClient, server: ManagementServer) -> None:
    """A fresh token that is refused too means that our credentials are."""
    server.answers.extend([Scripted(status=401), Scripted(status=401)])
    with pytest.raises(CredentialsError, match="unauthorized") as refused:
        await _write(client, server)
    assert refused.value.sent == 2
    assert len(server.patches()) == 2


@pytest.mark.parametrize(
    ("answer", "error", "reason"),
    [
        (Scripted(status=400), RefusedError, "payload_refused"),
        (Scripted(status=404), RefusedError, "user_not_found"),
        (Scripted(status=409), RefusedError, "conflict"),
        (Scripted(status=403), CredentialsError, "forbidden"),
        (Scripted(status=429, headers={"Retry-After": "3"}), RateLimitedError, "rate_limited"),
        (Scripted(status=500), EndNotSeenError, "status_500"),
        (Scripted(status=502, body=b"<html>"), EndNotSeenError, "status_502"),
        (Scripted(status=302, headers={"Location": "/elsewhere"}), EndNotSeenError, "status_302"),
        (Scripted(reset=True), EndNotSeenError, "no_answer"),
    ],
)
async def test_every_other_end_has_its_class(
    client: ManagementClient,
    server: ManagementServer,
    answer: Scripted,
    error: type[ManagementError],
    reason: str,
) -> None:
    """Each is told apart, and none is repeated or followed behind our back."""
    server.answers.append(answer)
    with pytest.raises(error, match=reason) as raised:
        await _write(client, server)
    assert raised.value.sent == 1
    assert len(server.patches()) == 1


async def test_an_answer_that_does_not_come_is_an_end_not_seen(server: ManagementServer) -> None:
    """After our deadline the tenant may still write."""
    server.answers.append(Scripted(delay=30))
    deadlines = aiohttp.ClientTimeout(total=0.3)
    async with open_management_client(SystemClock(), outgoing=_ANY, deadlines=deadlines) as impatient:
        with pytest.raises(EndNotSeenError, match="no_answer"):
            await _write(impatient, server)


async def test_a_tenant_that_is_not_there_was_sent_nothing(
    client: ManagementClient, server: ManagementServer
) -> None:
    """A refused connection is certain: nothing was written."""
    await _write(client, server)
    gone = dataclasses.replace(server.account(), origin=f"http://127.0.0.1:{free_port('127.0.0.1')}")
    with pytest.raises(NotSentError, match="unreachable"):
        await client.patch_user(gone, "auth0|1", patch=PATCH)


@pytest.mark.parametrize(
    ("answer", "error", "reason"),
    [
        (Scripted(status=401), CredentialsError, "token_refused"),
        (Scripted(status=403), CredentialsError, "token_refused"),
        (Scripted(status=500), NotSentError, "token_unavailable"),
        (Scripted(reset=True), NotSentError, "token_unavailable"),
        (Scripted(body=b"<html>"), NotSentError, "token_unreadable"),
        (Scripted(body=b'{"access_token":"a b","expires_in":60}'), NotSentError, "token_unreadable"),
        (Scripted(body=b" " * 70_000), NotSentError, "token_unreadable"),
        (Scripted(status=429, headers={"x-ratelimit-remaining": "0"}), RateLimitedError, "token_rate"),
    ],
)
async def test_without_a_token_nothing_is_sent(
    client: ManagementClient,
    server: ManagementServer,
    answer: Scripted,
    error: type[ManagementError],
    reason: str,
) -> None:
    """Whatever the token endpoint answers, no write leaves without a token, and the next write asks again."""
    server.token_answers.append(answer)
    with pytest.raises(error, match=reason) as raised:
        await _write(client, server)
    assert raised.value.sent == 0
    assert raised.value.headers is None or raised.value.headers.remaining is None
    assert server.patches() == []
    await _write(client, server)


def test_a_secret_does_not_show() -> None:
    """An account in a log or a traceback shows no secret."""
    assert "hush" not in repr(ManagementServer(origin="http://127.0.0.1:1").account())


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("PasswordStrengthError: Password is too weak", "password_strength"),
        ("PasswordHistoryError: Password has previously been used", "password_history"),
        ("PasswordDictionaryError: Password is too common", "password_common"),
        ("PasswordNoUserInfoError: Password contains user information", "password_no_user_info"),
        ("Payload validation error: 'hush'", "password_refused"),
    ],
)
async def test_a_password_against_the_policy(
    client: ManagementClient, server: ManagementServer, message: str, code: str
) -> None:
    """Auth0's text becomes one of our codes, and is not repeated."""
    body = json.dumps({"statusCode": 400, "error": "Bad Request", "message": message}).encode()
    server.answers.append(Scripted(status=400, body=body))
    with pytest.raises(PasswordRefusedError, match=rf"^{code}$"):
        await client.change_password(server.account(), "auth0|1", connection="db", password="hush")
    assert [patch.body for patch in server.patches()] == [{"password": "hush", "connection": "db"}]


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (Kind.ROOT, {"nickname": "ann"}),
        (Kind.USER_METADATA, {"user_metadata": {"nickname": "ann"}}),
        (Kind.APP_METADATA, {"app_metadata": {"nickname": "ann"}}),
    ],
)
async def test_each_kind_has_its_place_in_the_body(
    client: ManagementClient, server: ManagementServer, kind: Kind, body: dict[str, Any]
) -> None:
    """Root attributes stand beside the objects that hold metadata."""
    await client.patch_user(server.account(), "auth0|1", patch=Patch(first=("nickname", "ann"), kind=kind))
    assert [patch.body for patch in server.patches()] == [body]

"""A login sent by code in the form of Auth0's former Rules: from its token to the answer that it checks."""

import json
from pathlib import Path

import jwt
import pytest

from tests.common.session_tokens import token_of
from tests.common.tenants_on_disk import ANSWER_SECRET, section, write_tenants
from tests.gateway.arrivals import Redirect
from tests.gateway.browsers import Browser
from tests.gateway.rig import Rig
from tests.support.clock import FakeClock


@pytest.fixture
def tenants_file(tmp_path: Path) -> Path:
    """acme, whose Rule `force-idv` sends people and checks their answers."""
    acme = section()
    acme["session_token"]["rules"] = {"issuer": "force-idv", "steps": ["idproof:1"], "client_id": "app1"}
    acme["answer_token"]["audience"] = "force-idv"
    acme["continue"]["parameter"] = "token"
    return write_tenants(tmp_path, {"acme": acme})


def sent_by_a_rule(clock: FakeClock) -> Redirect:
    issued = int(clock.now().timestamp())
    claims = {
        "sub": "auth0|65f0c0ffee",
        "iss": "force-idv",
        "aud": "waystation",
        "jti": "kept-in-user.jti",
        "email": "anna@acme.example",
        "iat": issued,
        "exp": issued + 300,
    }
    token = token_of(json.dumps(claims).encode())
    return Redirect(state="state-of-the-rule", session_token=token, jti="kept-in-user.jti")


async def test_there_and_back(rig: Rig, anna: Browser) -> None:
    """The page shows whose login it is; who declines goes back with the Rule's jti, addressed to it."""
    login = await anna.arrive(sent_by_a_rule(rig.clock))
    assert "a***@acme.example" in (await anna.get(f"/t/{login}")).text
    await anna.press(login, "claim")
    await anna.press(login, "idproof/decline")
    page = await anna.press(login, "continue")
    fields = {str(field["name"]): str(field["value"]) for field in page.html.select("#hand-back input")}
    assert fields["state"] == "state-of-the-rule"
    answer = jwt.decode(
        fields["token"],
        ANSWER_SECRET,
        algorithms=["HS256"],
        audience="force-idv",
        issuer="waystation",
        options={"verify_exp": False, "verify_iat": False},
    )
    assert (answer["sub"], answer["jti"]) == ("auth0|65f0c0ffee", "kept-in-user.jti")
    assert answer["steps"]["idproof"]["status"] == "declined"

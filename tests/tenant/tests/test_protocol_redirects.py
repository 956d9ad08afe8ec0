"""Several Actions in one pipeline, two of which redirect."""

from pathlib import Path

from tests.tenant.tests.support import REDIRECTING, answer_token, claims_of, run_tenant

_FIRST = REDIRECTING.replace("/start/acme/login", "/start/acme/identity").replace("/answer'", "/identity'")
_SECOND = REDIRECTING.replace("/start/acme/login", "/start/acme/terms").replace("/answer'", "/terms'")


async def test_two_redirects_in_one_login(tmp_path: Path) -> None:
    """Each of two Actions is resumed with its own answer, and those around them run once, in their place."""
    around = """
exports.onExecutePostLogin = async (event, api) => {
  const order = `${event.transaction.metadata.order ?? ''}NAME`;
  api.transaction.setMetadata('order', order);
  api.accessToken.setCustomClaim('https://example.org/order', order);
};
"""
    names = {"a": around, "identity": _FIRST, "b": around, "terms": _SECOND, "c": around}
    actions = {name: code.replace("NAME", name) for name, code in names.items()}
    async with run_tenant(tmp_path, actions=actions) as tenant:
        first = await tenant.log_in()
        waiting = [(await tenant.control("GET", "/transactions")).json[0]["action"]]
        state = first.query["state"]
        second = await tenant.continue_(state, answer_token(state, result="identified"))
        waiting.append((await tenant.control("GET", "/transactions")).json[0]["action"])
        state = second.query["state"]
        back = await tenant.continue_(state, answer_token(state, result="agreed"))
        tokens = (await tenant.exchange(back.query["code"])).json
    assert [first.location.path, second.location.path] == ["/start/acme/identity", "/start/acme/terms"]
    assert waiting == ["identity", "terms"]
    claims = claims_of(tokens["id_token"])
    assert claims["https://example.org/identity"] == "identified"
    assert claims["https://example.org/terms"] == "agreed"
    assert claims_of(tokens["access_token"])["https://example.org/order"] == "abc"


async def test_answer_to_the_first_redirect_at_the_second(tmp_path: Path) -> None:
    """A token for the first redirect's state is refused at the second, and ends the login."""
    actions = {"identity": _FIRST, "terms": _SECOND}
    settings = {"redirect_state": "new", "double_continue": "invalid_request"}
    async with run_tenant(tmp_path, actions=actions, settings=settings) as tenant:
        first = (await tenant.log_in()).query["state"]
        second = (await tenant.continue_(first, answer_token(first))).query["state"]
        refused = await tenant.continue_(second, answer_token(first))
        again = await tenant.continue_(second, answer_token(second))
    assert refused.query["error"] == "access_denied"
    assert refused.query["error_description"] == (
        "The session token is invalid: State in the token does not match the /continue state."
    )
    assert again.status >= 400


async def test_denial_at_the_second_redirect(tmp_path: Path) -> None:
    """What the first Action wrote before the second one denied stays written."""
    writing = _FIRST.replace("const answer", "api.user.setAppMetadata('identity', 'done'); const answer")
    actions = {"identity": writing, "terms": _SECOND}
    async with run_tenant(tmp_path, actions=actions) as tenant:
        state = (await tenant.log_in()).query["state"]
        state = (await tenant.continue_(state, answer_token(state))).query["state"]
        written = (await tenant.user())["app_metadata"]["identity"]
        denied = await tenant.continue_(state, "garbage")
        kept = (await tenant.user())["app_metadata"]["identity"]
    assert (written, denied.query["error"], kept) == ("done", "access_denied", "done")

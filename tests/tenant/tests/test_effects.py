"""What an Action asks for, and when it takes effect."""

from pathlib import Path

import pytest

from tests.tenant.tests.support import REDIRECTING, SECRET, answer_token, claims_of, run_tenant


def _execute(body: str) -> str:
    return f"exports.onExecutePostLogin = async (event, api) => {{ {body} }};"


async def test_deny(tmp_path: Path) -> None:
    """A denial ends the login with its reason; metadata set before it is saved, later Actions do not run."""
    actions = {
        "one": _execute("api.user.setUserMetadata('x', 1); api.access.deny('not_today');"),
        "two": _execute("api.user.setUserMetadata('y', 1);"),
    }
    async with run_tenant(tmp_path, actions=actions) as tenant:
        answer = await tenant.log_in()
        user = await tenant.user()
    assert answer.query == {
        "error": "access_denied",
        "error_description": "not_today",
        "state": "app-state",
    }
    assert user["user_metadata"] == {"x": 1}


async def test_metadata_is_written_once_at_the_end(tmp_path: Path) -> None:
    """Several calls of several Actions become one first-level merge; event.user stays as it was."""
    actions = {
        "one": _execute("api.user.setAppMetadata('nested', { c: 3 }).user.setAppMetadata('plan', null);"),
        "two": _execute(
            "api.idToken.setCustomClaim('https://example.org/plan', event.user.app_metadata.plan);"
        ),
    }
    async with run_tenant(tmp_path, actions=actions) as tenant:
        claims = await tenant.id_claims(await tenant.log_in())
        user = await tenant.user()
    assert claims["https://example.org/plan"] == "gold"
    assert user["app_metadata"] == {"nested": {"c": 3}}


async def test_metadata_uses_the_management_bucket(tmp_path: Path) -> None:
    """A write that finds the bucket empty ends the login with 'Deadline Exceeded'."""
    actions = {"one": _execute("api.user.setAppMetadata('a', 1);")}
    limit = {"profile": "enterprise"}
    async with run_tenant(tmp_path, actions=actions, rate_limit=limit) as tenant:
        await tenant.control("POST", "/rate", {"burst": 1, "per_minute": 0.001})
        first = await tenant.log_in()
        second = await tenant.authorize()
    assert "code" in first.query
    assert second.query["error_description"] == "Deadline Exceeded"


async def test_metadata_can_wait_for_the_bucket(tmp_path: Path) -> None:
    """The other variant: the write waits a while for its turn."""
    actions = {"one": _execute("api.user.setAppMetadata('a', 1);")}
    settings = {"action_metadata_deadline": 3}
    async with run_tenant(tmp_path, actions=actions, settings=settings) as tenant:
        await tenant.control("POST", "/rate", {"burst": 1, "per_second": 1})
        await tenant.log_in()
        second = await tenant.authorize()
    assert "code" in second.query


async def test_actions_share_their_time(tmp_path: Path) -> None:
    """Two Actions that each have time enough do not have it together."""
    wait = "await new Promise((done) => setTimeout(done, 700));"
    actions = {"one": _execute(wait), "two": _execute(wait)}
    async with run_tenant(tmp_path, actions=actions, settings={"action_timeout": 1}) as tenant:
        answer = await tenant.log_in()
    assert answer.query["error_description"] == "Script execution time exceeded"


@pytest.mark.parametrize("value", ["undefined", "(() => 1)", "10n"])
async def test_metadata_must_be_json(tmp_path: Path, value: str) -> None:
    """A value that JSON cannot hold is refused with the real text."""
    actions = {"one": _execute(f"api.user.setAppMetadata('a', {value});")}
    async with run_tenant(tmp_path, actions=actions) as tenant:
        answer = await tenant.log_in()
    text = "Unexpected app_metadata format. Must be a valid JSON object"
    assert answer.query["error_description"] == text


async def test_custom_claims(tmp_path: Path) -> None:
    """Claims land on their token; restricted names vanish without a word."""
    body = """
      api.idToken.setCustomClaim('iss', 'evil').idToken.setCustomClaim('plan', 'gold');
      api.accessToken.setCustomClaim('plan', 'gold');
      api.accessToken.setCustomClaim('https://example.org/plan', { a: 1 });
      api.accessToken.addScope('extra').accessToken.removeScope('email');
    """
    async with run_tenant(tmp_path, actions={"one": _execute(body)}) as tenant:
        tokens = (await tenant.exchange((await tenant.log_in()).query["code"])).json
        issuer = f"{tenant.base}/"
    identity, access = claims_of(tokens["id_token"]), claims_of(tokens["access_token"])
    assert (identity["iss"], identity["plan"]) == (issuer, "gold")
    assert "plan" not in access
    assert access["https://example.org/plan"] == {"a": 1}
    assert access["scope"] == "openid profile offline_access extra"
    assert access["aud"] == f"{issuer}userinfo"


async def test_scope_claim_throws(tmp_path: Path) -> None:
    """The one claim whose name is refused aloud."""
    actions = {"one": _execute("api.accessToken.setCustomClaim('scope', 'x');")}
    async with run_tenant(tmp_path, actions=actions) as tenant:
        answer = await tenant.log_in()
    assert answer.query["error_description"] == 'The "scope" claim cannot be set.'


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("('k'.repeat(65), 1)", "Transaction metadata keys must be text of 1 to 64 characters."),
        ("('k', {})", "Transaction metadata values must be a string, number or boolean."),
        ("('k', 'v'.repeat(8193))", "Transaction metadata values must not exceed 8 KB."),
    ],
)
async def test_transaction_metadata_limits(tmp_path: Path, call: str, message: str) -> None:
    """Keys, values and types of transaction metadata have the documented limits."""
    actions = {"one": _execute(f"api.transaction.setMetadata{call};")}
    async with run_tenant(tmp_path, actions=actions) as tenant:
        answer = await tenant.log_in()
    assert answer.query["error_description"] == message


async def test_transaction_metadata_total(tmp_path: Path) -> None:
    """All values together stay below 16 KB."""
    body = "for (const k of ['a', 'b', 'c']) api.transaction.setMetadata(k, 'v'.repeat(8000));"
    async with run_tenant(tmp_path, actions={"one": _execute(body)}) as tenant:
        answer = await tenant.log_in()
    assert answer.query["error_description"] == "Transaction metadata must not exceed 16 KB in total."


async def test_thrown_error(tmp_path: Path) -> None:
    """An uncaught error is the application's access_denied, and the log says where it was thrown."""
    async with run_tenant(tmp_path, actions={"one": _execute("\n throw new TypeError('boom');")}) as tenant:
        answer = await tenant.log_in()
        log = await tenant.control("GET", "/log?match=resume")
    failure = log.json["entries"][0]["actions"][-1]
    assert answer.query["error_description"] == "boom"
    assert failure["kind"] == "action_error"
    assert failure["where"] == f"{tmp_path / 'one.js'}:2:8"


@pytest.mark.parametrize(("variant", "kept"), [("dropped", False), ("kept", True)])
async def test_writes_of_a_failed_action(tmp_path: Path, variant: str, *, kept: bool) -> None:
    """Whether metadata set before an error is saved is a setting."""
    actions = {"one": _execute("api.user.setAppMetadata('a', 1); throw new Error('boom');")}
    settings = {"failed_action_writes": variant}
    async with run_tenant(tmp_path, actions=actions, settings=settings) as tenant:
        await tenant.log_in()
        user = await tenant.user()
    assert ("a" in user["app_metadata"]) is kept


async def test_generic_error_text(tmp_path: Path) -> None:
    """The other variant: one text for whatever an Action throws."""
    settings = {"action_error_text": "generic"}
    async with run_tenant(tmp_path, actions={"one": _execute("throw 'boom';")}, settings=settings) as tenant:
        answer = await tenant.log_in()
    assert answer.query["error_description"] == "Something went wrong in an Action."


async def test_action_that_does_not_parse(tmp_path: Path) -> None:
    """A syntax error denies the login and is reported with file, line and column."""
    async with run_tenant(tmp_path, actions={"one": "exports.a = 1;\nexports.b = ;\n"}) as tenant:
        answer = await tenant.log_in()
        log = await tenant.control("GET", "/log?match=resume")
    assert answer.query["error_description"] == "Unexpected token ';'"
    assert log.json["entries"][0]["actions"][-1]["where"] == f"{tmp_path / 'one.js'}:2:13"


async def test_recorded_method(tmp_path: Path) -> None:
    """RecordMethod exists on resume only, and later logins of the session see it."""
    code = REDIRECTING.replace(
        "const answer", "api.authentication.recordMethod('http://127.0.0.3:9/'); const answer"
    ).replace(
        "api.transaction.setMetadata('jti', 'j1');",
        "if (event.authentication.methods[1]) api.access.deny(event.authentication.methods[1].url);",
    )
    async with run_tenant(tmp_path, actions={"way": code}, settings={"deny_or_redirect": "deny"}) as tenant:
        state = (await tenant.log_in()).query["state"]
        await tenant.continue_(state, answer_token(state))
        again = await tenant.authorize()
    assert again.query["error_description"] == "http://127.0.0.3:9/"


@pytest.mark.parametrize(("variant", "seen"), [("dropped", "nothing"), ("kept", "v")])
async def test_cache_across_a_redirect(tmp_path: Path, variant: str, seen: str) -> None:
    """The cache works between logins and is not to be relied on across a redirect."""
    code = REDIRECTING.replace("api.transaction", "api.cache.set('k', 'v'); api.transaction").replace(
        "answer.result", "(api.cache.get('k') ?? { value: 'nothing' }).value"
    )
    settings = {"cache_on_resume": variant}
    async with run_tenant(tmp_path, actions={"way": code}, settings=settings) as tenant:
        state = (await tenant.log_in()).query["state"]
        claims = await tenant.id_claims(await tenant.continue_(state, answer_token(state)))
    assert claims["https://example.org/answer"] == seen


async def test_cache_limits(tmp_path: Path) -> None:
    """Twenty entries, 64 bytes of key, 4 kB of value."""
    body = """
      const codes = [api.cache.set('k'.repeat(65), 'v').code, api.cache.set('k', 'v'.repeat(4097)).code];
      for (let i = 0; i < 20; i += 1) api.cache.set(`k${i}`, 'v');
      codes.push(api.cache.set('one more', 'v').code, api.cache.set('k1', 'w').type);
      api.access.deny(codes.join(' '));
    """
    async with run_tenant(tmp_path, actions={"one": _execute(body)}) as tenant:
        answer = await tenant.log_in()
    assert answer.query["error_description"] == (
        "CacheKeySizeExceeded ItemSizeExceeded CacheKeyCountExceeded success"
    )


async def test_console_is_kept(tmp_path: Path) -> None:
    """The first 256 characters that an Action logs are in the call log, and nothing of it breaks the pipe."""
    body = "console.log('hello', { a: 1 }); process.stdout.write('noise\\n'); console.error('x'.repeat(500));"
    async with run_tenant(tmp_path, actions={"one": _execute(body)}) as tenant:
        answer = await tenant.log_in()
        log = await tenant.control("GET", "/log?match=resume")
    console = log.json["entries"][0]["actions"][0]["console"]
    assert "code" in answer.query
    assert console.startswith("hello { a: 1 }\nxxx")
    assert len(console) == 256


async def test_require_and_globals(tmp_path: Path) -> None:
    """Actions use Node's modules, packages of their own folder, and the same Error as the runtime."""
    package = tmp_path / "node_modules" / "answer"
    package.mkdir(parents=True)
    (package / "index.js").write_text("module.exports = 42;", encoding="utf-8")
    body = """
      const { createHash } = require('node:crypto');
      const digest = createHash('sha256').update('').digest('hex');
      const kinds = [new Date() instanceof Date, new Error('x') instanceof Error, typeof fetch];
      api.access.deny([require('answer'), digest.length, ...kinds, Buffer.from('a').length].join(' '));
    """
    async with run_tenant(tmp_path, actions={"one": _execute(body)}) as tenant:
        answer = await tenant.log_in()
    assert answer.query["error_description"] == "42 64 true true function 1"


async def test_secrets_and_top_level(tmp_path: Path) -> None:
    """An Action sees its own secrets; its top level runs once for all logins."""
    code = "let runs = 0;\n" + _execute("api.access.deny(`${runs += 1} ${event.secrets.SECRET}`);")
    async with run_tenant(tmp_path, actions={"one": code}) as tenant:
        first = await tenant.log_in()
        second = await tenant.authorize()
    assert first.query["error_description"] == f"1 {SECRET}"
    assert second.query["error_description"] == f"2 {SECRET}"

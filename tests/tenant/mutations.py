"""Faults planted in a copy of the emulator, one at a time: each must be caught by a test.

`./dev check tenant-mutations [NAME…]` prints a table; exit status 1 if a fault survives, or can no longer be
planted because the code has changed.
"""

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path(__file__).parents[2]
_HERE = "tests/tenant"


@dataclass(frozen=True, kw_only=True)
class Mutation:
    """One fault: the only place in `file` that says `old` says `new` instead; `tests` are files of tests."""

    name: str
    file: str
    old: str
    new: str
    tests: str


MUTATIONS = (
    Mutation(
        name="issuer without its slash",
        file="directory.py",
        old='return f"{visit.origin}/"',
        new="return visit.origin",
        tests="test_login.py",
    ),
    Mutation(
        name="PKCE not checked",
        file="oauth.py",
        old="if not verifier or not same(verifier if plain else transformed, challenge):",
        new="if not plain and not transformed:",
        tests="test_oauth.py",
    ),
    Mutation(
        name="PATCH accepts a body of {}",
        file="payload.py",
        old="        raise invalid(_EMPTY, status=int(choices.empty_update_status))",
        new="        return",
        tests="test_management.py",
    ),
    Mutation(
        name='{"app_metadata": {}} wipes nothing',
        file="users.py",
        old="    if not changes:\n",
        new="    if changes is None:\n",
        tests="test_users.py test_management.py",
    ),
    Mutation(
        name="a state can be used again",
        file="logins.py",
        old="if login is None or login.status is not status:",
        new="if login is None:",
        tests="test_redirect.py",
    ),
    Mutation(
        name="rate-limit headers missing",
        file="middleware.py",
        old="        response.headers.update(verdict.headers)\n        return response",
        new="        return response",
        tests="test_management.py",
    ),
    Mutation(
        name="validateToken takes alg none",
        file="worker.js",
        old='  if (parts.length !== 3 || parsePart(parts[0]).alg !== "HS256") return false;',
        new='  if (parsePart(parts[0]).alg === "none") return true;',
        tests="test_validate_token.py",
    ),
    Mutation(
        name="the Management API takes alg none",
        file="keys.py",
        old='        kid = jwt.get_unverified_header(token).get("kid")',
        new=(
            '        if jwt.get_unverified_header(token)["alg"] == "none":\n'
            '            return dict(jwt.decode(token, options={"verify_signature": False}))\n'
            '        kid = jwt.get_unverified_header(token).get("kid")'
        ),
        tests="test_management.py",
    ),
    Mutation(
        name="metadata merged below its first level",
        file="users.py",
        old="    merged = {**current, **changes}\n",
        new=(
            "    merged = {**current, **changes}\n"
            "    for name, value in changes.items():\n"
            "        if isinstance(value, dict) and isinstance(current.get(name), dict):\n"
            "            merged[name] = {**current[name], **value}\n"
        ),
        tests="test_users.py test_management.py",
    ),
    Mutation(
        name="the user is stale on resume",
        file="pipeline.py",
        old="        user = self._users.get(login.user_id)\n",
        new='        user = vars(login).setdefault("kept", dict(self._users.get(login.user_id) or {}))\n',
        tests="test_redirect.py",
    ),
    Mutation(
        name="a code buys tokens twice",
        file="grants.py",
        old="grant = self._codes.pop(code, None)",
        new="grant = self._codes.get(code)",
        tests="test_oauth.py",
    ),
    Mutation(
        name="any browser may come back",
        file="flow.py",
        old="if not optional and (browser is None or browser.id != login.browser_id):",
        new="if not optional and browser is None and login.browser_id is None:",
        tests="test_redirect.py",
    ),
    Mutation(
        name="parameters of a redirect appended, not set",
        file="worker.js",
        old="target.searchParams.set(name, value)",
        new="target.searchParams.append(name, value)",
        tests="test_redirect.py",
    ),
    Mutation(
        name="earlier Actions run again on resume",
        file="pipeline.py",
        old="        handler = _CONTINUE if resuming else _EXECUTE\n",
        new="        handler, login.position = _CONTINUE if resuming else _EXECUTE, 0\n",
        tests="test_redirect.py",
    ),
    Mutation(
        name="a callback is compared by its beginning",
        file="authorize.py",
        old="if uri not in client.callbacks_at(visit.origin):",
        new="if not uri.startswith(client.callbacks_at(visit.origin)):",
        tests="test_login.py",
    ),
    Mutation(
        name="a person's token opens the Management API",
        file="api_access.py",
        old="if not isinstance(audience, str) or not self._directory.is_management(audience, visit):",
        new="if not isinstance(audience, str):",
        tests="test_management.py",
    ),
    Mutation(
        name="somebody else's answer is taken",
        file="worker.js",
        old="  if (claims.sub !== event.user.user_id) return texts.subject;\n",
        new="",
        tests="test_validate_token.py",
    ),
    Mutation(
        name="a login outlives its hour",
        file="logins.py",
        old="if now - login.created_at > choices.transaction_lifetime:",
        new="if now < login.created_at:",
        tests="test_redirect.py",
    ),
    Mutation(
        name="a silent login is redirected",
        file="pipeline.py",
        old="        if not self._can_be_sent(login):\n",
        new="        if False:\n",
        tests="test_redirect.py",
    ),
    Mutation(
        name="transaction metadata lost at a redirect",
        file="pipeline.py",
        old="        login.metadata = result.metadata\n",
        new="        login.metadata = {} if result.redirect else result.metadata\n",
        tests="test_redirect.py",
    ),
    Mutation(
        name="a limit that refuses nobody",
        file="ratelimit.py",
        old="        allowed = self._tokens >= 1\n",
        new="        allowed = True\n",
        tests="test_ratelimit.py",
    ),
    Mutation(
        name="reset after-commit does not commit",
        file="faults.py",
        old='        return self.reset != "before" and (',
        new="        return self.reset is None and (",
        tests="test_faults.py",
    ),
    Mutation(
        name="a page of another origin steers the tenant",
        file="fence.py",
        old="foreign = origin is not None and urlsplit(origin).netloc != host",
        new="foreign = False",
        tests="test_desk.py",
    ),
    Mutation(
        name="the page shows what it got unescaped",
        file="pages.py",
        old="autoescape=True",
        new="autoescape=False",
        tests="test_desk.py",
    ),
    Mutation(
        name="a lost Node child takes others along",
        file="node.py",
        old="            if not exc.others:\n                raise _crashed() from exc\n",
        new="            raise _crashed() from exc\n",
        tests="test_node.py",
    ),
    Mutation(
        name="any password is strong enough",
        file="connections.py",
        old="    if not _is_strong(password, connection.password_policy):\n",
        new="    if not password:\n",
        tests="test_passwords.py",
    ),
    Mutation(
        name="former passwords are taken again",
        file="connections.py",
        old="    if password in former[: connection.password_history]:\n",
        new="    if password in former[:0]:\n",
        tests="test_passwords.py",
    ),
    Mutation(
        name="names from elsewhere can be written",
        file="connections.py",
        old="    if refused and not connection.stores_profiles:\n",
        new="    if refused and not connection.name:\n",
        tests="test_tenant_file.py",
    ),
    Mutation(
        name="a password ticket can be used again",
        file="tickets.py",
        old="        del self._open[number]\n",
        new="        self._open[number] = ticket\n",
        tests="test_passwords.py",
    ),
    Mutation(
        name="a password ticket never ends",
        file="tickets.py",
        old="        if ticket is None or ticket.expires_at <= self._clock.now():\n",
        new="        if ticket is None:\n",
        tests="test_passwords.py",
    ),
    Mutation(
        name="a new password leaves sessions alone",
        file="passwords.py",
        old="        self._sessions.end_sessions_of(user_id)\n",
        new="",
        tests="test_passwords.py test_protocol_time.py",
    ),
    Mutation(
        name="somebody who is blocked gets in",
        file="pipeline.py",
        old='        if user.get("blocked"):\n',
        new="        if not user:\n",
        tests="test_blocked.py",
    ),
    Mutation(
        name="a secret is taken by any method",
        file="client_auth.py",
        old=" or client.auth_method not in (None, method):",
        new=":",
        tests="test_applications.py",
    ),
    Mutation(
        name="scopes that an API does not have",
        file="config.py",
        old=" if scope in _OIDC_SCOPES or scope in api.scopes]",
        new="]",
        tests="test_applications.py",
    ),
)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What became of a fault; `caught_by` names the first test that failed."""

    mutation: Mutation
    caught_by: str | None
    seconds: float


def main(names: Sequence[str]) -> int:
    """Plant the faults whose names contain one of `names`, all of them by default."""
    chosen = [one for one in MUTATIONS if not names or any(name in one.name for name in names)]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        _copy(root)
        if (failure := _first_failure(root, " ".join({one.tests for one in chosen}))) is not None:
            print(f"without any fault {failure} fails already: nothing can be told")
            return 1
        verdicts = [_judge(root, one) for one in chosen]
    survivors = [verdict for verdict in verdicts if verdict.caught_by is None]
    print(f"{len(verdicts) - len(survivors)} of {len(verdicts)} planted faults were caught")
    return 1 if survivors or not verdicts else 0


def place_of(mutation: Mutation, root: Path = _ROOT) -> Path:
    """The file of a fault in a checkout."""
    return root / _HERE / mutation.file


def _copy(root: Path) -> None:
    ignored = shutil.ignore_patterns("__pycache__", "clients", "node_modules")
    shutil.copytree(_ROOT / _HERE, root / _HERE, ignore=ignored)
    shutil.copy(_ROOT / "pyproject.toml", root)


def _judge(root: Path, mutation: Mutation) -> Verdict:
    """Plant, run, take away again, and print one line."""
    started = time.monotonic()
    path = place_of(mutation, root)
    original = path.read_text(encoding="utf-8")
    if original.count(mutation.old) != 1:
        caught = None
        words = f"cannot be planted: {mutation.file} has changed"
    else:
        path.write_text(original.replace(mutation.old, mutation.new), encoding="utf-8")
        caught = _first_failure(root, mutation.tests)
        path.write_text(original, encoding="utf-8")
        words = caught or "SURVIVED"
    seconds = time.monotonic() - started
    print(f"{mutation.name:<46} {seconds:5.1f} s  {words}", flush=True)
    return Verdict(mutation=mutation, caught_by=caught, seconds=seconds)


def _first_failure(root: Path, tests: str) -> str | None:
    """The first test that fails, or a line of output if pytest itself did."""
    files = [f"{_HERE}/tests/{name}" for name in dict.fromkeys(tests.split())]
    command = [sys.executable, "-B", "-m", "pytest", "-x", "-q", "--tb=no", "-p", "no:cacheprovider", *files]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return None
    failed = [line for line in done.stdout.splitlines() if line.startswith(("FAILED ", "ERROR "))]
    lines = failed or done.stdout.splitlines() or done.stderr.splitlines() or ["pytest"]
    return lines[-1].partition(" - ")[0].partition("::")[2] or lines[-1]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

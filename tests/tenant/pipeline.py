"""The post-login trigger: Actions in order, a stop at each redirect, effects when a handler has ended."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from tests.tenant.claims import is_settable
from tests.tenant.clock import Clock, iso
from tests.tenant.config import Action, Config
from tests.tenant.errors import ActionFailedError
from tests.tenant.event import build_event, hostname_of
from tests.tenant.logins import BROWSER_PROTOCOL, DEVICE_PROTOCOL, REFRESH_PROTOCOL, Login, Logins, Status
from tests.tenant.node import ActionRunner, RunResult
from tests.tenant.organizations import membership_refusal
from tests.tenant.ratelimit import Limiter
from tests.tenant.users import Users
from tests.tenant.visit import Visit, text

_EXECUTE = "onExecutePostLogin"
_CONTINUE = "onContinuePostLogin"
_POLL = 0.05


@dataclass(frozen=True)
class Completed:
    """Every Action has run."""


@dataclass(frozen=True)
class Redirected:
    """An Action sent the browser away; the login waits at /continue."""

    url: str


@dataclass(frozen=True)
class Denied:
    """The application gets `error` and `description`."""

    error: str
    description: str


Outcome = Completed | Redirected | Denied


class Pipeline:
    """Runs the Actions of logins."""

    def __init__(
        self,
        *,
        runner: ActionRunner,
        users: Users,
        logins: Logins,
        limiter: Limiter,
        config: Config,
        clock: Clock,
    ) -> None:
        self._runner = runner
        self._users = users
        self._logins = logins
        self._limiter = limiter
        self._config = config
        self._choices = config.choices
        self._clock = clock

    async def run(self, login: Login, visit: Visit, *, resuming: bool = False) -> Outcome:
        """Run what is left of a login's Actions, from its position on."""
        visit.notes.transaction_id = login.id
        outcome = await self._run_for_user(login, visit, resuming=resuming)
        if isinstance(outcome, Denied):
            login.status = Status.DENIED
            self._note(login, "denied", error=outcome.error, description=outcome.description)
        elif isinstance(outcome, Completed):
            self._note(login, "completed")
        return outcome

    async def _run_for_user(self, login: Login, visit: Visit, *, resuming: bool) -> Outcome:
        user = self._users.get(login.user_id)
        if user is None:
            return Denied("access_denied", "The user does not exist.")
        if user.get("blocked"):
            return self._blocked(login)
        refusal = membership_refusal(login.organization, login.user_id)
        if refusal is not None:
            return Denied("access_denied", refusal)
        event = build_event(login=login, visit=visit, user=user, config=self._config, resuming=resuming)
        outcome = await self._run_all(login, visit, event, resuming=resuming)
        return outcome if await self._flush(login) else Denied("access_denied", "Deadline Exceeded")

    def _blocked(self, login: Login) -> Denied:
        """No Action runs for somebody who is blocked; a refresh is told by another name of the error."""
        error = "invalid_grant" if login.protocol == REFRESH_PROTOCOL else "unauthorized"
        return Denied(error, self._choices.blocked_user_text)

    async def _run_all(self, login: Login, visit: Visit, event: dict[str, Any], *, resuming: bool) -> Outcome:
        handler = _CONTINUE if resuming else _EXECUTE
        deadline = time.monotonic() + self._choices.action_timeout
        while login.position < len(login.actions):
            left = max(0.0, deadline - time.monotonic())
            outcome = await self._run_one(login, visit, event, handler=handler, limit=left)
            if not isinstance(outcome, Completed):
                return outcome
            login.position += 1
            handler = _EXECUTE
        return Completed()

    async def _run_one(
        self, login: Login, visit: Visit, event: dict[str, Any], *, handler: str, limit: float
    ) -> Outcome:
        action = login.actions[login.position]
        state = self._logins.next_redirect_state(login)
        event = {
            **event,
            "secrets": action.secrets,
            "transaction": {**event["transaction"], "metadata": dict(login.metadata)},
        }
        context = self._context(login, handler=handler, state=state)
        try:
            result = await self._runner.run(
                action, handler=handler, event=event, context=context, limit=limit
            )
        except ActionFailedError as exc:
            return self._failed(login, visit, action, exc)
        self._record(login, visit, action, handler=handler, result=result)
        if result.missing:
            return self._failed(login, visit, action, self._no_handler(action, handler))
        if result.fault is not None:
            self._keep_writes(login, result)
            return self._failed(login, visit, action, result.fault)
        return self._apply(login, action, result, state=state)

    def _no_handler(self, action: Action, handler: str) -> ActionFailedError:
        message = self._choices.words("missing_handler_text", action=action.name, handler=handler)
        return ActionFailedError(message, kind="action_error")

    def _keep_writes(self, login: Login, result: RunResult) -> None:
        if self._choices.failed_action_writes == "kept":
            for command in result.commands:
                if command["type"] in {"app_metadata", "user_metadata"}:
                    self._apply_command(login, command)

    def _context(self, login: Login, *, handler: str, state: str) -> dict[str, Any]:
        strict = self._choices.validate_issuer == "hostname"
        return {
            "offset": self._clock.offset * 1000,
            "nextState": state,
            "issuer": hostname_of(login) if strict else None,
            "leeway": self._choices.validate_leeway,
            "stateFirst": self._choices.validate_order == "state",
            "texts": {
                "signature": self._choices.signature_text,
                "type": self._choices.type_text,
                "subject": self._choices.subject_text,
                "expired": self._choices.expired_text,
            },
            "stateSource": self._choices.continue_state_source,
            "dropCache": handler == _CONTINUE and self._choices.cache_on_resume == "dropped",
            "consoleLimit": int(self._choices.console_limit),
        }

    def _failed(self, login: Login, visit: Visit, action: Action, fault: ActionFailedError) -> Denied:
        entry = {"action": action.name, "error": str(fault), "kind": fault.kind, "where": fault.where}
        visit.notes.actions.append(entry)
        self._note(login, "action.failed", **entry)
        generic = self._choices.action_error_text == "generic"
        return Denied("access_denied", self._choices.generic_error_text if generic else str(fault))

    def _record(self, login: Login, visit: Visit, action: Action, *, handler: str, result: RunResult) -> None:
        entry = {
            "action": action.name,
            "handler": handler,
            "console": result.console,
            "validations": result.validations,
            "commands": result.commands,
            "redirect": result.redirect,
        }
        visit.notes.actions.append(entry)
        self._note(login, "action.ran", **entry)

    def _apply(self, login: Login, action: Action, result: RunResult, *, state: str) -> Outcome:
        login.metadata = result.metadata
        denial: Denied | None = None
        for command in result.commands:
            if command["type"] == "deny":
                denial = denial or Denied("access_denied", command["reason"])
            else:
                self._apply_command(login, command)
        redirect_wins = result.redirect is not None and self._choices.deny_or_redirect == "redirect"
        if denial is not None and not redirect_wins:
            return denial
        if result.redirect is not None:
            return self._redirect(login, action, result.redirect, state=state)
        return Completed()

    def _apply_command(self, login: Login, command: dict[str, Any]) -> None:
        name, value = command["name"], command.get("value")
        match command["type"]:
            case "app_metadata" | "user_metadata" as kind:
                login.writes.setdefault(kind, {})[name] = value
            case "id_claim":
                if is_settable(name, access_token=False, for_api=True):
                    login.id_claims[name] = value
            case "access_claim":
                for_api = bool(text(login.params, "audience"))
                if is_settable(name, access_token=True, for_api=for_api):
                    login.access_claims[name] = value
            case "add_scope":
                login.scopes = [*login.scopes, *({name} - set(login.scopes))]
            case "remove_scope":
                login.scopes = [scope for scope in login.scopes if scope != name]
            case "method":
                self._record_method(login, name)
            case unknown:
                raise ValueError(unknown)

    def _record_method(self, login: Login, url: str) -> None:
        if login.session is not None:
            timestamp = iso(self._clock.now())
            login.session.methods.append({"name": url, "url": url, "timestamp": timestamp})

    def _redirect(self, login: Login, action: Action, url: str, *, state: str) -> Outcome:
        if not self._can_be_sent(login):
            return Denied("interaction_required", "External interaction required")
        if (refusal := self._redirect_refused(login, action, url)) is not None:
            return refusal
        login.redirects.append({"action": action.name, "url": url, "at": iso(self._clock.now())})
        self._logins.suspend(login, state=state)
        self._note(login, "redirected", action=action.name, url=url)
        return Redirected(url)

    def _can_be_sent(self, login: Login) -> bool:
        if login.protocol == DEVICE_PROTOCOL:
            return self._choices.device_redirect == "followed"
        return login.protocol == BROWSER_PROTOCOL and text(login.params, "prompt") != "none"

    def _redirect_refused(self, login: Login, action: Action, url: str) -> Denied | None:
        mode = self._choices.redirect_url_once
        before = {_comparable(earlier["url"], mode) for earlier in login.redirects}
        if mode != "off" and _comparable(url, mode) in before:
            return Denied(
                "access_denied", "Each unique URL can be redirected only once per authentication flow"
            )
        acted = {earlier["action"] for earlier in login.redirects}
        if self._choices.redirects_per_action == "one" and action.name in acted:
            return Denied("access_denied", "Only one redirection per Action")
        return None

    async def _flush(self, login: Login) -> bool:
        """Write the metadata that Actions set, in one update; false when the limit leaves no room for it."""
        writes, login.writes = login.writes, {}
        if not writes:
            return True
        deadline = time.monotonic() + self._choices.action_metadata_deadline
        while not self._limiter.management("PATCH", users=True).allowed:
            if time.monotonic() >= deadline:
                self._note(login, "metadata.refused", writes=writes)
                return False
            await asyncio.sleep(_POLL)
        self._users.patch(login.user_id, writes)
        self._note(login, "metadata.written", writes=writes)
        return True

    def _note(self, login: Login, event: str, **fields: Any) -> None:
        login.note(self._clock.now(), event, **fields)


def _comparable(url: str, mode: str) -> str:
    parts = urlsplit(url)
    if mode == "path":
        parts = parts._replace(query="", fragment="")
    return urlunsplit(parts)

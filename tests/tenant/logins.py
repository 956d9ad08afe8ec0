"""Login transactions: from /authorize to the application's callback, with a stop at each redirect.

States of a login:

```mermaid
stateDiagram-v2
    [*] --> login: no session, the login page is shown
    [*] --> running: session reused
    login --> authenticated: right password
    authenticated --> running: /authorize/resume
    running --> suspended: sendUserTo
    suspended --> running: /continue
    running --> finished: code issued
    running --> denied: an Action denied or failed
    login --> evicted
    authenticated --> evicted
    suspended --> evicted
```
"""

from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tests.tenant.clock import Clock, iso
from tests.tenant.config import Action, Client, Organization
from tests.tenant.sessions import Session
from tests.tenant.settings import Choices
from tests.tenant.states import identifier, login_state, redirect_state

BROWSER_PROTOCOL, DEVICE_PROTOCOL = "oidc-basic-profile", "oauth2-device-code"
REFRESH_PROTOCOL = "oauth2-refresh-token"
_KEPT = 2000


class Status(StrEnum):
    """Where a login is."""

    LOGIN = "login"
    AUTHENTICATED = "authenticated"
    RUNNING = "running"
    SUSPENDED = "suspended"
    FINISHED = "finished"
    DENIED = "denied"
    EVICTED = "evicted"


OPEN = frozenset({Status.LOGIN, Status.AUTHENTICATED, Status.RUNNING, Status.SUSPENDED})


@dataclass
class Login:
    """One transaction; `params` came to /authorize or /oauth/token, `position` is the Action that is next."""

    client: Client
    params: dict[str, Any]
    actions: tuple[Action, ...]
    created_at: float
    authority: str
    issuer: str
    protocol: str = BROWSER_PROTOCOL
    method: str = "GET"
    browser_id: str = ""
    session: Session | None = None
    organization: Organization | None = None
    device_code: str | None = None
    user_id: str = ""
    id: str = field(default_factory=identifier)
    status: Status = Status.RUNNING
    state: str | None = None
    position: int = 0
    metadata: dict[str, Any] = field(default_factory=dict)
    id_claims: dict[str, Any] = field(default_factory=dict)
    access_claims: dict[str, Any] = field(default_factory=dict)
    scopes: list[str] = field(default_factory=list)
    writes: dict[str, dict[str, Any]] = field(default_factory=dict)
    redirects: list[dict[str, Any]] = field(default_factory=list)
    history: list[dict[str, Any]] = field(default_factory=list)
    answer: str | None = None

    def note(self, at: float, event: str, **fields: Any) -> None:
        """One line of this login's story, for the page and the control plane."""
        self.history.append({"at": iso(at), "event": event, **fields})

    @property
    def waiting_action(self) -> str | None:
        """Name of the Action that redirected."""
        return self.actions[self.position].name if self.status is Status.SUSPENDED else None


class Logins:
    """The logins of all browsers, found by the state that waits for them."""

    def __init__(self, *, clock: Clock, choices: Choices) -> None:
        self._clock = clock
        self._choices = choices
        self._states: dict[str, Login] = {}
        self._logins: deque[Login] = deque()

    def add(self, login: Login) -> None:
        """Remember a login and evict the browser's oldest when it has too many open."""
        self._logins.append(login)
        self._evict(login.browser_id)
        while len(self._logins) > _KEPT:
            self._forget(self._logins.popleft())

    def _evict(self, browser_id: str) -> None:
        mine = [login for login in self._logins if login.browser_id == browser_id and login.status in OPEN]
        for login in mine[: max(0, len(mine) - int(self._choices.transactions_per_browser))]:
            login.status = Status.EVICTED
            self._forget(login)

    def _forget(self, login: Login) -> None:
        if login.state is not None:
            self._states.pop(login.state, None)

    def wait_for_login(self, login: Login) -> str:
        """Show the login page; returns its state."""
        login.status = Status.LOGIN
        return self._wait(login, login_state())

    def next_redirect_state(self, login: Login) -> str:
        """The state of the next suspension, which begins with `suspend`."""
        if login.redirects and login.state is not None and self._choices.redirect_state == "same":
            return login.state
        return redirect_state(client_id=login.client.client_id)

    def suspend(self, login: Login, *, state: str) -> None:
        """Wait for /continue with this state."""
        login.status = Status.SUSPENDED
        self._wait(login, state)

    def _wait(self, login: Login, state: str) -> str:
        self._forget(login)
        login.state = state
        self._states[state] = login
        return state

    def find(self, state: str, *, status: Status) -> Login | None:
        """The login that waits in `status` for this state, unless its time is over."""
        login = self._states.get(state)
        if login is None or login.status is not status:
            return None
        return None if self._is_over(login) else login

    def _is_over(self, login: Login) -> bool:
        now, choices, session = self._clock.now(), self._choices, login.session
        if now - login.created_at > choices.transaction_lifetime:
            return True
        if session is None or choices.session_limits_redirects == "off":
            return False
        too_old = now - session.created_at > choices.session_lifetime
        return too_old or now - session.used_at > choices.session_idle_lifetime

    def any_with(self, state: str) -> Login | None:
        """The login that ever waited for this state last, whatever became of it."""
        return self._states.get(state)

    def resume(self, login: Login) -> None:
        """Leave the waiting status; the state stays known, so that its reuse can be told from a guess."""
        login.status = Status.RUNNING

    def end_waiting_of(self, user_id: str) -> None:
        """Evict what a person has waiting at a redirect."""
        for login in self._logins:
            if login.user_id == user_id and login.status is Status.SUSPENDED:
                login.status = Status.EVICTED

    def all(self) -> list[Login]:
        """Every login that is remembered, oldest first."""
        return list(self._logins)

"""/authorize/resume after the login page, and /continue after an Action's redirect."""

from aiohttp import web

from tests.tenant.clock import Clock
from tests.tenant.config import Config
from tests.tenant.flow import Flow, redirect
from tests.tenant.logins import Login, Logins, Status
from tests.tenant.visit import Visit, text, visit_of


class Resume:
    """The two places where a waiting login goes on."""

    def __init__(self, *, config: Config, logins: Logins, flow: Flow, clock: Clock) -> None:
        self._config = config
        self._logins = logins
        self._flow = flow
        self._clock = clock

    def routes(self) -> list[web.RouteDef]:
        """Where this answers."""
        return [
            web.get("/authorize/resume", self.authorize_resume, allow_head=False),
            web.get("/continue", self.continue_, allow_head=False),
            web.post("/continue", self.continue_),
        ]

    async def authorize_resume(self, request: web.Request) -> web.Response:
        """Run the Actions of a person who has just logged in."""
        visit = await visit_of(request)
        login = self._waiting(request, visit, state=text(visit.query, "state"), status=Status.AUTHENTICATED)
        self._logins.resume(login)
        return await self._flow.go_on(login, visit)

    async def continue_(self, request: web.Request) -> web.Response:
        """Resume the Action that redirected; its state is good for one use."""
        visit = await visit_of(request)
        state = text(visit.query, "state") or text(visit.body, "state")
        if (repeated := self._repeated(state)) is not None:
            return repeated
        login = self._waiting(request, visit, state=state, status=Status.SUSPENDED)
        sent = {"method": visit.method, "query": visit.query, "body": visit.body}
        login.note(self._clock.now(), "continued", action=login.waiting_action, **sent)
        self._logins.resume(login)
        return await self._flow.go_on(login, visit, resuming=True)

    def _repeated(self, state: str) -> web.Response | None:
        if self._config.choices.double_continue != "repeat":
            return None
        login = self._logins.any_with(state)
        return redirect(login.answer) if login is not None and login.answer is not None else None

    def _waiting(self, request: web.Request, visit: Visit, *, state: str, status: Status) -> Login:
        login = self._logins.find(state, status=status)
        if login is None:
            known = self._logins.any_with(state)
            visit.notes.transaction_id = known.id if known else None
            raise self._flow.no_session(known)
        visit.notes.transaction_id = login.id
        self._flow.require_browser(request, login, visit)
        return login

"""The gateway's routes: each reads a request, calls one rule, and answers with a page or a 303."""

import asyncio
from collections.abc import Awaitable
from http import HTTPStatus

from aiohttp import web

from common import audit
from common.audit import Audited
from common.clock import Clock
from common.db import Database, DatabaseUnavailableError
from common.vault import Vault
from gateway.acts import Acts
from gateway.browser import (
    DEVICE_COOKIE,
    DEVICE_MAX_AGE_SECONDS,
    MAX_AGE_SECONDS,
    BrowserCookie,
    BrowserCookies,
    surplus,
)
from gateway.errors import (
    BadRequestError,
    ForbiddenError,
    NotFoundError,
    NotYetError,
    RestartedError,
    TokenRefusedError,
    TransitionError,
)
from gateway.hand_back import HandBack
from gateway.intake import Arrival, Found, Intake
from gateway.limits_web import CLIENT
from gateway.live import Bell, rung
from gateway.logins import Logins
from gateway.networks import Whereabouts, whereabouts
from gateway.owner import Visit, is_claimable_by
from gateway.pages import PAGE, render
from gateway.personal import masked, profile_of
from gateway.shield import NONCE, is_transaction_id, security_headers
from gateway.steps.port import GatewayStep, StepBook, StepFile, StepPage
from gateway.trail import entry
from gateway.transaction import Status
from gateway.transaction_step import Step
from gateway.views import Views
from gateway.visits import Doorkeeper, introduce

START_ROUTE = "/start/{tenant:[a-z0-9-]{1,40}}/{entry:[a-z0-9-]{1,32}}"
STEP_ROUTE = "/t/{id}/{step:[a-z]{1,32}}/{act:[a-z]{1,32}}"
LOOK_SECONDS = 1.0
KEEP_ALIVE_LOOKS = 10

_ORDER = (Status.OPENED, Status.WORKING, Status.WAITING, Status.READY, Status.HANDED_BACK)


class Handlers:
    """All routes that a browser can reach."""

    def __init__(
        self,
        *,
        intake: Intake,
        doorkeeper: Doorkeeper,
        acts: Acts,
        hand_back: HandBack,
        views: Views,
        logins: Logins,
        steps: StepBook,
        database: Database,
        vault: Vault,
        cookies: BrowserCookies,
        bell: Bell,
        clock: Clock,
    ) -> None:
        self._intake = intake
        self._doorkeeper = doorkeeper
        self._acts = acts
        self._hand_back = hand_back
        self._views = views
        self._logins = logins
        self._steps = steps
        self._database = database
        self._vault = vault
        self._cookies = cookies
        self._bell = bell
        self._clock = clock

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get(START_ROUTE, self.start, allow_head=False),
            web.get("/t/{id}", self.show, allow_head=False),
            web.post("/t/{id}/claim", self.claim),
            web.get("/t/{id}/events", self.events, allow_head=False),
            web.get("/t/{id}/stop", self.ask_to_stop, allow_head=False),
            web.post("/t/{id}/stop", self.stop),
            web.post("/t/{id}/continue", self.go_back),
            web.post(STEP_ROUTE, self.press),
            web.get("/t/{id}/{act:claim|continue}", self.look, allow_head=False),
            web.get(STEP_ROUTE, self.look, allow_head=False),
        ]

    async def start(self, request: web.Request) -> web.Response:
        """Where the tenant sends the browser; nothing of the token stays in the URL after it."""
        found = await self._intake.take(
            Arrival(
                tenant=request.match_info["tenant"],
                entry=request.match_info["entry"],
                state=_single(request, "state"),
                session_token=_single(request, "session_token"),
            )
        )
        response = _see(found.transaction_id)
        await self._keep_or_issue_cookie(request, found, response)
        return response

    async def _keep_or_issue_cookie(self, request: web.Request, found: Found, response: web.Response) -> None:
        login = await self._logins.get(found.transaction_id)
        introduce(login, request)
        cookie = self._cookies.recognise(request.cookies, found.transaction_id)
        if cookie is not None and is_claimable_by(login, cookie):
            return  # a reload, or a second tab: this browser's cookie stays what it is
        if found.token_is_over:
            raise TokenRefusedError("session_token_expired", login_url=found.login_url)
        if login.transaction.claimed_by is not None:
            async with self._database.transaction(tenant=login.transaction.tenant) as connection:
                refused = entry(login, Audited.LOGIN_REFUSED, about="browser", reasons=("other_browser",))
                await audit.append(connection, refused)
            raise ForbiddenError("other_browser", login_url=login.login_url)
        issued = self._cookies.issue(found.transaction_id, issued=int(self._clock.now().timestamp()))
        for name in surplus(request.cookies):
            response.del_cookie(name, secure=True, httponly=True, samesite="Lax")
        _set_cookie(response, issued)

    async def show(self, request: web.Request) -> web.Response:
        """The login as it is; reload and back come here as often as they like."""
        visit = await self._doorkeeper.admit(request)
        page = await self._page_of_step(visit)
        if page is not None:
            return self._step_page(visit, request, page)
        if visit.login.transaction.status is Status.OPENED:
            return await self._start_page(visit, request)
        return _page(self._views.current(visit, page=request[PAGE]))

    async def _page_of_step(self, visit: Visit) -> StepPage | None:
        """What the step says that the person is at, or that has ended the login; else None."""
        transaction = visit.login.transaction
        match transaction.status, transaction.current_step:
            case Status.RESTARTED, _:
                page = self._steps.that_restarted(transaction).restarted
            case Status.WORKING, Step() as step:
                page = self._steps.of(step.name).page
            case _:
                return None
        async with self._database.transaction(tenant=visit.login.transaction.tenant) as connection:
            return await page(connection, visit)

    async def look(self, request: web.Request) -> web.Response:
        """A button's address, typed or reloaded without its form: show the login as it is."""
        if not is_transaction_id(request.match_info["id"]):
            raise NotFoundError("malformed_id")
        return _see(request.match_info["id"])

    async def _start_page(self, visit: Visit, request: web.Request) -> web.Response:
        """Whose login it is, and whether it began somewhere else: what to know before the click."""
        login = visit.login
        async with self._database.transaction(tenant=login.transaction.tenant) as connection:
            profile = await profile_of(connection, login, vault=self._vault)
            network = await whereabouts(connection, login, request[CLIENT], vault=self._vault)
        account, is_elsewhere = masked(profile.get("email")), network is Whereabouts.OTHER
        return _page(self._views.start(visit, page=request[PAGE], account=account, is_elsewhere=is_elsewhere))

    async def claim(self, request: web.Request) -> web.Response:
        visit, _ = await self._doorkeeper.admit_form(request)
        device = self._cookies.device(request.cookies)
        language = request[PAGE].language.tag
        address = request[CLIENT]
        claim = self._acts.claim(visit, address=address, device=device.digest, language=language)
        response = await self._act(visit, Status.OPENED, claim)
        response.set_cookie(
            DEVICE_COOKIE,
            device.value,
            max_age=DEVICE_MAX_AGE_SECONDS,
            secure=True,
            httponly=True,
            samesite="Lax",
        )
        # The slow answer to a second tab's arrival may have replaced it since the click.
        _set_cookie(response, visit.cookie)
        return response

    async def press(self, request: web.Request) -> web.Response:
        """A button of a step's page."""
        visit, form = await self._doorkeeper.admit_form(request)
        step = self._pressed(visit, request)
        if visit.login.transaction.status is not Status.WORKING:
            return _elsewhere(visit, Status.WORKING)
        typed = {name: value for name, value in form.items() if name != "csrf"}
        try:
            page = await self._acts.press(visit, step, act=request.match_info["act"], form=typed)
        except TransitionError:
            return _elsewhere(visit, Status.WORKING)
        if isinstance(page, StepFile):
            disposition = f'attachment; filename="{page.name}"'
            headers = {"Content-Disposition": disposition}
            return web.Response(body=page.content, content_type=page.content_type, headers=headers)
        return _see(visit.login.id) if page is None else self._step_page(visit, request, page)

    def _pressed(self, visit: Visit, request: web.Request) -> GatewayStep:
        """The step whose button it was; one that is still to come is not done before its turn."""
        step = self._steps.find(request.match_info["step"])
        if step is None or request.match_info["act"] not in step.acts:
            raise NotFoundError("unknown_act")
        if not visit.login.transaction.has_reached(step.name):
            raise NotYetError("not_yet", again_url=f"/t/{visit.login.id}")
        return step

    def _step_page(self, visit: Visit, request: web.Request, page: StepPage) -> web.Response:
        return _page(self._views.step(visit, page, page=request[PAGE]), status=page.status)

    async def ask_to_stop(self, request: web.Request) -> web.Response:
        """What it means to stop here, and the button that does it."""
        visit = await self._doorkeeper.admit(request)
        if not visit.login.transaction.can_stop:
            return _see(visit.login.id)
        return _page(self._views.stop(visit, page=request[PAGE]))

    async def stop(self, request: web.Request) -> web.Response:
        visit, _ = await self._doorkeeper.admit_form(request)
        return await self._act(visit, Status.WORKING, self._acts.stop(visit))

    async def go_back(self, request: web.Request) -> web.Response:
        """The hand-back: a page that posts itself to the tenant, or a redirect where the tenant wants GET."""
        visit, _ = await self._doorkeeper.admit_form(request)
        try:
            way = await self._hand_back.take(visit)
        except TransitionError:
            raise NotYetError("not_ready", again_url=f"/t/{visit.login.id}") from None
        headers = security_headers(request[NONCE], referrer_policy="no-referrer")
        if way.method == "get":
            return web.Response(status=HTTPStatus.SEE_OTHER, headers=headers | {"Location": way.url})
        html = render(
            "hand_back",
            page=request[PAGE],
            tenant=visit.login.settings.name,
            application=visit.login.application_name,
            action=way.url,
            fields=way.fields,
        )
        return web.Response(text=html, content_type="text/html", headers=headers)

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Server-sent events of a waiting login: one `changed` when there is something new to see."""
        visit = await self._doorkeeper.admit(request)
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"}
        )
        await response.prepare(request)
        try:
            with self._bell.listening(visit.login.id) as waiter:
                is_held = "held" in request.query
                await self._until_changed(visit.login.id, response, waiter, is_held=is_held)
            await response.write(b"event: changed\ndata:\n\n")
        except (ConnectionError, DatabaseUnavailableError):
            return response  # the browser has left, or asks again by itself
        return response

    async def _until_changed(
        self, transaction_id: str, response: web.StreamResponse, waiter: asyncio.Event, *, is_held: bool
    ) -> None:
        """Until the login waits no more, or the page no longer says whether somebody is to decide."""
        looks = 0
        while not self._bell.is_closed:
            transaction = (await self._logins.get(transaction_id)).transaction
            if transaction.status is not Status.WAITING or (transaction.held_step is not None) != is_held:
                return
            await rung(waiter, seconds=LOOK_SECONDS)
            looks += 1
            if looks % KEEP_ALIVE_LOOKS == 0:
                await response.write(b": still here\n\n")

    async def _act(self, visit: Visit, needed: Status, act: Awaitable[None]) -> web.Response:
        """Do it, then show where the login is now; pressed twice, or in two tabs, nothing else happens."""
        try:
            await act
        except TransitionError:
            return _elsewhere(visit, needed)
        return _see(visit.login.id)


def _single(request: web.Request, name: str) -> str:
    values = request.query.getall(name, [])
    if len(values) != 1:
        raise BadRequestError(f"{name}_count")
    return values[0]


def _set_cookie(response: web.Response, cookie: BrowserCookie) -> None:
    response.set_cookie(
        cookie.name, cookie.value, max_age=MAX_AGE_SECONDS, secure=True, httponly=True, samesite="Lax"
    )


def _elsewhere(visit: Visit, needed: Status) -> web.Response:
    """The login was not at what the person did: show where it is, unless they are ahead of it."""
    if visit.login.transaction.status is Status.RESTARTED:
        raise RestartedError("restarted", again_url=f"/t/{visit.login.id}")
    if _ORDER.index(visit.login.transaction.status) < _ORDER.index(needed):
        raise NotYetError("not_yet", again_url=f"/t/{visit.login.id}")
    return _see(visit.login.id)


def _see(transaction_id: str) -> web.Response:
    return web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": f"/t/{transaction_id}"})


def _page(html: str, *, status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    return web.Response(text=html, content_type="text/html", status=status)

"""What a person does at the form for a new password, and what came of it."""

from typing import Any

from tests.gateway.arrivals import Redirect, redirect
from tests.gateway.browsers import Answer, Browser
from tests.gateway.rig import Rig
from tests.support.clock import FakeClock

CANARY = "Quetzal-7-Canary!"
SUBJECT = "auth0|65f0c0ffee"
ANNA: dict[str, Any] = {
    "email": "anna@acme.example",
    "connection": {"name": "Username-Password-Authentication", "strategy": "auth0"},
}
REQUEST = {
    "response_type": "code",
    "redirect_uri": "https://bank.acme.example/callback",
    "scope": "openid profile",
    "state": "s-1",
    "nonce": "n-1",
    "code_challenge": "c" * 43,
    "code_challenge_method": "S256",
    "audience": "https://api.acme.example/?a=1&b=2",
}


def arrival(clock: FakeClock, *, profile: dict[str, Any] | None = None, **claims: Any) -> Redirect:
    claims = {"steps": ["password:2"], "authorize": REQUEST} | claims
    return redirect(clock, profile=ANNA if profile is None else profile, **claims)


async def type_new(browser: Browser, login: str, password: str = CANARY, again: str | None = None) -> Answer:
    typed = {"new_password": password, "new_password_again": password if again is None else again}
    return await browser.press(login, "password/change", **typed)


async def result(rig: Rig, login: str) -> tuple[str, str, str | None]:
    transaction = (await rig.login(login)).transaction
    step = transaction.step("password")
    return transaction.status, step.status, step.conclusion.reason if step.conclusion else None


def way_on(page: Answer) -> str:
    link = page.html.select_one("main a.button")
    assert link is not None
    return str(link["href"])

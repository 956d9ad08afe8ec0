"""The page for people, by a person's clicks on a phone."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.tenant.desk import TRY_OUT
from tests.tenant.tests.chromium import elsewhere, open_window
from tests.tenant.tests.support import EMAIL, PASSWORD, REDIRECTING, Tenant, document, run_tenant

_TRY_OUT = {"client_id": "t" * 32, "client_secret": None, "name": "Try out", "callbacks": [TRY_OUT]}


@asynccontextmanager
async def _waiting(folder: Path, *, javascript: bool = True) -> AsyncIterator[tuple[Tenant, Page]]:
    """A login that was begun on the page and waits at its redirect, with its page open."""
    clients = [*document()["clients"], _TRY_OUT]
    async with elsewhere() as away, open_window(javascript=javascript) as window:
        actions = {"way": REDIRECTING.replace("http://127.0.0.3:9", away)}
        async with run_tenant(folder, actions=actions, clients=clients) as tenant:
            await window.goto(f"{tenant.base}/__control/")
            await window.get_by_role("link", name="Begin a login of Try out").click()
            await window.get_by_label("Email address").fill(EMAIL)
            await window.get_by_label("Password").fill(PASSWORD)
            await window.get_by_role("button", name="Continue").click()
            await window.wait_for_url(f"{away}/**")
            await window.goto(f"{tenant.base}/__control/")
            await window.get_by_role("link", name="waits for an answer: way").click()
            yield tenant, window


async def _sign_and_send(window: Page, *, broken: str = "", method: str = "POST") -> None:
    await window.get_by_label("Break on purpose").select_option(broken)
    await window.get_by_label(method, exact=True).check()
    await window.get_by_role("button", name="Sign it").click()
    await window.get_by_role("button", name=f"Send it by {method}").click()


@pytest.mark.parametrize("javascript", [True, False], ids=["scripts", "no-scripts"])
async def test_compose_and_send(tmp_path: Path, *, javascript: bool) -> None:
    """A person reads what was sent, composes an answer, sends it, and the application has its tokens."""
    async with _waiting(tmp_path, javascript=javascript) as (_, window):
        await expect(window.get_by_text("signed with SECRET")).to_be_visible()
        await expect(window.get_by_text("expires in ").first).to_be_visible()
        claims = json.loads(await window.get_by_label("Claims").input_value())
        assert claims["jti"] == "j1"
        await window.get_by_label("Claims").fill(json.dumps({**claims, "result": "by hand"}))
        await _sign_and_send(window)
        await expect(window.get_by_role("heading", level=1)).to_have_text("The application has its tokens")
        await expect(window.get_by_text('"https://example.org/answer": "by hand"')).to_be_visible()
        await window.get_by_role("link", name="How it came to that").click()
        await expect(window.get_by_text("validateToken accepted session_token")).to_be_visible()
        await expect(window.get_by_text("It came back at /continue by POST")).to_be_visible()


async def test_broken_answer_by_get(tmp_path: Path) -> None:
    """An answer with somebody else's sub, sent by GET, is refused, in words of validateToken's."""
    async with _waiting(tmp_path) as (tenant, window):
        await _sign_and_send(window, broken="sub", method="GET")
        await expect(window.get_by_role("heading", level=1)).to_have_text("The application was refused")
        says = "The sub claim does not match the user_id."
        await expect(window.get_by_text(f"The session token is invalid: {says}")).to_be_visible()
        await window.goto(f"{tenant.base}/__control/")
        await window.get_by_role("link", name="denied").click()
        refusal = f"validateToken refused session_token: {says}"
        await expect(window.get_by_text(refusal)).to_be_visible()


async def test_fits_a_phone(tmp_path: Path) -> None:
    """No page is wider than a phone, and the countdown goes down."""
    async with _waiting(tmp_path) as (tenant, window):
        assert await window.evaluate("document.documentElement.scrollWidth") == 390
        first = await window.locator("[data-expires]").first.inner_text()
        await expect(window.locator("[data-expires]").first).not_to_have_text(first)
        await window.goto(f"{tenant.base}/__control/")
        assert await window.evaluate("document.documentElement.scrollWidth") == 390


async def test_form_of_another_site(tmp_path: Path) -> None:
    """A page of another site that posts a form at the control plane is refused by its origin."""
    async with run_tenant(tmp_path) as tenant, open_window() as window:
        form = f'<form method="post" action="{tenant.base}/__control/clock"><button>go</button></form>'
        async with elsewhere(form) as evil:
            await window.goto(evil)
            async with window.expect_response("**/__control/clock") as answered:
                await window.get_by_role("button").click()
            assert (await answered.value).status == 403

"""A customer's login by a browser without a window, page by page."""

import time
from collections.abc import Callable

from tests.support.deeds import AGAIN, ASKING, CONTINUE, HAND_BACK, LOGGED_IN, WAIT, Customer
from tests.support.errors import JourneyError
from tests.support.journey import Hop, Page, Visitor, new_session
from tests.support.outcome import Login, read_login
from tests.support.stack import Stack

_WAIT_SECONDS = 30.0
_MOST_PAGES = 40
_AFTER_WAITING = ", ".join((*ASKING, CONTINUE))


async def log_in(stack: Stack, customer: Customer, *, on_hop: Callable[[Hop], None]) -> Login:
    """Log the customer in, from the application's button until they are its user.

    Raises:
        JourneyError: a page was not what it should be.
    """
    origins = stack.origins
    names = {origins.app: "application", origins.tenant: "tenant", origins.gateway: "gateway"}
    async with new_session(origins=list(names)) as session:
        began = time.perf_counter()
        visitor = Visitor(session, names=names, on_hop=on_hop)
        visitor.act("logs in at the application")
        page = await visitor.open(f"{origins.app}/login")
        transaction_id = ""
        for _ in range(_MOST_PAGES):
            if page.has(LOGGED_IN):
                break
            if page.who == "gateway" and page.url.path.startswith("/t/"):
                transaction_id = page.url.parts[2]
            page = await go_on(visitor, customer, page)
        page.form(LOGGED_IN)  # only somebody who is logged in is offered to log out
        total_ms = round((time.perf_counter() - began) * 1000)
        async with session.get(f"{origins.app}/claims") as answer:
            claims = await answer.json()
        return await read_login(
            stack,
            transaction_id=transaction_id,
            steps=customer.steps,
            total_ms=total_ms,
            claims=claims,
        )


async def go_on(visitor: Visitor, customer: Customer, page: Page) -> Page:
    """Do what the page asks for.

    Raises:
        JourneyError: it asks for nothing that we know.
    """
    for form in ASKING:
        if page.has(form):
            deed = await customer.deed(form)
            visitor.act(deed.act)
            return await visitor.submit(page, form, deed.values)
    if page.has(WAIT):
        visitor.act(customer.waiting)
        return await visitor.follow_until(page, _AFTER_WAITING, deadline=_WAIT_SECONDS)
    if page.has(CONTINUE):
        visitor.act(
            "goes back to the tenant, whose Action checks our signed answer, and on to the application"
        )
        return await visitor.submit(page, CONTINUE)
    if page.has(HAND_BACK):
        return await visitor.submit(page, HAND_BACK)
    if page.has(AGAIN):
        visitor.act("logs in once more, since the tenant wants a login with the new password")
        return await visitor.open(str(page.form(AGAIN)["href"]))
    raise JourneyError(f"The {page.who} showed “{page.title}” ({page.status}), where nobody goes on.")

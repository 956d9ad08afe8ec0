"""The mail server as a process: what it takes by SMTP it shows over HTTP."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from email.message import EmailMessage

import aiohttp
import aiosmtplib
import pytest

from tests.support.inbox import Inbox
from tests.support.run_folder import ROOT


@dataclass(frozen=True, kw_only=True)
class Server:
    """Where a server takes mails, and where it shows them."""

    port: int
    origin: str

    async def send(self, *, to: str, subject: str, text: str) -> None:
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = "no-reply@acme.example", to, subject
        mail.set_content(text, charset="utf-8", cte="8bit")
        await aiosmtplib.send(mail, hostname="127.0.0.1", port=self.port, start_tls=False)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    argv = (sys.executable, "-m", "tests.mail")
    process = await asyncio.create_subprocess_exec(*argv, stdout=asyncio.subprocess.PIPE, cwd=ROOT)
    assert process.stdout
    ready = json.loads(await process.stdout.readline())
    assert ready["event"] == "mail.ready"
    yield Server(port=int(ready["smtp"].rpartition(":")[2]), origin=ready["http"])
    process.terminate()
    assert await process.wait() == 0


async def test_everybody_has_an_inbox(server: Server) -> None:
    """A test reads the mails of one person, as they were written, and the newest code among them."""
    await server.send(to="anna@acme.example", subject="Tu código", text="Aquí está:\n\n    123456\n")
    await server.send(to="anna@acme.example", subject="Another", text="Here it is:\n\n    654321\n")
    await server.send(to="bert@acme.example", subject="No code", text="Hello")
    anna = Inbox("anna@acme.example", origin=server.origin)
    assert [mail["Subject"] for mail in await anna.mails()] == ["Tu código", "Another"]
    assert (await anna.texts())[0] == "Aquí está:\n\n    123456\n"
    assert await anna.code_that_comes() == "654321"
    bert = Inbox("bert@acme.example", origin=server.origin)
    assert (await bert.mail_that_comes())["Subject"] == "No code"
    assert await bert.codes() == []


async def test_a_person_reads_all_of_it_on_one_page(server: Server) -> None:
    """The page shows the newest mail first, escaped, and runs nothing."""
    await server.send(to="anna@acme.example", subject="First", text="<script>alert(1)</script>")
    await server.send(to="bert@acme.example", subject="Second", text="Hello")
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{server.origin}/") as answer:
            page = await answer.text()
            assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
        async with session.get(f"{server.origin}/", params={"to": "bert@acme.example"}) as answer:
            berts = await answer.text()
    assert page.index("Second") < page.index("First")
    assert "&lt;script&gt;" in page
    assert "<script" not in page
    assert "First" not in berts


async def test_it_is_for_nobody_else() -> None:
    """Mails hold codes: an address that others could reach is refused."""
    argv = (sys.executable, "-m", "tests.mail", "--http", "0.0.0.0:0")
    process = await asyncio.create_subprocess_exec(*argv, stderr=asyncio.subprocess.PIPE, cwd=ROOT)
    _, errors = await process.communicate()
    assert process.returncode == 2
    assert b"0.0.0.0 is not 127.x.y.z: the mails are for nobody else" in errors

"""Mail on its way out: encrypted while it waits, tried again, and never sent where it could be read."""

import datetime as dt
import ipaddress
import ssl
import traceback
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from common.settings import SettingsError, SettingsReader
from gateway.mail.message import Mail, UnmailableError, address_of, compose
from gateway.mail.settings import MailSettings, read_mail_settings
from tests.gateway.arrivals import redirect
from tests.gateway.browsers import Browser
from tests.gateway.post_office import SENDER, postbox, postman
from tests.gateway.rig import Rig
from tests.support.mail_server import Mailbox, serving_mail
from tests.support.naughty import naughty_strings
from tests.support.ports import free_port

_LOOPBACK = ipaddress.ip_address("127.0.0.1")
_MAIL = Mail(
    to="anna@acme.example",
    subject="Hello",
    text="Good evening.\n",
    html="<p>Good evening.</p>",
    language="en",
)


class _OfAnotherRelease(Mail):
    """A mail in a form that this release does not know."""

    def to_json(self) -> bytes:
        return b'{"to": "anna@acme.example", "words": "Canary"}'


@pytest.fixture
async def mailbox() -> AsyncIterator[Mailbox]:
    async with serving_mail() as mailbox:
        yield mailbox


async def posted(rig: Rig, anna: Browser, mail: Mail = _MAIL, *, minutes: int = 10) -> None:
    login = await rig.login(await anna.arrive(redirect(rig.clock)))
    expires_at = rig.clock.now() + dt.timedelta(minutes=minutes)
    async with rig.database.transaction(tenant="acme") as connection:
        await postbox().post(connection, login, mail, expires_at=expires_at)


def events(rig: Rig) -> list[str]:
    return [line["event"] for line in rig.lines.all if line["event"].startswith("mail.")]


async def test_a_server_that_is_away_is_tried_again(rig: Rig, anna: Browser, mailbox: Mailbox) -> None:
    """A mail waits for the server, encrypted, and goes out once, with an id that stays the same."""
    await posted(rig, anna)
    assert "anna@" not in str(await rig.rows("SELECT * FROM mails"))
    await postman(rig, port=free_port()).sweep()
    ((mail_id,),) = await rig.rows("SELECT id FROM mails")
    await rig.advance(0)  # the database's clock has run on meanwhile
    await postman(rig, port=mailbox.port).sweep()
    assert mailbox.mails == []  # not before its time
    await rig.advance(60)
    await postman(rig, port=mailbox.port).sweep()
    await postman(rig, port=mailbox.port).sweep()
    assert [mail["Message-ID"] for mail in mailbox.mails] == [f"<{mail_id}@acme.example>"]
    assert events(rig) == ["mail.not_sent", "mail.sent"]
    assert await rig.rows("SELECT id FROM mails") == []


async def test_later_is_not_never(rig: Rig, anna: Browser, mailbox: Mailbox) -> None:
    """4xx is tried again, 5xx is not, and neither keeps other mail from going out."""
    mailbox.refuse = ["450 later", "550 no such mailbox"]
    for _ in range(3):
        await posted(rig, anna)
    await postman(rig, port=mailbox.port).sweep()
    assert sorted(events(rig)) == ["mail.not_sent", "mail.refused", "mail.sent"]
    await rig.advance(60)
    await postman(rig, port=mailbox.port).sweep()
    assert len(mailbox.mails) == 2


async def test_a_mail_of_no_use_any_more_is_dropped(rig: Rig, anna: Browser, mailbox: Mailbox) -> None:
    """A code that has expired is not sent late."""
    await posted(rig, anna, minutes=1)
    await rig.advance(61)
    await postman(rig, port=mailbox.port).sweep()
    assert mailbox.mails == []
    assert events(rig) == ["mail.expired"]


async def test_two_postmen_send_a_mail_once(rig: Rig, anna: Browser, mailbox: Mailbox) -> None:
    """A postman who died while he sent leaves the mail to another one, but not at once."""
    await posted(rig, anna)
    await rig.execute("UPDATE mails SET claimed_until = now() + interval '20 years', attempts = 1")
    await postman(rig, port=mailbox.port).sweep()
    assert mailbox.mails == []
    await rig.execute("UPDATE mails SET claimed_until = now() - interval '20 years'")
    await postman(rig, port=mailbox.port).sweep()
    assert len(mailbox.mails) == 1


async def test_a_mail_of_another_release(rig: Rig, anna: Browser, mailbox: Mailbox) -> None:
    """What does not read as a mail of this release is dropped, keeps no other mail, and shows in no log."""
    await posted(rig, anna, _OfAnotherRelease(**vars(_MAIL)))
    await posted(rig, anna)
    await postman(rig, port=mailbox.port).sweep()
    assert sorted(events(rig)) == ["mail.refused", "mail.sent"]
    assert await rig.rows("SELECT id FROM mails") == []
    assert "Canary" not in str(rig.lines.all)


def test_what_is_no_mail_is_not_repeated() -> None:
    """The error, with all that it was raised from, has nothing of the mail."""
    with pytest.raises(UnmailableError) as caught:
        Mail.from_json(_OfAnotherRelease(**vars(_MAIL)).to_json())
    assert "Canary" not in "".join(traceback.format_exception(caught.value))


async def test_a_slow_server(rig: Rig, anna: Browser, mailbox: Mailbox) -> None:
    """No mail is begun after half of the claim's two minutes; the next claim has it, and each goes once."""
    for _ in range(4):
        await posted(rig, anna)
    mailbox.on_mail = lambda: rig.clock.advance(25)
    await postman(rig, port=mailbox.port).sweep()
    assert len(mailbox.mails) == 3
    await rig.advance(100)
    await postman(rig, port=mailbox.port).sweep()
    assert len({mail["Message-ID"] for mail in mailbox.mails}) == len(mailbox.mails) == 4


async def test_without_tls_nothing_is_sent_where_it_is_wanted(
    rig: Rig, anna: Browser, mailbox: Mailbox
) -> None:
    """A server that does not offer STARTTLS, or is none of ours by its certificate, gets no mail."""
    await posted(rig, anna)
    await postman(rig, port=mailbox.port, security="starttls").sweep()
    async with serving_mail(tls=server_tls(Path(rig.settings.tenants_file).parent)[0]) as strange:
        await rig.advance(60)
        await postman(rig, port=strange.port, security="tls").sweep()
        assert strange.mails == mailbox.mails == []
    assert events(rig) == ["mail.not_sent", "mail.not_sent"]


@pytest.mark.parametrize("security", ["tls", "starttls"])
async def test_mail_goes_out_over_tls(
    rig: Rig, anna: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, security: str
) -> None:
    """From the first byte, or after STARTTLS, at a server whose certificate is trusted."""
    context, authority = server_tls(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    await posted(rig, anna)
    tls, starttls = (context, None) if security == "tls" else (None, context)
    async with serving_mail(tls=tls, starttls=starttls) as mailbox:
        await postman(rig, port=mailbox.port, security="tls" if security == "tls" else "starttls").sweep()
        assert [mail["Subject"] for mail in mailbox.mails] == ["Hello"]


def test_addresses() -> None:
    """An address that could say more in a header than an address is none."""
    assert address_of("anna@m\u00fcnchen.example").domain == "xn--mnchen-3ya.example"
    for text in (
        "",
        "anna",
        "a@b@c",
        "a b@c",
        "a@b\r\nBcc: x@y",
        "<a@b>",
        "a,b@c",
        '"a"@b',
        *naughty_strings(),
    ):
        try:
            address = address_of(text)
        except UnmailableError:
            continue
        mail = replace(_MAIL, to=text)
        message = compose(mail, sender=SENDER, message_id="m", at=dt.datetime.now(dt.UTC))
        assert len(message.as_bytes().split(b"\r\n\r\n")[0].split(b"\r\nTo: ")) == 2
        assert address.username


@pytest.mark.parametrize(
    ("environ", "wrong"),
    [
        ({"SMTP_URL": "smtp://mail:25"}, ["SMTP_URL"]),
        ({"SMTP_URL": "smtps://mail", "MAIL_FROM": ""}, ["MAIL_FROM"]),
        ({"SMTP_URL": "smtps://mail", "MAIL_FROM": "a@b, c@d"}, ["MAIL_FROM"]),
        ({"SMTP_URL": "smtps://me:secret@mail"}, ["SMTP_URL"]),
        ({"SMTP_URL": "smtps://me@mail"}, ["SMTP_PASSWORD_FILE"]),
        ({"SMTP_URL": "smtps://mail:99999"}, ["SMTP_URL"]),
        ({"SMTP_URL": "https://mail"}, ["SMTP_URL"]),
        ({"SMTP_URL": "smtps://me@mail", "SMTP_PASSWORD_FILE": "/nowhere"}, ["SMTP_PASSWORD_FILE"]),
    ],
)
def test_wrong_settings(environ: dict[str, str], wrong: list[str]) -> None:
    """Mail that would go in the clear, or from nobody, is a mistake of production's settings."""
    reader = SettingsReader({"MAIL_FROM": "Acme <no-reply@acme.example>", **environ})
    read_mail_settings(reader, production=True)
    with pytest.raises(SettingsError) as caught:
        reader.finish()
    assert [mistake.partition(":")[0] for mistake in caught.value.mistakes] == wrong
    assert "secret" not in str(caught.value)


def test_good_settings(tmp_path: Path) -> None:
    """What is not said has the default of its kind, and the password shows nowhere."""
    (tmp_path / "password").write_text("opensesame\n")
    environ = {
        "SMTP_URL": "smtp+starttls://me%40acme@mail.example",
        "SMTP_PASSWORD_FILE": str(tmp_path / "password"),
        "MAIL_FROM": "Acme <no-reply@acme.example>",
    }
    settings = read_mail_settings(SettingsReader(environ), production=True)
    assert settings == MailSettings(
        host="mail.example",
        port=587,
        security="starttls",
        sender=SENDER,
        username="me@acme",
        password="opensesame",
    )
    assert "opensesame" not in repr(settings)
    assert read_mail_settings(SettingsReader({}), production=True) is None


def server_tls(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """What a server for 127.0.0.1 needs, and the file of who vouches for it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.example")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(_LOOPBACK)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, private = folder / "mail.pem", folder / "mail.key"
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem, private)
    return context, pem

"""What a page of ours never sends (cases 40 to 47): refused, and the person goes on where they were."""

import gzip
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.attacks.headers import wrong_policy
from tests.attacks.scene import Scene, Victim
from tests.attacks.tenants import GLOBEX
from tests.attacks.verdicts import Attack, complaints
from tests.attacks.wire import FORM, Request
from tests.support.naughty import naughty_strings

_SUBMIT = "idproof/submit"
_BOMB = 20 * 1024 * 1024


def _good(victim: Victim) -> bytes:
    return f"csrf={victim.csrf}&mrz=P%3C".encode()


def _attack(
    victim: Victim,
    name: str,
    status: int,
    code: str,
    body: bytes | None = None,
    *,
    act: str = _SUBMIT,
    **headers: str,
) -> Attack:
    """A form of the victim's own browser, good but for what is given."""
    request = victim.form(act, _good(victim) if body is None else body, **headers)
    return Attack(name=name, request=request, sender=victim.client, status=status, code=code)


def _typed(victim: Victim, content_type: str | None, body: bytes | None = None, **headers: str) -> Request:
    """The same with another Content-Type."""
    given = victim.form(_SUBMIT, _good(victim) if body is None else body, **headers)
    others = tuple(header for header in given.headers if header[0] != "Content-Type")
    typed = () if content_type is None else (("Content-Type", content_type),)
    return Request(method="POST", target=given.target, headers=(*others, *typed), body=given.body)


def _without_token(victim: Victim) -> Iterator[Attack]:
    """40, 41, 101: the token of this very login and cookie, or the page is stale."""
    tokens = {
        "none": "",
        "short": "x",
        "a NUL's": "%00",
        "cut": victim.csrf[:-1],
        "longer": f"{victim.csrf}A",
    }
    for name, token in tokens.items():
        code = "form_damaged" if "%00" in token else "csrf"
        status = 400 if "%00" in token else 403
        yield _attack(victim, f"{name} token", status, code, f"csrf={token}&mrz=P%3C".encode())
    yield _attack(victim, "no token", 403, "csrf", b"mrz=P%3C")
    yield _attack(victim, "token by its other name", 403, "csrf", f"CSRF={victim.csrf}".encode())


def _from_elsewhere(victim: Victim) -> Iterator[Attack]:
    """41: a form comes from a page of ours."""
    ours = victim.client.origin
    others = ("https://evil.example", "null", f"{ours}.evil.example", f"{ours}/", f"{ours}@evil.example", "")
    for origin in (*others, ours.replace("http", "https"), ours.upper(), "\udcff"):
        yield _attack(victim, f"Origin {origin}", 403, "foreign_origin", Origin=origin)
    for site in ("cross-site", "same-site", "bogus", ""):
        yield _attack(victim, f"Sec-Fetch-Site {site}", 403, "foreign_site", Sec_Fetch_Site=site)
    twice = victim.form(_SUBMIT, _good(victim)).with_headers(Origin="https://evil.example")
    yield Attack(name="two origins", request=twice, sender=victim.client, status=403, code="foreign_origin")


def _other_methods(victim: Victim) -> Iterator[Attack]:
    """42: a button is a POST; its address in the address bar shows the login as it is, and nothing else."""
    for act in (_SUBMIT, "claim", "stop", "continue"):
        for method in ("HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "TRACE"):
            request = Request(method=method, target=f"{victim.address}/{act}")
            yield Attack(name=f"{method} {act}", request=request, sender=victim.client, status=405)
    for act in (_SUBMIT, "claim", "continue"):
        request = Request(target=f"{victim.address}/{act}?csrf={victim.csrf}&mrz=P%3C")
        yield Attack(
            name=f"GET {act}",
            request=request,
            sender=victim.client,
            status=303,
            allowed=frozenset({"Location"}),
        )
    for header in ("X_HTTP_Method_Override", "X_Method_Override", "X_HTTP_Method"):
        request = Request(method="POST", target=victim.address).with_headers(**{header: "GET"})
        yield Attack(name=header, request=request, sender=victim.client, status=405)
        request = Request(target=f"{victim.address}/claim").with_headers(**{header: "POST"})
        allowed = frozenset({"Location"})
        yield Attack(
            name=f"{header} of a GET", request=request, sender=victim.client, status=303, allowed=allowed
        )


def _other_types(victim: Victim) -> Iterator[Attack]:
    """43: urlencoded UTF-8 and nothing else."""
    multipart = (
        b'--x\r\nContent-Disposition: form-data; name="csrf"\r\n\r\n'
        + victim.csrf.encode()
        + b"\r\n--x--\r\n"
    )
    rows: list[tuple[str, str, str | None, bytes | None]] = [
        ("JSON", "form_type", "application/json", b'{"csrf": "x"}'),
        ("text", "form_type", "text/plain", None),
        ("multipart", "form_type", "multipart/form-data; boundary=x", multipart),
        ("multipart without boundary", "form_type", "multipart/form-data", multipart),
        (
            "multipart in base64",
            "form_type",
            "multipart/form-data; boundary=x",
            multipart.replace(b"\r\n\r\n", b"\r\nContent-Transfer-Encoding: base64\r\n\r\n", 1),
        ),
        ("no type", "form_type", None, None),
        (
            "XML",
            "form_type",
            "application/xml",
            b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
        ),
        ("two types", "form_type", f"{FORM}, text/plain", None),
        ("UTF-16", "form_charset", f"{FORM}; charset=utf-16", None),
        ("UTF-7", "form_charset", f"{FORM}; charset=utf-7", None),
        ("bogus", "form_charset", f"{FORM}; charset=bogus", None),
    ]
    for name, code, content_type, body in rows:
        request = _typed(victim, content_type, body)
        yield Attack(name=name, request=request, sender=victim.client, status=415, code=code)
    for name, body in {
        "bad UTF-8": b"%ff%fe",
        "raw bytes": b"\xff\xfe",
        "half an escape": b"%ED%B2%80",
    }.items():
        yield _attack(victim, name, 400, "form_damaged", _good(victim) + b"&x=" + body)


def _too_much(victim: Victim) -> Iterator[Attack]:
    """44: 16 KiB and 20 fields, and nothing is unpacked."""
    yield _attack(victim, "1,001 fields", 413, "form_fields", _good(victim) + b"&a=1" * 1001)
    yield _attack(victim, "21 fields", 413, "form_fields", b"&".join(b"f%d=1" % n for n in range(21)))
    yield _attack(victim, "70 kB", 413, "form_size", _good(victim) + b"A" * 70_000)
    bomb = gzip.compress(b"mrz=" + b"A" * _BOMB)
    for encoding in ("gzip", "deflate", "br", "zstd", "identity", "x-gzip", "gzip, gzip"):
        yield _attack(victim, f"{encoding} bomb", 415, "form_type", bomb[:20_000], Content_Encoding=encoding)
    claimed = victim.form(_SUBMIT, b"csrf=x", Content_Length="99999999999")
    yield Attack(name="100 GB announced", request=claimed, sender=victim.client, status=413, code="form_size")


def _odd_fields(victim: Victim) -> Iterator[Attack]:
    """45: each field once, without NUL."""
    rows = {
        "doubled": b"&mrz=again",
        "a doubled token": b"&csrf=x",
        "NUL": b"%00",
        "NUL in a name": b"&a%00b=1",
        "no pairs": b"&garbage",
        "an empty pair": b"&&",
        "semicolons": b";mrz=x&;",
    }
    for name, more in rows.items():
        yield _attack(victim, name, 400, "form_damaged", _good(victim) + more)


FORMS: dict[int, Callable[[Victim], Iterator[Attack]]] = {
    40: _without_token,
    41: _from_elsewhere,
    42: _other_methods,
    43: _other_types,
    44: _too_much,
    45: _odd_fields,
}


@pytest.mark.parametrize("case", FORMS)
async def test_a_form_that_no_page_sends_does_nothing(scene: Scene, case: int) -> None:
    """It is refused by a page that says so, and the person goes on at the page where they were."""
    victim = await scene.begun()
    assert await complaints(scene, FORMS[case](victim), about=[victim]) == []
    assert (await victim.page()).html.select_one("form#identity")


async def test_tokens_of_other_logins_are_none(scene: Scene) -> None:
    """40, 101: the token of the browser's other login is refused, and one of an earlier cookie too."""
    first = await scene.begun()
    second = await scene.begun(client=first.client)
    earlier = await scene.arrived()
    again = await scene.arrived(earlier.link)
    attacks = (
        Attack(
            name=name,
            request=login.form(act, {"csrf": token}),
            sender=login.client,
            status=403,
            code="csrf",
        )
        for name, login, act, token in (
            ("another login's", first, "idproof/decline", second.csrf),
            ("another login's, the other way", second, "stop", first.csrf),
            ("an earlier cookie's", again, "claim", earlier.csrf),
        )
    )
    assert await complaints(scene, attacks, about=[first, second, earlier, again]) == []


async def test_a_bomb_takes_no_memory(scene: Scene) -> None:
    """44: what would unpack to 20 MB each is refused packed; the process does not grow."""
    victim = await scene.begun()
    pid = scene.stack.processes["gateway"].pid

    def peak_kilobytes() -> int:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))

    before, bomb = peak_kilobytes(), gzip.compress(b"mrz=" + b"A" * _BOMB)
    for _ in range(5):
        answer = await victim.client.send(victim.form(_SUBMIT, bomb, Content_Encoding="gzip"))
        assert answer.status == 415
    assert peak_kilobytes() - before < _BOMB // 1024


async def test_naughty_strings_are_shown_as_text_or_refused(scene: Scene) -> None:
    """45, 60: whatever somebody types comes back as text or not at all, never as markup, never as a 500."""
    victim = await scene.begun(steps=["profile:1"])
    hidden, log = await victim.hidden("profile/submit"), scene.log()
    for typed in naughty_strings()[::9]:
        fields = hidden | {"p_family_name": typed, "p_given_name": typed, "p_country": typed}
        answer = await victim.client.post(f"{victim.address}/profile/submit", fields)
        assert answer.status in (400, 413, 422), typed
        assert wrong_policy(answer) == [], typed
    assert log.unexpected() == []
    assert (await victim.page()).html.select_one("form#profile")


async def test_fields_that_decide_nothing(scene: Scene) -> None:
    """46: a form cannot say how a step ended, whose login it is, or at which tenant."""
    victim = await scene.begun()
    claims = {
        "status": "passed",
        "outcome": "passed",
        "step": "done",
        "tenant": GLOBEX,
        "subject": "auth0|root",
        "level": "verified",
        "price": "0",
        "rev": "99",
        "claimed_by": "x",
        "is_admin": "true",
    }
    answer = await victim.press(_SUBMIT, mrz="P<", **claims)
    assert answer.status == 422
    assert await scene.status(victim) == "working"
    (row,) = await scene.world.rows.all(
        "SELECT tenant, subject, steps::text FROM gateway.transactions WHERE id = $1", victim.id
    )
    assert (row["tenant"], row["subject"]) == ("acme", victim.link.subject)
    assert "passed" not in row["steps"]


async def test_consent_to_another_text_than_was_shown(scene: Scene) -> None:
    """47: what somebody accepts is what they were shown; an older or newer version is 409."""
    victim = await scene.begun(steps=["terms:1"])
    hidden = await victim.hidden("terms/submit")
    attacks = (
        Attack(
            name=f"shown {shown!r}",
            request=victim.form("terms/submit", hidden | {"shown": shown, "accept.terms_of_use": "yes"}),
            sender=victim.client,
            status=status,
            code=code,
        )
        for shown, status, code in (
            (hidden["shown"].replace("2026-05", "2026-04"), 409, ""),
            (hidden["shown"].replace("2026-05", "2027-01"), 409, ""),
            ("x", 400, "terms_shown"),
            ("", 400, "terms_shown"),
        )
    )
    assert "2026-05" in hidden["shown"]
    assert await complaints(scene, attacks, about=[victim]) == []
    assert await scene.status(victim) == "working"

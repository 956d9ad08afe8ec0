"""What all pages share: the style sheet, a tenant's pictures, and the choice of a language."""

from pathlib import Path

from tests.common.tenants_on_disk import section, write_tenants
from tests.gateway.arrivals import redirect
from tests.gateway.browsers import Browser
from tests.gateway.rig import Rig


async def test_the_style_sheet(anna: Browser) -> None:
    """Its address has its hash and may be kept for ever; asked by another hash it is served, and not kept."""
    page = await anna.get("/nothing")
    (link,) = page.html.select('link[rel="stylesheet"]')
    sheet = await anna.get(str(link["href"]))
    assert (sheet.status, sheet.headers["Content-Type"]) == (200, "text/css; charset=utf-8")
    assert sheet.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    other = await anna.get("/assets/style-0123456789abcdef.css")
    assert (other.text, other.headers["Cache-Control"]) == (sheet.text, "no-store")
    plain = await anna.get(str(link["href"]), **{"Accept-Encoding": "identity"})
    assert (plain.text, plain.headers.get("Content-Encoding")) == (sheet.text, None)
    assert (sheet.headers["Content-Encoding"], sheet.headers["Vary"]) == ("gzip", "Accept-Encoding")
    for name in ("style.css", "nothing-0.css", "..%2Fpage.js"):
        assert (await anna.get(f"/assets/{name}")).status == 404


async def test_pictures(anna: Browser) -> None:
    """A picture that no tenant has is 404, whoever is asked for it."""
    for path in ("/brand/acme/logo/0123456789abcdef.svg", "/brand/initech/favicon/x", "/brand/acme/face/x"):
        assert (await anna.get(path)).status == 404


async def test_a_tenants_colours(rig: Rig, anna: Browser, tenants_file: Path) -> None:
    """The pages of its logins have its colours, in a style that the policy lets in."""
    wear(tenants_file, rig, colours={"accent": "#0b6e4f"})
    page = await anna.look(await anna.arrive(redirect(rig.clock)))
    (style,) = page.html.select("style")
    assert "--accent:#0b6e4f;--on-accent:#ffffff" in style.text
    assert f"'nonce-{style['nonce']}'" in page.headers["Content-Security-Policy"]


async def test_a_tenants_pictures(rig: Rig, anna: Browser, tenants_file: Path) -> None:
    """Logo and favicon are served as they are in the newest file, from addresses that change with them."""
    addresses = set()
    for shape in ("M0 0h9", "M0 0v9"):
        picture = f'<svg xmlns="http://www.w3.org/2000/svg"><path d="{shape}"/></svg>'
        (tenants_file.parent / "logo.svg").write_text(picture)
        wear(tenants_file, rig, logo="logo.svg", favicon="logo.svg")
        html = (await anna.look(await anna.arrive(redirect(rig.clock)))).html
        (logo,), (icon,) = html.select('header img[alt="Acme"]'), html.select('link[rel="icon"]')
        for address in (str(logo["src"]), str(icon["href"])):
            answer = await anna.get(address)
            assert (answer.status, answer.headers["Content-Type"], answer.text) == (
                200,
                "image/svg+xml",
                picture,
            )
            assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
            assert "sandbox" in answer.headers["Content-Security-Policy"]
            addresses.add(address)
    assert len(addresses) == 4
    for address in addresses:
        assert (await anna.get(address)).text == picture  # the newest, from wherever it was asked


def wear(tenants_file: Path, rig: Rig, **look: object) -> None:
    """Give acme that look."""
    write_tenants(tenants_file.parent, {"acme": section(branding={"name": "Acme", **look})})
    rig.tenants.refresh()


async def test_a_login_speaks_as_the_application_asked(rig: Rig, anna: Browser) -> None:
    """`ui_locales` decides before the browser's own languages do, and for every page of the login."""
    login = await anna.arrive(redirect(rig.clock, ui_locales=["xx", "ja-JP", "de"]))
    page = await anna.get(f"/t/{login}", **{"Accept-Language": "fr"})
    assert page.html.select_one('html[lang="ja"]') is not None
    elsewhere = await anna.get("/nothing", **{"Accept-Language": "nl, fr;q=0.8"})
    assert elsewhere.html.select_one('html[lang="fr"]') is not None


async def test_a_choice_is_remembered(rig: Rig, anna: Browser) -> None:
    """Who chooses a language reads it from then on, in other logins and on pages of errors too."""
    login = await anna.arrive(redirect(rig.clock))
    answer = await anna.post("/language", {"language": "ar", "to": f"/t/{login}"})
    assert (answer.status, answer.location) == (303, f"/t/{login}")
    cookie = answer.cookies["__Host-language"]
    assert (cookie.value, cookie["secure"], cookie["httponly"], cookie["path"]) == ("ar", True, True, "/")
    other = await anna.arrive(redirect(rig.clock))
    for path in (f"/t/{login}", f"/t/{other}", "/nothing"):
        assert (await anna.get(path)).html.select_one('html[lang="ar"][dir="rtl"]') is not None


async def test_choices_that_nobody_offered(rig: Rig, anna: Browser) -> None:
    """A language that we do not have, and a way back that is not to a login of ours, are refused."""
    login = await anna.arrive(redirect(rig.clock))
    good = {"language": "de", "to": f"/t/{login}"}
    for changes in (
        {"language": "xx"},
        {"language": ""},
        {"to": "https://evil.example/"},
        {"to": "//evil.example/t/x"},
        {"to": f"/t/{login}/claim"},
        {"to": ""},
    ):
        answer = await anna.post("/language", {**good, **changes})
        assert (answer.status, "__Host-language" in answer.cookies) == (400, False)
    foreign = await anna.request("POST", "/language", data=good, headers={"Origin": "https://evil.example"})
    assert foreign.status == 403


async def test_a_cookie_that_is_no_language(anna: Browser) -> None:
    """Whatever else stands in the cookie counts for nothing."""
    for value in ("xx", "<script>", "de-DE", ""):
        anna.take_cookie("__Host-language", value)
        assert (await anna.get("/nothing")).html.select_one('html[lang="en"]') is not None

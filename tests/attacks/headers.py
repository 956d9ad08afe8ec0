"""The headers that every answer must have, judged as a browser reads them."""

import re

from tests.attacks.wire import Answer

# What each answer says, whatever it is.
ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Server": "waystation",
}
_OK, _YEAR = 200, 31_536_000
_REFERRERS = ("no-referrer", "same-origin")
_NONCE = re.compile(r"'nonce-([A-Za-z0-9_-]{22,})'")
# What may be loaded, and from where: nothing but from here, scripts only by nonce.
_ALLOWED = {
    "default-src": {"'none'"},
    "script-src": {"nonce"},
    "style-src": {"'self'", "nonce"},
    "img-src": {"'self'"},
    "connect-src": {"'self'"},
    "frame-ancestors": {"'none'"},
    "base-uri": {"'none'"},
}


def wrong_headers(answer: Answer) -> list[str]:
    """What a browser would be allowed that it should not be."""
    headers = answer.headers
    wrong = [
        f"{name} is {headers.get(name)}"
        for name, value in ALWAYS.items()
        if headers.getall(name, []) != [value]
    ]
    if headers.get("Referrer-Policy") not in _REFERRERS:
        wrong.append("Referrer-Policy")
    if _max_age(headers.get("Strict-Transport-Security", "")) < _YEAR:
        wrong.append("Strict-Transport-Security")
    if "no-store" not in headers.get("Cache-Control", "") and not _is_file(answer):
        wrong.append("Cache-Control")
    wrong += [f"header {name}" for name in headers if name.lower().startswith("access-control-")]
    return wrong + wrong_policy(answer)


def wrong_policy(answer: Answer) -> list[str]:
    """What is wrong with the content security policy, and with what of the page it lets through."""
    policies = answer.headers.getall("Content-Security-Policy", [])
    if len(policies) != 1:
        return [f"{len(policies)} policies"]
    policy = directives(policies[0])
    if _is_picture(answer):
        # An SVG that somebody opens shows its shapes in a sandbox where nothing runs.
        return (
            []
            if {"'none'"} == policy.get("default-src") and "sandbox" in policy
            else ["the picture's policy"]
        )
    wrong = [
        f"{name} {sorted(policy.get(name, []))}"
        for name, allowed in _ALLOWED.items()
        if policy.get(name) != allowed
    ]
    wrong += [f"directive {name}" for name in policy if name not in _ALLOWED]
    return wrong + _wrong_markup(answer, policies[0])


def directives(policy: str) -> dict[str, set[str]]:
    """The sources of each directive; any nonce is the word `nonce`."""
    found: dict[str, set[str]] = {}
    for text in policy.split(";"):
        name, *sources = text.split()
        found.setdefault(
            name.lower(), {"nonce" if _NONCE.fullmatch(source) else source for source in sources}
        )
    return found


def nonce_of(answer: Answer) -> str:
    found = _NONCE.search(answer.headers["Content-Security-Policy"])
    return found[1] if found else ""


def _wrong_markup(answer: Answer, policy: str) -> list[str]:
    """Inline code without the nonce, handlers in attributes, and whatever comes from elsewhere."""
    if not answer.headers.get("Content-Type", "").startswith("text/html"):
        return []
    found = _NONCE.search(policy)
    nonce, page = (found[1] if found else "-"), answer.html
    wrong = [
        f"<{tag.name}> without the nonce" for tag in page.select("script, style") if tag.get("nonce") != nonce
    ]
    for tag in page.select("*"):
        wrong += [f"<{tag.name} {name}>" for name in tag.attrs if name.startswith("on") or name == "style"]
        loads = [tag.get(name) for name in ("src", "srcset", "data")]
        loads += [tag.get("href")] if tag.name == "link" else []
        wrong += [f"<{tag.name}> loads {url}" for url in loads if url and not re.match(r"/(?!/)", str(url))]
        target = str(tag.get("href") or tag.get("action") or tag.get("formaction") or "/")
        wrong += (
            [f"<{tag.name}> leads to {target}"]
            if re.match(r"\s*(javascript|data|vbscript):", target, re.IGNORECASE)
            else []
        )
    return wrong


def _max_age(text: str) -> int:
    found = re.search(r"max-age=(\d+)", text)
    return int(found[1]) if found else 0


def _is_file(answer: Answer) -> bool:
    """A style sheet, a picture or our public keys: the same for everybody, and caches may keep it."""
    kind = answer.headers.get("Content-Type", "").partition(";")[0]
    is_public = answer.headers.get("Cache-Control", "").startswith("public, max-age=")
    return is_public and kind in {"text/css", "image/svg+xml", "application/json"} and answer.status == _OK


def _is_picture(answer: Answer) -> bool:
    return answer.headers.get("Content-Type", "").startswith("image/")

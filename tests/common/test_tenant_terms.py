"""The step `terms` of a tenants file: what it takes, what a login keeps of it, and every mistake's line."""

import hashlib
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from common.tenants import load_tenants
from tests.common.tenants_on_disk import mistakes, section, terms, write_tenants


def written(folder: Path, **changes: Any) -> Path:
    return write_tenants(folder, {"acme": section(steps={"terms": terms(**changes)})})


def test_a_login_keeps_digests(tmp_path: Path) -> None:
    """A login keeps which text it showed by its SHA-256, in every language, and never the text itself."""
    tenant = load_tenants(written(tmp_path), production=True).get("acme")
    assert tenant is not None
    assert tenant.steps.terms is not None
    document = tenant.steps.terms.documents[0]
    assert document.languages["en"].text == "Be kind.\nPay your bills."
    kept = tenant.snapshot()
    assert "Pay your bills" not in kept.to_json()
    assert kept.steps.terms is not None
    english = kept.steps.terms.documents[0].languages["en"]
    assert (english.text, english.digest) == (None, hashlib.sha256(b"Be kind.\nPay your bills.").hexdigest())
    link = kept.steps.terms.documents[1].languages["en"]
    assert link.digest == hashlib.sha256(b"https://acme.example/privacy").hexdigest()


@pytest.mark.parametrize(
    ("wanted", "found"), [("de", "de"), ("de-AT", "de"), ("en", "en"), ("fr", "en"), ("", "en")]
)
def test_languages(tmp_path: Path, wanted: str, found: str) -> None:
    """A document comes in the person's language, else without its region, else in the one listed first."""
    tenant = load_tenants(written(tmp_path), production=True).get("acme")
    assert tenant is not None
    assert tenant.steps.terms is not None
    assert tenant.steps.terms.documents[0].text_for(wanted)[0] == found


@pytest.mark.parametrize(
    ("purpose", "german", "french"),
    [
        ("Tell you about offers", "Tell you about offers", "Tell you about offers"),
        ({"de": "Angebote", "en": "Offers"}, "Angebote", "Angebote"),
    ],
)
def test_purposes(tmp_path: Path, purpose: Any, german: str, french: str) -> None:
    """What a consent is for stands in one language for all, or in several, the first for all others."""
    changed = deepcopy(terms())
    changed["documents"][2]["purposes"][0]["purpose"] = purpose
    tenant = load_tenants(
        write_tenants(tmp_path, {"acme": section(steps={"terms": changed})}), production=True
    ).get("acme")
    assert tenant is not None
    assert tenant.steps.terms is not None
    (said,) = tenant.steps.terms.documents[2].purposes
    assert (said.said("de"), said.said("fr")) == (german, french)


_EN = ("documents", 0, "languages", "en")


@pytest.mark.parametrize(
    ("place", "value", "expected"),
    [
        (("revision",), 0, "revision: must be at least 1"),
        (("documents",), [], "documents: must not be empty"),
        (("documents", 0, "id"), "Terms of use", "documents.0.id: must begin with a letter and have only"),
        (("documents", 0, "version"), "v 1", "documents.0.version: must be 1 to 20 letters, digits"),
        (("documents", 0, "version"), 2026, "documents.0.version: must be text"),
        (("documents", 1, "id"), "terms_of_use", "has two documents of one id"),
        (("documents", 2, "purposes", 0, "purpose"), {}, "purposes.0.purpose: must not be empty"),
        (("documents", 2, "purposes", 0, "purpose"), {"en": 7}, "purposes.0.purpose.en: must be text"),
        ((*_EN, "link"), "https://acme.example/terms", "documents.0.languages.en: needs either text or link"),
        ((*_EN, "text"), None, "documents.0.languages.en: needs either text or link"),
        ((*_EN, "text"), " \n", "documents.0.languages.en: needs either text or link"),
        ((*_EN, "text"), "x" * 60_001, "documents.0.languages.en.text: "),
        ((*_EN, "digest"), "0" * 64, "documents.0.languages.en: has no digest of its own"),
        (
            ("documents", 1, "languages", "en", "link"),
            "http://acme.example",
            "languages.en.link: must be an https",
        ),
        (("controller", "email"), None, "controller.email: must be text"),
    ],
)
def test_mistakes(tmp_path: Path, place: tuple[str | int, ...], value: Any, expected: str) -> None:
    """Whatever is wrong is told with its place, and nothing of the file is used."""
    rules = terms()
    inner: Any = rules
    for part in place[:-1]:
        inner = inner[part]
    inner[place[-1]] = value
    path = write_tenants(tmp_path, {"acme": section(steps={"terms": rules})})
    (mistake,) = mistakes(path)
    assert expected in mistake
    assert int(mistake.split(":")[1]) > 1


def test_documents_that_an_answer_cannot_name(tmp_path: Path) -> None:
    """Ids and versions that would not fit into the answer token are refused at load."""
    document = terms()["documents"][0]
    many = [{**deepcopy(document), "id": f"{'x' * 38}{number}", "version": "v" * 20} for number in range(8)]
    path = write_tenants(tmp_path, {"acme": section(steps={"terms": terms(documents=many)})})
    (mistake,) = mistakes(path)
    assert mistake.endswith("ids and versions of all documents together must be shorter: 400 bytes")
    lines = path.read_text().splitlines()
    assert lines[int(mistake.split(":")[1]) - 1].strip() == "terms:"

"""The encrypted profile: RFC 7516 with exactly one algorithm, one header and a closed set of fields."""

import json
from collections.abc import Iterable
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.profile import LoginConnection, Profile, ProfileError, open_profile, read_profile
from common.tenant_secrets import Secret
from tests.common.session_tokens import JTI, sealed_profile, token
from tests.common.tenants_on_disk import PROFILE_KEY, PROFILE_KEY_BEFORE

_KEYS = (Secret(PROFILE_KEY), Secret(PROFILE_KEY_BEFORE))


def refusal(text: str, *, keys: Iterable[Secret[bytes]] = _KEYS, jti: str = JTI) -> str:
    """The reason for which that profile is refused; its text repeats nothing of it."""
    with pytest.raises(ProfileError) as refused:
        open_profile(text, keys=keys, jti=jti)
    assert str(refused.value) == "the profile in the session token is refused"
    return refused.value.reason


def test_a_whole_profile() -> None:
    """Every field of a profile arrives with its type, names of any script included."""
    content = {
        "email": "ada@example.org",
        "given_name": "Zoë 李 \u200cمریم",
        "family_name": "O'Brien-Łukasz",
        "birthdate": "1990-02-28",
    }
    opened = open_profile(sealed_profile(json.dumps(content).encode()), keys=_KEYS, jti=JTI)
    assert opened == Profile(
        email="ada@example.org",
        given_name="Zoë 李 \u200cمریم",
        family_name="O'Brien-Łukasz",
        birthdate=date(1990, 2, 28),
    )


def test_what_the_steps_profile_password_and_stepup_need() -> None:
    """Connection, known attributes of every plain type, and the names of those that stayed behind arrive."""
    content = {
        "email_verified": False,
        "username": "ada",
        "connection": {"name": "google-oauth2", "strategy": "google-oauth2"},
        "known": {"phone_number": "+4915112345678", "user_metadata.newsletter": True, "user_metadata.n": 2.5},
        "omitted": ["user_metadata.About_me-2"],
    }
    opened = open_profile(sealed_profile(json.dumps(content).encode()), keys=_KEYS, jti=JTI)
    assert opened == Profile(
        email_verified=False,
        username="ada",
        connection=LoginConnection(name="google-oauth2", strategy="google-oauth2"),
        known={"phone_number": "+4915112345678", "user_metadata.newsletter": True, "user_metadata.n": 2.5},
        omitted=("user_metadata.About_me-2",),
    )


def test_a_stored_profile_is_read_again() -> None:
    """What the gateway keeps of a profile is the same profile when it is read."""
    profile = Profile(
        given_name="Ada",
        birthdate=date(1990, 12, 10),
        connection=LoginConnection(name="db", strategy="auth0"),
        known={"name": "Ada"},
        omitted=("picture",),
    )
    assert read_profile(profile.to_json()) == profile


def test_an_empty_profile() -> None:
    """A profile has only the fields that the Action had."""
    assert open_profile(sealed_profile(b"{}"), keys=_KEYS, jti=JTI) == Profile()


def test_the_key_before() -> None:
    """Every key of the list opens, so that a key can be replaced without losing a login."""
    text = sealed_profile(b'{"email":"a@b.c"}', key=PROFILE_KEY_BEFORE)
    assert open_profile(text, keys=_KEYS, jti=JTI).email == "a@b.c"


def test_repr() -> None:
    """A profile never shows what is in it."""
    assert "ada" not in repr(Profile(email="ada@example.org", given_name="ada"))


def test_another_key() -> None:
    """A profile sealed with somebody's own key is refused, and so is every profile without a key of ours."""
    assert refusal(sealed_profile(key=bytes(32))) == "key"
    assert refusal(sealed_profile(), keys=()) == "key"


def test_another_token() -> None:
    """A profile that was moved into another token does not open there."""
    assert refusal(sealed_profile(), jti="another") == "header"
    assert refusal(sealed_profile(jti="another")) == "header"


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ({"enc": "A128GCM"}, "key"),
        ({"alg": "A256KW"}, "form"),
        ({"zip": "DEF"}, "key"),
        ({"crit": ["jti"]}, "header"),
        ({"kid": "1"}, "header"),
        ({"typ": "JWE"}, "header"),
        ({"jku": "https://evil.example/keys"}, "header"),
        ({"extra": 1}, "key"),
        ({"jti": 7}, "key"),
        ({"jti": ""}, "header"),
    ],
)
def test_headers(header: dict[str, Any], reason: str) -> None:
    """The protected header is alg, enc and jti, with exactly these values."""
    key = PROFILE_KEY[:16] if header.get("enc") == "A128GCM" else PROFILE_KEY
    assert refusal(sealed_profile(key=key, **header)) == reason


@pytest.mark.parametrize("part", [0, 2, 3, 4])
def test_one_bit(part: int) -> None:
    """One changed character anywhere, and the profile is refused."""
    parts = sealed_profile(b'{"email":"a@b.c"}').split(".")
    parts[part] = ("A" if parts[part][0] != "A" else "B") + parts[part][1:]
    assert refusal(".".join(parts)) == "key"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "....",
        token(),
        sealed_profile() + "=",
        sealed_profile() + "\n",
        " " + sealed_profile(),
        sealed_profile().replace("..", ".AAAA."),
        sealed_profile()[:-1],
        sealed_profile(b"x" * 3000),
        sealed_profile(fill="x" * 600),
        "\ud800",
        "x" * 100_000,
    ],
)
def test_odd_texts(text: str) -> None:
    """What has not the form of a direct A256GCM encryption is not decrypted at all."""
    assert refusal(text) == "form"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "form"),
        (b"null", "content"),
        (b"[]", "content"),
        (b"{", "content"),
        (b"[" * 2000, "content"),
        (b'{"email":"a@b.c","email":"a@b.c"}', "content"),
        (b'{"email":"a@b.c","phone":"1"}', "content"),
        (b'\xef\xbb\xbf{"email":"a@b.c"}', "content"),
        (b'{"email":"\xff"}', "content"),
        ('{"email":"a@b.c"}'.encode("utf-16"), "content"),
        (b'{"email":""}', "email"),
        (b'{"email":null}', "email"),
        (b'{"email":["a@b.c"]}', "email"),
        (b'{"email":"' + b"a" * 301 + b'"}', "email"),
        (b'{"given_name":7}', "given_name"),
        (b'{"given_name":"a\\u0000b"}', "given_name"),
        (b'{"given_name":"a\\nb"}', "given_name"),
        (b'{"given_name":"a\\ud800"}', "given_name"),
        (b'{"given_name":"\\u202eada"}', "given_name"),
        (b'{"family_name":{}}', "family_name"),
        (b'{"birthdate":19900228}', "birthdate"),
        (b'{"birthdate":"1990-02-30"}', "birthdate"),
        (b'{"birthdate":"0000-01-01"}', "birthdate"),
        (b'{"birthdate":"28.02.1990"}', "birthdate"),
        (b'{"birthdate":"19900228"}', "birthdate"),
        (b'{"birthdate":"1990-02-28\\n"}', "birthdate"),
        (b'{"email_verified":1}', "email_verified"),
        (b'{"username":""}', "username"),
        (b'{"connection":"google-oauth2"}', "connection"),
        (b'{"connection":{"name":"g"}}', "connection"),
        (b'{"connection":{"name":"g","strategy":7}}', "connection"),
        (b'{"known":["name"]}', "known"),
        (b'{"known":{"app_metadata.x":"y"}}', "known"),
        (b'{"known":{"user_metadata.a.b":"y"}}', "known"),
        (b'{"known":{"name":null}}', "known"),
        (b'{"known":{"name":["Ada"]}}', "known"),
        (b'{"known":{"name":"A\\u202eda"}}', "known"),
        (b'{"known":{"name":1e999}}', "known"),
        (json.dumps({"known": {f"user_metadata.a{n}": n for n in range(21)}}).encode(), "known"),
        (b'{"omitted":"name"}', "omitted"),
        (b'{"omitted":["password"]}', "omitted"),
    ],
)
def test_contents(content: bytes, reason: str) -> None:
    """A profile is one UTF-8 JSON object of known fields, each of its type and bounds."""
    assert refusal(sealed_profile(content)) == reason


@given(st.binary(min_size=1, max_size=200))
def test_any_content(content: bytes) -> None:
    """Whatever was sealed, it is a profile or it is refused."""
    try:
        opened = open_profile(sealed_profile(content), keys=_KEYS, jti=JTI)
    except ProfileError:
        return
    assert opened == Profile()


@given(st.text(max_size=200) | st.from_regex(r"\A[\w-]{1,99}\.\.[\w-]{16}\.[\w-]{1,50}\.[\w-]{22}\Z"))
def test_any_text(text: str) -> None:
    """Whatever text comes, the answer is a refusal and never another error."""
    assert refusal(text) in {"form", "key", "header"}

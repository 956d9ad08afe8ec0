import base64
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.settings import Address, SettingsError, SettingsReader, is_weak, read_key_file
from tests.support.secret_folder import write_private

KEY = bytes(range(32))
KEY_TEXT = base64.urlsafe_b64encode(KEY).decode()


def mistakes_of(reader: SettingsReader) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        reader.finish()
    return caught.value.mistakes


def write(folder: Path, name: str, text: str) -> str:
    path = folder / name
    write_private(path, text)
    return str(path)


def test_what_is_there_is_read(tmp_path: Path) -> None:
    """Each getter returns the typed value of its variable, without surrounding whitespace."""
    reader = SettingsReader(
        {
            "NAME": "  anna ",
            "MODE": "fast",
            "RATIO": "0.25",
            "DATABASE_URL": "postgresql://role:pass@db/waystation",
            "LISTEN": "[::1]:8080",
            "FILE": str(tmp_path),
        }
    )
    assert reader.text("NAME") == "anna"
    assert reader.choice("MODE", among=("slow", "fast"), default="slow") == "fast"
    assert reader.number("RATIO", default=1) == 0.25
    assert reader.url("DATABASE_URL", schemes=("postgresql",)) == "postgresql://role:pass@db/waystation"
    assert reader.address("LISTEN") == Address(host="::1", port=8080)
    assert reader.path("FILE") == tmp_path
    reader.finish()


def test_defaults_stand_in_for_what_is_missing_or_empty() -> None:
    """An empty variable is a missing one."""
    reader = SettingsReader({"MODE": "", "RATIO": "  "})
    assert reader.text("NAME", default="nobody") == "nobody"
    assert reader.choice("MODE", among=("slow", "fast"), default="slow") == "slow"
    assert reader.number("RATIO", default=0.5) == 0.5
    assert reader.address("LISTEN", default="127.0.0.1:0") == Address(host="127.0.0.1", port=0)
    reader.finish()


def test_every_mistake_at_once() -> None:
    """All mistakes are reported together, one per variable, in the order of reading."""
    reader = SettingsReader({"MODE": "warp", "RATIO": "nan", "AMQP_URL": "http://x", "LISTEN": "here"})
    reader.text("NAME")
    reader.choice("MODE", among=("slow", "fast"), default="slow")
    reader.number("RATIO", default=1, at_least=0.1, at_most=2)
    reader.url("AMQP_URL", schemes=("amqp", "amqps"))
    reader.address("LISTEN")
    reader.address("ADMIN_LISTEN")
    reader.path("TENANTS_FILE")
    reader.keys("KEYS")
    assert mistakes_of(reader) == (
        "NAME: is required",
        "MODE: must be one of slow, fast",
        "RATIO: must be a number from 0.1 to 2",
        "AMQP_URL: must be a URL that begins with amqp:// or amqps://",
        "LISTEN: must be HOST:PORT",
        "ADMIN_LISTEN: is required",
        "TENANTS_FILE: is required",
        "KEYS: is required",
    )


@pytest.mark.parametrize("value", ["x", "inf", "-inf", "nan", "-1", "86401", "1e9", "0x10"])
def test_numbers_out_of_bounds(value: str) -> None:
    """What is no number between the bounds is a mistake, infinity and NaN included."""
    reader = SettingsReader({"SECONDS": value})
    assert reader.number("SECONDS", default=5) == 5
    assert mistakes_of(reader) == ("SECONDS: must be a number from 0 to 86400",)


@pytest.mark.parametrize("value", ["host", ":80", "host:", "host:http", "host:-1", "host:65536", "host:8 0"])
def test_addresses_that_are_none(value: str) -> None:
    """Only a host and a port that exists are an address."""
    reader = SettingsReader({"LISTEN": value})
    reader.address("LISTEN")
    assert mistakes_of(reader) == ("LISTEN: must be HOST:PORT",)


@pytest.mark.parametrize(
    "value", ["amqp:broker", "amqp://", "amqp://host:0x1/", "amqp://host:99999", "amqp://[::1", "//host", "x"]
)
def test_urls_that_are_none(value: str) -> None:
    """A URL without a host, or with a port that cannot be, is a mistake and never an exception."""
    reader = SettingsReader({"AMQP_URL": value})
    reader.url("AMQP_URL", schemes=("amqp",))
    assert mistakes_of(reader) == ("AMQP_URL: must be a URL that begins with amqp://",)


def test_a_url_with_a_password_may_stand_in_a_file(tmp_path: Path) -> None:
    """NAME_FILE stands for NAME, so that no password needs to be in an environment."""
    url = "amqps://gateway:pass-of-24-characters@broker/waystation"
    file = write(tmp_path, "url", f" {url}\n")
    reader = SettingsReader({"AMQP_URL_FILE": file})
    assert reader.secret_url("AMQP_URL", schemes=("amqps",)) == url
    reader.finish()


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        (None, "AMQP_URL_FILE: names a file that cannot be read"),
        ("", "AMQP_URL_FILE: names a file that is empty"),
        ("http://broker", "AMQP_URL_FILE: must be a URL that begins with amqps://"),
    ],
)
def test_files_without_a_url(tmp_path: Path, text: str | None, mistake: str) -> None:
    """What is wrong is said of the variable that names the file."""
    file = str(tmp_path / "none") if text is None else write(tmp_path, "url", text)
    reader = SettingsReader({"AMQP_URL_FILE": file})
    reader.secret_url("AMQP_URL", schemes=("amqps",))
    assert mistakes_of(reader) == (mistake,)


def test_a_url_is_given_once(tmp_path: Path) -> None:
    """A variable and its file together leave nobody knowing which counts: neither does."""
    file = write(tmp_path, "url", "amqps://broker")
    reader = SettingsReader(
        {"ENVIRONMENT": "development", "AMQP_URL": "amqps://other", "AMQP_URL_FILE": file}
    )
    reader.environment()
    reader.secret_url("AMQP_URL", schemes=("amqps",))
    assert mistakes_of(reader) == ("AMQP_URL: is given twice: here and by AMQP_URL_FILE",)


def test_values_are_never_repeated(tmp_path: Path) -> None:
    """No mistake shows what the variable or its file holds."""
    secret = "canary-7f3a"
    reader = SettingsReader(
        {
            "MODE": secret,
            "RATIO": secret,
            "URL": f"http://user:{secret}@host",
            "LISTEN": secret,
            "FILE": f"/{secret}",
            "KEYS": f"{write(tmp_path, 'short', secret)},/{secret}",
        }
    )
    reader.choice("MODE", among=("slow",), default="slow")
    reader.number("RATIO", default=1)
    reader.url("URL", schemes=("amqp",))
    reader.address("LISTEN")
    reader.path("FILE")
    reader.keys("KEYS")
    mistakes = mistakes_of(reader)
    assert len(mistakes) == 7
    assert secret not in "".join(mistakes)


def test_a_file_below_a_file(tmp_path: Path) -> None:
    """A path that cannot exist is a mistake like any other."""
    reader = SettingsReader({"FILE": write(tmp_path, "plain", "x") + "/below", "LONG": "/" + "x" * 5000})
    reader.path("FILE")
    reader.path("LONG")
    assert mistakes_of(reader) == (
        "FILE: names a file that does not exist",
        "LONG: names a file that does not exist",
    )


@pytest.mark.parametrize(
    "secret",
    [
        bytes(32),
        b"a" * 64,
        b"ab" * 16,
        b"change-me-change-me-change-me-ch",
        b"0123456789abcdef" * 2,
        b"12341234123412341234123412341234123",
        b"aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbb",
        b"1212312341234512345612341212312312",
    ],
)
def test_placeholders(secret: bytes) -> None:
    """What repeats itself, or has fewer than eight different bytes, is no secret."""
    assert is_weak(secret)


@given(st.integers(0, 2**256 - 1).map(lambda number: random.Random(number).randbytes(32)))  # noqa: S311 - for a test
def test_random_keys(key: bytes) -> None:
    """What a generator writes is a secret in every form in which it is written down."""
    assert not is_weak(key)
    assert not is_weak(key.hex().encode())
    assert not is_weak(base64.b64encode(key))


@given(st.binary(min_size=1, max_size=40), st.integers(2, 6))
def test_repetitions(part: bytes, times: int) -> None:
    """Whatever is written twice or more often is no secret, however long."""
    assert is_weak(part * times)


def test_a_weak_key_file(tmp_path: Path) -> None:
    """A key file that nobody made at random is named, and not shown."""
    weak = write(tmp_path, "weak", base64.urlsafe_b64encode(b"k" * 32).decode())
    reader = SettingsReader({"KEYS": f"{write(tmp_path, 'good', KEY_TEXT)},{weak}"})
    assert reader.keys("KEYS") == (KEY,)
    with pytest.raises(SettingsError, match=r"KEYS: file 2 repeats itself: make it of random bytes\Z"):
        reader.finish()


def test_key_files_in_their_order(tmp_path: Path) -> None:
    """A list of key files yields their keys, the current one first; padding and a newline do not matter."""
    current = write(tmp_path, "current", KEY_TEXT + "\n")
    previous = write(tmp_path, "previous", base64.urlsafe_b64encode(KEY[::-1]).decode().rstrip("="))
    reader = SettingsReader({"KEYS": f"{current} , {previous},"})
    assert reader.keys("KEYS") == (KEY, KEY[::-1])
    reader.finish()


def test_mistakes_in_key_files_name_their_position(tmp_path: Path) -> None:
    """A wrong key file is named by its place in the list."""
    good = write(tmp_path, "good", KEY_TEXT)
    reader = SettingsReader(
        {"KEYS": f"{good},{tmp_path}/missing,{write(tmp_path, 'bad', 'abc')}", "NONE": ", ,"}
    )
    reader.keys("KEYS")
    reader.keys("NONE")
    assert mistakes_of(reader) == (
        "KEYS: file 2 cannot be read",
        "KEYS: file 3 must hold base64url of exactly 32 bytes",
        "NONE: names no file",
    )


@pytest.mark.parametrize(
    "text",
    ["", "A" * 42, "A" * 44, "A" * 42 + "*", KEY_TEXT + KEY_TEXT, "ä" * 43, "A" * 20 + "\n" + "A" * 23],
)
def test_what_is_no_key(tmp_path: Path, text: str) -> None:
    """Anything but base64url of 32 bytes on one line is refused."""
    with pytest.raises(ValueError, match=r"."):
        read_key_file(Path(write(tmp_path, "key", text)))

"""What exports traces is added to what runs."""

from pathlib import Path

_ROOT = Path(__file__).parents[2]


def test_the_larger_list_has_the_smaller_one() -> None:
    """Both pin the same versions by the same hashes; who installs the one needs nothing of the other."""
    small, large = ((_ROOT / f"requirements{name}.txt").read_text() for name in ("", "-traces"))
    assert set(_pins(small)) <= set(_pins(large))
    assert any(pin.startswith("opentelemetry-sdk==") for pin in _pins(large))


def _pins(text: str) -> list[str]:
    return text.replace("\\\n", " ").splitlines()

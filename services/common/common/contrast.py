"""Contrast of colours as WCAG 2.2 defines it (https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio)."""

TEXT = 4.5  # success criterion 1.4.3, for text of ordinary size
WHITE, BLACK = "#ffffff", "#000000"
_STEPS = 100
_LINEAR_BELOW = 0.04045  # of sRGB (IEC 61966-2-1)


def contrast(one: str, other: str) -> float:
    """From 1 to 21; colours are `#rrggbb`."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def ink_on(colour: str) -> str:
    """Black or white, whichever is read better on it; one of them always is well enough."""
    return max(WHITE, BLACK, key=lambda ink: contrast(ink, colour))


def lightened_until_readable(colour: str, *, on: str) -> str:
    """The colour, mixed with as little white as text in it needs on a dark ground."""
    for step in range(_STEPS):
        mixed = _mixed(colour, WHITE, share=step / _STEPS)
        if contrast(mixed, on) >= TEXT:
            return mixed
    return WHITE


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(channel / 255) for channel in bytes.fromhex(colour[1:]))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= _LINEAR_BELOW else float(((channel + 0.055) / 1.055) ** 2.4)


def _mixed(colour: str, other: str, *, share: float) -> str:
    pairs = zip(bytes.fromhex(colour[1:]), bytes.fromhex(other[1:]), strict=True)
    return "#" + "".join(f"{round(one + (two - one) * share):02x}" for one, two in pairs)

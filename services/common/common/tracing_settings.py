"""Where traces are exported to: OpenTelemetry's own variables, as far as they are ours to read."""

import importlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from common.settings import SettingsReader

_PAIR = re.compile(r"\s*([A-Za-z0-9_-]+)\s*=\s*([\x20-\x7e]*?)\s*")


@dataclass(frozen=True, kw_only=True)
class TracingSettings:
    """`endpoint` is a collector's base URL; `ratio`: of the logins that arrive here, so many are told."""

    endpoint: str
    ratio: float = 1.0
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


def read_tracing(reader: SettingsReader) -> TracingSettings | None:
    """None where nothing is to be exported."""
    endpoint = reader.text("OTEL_EXPORTER_OTLP_ENDPOINT", default="")
    headers = reader.text("OTEL_EXPORTER_OTLP_HEADERS_FILE", default="")
    ratio = reader.number("OTEL_TRACES_SAMPLER_ARG", default=1, at_most=1)
    if not endpoint:
        return None
    reader.url("OTEL_EXPORTER_OTLP_ENDPOINT", schemes=("https", "http"))
    if not _can_export():
        reader.mistake("OTEL_EXPORTER_OTLP_ENDPOINT", "needs the packages of requirements-traces.txt")
    return TracingSettings(
        endpoint=endpoint.rstrip("/"), ratio=ratio, headers=_headers(reader, headers) if headers else {}
    )


def _can_export() -> bool:
    """Half an installation is none: what is to export later is loaded now."""
    try:
        importlib.import_module("common.tracing_export")
    except ImportError:
        return False
    return True


def _headers(reader: SettingsReader, file: str) -> dict[str, str]:
    name = "OTEL_EXPORTER_OTLP_HEADERS_FILE"
    reader.check_secret_file(name, Path(file))
    try:
        pairs = [_PAIR.fullmatch(pair) for pair in Path(file).read_text(encoding="ascii").strip().split(",")]
    except (OSError, ValueError):
        reader.mistake(name, "names a file that cannot be read")
        return {}
    if not all(pairs):
        reader.mistake(name, "must hold NAME=VALUE, and a comma between several")
    return {pair[1]: unquote(pair[2]) for pair in pairs if pair}

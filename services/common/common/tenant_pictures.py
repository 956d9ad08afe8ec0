"""Logos and favicons that a tenants file names: read from files beside it, let in only if they are harmless.

A picture is a PNG, or an SVG that holds shapes alone: no script, no foreign markup, no reference outside of
itself; document types, with which entities could expand, are refused at once. Only the service that shows
pages reads them: for the others there is none, and the copy of the tenant that a login keeps has its name.
"""

import hashlib
import re
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, TypeAlias
from xml.parsers import expat

from pydantic import PlainSerializer, PlainValidator, ValidationInfo
from pydantic_core import PydanticCustomError

from common.tenant_secrets import Reading

MAX_LOGO_BYTES = 12 * 1024  # so that a first page stays below 30 KB in all
MAX_FAVICON_BYTES = 4 * 1024
_MAX_SIDE = 2048
_LEAST_PNG_BYTES = 8 + 25 + 12  # signature, IHDR, IEND
_PNG = b"\x89PNG\r\n\x1a\n"
_NAME = re.compile(r"[0-9a-f]{16}\.(?:png|svg)")
_TYPES = {"png": "image/png", "svg": "image/svg+xml"}
_SHAPES = frozenset(
    {"svg", "g", "path", "rect", "circle", "ellipse", "line", "polyline", "polygon", "text", "tspan", "title"}
    | {"desc", "defs", "symbol", "use", "mask", "clipPath", "linearGradient", "radialGradient", "stop"}
)
_INSIDE = re.compile(r"#[A-Za-z0-9_.-]+")
_URL = re.compile(r"url\(\s*['\"]?(?!#)|@import|expression\(|javascript:", re.IGNORECASE)


class Picture:
    """A picture; its `name` is the hash of its content with `.png` or `.svg`."""

    __slots__ = ("content", "name")

    def __init__(self, *, name: str, content: bytes | None = None) -> None:
        self.name = name
        self.content = content

    @classmethod
    def of(cls, content: bytes) -> "Picture":
        """The picture of these bytes.

        Raises:
            PydanticCustomError: they are no PNG and no SVG, or one that we do not show to people.
        """
        kind = "png" if content.startswith(_PNG) else "svg"
        _check_png(content) if kind == "png" else _check_svg(content)
        return cls(name=f"{hashlib.sha256(content).hexdigest()[:16]}.{kind}", content=content)

    @property
    def content_type(self) -> str:
        return _TYPES[self.name[-3:]]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Picture) and self.name == other.name

    def __hash__(self) -> int:
        return hash(self.name)


def _check_png(content: bytes) -> None:
    if (
        len(content) < _LEAST_PNG_BYTES
        or content[12:16] != b"IHDR"
        or not content.endswith(b"IEND\xaeB`\x82")
    ):
        raise PydanticCustomError("picture_png", "the file is a damaged PNG")
    if max(struct.unpack(">II", content[16:24])) > _MAX_SIDE:
        raise PydanticCustomError(
            "picture_side", "the picture must not be wider or higher than {most} pixels", {"most": _MAX_SIDE}
        )


def _check_svg(content: bytes) -> None:
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = _refuse_document_type
    parser.ProcessingInstructionHandler = _refuse_instruction
    parser.StartElementHandler = _check_element
    try:
        parser.Parse(content, True)  # noqa: FBT003 - expat takes it by place: this is all
    except expat.ExpatError as exc:
        raise PydanticCustomError("picture_kind", "the file must be a PNG or an SVG picture") from exc


def _refuse_document_type(*_: object) -> None:
    raise PydanticCustomError("picture_doctype", "an SVG must have no document type")


def _refuse_instruction(target: str, _: str) -> None:
    raise PydanticCustomError(
        "picture_instruction",
        "an SVG must have no processing instruction such as {name}",
        {"name": target[:40]},
    )


def _check_element(name: str, attributes: Mapping[str, str]) -> None:
    if name not in _SHAPES:
        raise PydanticCustomError(
            "picture_element", "an SVG must hold shapes alone, not <{name}>", {"name": name[:40]}
        )
    for attribute, value in attributes.items():
        points_outside = attribute.rpartition(":")[2] == "href" and not _INSIDE.fullmatch(value)
        if attribute.lower().startswith("on") or points_outside or _URL.search(value):
            raise PydanticCustomError(
                "picture_attribute",
                "an SVG must hold no script and no reference outside of itself: {name} of <{element}>",
                {"name": attribute[:40], "element": name},
            )


def _picture(most: int) -> PlainValidator:
    def validate(value: object, info: ValidationInfo) -> Picture | None:
        reading = info.context
        if value is None or isinstance(value, Picture):
            return value
        if not isinstance(value, str) or not value or "\0" in value:
            raise PydanticCustomError("picture_path", "must be the path of a PNG or SVG file")
        if not isinstance(reading, Reading):
            return Picture(name=value) if _NAME.fullmatch(value) else None
        if "pages" not in reading.parts:
            return None
        path = reading.folder / value
        reading.note(path)
        return Picture.of(_read(path, most))

    return PlainValidator(validate)


def _read(path: Path, most: int) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(most + 1)
    except OSError as exc:
        raise PydanticCustomError(
            "picture_missing", "the file that it names (relative to this file) cannot be read"
        ) from exc
    if len(content) > most:
        raise PydanticCustomError(
            "picture_size", "the file must not be larger than {most} bytes", {"most": most}
        )
    return content


_AS_NAME = PlainSerializer(lambda picture: picture.name if picture else None, return_type=str | None)
Logo: TypeAlias = Annotated[Picture | None, _picture(MAX_LOGO_BYTES), _AS_NAME]
Favicon: TypeAlias = Annotated[Picture | None, _picture(MAX_FAVICON_BYTES), _AS_NAME]

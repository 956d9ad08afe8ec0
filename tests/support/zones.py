"""Builds machine-readable zones, with its own check digits: an oracle, not the code under test."""

from dataclasses import dataclass
from itertools import cycle
from typing import Literal

Format = Literal["TD1", "TD2", "TD3", "MRV-A", "MRV-B"]

VALUES = {sign: value for value, sign in enumerate("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")} | {"<": 0}


def digit(text: str) -> str:
    return str(sum(VALUES[sign] * weight for sign, weight in zip(text, cycle((7, 3, 1)), strict=False)) % 10)


@dataclass(frozen=True, kw_only=True)
class Zone:
    """What a document says; the dates as the zone has them, YYMMDD."""

    format: Format = "TD3"
    code: str = "P"
    state: str = "SWE"
    names: str = "ERIKSSON<<ANNA<MARIA"
    number: str = "L898902C3"
    nationality: str = "SWE"
    birth: str = "740812"
    sex: str = "F"
    expiry: str = "320415"
    optional: str = ""

    def lines(self) -> tuple[str, ...]:
        return self._td1() if self.format == "TD1" else self._two_lines()

    def text(self) -> str:
        return "\n".join(self.lines())

    def _head(self) -> str:
        return f"{self.code:<<2}{self.state:<<3}"

    def _number(self, room: int) -> tuple[str, str]:
        """The number field with its digit, and the optional data of `room` characters."""
        if len(self.number) <= 9:
            field = f"{self.number:<<9}"
            return field + digit(field), f"{self.optional:<<{room}}"
        rest = self.number[9:] + digit(self.number) + "<" + self.optional
        return self.number[:9] + "<", f"{rest:<<{room}}"

    def _td1(self) -> tuple[str, ...]:
        number, optional = self._number(15)
        dates = (self.birth + digit(self.birth), self.expiry + digit(self.expiry))
        second = "<" * 11
        composite = digit(number + optional + "".join(dates) + second)
        middle = f"{dates[0]}{self.sex}{dates[1]}{self.nationality:<<3}{second}{composite}"
        return self._head() + number + optional, middle, f"{self.names:<<30}"

    def _two_lines(self) -> tuple[str, ...]:
        width = {"TD2": 36, "TD3": 44, "MRV-A": 44, "MRV-B": 36}[self.format]
        number, optional = self._number({"TD2": 7, "TD3": 14, "MRV-A": 16, "MRV-B": 8}[self.format])
        dates = (self.birth + digit(self.birth), self.expiry + digit(self.expiry))
        if self.format == "TD3":
            optional += digit(optional)
        composite = digit(number + "".join(dates) + optional) if self.format in {"TD2", "TD3"} else ""
        lower = f"{number}{self.nationality:<<3}{dates[0]}{self.sex}{dates[1]}{optional}{composite}"
        return f"{self._head()}{self.names:<<{width - 5}}", lower

"""One attack after another: the status, and whether anything at all has come of it."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from urllib.parse import quote

from tests.attacks.headers import nonce_of, wrong_headers
from tests.attacks.links import Link
from tests.attacks.scene import Log, Scene, Victim, all_secrets
from tests.attacks.wire import Answer, Client, Request
from tests.journeys.canaries import forms

_SHORTEST = 16
_ERRORS = 400


_looks_of = cache(forms)


@dataclass(frozen=True, kw_only=True)
class Attack:
    """A request that nobody's browser makes by itself, and what it is answered with.

    Attributes:
        request: bytes are sent as they are, anything else with the sender's cookies.
        status: of the answer; several where it depends on what the server looks at first.
        code: why, in the log; empty where nothing of ours was reached.
        sender: a stranger, unless it is somebody.
        link: what it was made from, if it is about a link.
        allowed: a header of the answer that this attack may bring about, such as `Location`.
    """

    name: str
    request: Request | bytes
    status: int
    code: str = ""
    sender: Client | None = None
    link: Link | None = None
    canaries: tuple[str, ...] = ()
    allowed: frozenset[str] = field(default=frozenset())


async def complaints(scene: Scene, attacks: Iterable[Attack], *, about: Sequence[Victim] = ()) -> list[str]:
    """What is wrong about the answers to these attacks on these victims; nothing, if all is well."""
    judge = _Judge(scene, about)
    before = await judge.calls()
    wrong = [f"{attack.name}: {what}" for attack in attacks for what in await judge.judged(attack)]
    assert judge.attacks, "there was no attack"
    made = [f"the tenant was called: {call}" for call in await judge.calls() if call not in before]
    return wrong + made


class _Judge:
    def __init__(self, scene: Scene, victims: Sequence[Victim]) -> None:
        self._scene = scene
        self._victims = victims
        self._secrets = all_secrets(victims)
        self._known: dict[tuple[str, ...], tuple[dict[str, list[str]], set[str]]] = {}
        self.attacks: list[Attack] = []

    async def judged(self, attack: Attack) -> list[str]:
        """Everything that is wrong with the answer to one."""
        self.attacks.append(attack)
        marks, log = self._marks(attack), self._scene.log()
        before = self._known.get(marks) or await self._look(marks)
        sender = attack.sender or self._scene.client()
        answer = await sender.send(attack.request)
        after = self._known[marks] = await self._look(marks)
        return [
            *(
                [f"status {answer.status} instead of {attack.status}"]
                if answer.status != attack.status
                else []
            ),
            *(["rows have changed"] if after[0] != before[0] else []),
            *(["a login was opened"] if after[1] - before[1] else []),
            *self._wrong_in_answer(attack, answer),
            *self._wrong_in_log(attack, log),
        ]

    async def _look(self, marks: tuple[str, ...]) -> tuple[dict[str, list[str]], set[str]]:
        """The rows with these marks, and every login."""
        return await self._scene.rows(marks), await self._scene.logins()

    def _wrong_in_answer(self, attack: Attack, answer: Answer) -> list[str]:
        unwanted = {"Set-Cookie", "Location", "Refresh", "WWW-Authenticate"} - attack.allowed
        told = _seen(self._told_nowhere(attack), answer.body.decode("utf-8", "replace"))
        return [
            *(f"a header {name}" for name in sorted(unwanted) if name in answer.headers),
            *wrong_headers(answer),
            *(f"the answer shows {name}" for name in told if not name.startswith("csrf")),
            *self._unlike_others(answer),
        ]

    def _unlike_others(self, answer: Answer) -> list[str]:
        """Pages of one status, title, brand and way on are the same to the letter, whatever was wrong."""
        if answer.status < _ERRORS or "text/html" not in answer.headers.get("Content-Type", ""):
            return []
        looks = [str(tag.get("src") or tag.get("href")) for tag in answer.html.select("img, link, main a")]
        has_languages = answer.html.select_one(".tongues") is not None
        kind = (answer.status, answer.title, self._anonymous(" ".join(looks)), has_languages)
        text = self._anonymous(answer.text.replace(nonce_of(answer), "NONCE"))
        return [] if self._scene.pages.setdefault(kind, text) == text else ["its page is unlike others"]

    def _anonymous(self, text: str) -> str:
        for victim in self._victims:
            text = text.replace(victim.id, "ID")
        return text

    def _wrong_in_log(self, attack: Attack, log: Log) -> list[str]:
        refusals = log.refusals()
        expected = [(attack.status, attack.code)] if attack.code else []
        lines = [line for line in refusals if line[1]]
        told = _seen(self._told_nowhere(attack), log.text)
        return [
            *([f"the log says {refusals}"] if lines != expected else []),
            *(f"the log shows {name}" for name in told),
            *(f"the log has {event}" for event in log.unexpected()),
        ]

    def _told_nowhere(self, attack: Attack) -> dict[str, str]:
        link = attack.link.secrets if attack.link else {}
        return {**self._secrets, **link, **{f"“{canary}”": canary for canary in attack.canaries}}

    def _marks(self, attack: Attack) -> tuple[str, ...]:
        marks = [mark for victim in self._victims for mark in victim.marks]
        return (*marks, *(attack.link.marks if attack.link else ()))

    async def calls(self) -> list[str]:
        """Requests at the tenant that name somebody whom the attacks are about."""
        links = [victim.link for victim in self._victims]
        links += [attack.link for attack in self.attacks if attack.link]
        subjects = {link.subject for link in links if len(link.subject) >= _SHORTEST}
        named = "|".join(re.escape(quote(subject, safe="")) for subject in subjects)
        made = await self._scene.world.tenant.calls(named) if named else []
        return [f"{call.seq} {call.method} {call.path}" for call in made]


def _seen(secrets: Mapping[str, str], text: str) -> list[str]:
    """Names of those that stand in the text, in whatever form."""
    return [name for name, value in secrets.items() if any(look in text for look in _looks_of(value))]

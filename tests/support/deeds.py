"""What a person does on each page of a login, whatever brings them there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.support.demo_tenant import Person
from tests.support.inbox import Inbox

# What the tenant asks for, in the order in which it does.
STEPS = {
    "password": "a new password",
    "terms": "their consent",
    "profile": "their profile",
    "idproof": "a proof of identity",
    "stepup": "a code from their mail",
}

LOG_IN, CLAIM, LOGGED_IN = "form:has(input#username)", "form#claim", "form#logout"
WAIT, CONTINUE, HAND_BACK = ".wait", "form#continue", "form#hand-back"
AGAIN = "a.button[href*='/authorize']"
_CHANGE, _TERMS, _PROFILE, _CODE = "form#change", "form#terms", "form#profile", "form#verify"
_AGREE, _IDENTITY = "form#agree", "form#identity"
# Where the person is asked for something.
ASKING = (LOG_IN, CLAIM, _CHANGE, _TERMS, _PROFILE, _AGREE, _IDENTITY, _CODE)


@dataclass(frozen=True, kw_only=True)
class Deed:
    """What they do with one form, as a sentence goes on, and what they put into its fields."""

    form: str
    act: str
    values: Mapping[str, str] = field(default_factory=dict)


class Customer:
    """One person with a mailbox, who remembers a password that they changed."""

    def __init__(self, person: Person, *, inbox: Inbox, steps: Sequence[str]) -> None:
        self._person = person
        self._inbox = inbox
        self.steps = steps
        self._password = person.password

    async def deed(self, form: str) -> Deed:
        """What to do with one of the forms of `ASKING`."""
        return Deed(form=form, act=self._act(form), values=await self._values(form))

    @property
    def waiting(self) -> str:
        passport = "the passport is checked and " if "idproof" in self.steps else ""
        return f"waits while {passport}the result is saved at the tenant"

    def _act(self, form: str) -> str:
        if form == LOG_IN:
            due = self._due()
            asks = f"; the tenant's Action asks for {due}" if due else ", and nothing else is due"
            return f"types e-mail address and password{asks}"
        return {
            CLAIM: "confirms that this is their own login",
            _CHANGE: "chooses a new password",
            _TERMS: "reads and accepts the terms of use",
            _PROFILE: "fills in what their profile lacks",
            _AGREE: "agrees that their document is checked",
            _IDENTITY: "types the two lines at the bottom of their passport",
            _CODE: "types the code from the mail that they have just got",
        }[form]

    def _due(self) -> str:
        """In words what the tenant wants after the password was typed."""
        if "password" in self.steps and self._password == self._person.password:
            return STEPS["password"]
        others = [words for step, words in STEPS.items() if step in self.steps and step != "password"]
        return f"{', '.join(others[:-1])} and {others[-1]}" if len(others) > 1 else "".join(others)

    async def _values(self, form: str) -> dict[str, str]:
        person = self._person
        if form == LOG_IN:
            return {"username": person.email, "password": self._password}
        if form == _CHANGE:
            self._password = f"{person.password}-and-back"
            return {"new_password": self._password, "new_password_again": self._password}
        if form == _CODE:
            return {"code": await self._inbox.code_that_comes()}
        return {
            CLAIM: {},
            _AGREE: {},
            _TERMS: {"accept.terms_of_use": "yes"},
            _PROFILE: {"p_country": "SE", "p_phone_number": "08 123 456 78"},
            _IDENTITY: {"mrz": "\n".join(person.mrz())},
        }[form]

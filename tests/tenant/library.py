"""Actions as the Management API keeps them: a draft each, its deployed version, the bindings of the trigger.

Only what is deployed and bound runs in logins: `Directory.actions` follows every change here.
"""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from tests.tenant.clock import Clock, iso
from tests.tenant.config import Action
from tests.tenant.directory import Directory

TRIGGER = "post-login"
_DEFAULT_RUNTIME = "node22"


@dataclass(frozen=True, kw_only=True)
class Content:
    """What a version is made of; `dependencies` are recorded and not installed."""

    code: str
    secrets: dict[str, str]
    runtime: str = _DEFAULT_RUNTIME
    dependencies: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Version:
    """One deployed state of an Action; the first has number 1."""

    number: int
    content: Content
    deployed_at: str
    id: str = field(default_factory=lambda: str(uuid.uuid4()))


@dataclass(kw_only=True)
class Stored:
    """One Action of the library; `directory` is where its `require` looks for packages."""

    name: str
    draft: Content
    filename: str
    directory: str
    created_at: str
    updated_at: str
    deployed: Version | None = None
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def runnable(self) -> Action | None:
        """The deployed version as logins run it."""
        if self.deployed is None:
            return None
        content = self.deployed.content
        return Action(
            name=self.name,
            code=content.code,
            secrets=content.secrets,
            filename=self.filename,
            directory=self.directory,
        )


@dataclass(frozen=True, kw_only=True)
class Binding:
    """One place in the trigger's order."""

    action: Stored
    display_name: str
    created_at: str
    id: str = field(default_factory=lambda: str(uuid.uuid4()))


class Library:
    """All Actions of the tenant."""

    def __init__(self, *, directory: Directory, clock: Clock) -> None:
        self._directory = directory
        self._clock = clock
        self._actions: dict[str, Stored] = {}
        self._bindings: tuple[Binding, ...] = ()
        self.replace(directory.actions)

    def replace(self, actions: Iterable[Action]) -> None:
        """Forget everything and begin with these, deployed and bound in their order."""
        self._actions = {}
        stored = [self._deployed(action) for action in actions]
        self.bind([(action, action.name) for action in stored])

    def _deployed(self, action: Action) -> Stored:
        content = Content(code=action.code, secrets=action.secrets)
        stored = self.create(action.name, content, filename=action.filename, directory=action.directory)
        self.deploy(stored)
        return stored

    def create(
        self, name: str, content: Content, *, filename: str | None = None, directory: str = "/"
    ) -> Stored:
        """A new Action that is a draft only."""
        now = self._now()
        action = Stored(
            name=name,
            draft=content,
            filename=filename or f"{name}.js",
            directory=directory,
            created_at=now,
            updated_at=now,
        )
        self._actions[action.id] = action
        return action

    def update(self, action: Stored, *, name: str, content: Content) -> None:
        """Change the draft; logins keep what is deployed."""
        action.name, action.draft, action.updated_at = name, content, self._now()

    def deploy(self, action: Stored) -> Version:
        """Make the draft the version that logins run."""
        number = action.deployed.number + 1 if action.deployed else 1
        action.deployed = Version(number=number, content=action.draft, deployed_at=self._now())
        action.updated_at = action.deployed.deployed_at
        self._publish()
        return action.deployed

    def delete(self, action: Stored) -> None:
        """Forget an Action and its place in the trigger."""
        del self._actions[action.id]
        self._bindings = tuple(binding for binding in self._bindings if binding.action is not action)
        self._publish()

    def bind(self, wanted: Iterable[tuple[Stored, str]]) -> None:
        """Replace the whole order of the trigger by these Actions and the names they are shown with."""
        known = {binding.action.id: binding for binding in self._bindings}
        self._bindings = tuple(
            replace(known[action.id], display_name=shown)
            if action.id in known
            else Binding(action=action, display_name=shown, created_at=self._now())
            for action, shown in wanted
        )
        self._publish()

    def _publish(self) -> None:
        runnable = [binding.action.runnable for binding in self._bindings]
        self._directory.actions = tuple(action for action in runnable if action is not None)

    def actions(self) -> list[Stored]:
        """Every Action, in order of creation."""
        return list(self._actions.values())

    def bindings(self) -> tuple[Binding, ...]:
        """The order of the trigger."""
        return self._bindings

    def get(self, action_id: str) -> Stored | None:
        """An Action by its id."""
        return self._actions.get(action_id)

    def by_name(self, name: str) -> Stored | None:
        """An Action by its name, which is unique."""
        return next((action for action in self._actions.values() if action.name == name), None)

    def _now(self) -> str:
        return iso(self._clock.now())

"""The tenants file: read whole, checked whole, every mistake listed with its line.

`load_tenants` reads `tenants.yaml`, or every `*.yaml` of a folder, together with the secrets that the calling
service needs. `tenants_watcher` reads it again when it changes.
"""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError
from pydantic_core import ErrorDetails

from common.errors import WaystationError
from common.tenant_fields import Section
from common.tenant_models import Tenant, TenantSnapshot
from common.tenant_secrets import ALL_PARTS, Reading, TenantPart
from common.tenant_yaml import Location, Mistake, YamlFile, parse_yaml

__all__ = [
    "Tenant",
    "TenantSnapshot",
    "Tenants",
    "TenantsFileError",
    "files_of",
    "load_tenants",
    "mistakes_in",
    "read_tenants",
]

# Pydantic's type of a mistake, and our words for it. What they name is a rule's own: a limit or a choice.
_MESSAGES = {
    "missing": "is required",
    "model_type": "must be a mapping",
    "dict_type": "must be a mapping",
    "mapping_type": "must be a mapping",
    "tuple_type": "must be a list",
    "string_type": "must be text",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "too_short": "must not be empty",
    "literal_error": "must be {expected}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
}


class TenantsFileError(WaystationError):
    """The tenants file is wrong; `mistakes` lists everything as `path:line: key: message`."""

    def __init__(self, mistakes: tuple[str, ...]) -> None:
        super().__init__(f"{len(mistakes)} mistakes in the tenants file")
        self.mistakes = mistakes


class Tenants:
    """The tenants of one reading of the file, by key."""

    def __init__(self, tenants: Mapping[str, Tenant]) -> None:
        self._tenants = dict(tenants)

    def get(self, key: str) -> Tenant | None:
        return self._tenants.get(key)

    def __iter__(self) -> Iterator[Tenant]:
        return iter(self._tenants.values())

    def __len__(self) -> int:
        return len(self._tenants)


class _File(Section):
    version: Literal[1]
    tenants: Annotated[Mapping[str, object], Field(min_length=1)]


def load_tenants(path: Path, *, production: bool, parts: AbstractSet[TenantPart] = ALL_PARTS) -> Tenants:
    """Read the file, or the folder of files, and the secrets of `parts`.

    Raises:
        TenantsFileError: anything is wrong with it; nothing of it is used then.
    """
    return read_tenants(path, Reading(production=production, parts=parts))


def mistakes_in(path: Path, reading: Reading) -> tuple[str, ...]:
    """What `read_tenants` would raise; nothing where there is no file."""
    try:
        if path.name and path.exists():
            read_tenants(path, reading)
    except TenantsFileError as exc:
        return exc.mistakes
    return ()


def read_tenants(path: Path, reading: Reading) -> Tenants:
    """As `load_tenants`; `reading.stamps` then has every file that was looked at, also after an error."""
    loader = _Loader(reading)
    loader.read(path)
    if loader.mistakes:
        raise TenantsFileError(tuple(str(mistake) for mistake in sorted(loader.mistakes)))
    return Tenants(loader.tenants)


class _Loader:
    def __init__(self, reading: Reading) -> None:
        self.tenants: dict[str, Tenant] = {}
        self.mistakes: list[Mistake] = []
        self._reading = reading
        self._files: dict[str, YamlFile] = {}

    def read(self, path: Path) -> None:
        self._reading.note(path)
        files = files_of(path)
        if not files:
            self.mistakes.append(YamlFile(path).mistake((), "the folder has no .yaml file"))
        for file in files:
            self._read_file(file)
        self._check_hosts()
        self._check_budgets()
        self._check_retention()

    def _read_file(self, path: Path) -> None:
        self._reading.note(path)
        self._reading.folder = path.parent
        try:
            file = parse_yaml(path, path.read_bytes())
        except OSError:
            self.mistakes.append(YamlFile(path).mistake((), "cannot be read"))
            return
        if file.data is not None:
            self._validate(file)
        self.mistakes += file.mistakes

    def _validate(self, file: YamlFile) -> None:
        try:
            content = _File.model_validate(file.data)
            sections = content.tenants
        except ValidationError as exc:
            file.mistakes += _mistakes(file, exc, ())
            sections = _sections(file.data)
        for key, section in sections.items():
            self._add(file, key, section)

    def _add(self, file: YamlFile, key: str, section: object) -> None:
        at = ("tenants", key)
        if key in self._files:
            file.mistakes.append(file.mistake(at, f"is also in {self._files[key].path}"))
        elif not isinstance(section, Mapping):
            file.mistakes.append(file.mistake(at, "must be a mapping"))
        elif "key" in section:
            file.mistakes.append(file.mistake((*at, "key"), "is not a known key"))
        else:
            self._files[key] = file
            try:
                self.tenants[key] = Tenant.model_validate({**section, "key": key}, context=self._reading)
            except ValidationError as exc:
                file.mistakes += _mistakes(file, exc, at)

    def _check_hosts(self) -> None:
        """A host is the `iss` of one tenant only: two would be able to speak for each other."""
        owners: dict[str, str] = {}
        for key, tenant in self.tenants.items():
            for index, host in enumerate(tenant.hosts):
                if host in owners:
                    self._note(key, ("hosts", index), f"the host already belongs to tenant {owners[host]}")
                owners.setdefault(host, key)

    def _check_budgets(self) -> None:
        """The budget belongs to the Management domain, so tenants that share one agree on its size."""
        first: dict[str, Tenant] = {}
        for key, tenant in self.tenants.items():
            other = first.setdefault(tenant.management.domain, tenant).management
            if (other.rate_profile, other.reserve) != (
                tenant.management.rate_profile,
                tenant.management.reserve,
            ):
                self._note(
                    key, ("management", "rate_profile"), "differs from another tenant's of the same domain"
                )

    def _check_retention(self) -> None:
        """What people are told, and what is still in force, decides as well."""
        for key, tenant in self.tenants.items():
            for name, message in tenant.contradictions():
                self._note(key, ("retention", name), message)

    def _note(self, key: str, at: Location, message: str) -> None:
        self.mistakes.append(self._files[key].mistake(("tenants", key, *at), message))


def _sections(data: object) -> Mapping[str, object]:
    """The tenants of a file that is wrong as a whole: their own mistakes are told as well."""
    sections = data.get("tenants") if isinstance(data, Mapping) else None
    return sections if isinstance(sections, Mapping) else {}


def files_of(path: Path) -> tuple[Path, ...]:
    """The file, or those of the folder, in order."""
    if not path.is_dir():
        return (path,)
    # A mounted Kubernetes volume keeps its versions in hidden folders beside the links to the newest.
    return tuple(sorted(file for file in path.glob("*.yaml") if not file.name.startswith(".")))


def _mistakes(file: YamlFile, exc: ValidationError, at: Location) -> list[Mistake]:
    # Never the value and never `str(exc)`, which repeats it.
    details = exc.errors(include_url=False, include_input=False)
    return [_mistake(file, detail, at) for detail in details if (*at, *detail["loc"]) not in file.unread]


def _mistake(file: YamlFile, detail: ErrorDetails, at: Location) -> Mistake:
    where = (*at, *(part for part in detail["loc"] if part != "[key]"))
    if detail["loc"] == ("key",):
        return file.mistake(at, "a tenant's key must match [a-z0-9-]{1,40}")
    if detail["type"] == "extra_forbidden":
        return file.mistake(where, "is not a known key")
    return file.mistake(where, _message(detail))


def _message(detail: ErrorDetails) -> str:
    words = _MESSAGES.get(detail["type"])
    return words.format_map(detail.get("ctx", {})).replace("'", "") if words else detail["msg"]

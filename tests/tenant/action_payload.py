"""What the Management API accepts in an Action."""

from typing import Any

from tests.tenant.library import TRIGGER, Content
from tests.tenant.payload import invalid

_FIELDS = frozenset(
    {"name", "code", "runtime", "dependencies", "secrets", "supported_triggers", "modules", "deploy"}
)
_CODE_LIMIT = 100_000
_SECRETS_LIMIT, _SECRET_NAME_LIMIT, _SECRET_LIMIT = 30, 128, 4096
_DEPENDENCIES_LIMIT = 10


def name_of(body: dict[str, Any], *, default: str | None = None) -> str:
    """The Action's name.

    Raises:
        ApiError: 400, there is neither a name nor a default, or a field that no Action has.
    """
    for name in set(body) - _FIELDS:
        raise invalid(f"Additional properties not allowed: {name}")
    given = body.get("name", default)
    if given is None:
        raise invalid("Missing required property: name")
    if not isinstance(given, str) or not given:
        raise invalid("Expected type string", where="name")
    return given


def content_of(body: dict[str, Any], *, before: Content) -> Content:
    """A draft after a request; what the body leaves out stays.

    Raises:
        ApiError: 400, a field has another type or passes a documented limit.
    """
    _check_trigger(body)
    code, runtime = body.get("code", before.code), body.get("runtime", before.runtime)
    if not isinstance(code, str) or len(code) > _CODE_LIMIT:
        raise invalid("Expected a text of at most 100 kB", where="code")
    if not isinstance(runtime, str):
        raise invalid("Expected type string", where="runtime")
    dependencies = _objects(body, "dependencies", limit=_DEPENDENCIES_LIMIT)
    return Content(
        code=code,
        secrets=_secrets(body, before=before.secrets),
        runtime=runtime,
        dependencies=before.dependencies if dependencies is None else tuple(dependencies),
    )


def _check_trigger(body: dict[str, Any]) -> None:
    for trigger in _objects(body, "supported_triggers", limit=1) or []:
        if trigger.get("id") != TRIGGER:
            raise invalid(f"Only {TRIGGER} exists here", where="supported_triggers[0].id")


def _secrets(body: dict[str, Any], *, before: dict[str, str]) -> dict[str, str]:
    listed = _objects(body, "secrets", limit=_SECRETS_LIMIT)
    if listed is None:
        return before
    secrets: dict[str, str] = {}
    for item in listed:
        name = item.get("name")
        value = item.get("value", before.get(str(name), ""))
        if not isinstance(name, str) or not 0 < len(name) <= _SECRET_NAME_LIMIT:
            raise invalid("Expected a name of 1 to 128 characters", where="secrets")
        if not isinstance(value, str) or len(value) > _SECRET_LIMIT:
            raise invalid("Expected a value of at most 4096 characters", where="secrets")
        secrets[name] = value
    return secrets


def _objects(body: dict[str, Any], name: str, *, limit: int) -> list[dict[str, Any]] | None:
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise invalid("Expected type array of objects", where=name)
    if len(value) > limit:
        raise invalid(f"Array is too long ({len(value)}), maximum {limit}", where=name)
    return value

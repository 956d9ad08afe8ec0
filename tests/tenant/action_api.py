"""Actions of the Management API: what auth0-deploy-cli imports to and exports from."""

from typing import Any

from aiohttp import web

from tests.tenant.action_payload import content_of, name_of
from tests.tenant.api_access import ApiAccess, json_body, page_of
from tests.tenant.errors import ApiError
from tests.tenant.library import TRIGGER, Binding, Content, Library, Stored, Version
from tests.tenant.payload import invalid
from tests.tenant.visit import Visit, text

_READ, _CREATE = ("read:actions",), ("create:actions",)
_UPDATE, _DELETE = ("update:actions",), ("delete:actions",)
_TRIGGERS = [{"id": TRIGGER, "version": "v3"}]
_ACTIONS = "/api/v2/actions/actions"


class ActionApi:
    """Actions, their deployment and the bindings of the post-login trigger, under /api/v2/actions."""

    def __init__(self, *, access: ApiAccess, library: Library) -> None:
        self._access = access
        self._library = library

    def routes(self) -> list[web.RouteDef]:
        """Where this answers."""
        bindings = "/api/v2/actions/triggers/{trigger}/bindings"
        return [
            web.get(_ACTIONS, self.list_actions),
            web.post(_ACTIONS, self.create),
            web.get(f"{_ACTIONS}/{{id}}", self.get),
            web.patch(f"{_ACTIONS}/{{id}}", self.update),
            web.delete(f"{_ACTIONS}/{{id}}", self.delete),
            web.post(f"{_ACTIONS}/{{id}}/deploy", self.deploy),
            web.get("/api/v2/actions/modules", self.modules),
            web.get("/api/v2/actions/triggers", self.triggers),
            web.get(bindings, self.bindings),
            web.patch(bindings, self.bind),
        ]

    async def list_actions(self, request: web.Request) -> web.Response:
        """GET a page of Actions, all or those of one name."""
        visit = await self._access.authorized(request, _READ)
        name = text(visit.query, "actionName")
        found = [_shown(action) for action in self._library.actions() if not name or action.name == name]
        return _page(visit, "actions", found)

    async def get(self, request: web.Request) -> web.Response:
        """GET one Action; secrets by name only."""
        await self._access.authorized(request, _READ)
        return web.json_response(_shown(self._found(request)))

    async def create(self, request: web.Request) -> web.Response:
        """POST a draft; with `deploy: true` it is deployed at once."""
        await self._access.authorized(request, _CREATE)
        body = await json_body(request)
        name = name_of(body)
        self._refuse_taken(name)
        action = self._library.create(name, content_of(body, before=Content(code="", secrets={})))
        if body.get("deploy") is True:
            self._library.deploy(action)
        return web.json_response(_shown(action), status=201)

    async def update(self, request: web.Request) -> web.Response:
        """PATCH the draft."""
        await self._access.authorized(request, _UPDATE)
        action, body = self._found(request), await json_body(request)
        name = name_of(body, default=action.name)
        if name != action.name:
            self._refuse_taken(name)
        self._library.update(action, name=name, content=content_of(body, before=action.draft))
        return web.json_response(_shown(action))

    def _refuse_taken(self, name: str) -> None:
        if self._library.by_name(name) is not None:
            raise ApiError(409, f"An action with the name '{name}' already exists.")

    async def delete(self, request: web.Request) -> web.Response:
        """DELETE an Action; a bound one only with `force=true`."""
        visit = await self._access.authorized(request, _DELETE)
        action = self._found(request)
        bound = any(binding.action is action for binding in self._library.bindings())
        if bound and text(visit.query, "force") != "true":
            raise ApiError(409, "Cannot delete an action that is bound to a trigger.")
        self._library.delete(action)
        return web.Response(status=204)

    async def deploy(self, request: web.Request) -> web.Response:
        """POST: logins run the draft from now on."""
        await self._access.authorized(request, _CREATE)
        action = self._found(request)
        version = _version(action, self._library.deploy(action))
        return web.json_response(version, status=202)

    async def modules(self, request: web.Request) -> web.Response:
        """GET the code that Actions share: there is none."""
        return _page(await self._access.authorized(request, _READ), "modules", [])

    async def triggers(self, request: web.Request) -> web.Response:
        """GET the triggers of this tenant, which is one."""
        await self._access.authorized(request, _READ)
        runtimes = {"status": "CURRENT", "runtimes": ["node22"], "default_runtime": "node22"}
        return web.json_response({"triggers": [{**_TRIGGERS[0], **runtimes}]})

    async def bindings(self, request: web.Request) -> web.Response:
        """GET the Actions of the trigger in their order."""
        visit = await self._access.authorized(request, _READ)
        _check_trigger(request)
        return _page(visit, "bindings", [_shown_binding(binding) for binding in self._library.bindings()])

    async def bind(self, request: web.Request) -> web.Response:
        """PATCH: replace the whole list."""
        await self._access.authorized(request, _UPDATE)
        _check_trigger(request)
        wanted = (await json_body(request)).get("bindings")
        if not isinstance(wanted, list):
            raise invalid("Missing required property: bindings")
        self._library.bind([self._wanted(item) for item in wanted])
        shown = [_shown_binding(binding) for binding in self._library.bindings()]
        return web.json_response({"bindings": shown})

    def _wanted(self, item: Any) -> tuple[Stored, str]:
        reference = item.get("ref") if isinstance(item, dict) else None
        if not isinstance(reference, dict):
            raise invalid("Missing required property: ref")
        action = self._referenced(text(reference, "type"), text(reference, "value"))
        if action is None:
            raise _no_action()
        if action.deployed is None:
            raise ApiError(400, "Trying to create a binding for an action that has not been deployed yet")
        return action, text(item, "display_name") or action.name

    def _referenced(self, kind: str, value: str) -> Stored | None:
        if kind == "action_name":
            return self._library.by_name(value)
        if kind == "action_id":
            return self._library.get(value)
        bound = (binding.action for binding in self._library.bindings() if binding.id == value)
        return next(bound, None)

    def _found(self, request: web.Request) -> Stored:
        action = self._library.get(request.match_info["id"])
        if action is None:
            raise _no_action()
        return action


def _no_action() -> ApiError:
    return ApiError(404, "That action does not exist.")


def _check_trigger(request: web.Request) -> None:
    if request.match_info["trigger"] != TRIGGER:
        raise ApiError(404, "The trigger does not exist.")


def _page(visit: Visit, name: str, items: list[dict[str, Any]]) -> web.Response:
    start, length = page_of(visit)
    page = {"total": len(items), "page": start // length if length else 0, "per_page": length}
    return web.json_response({**page, name: items[start : start + length]})


def _shown(action: Stored) -> dict[str, Any]:
    shown = {
        **_base(action),
        **_content(action.draft, at=action.updated_at),
        "status": "built",
    }
    if action.deployed is not None:
        shown["deployed_version"] = _version(action, action.deployed)
    return shown


def _base(action: Stored) -> dict[str, Any]:
    deployed = action.deployed is not None and action.deployed.content == action.draft
    return {
        "id": action.id,
        "name": action.name,
        "supported_triggers": _TRIGGERS,
        "created_at": action.created_at,
        "updated_at": action.updated_at,
        "all_changes_deployed": deployed,
    }


def _content(content: Content, *, at: str) -> dict[str, Any]:
    return {
        "code": content.code,
        "dependencies": list(content.dependencies),
        "runtime": content.runtime,
        "secrets": [{"name": name, "updated_at": at} for name in content.secrets],
    }


def _version(action: Stored, version: Version) -> dict[str, Any]:
    return {
        "id": version.id,
        "action_id": action.id,
        **_content(version.content, at=version.deployed_at),
        "number": version.number,
        "status": "built",
        "deployed": True,
        "built_at": version.deployed_at,
        "created_at": version.deployed_at,
        "updated_at": version.deployed_at,
        "action": _base(action),
        "supported_triggers": _TRIGGERS,
    }


def _shown_binding(binding: Binding) -> dict[str, Any]:
    return {
        "id": binding.id,
        "trigger_id": TRIGGER,
        "display_name": binding.display_name,
        "action": _shown(binding.action),
        "created_at": binding.created_at,
        "updated_at": binding.created_at,
    }

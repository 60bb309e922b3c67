"""The emulated Azure Resource Manager, as far as Microsoft.Communication/communicationServices goes.

Checks come in ARM's order as far as that shows from outside: api-version present, subscription well formed, token,
subscription exists, provider and type, api-version known, method, role, resource group, resource, body. No document
lists that order; it is inferred from single answers of the real one.
"""

import re
import uuid
from collections.abc import Callable, Mapping

from aiohttp import web

from emulator.cloud import arm_errors, arm_routes
from emulator.cloud.arm_authentication import Authenticator
from emulator.cloud.arm_errors import ArmError
from emulator.cloud.arm_metadata import endpoints
from emulator.cloud.arm_parameters import key_type, sent_key_type
from emulator.cloud.arm_routes import Route, Target
from emulator.cloud.arm_shapes import API_VERSIONS, all_keys_json, key_json, resource_json
from emulator.cloud.event_grid_resources import Action, action_event
from emulator.cloud.exchange import Exchange, Operation, Reply, entry_of
from emulator.cloud.faults import Faults
from emulator.cloud.journal import Journal, now
from emulator.cloud.state import Resource, State
from emulator.cloud.throttling import Throttling
from emulator.cloud.tokens import Token, Tokens

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}(-[a-z]+)?", re.IGNORECASE)


class Arm:
    """Answers requests to ARM's port; both URLs are origins without a trailing slash.

    `publish` takes the event of each POST that succeeded.
    """

    def __init__(
        self,
        *,
        state: State,
        tokens: Tokens,
        journal: Journal,
        faults: Faults,
        throttling: Throttling,
        arm_url: str,
        data_plane_url: str,
        publish: Callable[[dict[str, object]], object],
    ) -> None:
        self._state = state
        self._authenticator = Authenticator(tokens, arm_url)
        self._throttling = throttling
        self._exchange = Exchange("arm", journal=journal, faults=faults, refusal=arm_errors.refusal)
        self._arm_url = arm_url
        self._data_plane_url = data_plane_url
        self._publish = publish

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        body = await request.read()
        route = arm_routes.parse(request.rel_url.raw_path)
        target, resource_id = route.target, route.resource_id
        resource = None if resource_id is None else self._state.find(resource_id)
        asked_for = resource_id if resource is None else resource.id
        entry = entry_of(
            request,
            "arm",
            target and target.operation,
            resource_id=asked_for and str(asked_for),
            key_type=sent_key_type(body) if target and target.operation == "regenerateKey" else None,
        )
        common = _common_headers(request)
        operation = Operation(
            name=target and target.operation,
            act=lambda _fault: self._answer(request, body, route, common),
            resource_key=resource_id and resource_id.key,
        )
        return await self._exchange.answer(request, entry, operation, common)

    def _answer(self, request: web.BaseRequest, body: bytes, route: Route, common: Mapping[str, str]) -> Reply:
        api_version = request.rel_url.query.get("api-version")
        try:
            if route.is_metadata:
                arm_routes.check_method(request.method, "GET")
                return endpoints(api_version, self._arm_url)
            if not api_version:
                raise arm_errors.missing_api_version()
            target, token = self._authorize(request, route, api_version)
            if target.operation == "list":
                return self._list(route, api_version)
            if target.operation == "get":
                return Reply(200, resource_json(self._find(route), self._data_plane_url, api_version))
            # Every POST counts as a write, and before its provider hears of it.
            headers = self._take_write(route, target)
            resource = self._find(route)
            if target.operation == "listKeys":
                reply = Reply(200, all_keys_json(resource, self._data_plane_url), headers)
            else:
                reply = self._regenerate(resource, request.headers.get("Content-Type"), body, headers)
        except ArmError as error:
            return error.reply()
        self._announce(request, resource, target, token, common)
        return reply

    def _authorize(self, request: web.BaseRequest, route: Route, api_version: str) -> tuple[Target, Token]:
        """Return the operation that the caller may do here, and the caller's token; raises ArmError."""
        if route.subscription is not None and not _UUID.fullmatch(route.subscription):
            raise arm_errors.invalid_subscription_id(route.subscription)
        token = self._authenticator.authenticate(request.headers.get("Authorization"))
        if route.subscription is not None and not self._state.has_subscription(route.subscription):
            raise arm_errors.subscription_not_found(route.subscription)
        if route.target is None:
            raise arm_routes.unknown(route, api_version)
        if not _DATE.fullmatch(api_version):
            raise arm_errors.invalid_api_version(api_version, API_VERSIONS)
        if api_version.lower() not in API_VERSIONS:
            raise arm_errors.unsupported_api_version(api_version, API_VERSIONS)
        arm_routes.check_method(request.method, route.target.method)
        # Who has no role learns nothing about what exists.
        if not token.identity.may_manage:
            raise arm_errors.authorization_failed(token.identity.principal_id, route.target.permission, route.scope)
        if (
            route.subscription is not None
            and route.group is not None
            and not self._state.has_group(route.subscription, route.group)
        ):
            raise arm_errors.resource_group_not_found(route.group)
        return route.target, token

    def _list(self, route: Route, api_version: str) -> Reply:
        found = self._state.resources(route.subscription, route.group)
        return Reply(200, {"value": [resource_json(each, self._data_plane_url, api_version) for each in found]})

    def _find(self, route: Route) -> Resource:
        resource = None if route.resource_id is None else self._state.find(route.resource_id)
        if resource is None:
            name = "" if route.resource_id is None else route.resource_id.name
            raise arm_errors.resource_not_found(name, route.group or "")
        return resource

    def _take_write(self, route: Route, target: Target) -> Mapping[str, str]:
        """Return the headers of a write that may go on; raises ArmError."""
        subscription = route.subscription or ""
        taken = self._throttling.take(subscription)
        if taken.retry_after is not None:
            raise arm_errors.throttled(subscription, target.permission, taken.retry_after, taken.headers)
        return taken.headers

    def _regenerate(
        self, resource: Resource, content_type: str | None, body: bytes, headers: Mapping[str, str]
    ) -> Reply:
        regenerated = key_type(content_type, body)
        self._state.regenerate(resource, regenerated)
        return Reply(200, key_json(resource, regenerated, self._data_plane_url), headers, effect=True)

    def _announce(
        self, request: web.BaseRequest, resource: Resource, target: Target, token: Token, common: Mapping[str, str]
    ) -> None:
        action = Action(
            resource_id=resource.id,
            name=target.operation,
            url=f"{self._arm_url}{request.raw_path}",
            token=token,
            correlation_id=common["x-ms-correlation-request-id"],
            client_request_id=request.headers.get("x-ms-client-request-id"),
        )
        self._publish(action_event(action))


def _common_headers(request: web.BaseRequest) -> dict[str, str]:
    """Return the headers of every answer of ARM's (azure-resource-manager-rpc, "common API details")."""
    request_id = str(uuid.uuid4())
    headers = {
        "Cache-Control": "no-cache",
        "Pragma": "no-cache",
        "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
        "X-Content-Type-Options": "nosniff",
        "x-ms-request-id": request_id,
        "x-ms-correlation-request-id": request.headers.get("x-ms-correlation-request-id", request_id),
        "x-ms-routing-request-id": f"EMULATOR:{now():%Y%m%dT%H%M%SZ}:{request_id}",
    }
    client_request_id = request.headers.get("x-ms-client-request-id")
    if client_request_id and request.headers.get("x-ms-return-client-request-id", "").lower() == "true":
        headers["x-ms-client-request-id"] = client_request_id
    return headers

"""ARM's paths: which operation of Microsoft.Communication a path names, and what to say when it names none.

Literal segments are matched without regard to case, as ARM does (azure-resource-manager-rpc, addendum on casing);
blank segments are skipped, since clients append to a base URL that may end in a slash.
"""

from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote

from emulator.cloud.arm_errors import ArmError
from emulator.cloud.arm_shapes import API_VERSIONS
from emulator.cloud.resource_ids import ResourceId

_PROVIDER = "microsoft.communication"
_TYPE = "communicationservices"


@dataclass(frozen=True, slots=True)
class Target:
    """An operation: its name in fault rules and journal, the method it takes and the RBAC action it needs."""

    operation: Literal["list", "get", "listKeys", "regenerateKey"]
    method: Literal["GET", "POST"]
    permission: str


_LIST = Target("list", "GET", "Microsoft.Communication/CommunicationServices/Read")
_GET = Target("get", "GET", "Microsoft.Communication/CommunicationServices/Read")
_ACTIONS = {
    "listkeys": Target("listKeys", "POST", "Microsoft.Communication/CommunicationServices/ListKeys/action"),
    "regeneratekey": Target(
        "regenerateKey", "POST", "Microsoft.Communication/CommunicationServices/RegenerateKey/action"
    ),
}


@dataclass(frozen=True, slots=True)
class Route:
    """A path, taken apart. `target` is None when it names no operation that there is."""

    segments: tuple[str, ...]
    target: Target | None = None
    subscription: str | None = None
    group: str | None = None
    resource_id: ResourceId | None = None

    @property
    def is_metadata(self) -> bool:
        """Say whether this is `/metadata/endpoints`."""
        return [segment.lower() for segment in self.segments] == ["metadata", "endpoints"]

    @property
    def scope(self) -> str:
        """The ARM id of what the path is about, without an action."""
        return str(self.resource_id) if self.resource_id is not None else "/" + "/".join(self.segments)


def parse(raw_path: str) -> Route:
    """Take a percent-encoded path apart."""
    segments = tuple(unquote(segment) for segment in raw_path.split("/") if segment)
    match [segment.lower() for segment in segments]:
        case ["subscriptions", _, "providers", provider, kind] if (provider, kind) == (_PROVIDER, _TYPE):
            return Route(segments, _LIST, segments[1])
        case ["subscriptions", _, "resourcegroups", _, "providers", provider, kind, *rest] if (
            provider,
            kind,
        ) == (_PROVIDER, _TYPE):
            return _in_group(segments, rest)
        case ["subscriptions", _, "resourcegroups", _, *_]:
            return Route(segments, None, segments[1], segments[3])
        case ["subscriptions", _, *_]:
            return Route(segments, None, segments[1])
        case _:
            return Route(segments)


def _in_group(segments: tuple[str, ...], rest: list[str]) -> Route:
    subscription, group = segments[1], segments[3]
    if not rest:
        return Route(segments, _LIST, subscription, group)
    resource_id = ResourceId(subscription, group, segments[7])
    match rest:
        case [_]:
            target = _GET
        case [_, action]:
            target = _ACTIONS.get(action)
        case _:
            target = None
    return Route(segments, target, subscription, group, resource_id)


def unknown(route: Route, api_version: str) -> ArmError:
    """Return what ARM says of a path that names no operation (InvalidResourceType: Azure/azure-sdk-for-js#15460)."""
    lowered = [segment.lower() for segment in route.segments]
    if "providers" not in lowered[2:-1]:
        return ArmError(404, "NotFound", "The request path names nothing that this Azure Resource Manager serves.")
    at = lowered.index("providers", 2)
    namespace, kind = route.segments[at + 1], "/".join(route.segments[at + 2 :: 2])
    if lowered[at + 1] != _PROVIDER:
        return ArmError(404, "InvalidResourceNamespace", f"The resource namespace '{namespace}' is invalid.")
    if not kind:
        return ArmError(404, "NotFound", "The request path names no resource type.")
    return ArmError(
        404,
        "InvalidResourceType",
        f"The resource type '{kind}' could not be found in the namespace '{namespace}' for api version "
        f"'{api_version}'. The supported api-versions are '{','.join(API_VERSIONS)}'.",
    )


def check_method(method: str, allowed: str) -> None:
    """Raise ArmError 405 for another method (code and text as ASP.NET providers give them: inferred)."""
    if method != allowed:
        raise ArmError(
            405,
            "MethodNotAllowed",
            f"The requested resource does not support http method '{method}'.",
            allow=allowed,
        )

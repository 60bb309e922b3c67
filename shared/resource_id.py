"""The ARM id of a Communication Services resource, and the allow-list that says which ones this app may touch."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from shared.errors import Problem
from shared.wire import RESOURCE_GROUP, RESOURCE_NAME, SUBSCRIPTION_ID

PROVIDER = "Microsoft.Communication"
RESOURCE_TYPE = "communicationServices"


@dataclass(frozen=True, slots=True)
class ResourceId:
    """Names one Communication Services resource. Two ids that differ in case alone are equal, as in ARM."""

    subscription_id: str
    resource_group: str
    name: str

    @classmethod
    def from_parts(cls, subscription_id: str, resource_group: str, name: str) -> tuple[Self | None, list[Problem]]:
        """Return the id, or None and what is wrong with each part, targets named as in ARM's path."""
        problems: list[Problem] = []
        if not SUBSCRIPTION_ID.fullmatch(subscription_id):
            problems.append(Problem("InvalidSubscriptionId", "The subscription id must be a UUID.", "subscriptionId"))
        if not RESOURCE_GROUP.fullmatch(resource_group):
            problems.append(
                Problem(
                    "InvalidResourceGroupName",
                    "A resource group's name has 1 to 90 letters, digits, '-', '_', '.', '(' or ')', and does "
                    "not end in a period.",
                    "resourceGroupName",
                )
            )
        if not RESOURCE_NAME.fullmatch(name):
            problems.append(
                Problem(
                    "InvalidResourceName",
                    "A Communication Services resource's name has 1 to 63 letters, digits, '-' or '_'.",
                    "communicationServiceName",
                )
            )
        return (None if problems else cls(subscription_id, resource_group, name)), problems

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the id that a text holds; the literal segments may be in any case.

        Raises:
            ValueError: with a sentence that says what an id looks like, or which part is wrong.
        """
        try:
            scope = Scope.parse(text)
        except _NoScopeError:
            scope = None
        # a scope's own error would offer a subscription where only a resource will do
        if scope is None or scope.resource_group is None or scope.name is None:
            raise ValueError(
                "is not the id of a Communication Services resource: /subscriptions/{subscriptionId}"
                f"/resourceGroups/{{resourceGroupName}}/providers/{PROVIDER}/{RESOURCE_TYPE}/{{name}}"
            )
        return cls(scope.subscription_id, scope.resource_group, scope.name)

    @property
    def key(self) -> str:
        """The id in lower case: the same for every spelling of the same resource."""
        return str(self).lower()

    def __str__(self) -> str:
        return (
            f"/subscriptions/{self.subscription_id}/resourceGroups/{self.resource_group}"
            f"/providers/{PROVIDER}/{RESOURCE_TYPE}/{self.name}"
        )

    def __eq__(self, other: object) -> bool:
        return self.key == other.key if isinstance(other, ResourceId) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.key)


class _NoScopeError(ValueError):
    """The text has not even the shape of a scope."""


@dataclass(frozen=True, slots=True)
class Scope:
    """A subscription, a resource group in it, or one Communication Services resource in that."""

    subscription_id: str
    resource_group: str | None = None
    name: str | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the scope that an ARM id names.

        Raises:
            ValueError: with a sentence that says what a scope looks like, or which part is wrong.
        """
        parts = text.strip().removesuffix("/").split("/")
        literal = [part.lower() for part in parts]
        shape = ["", "subscriptions", None, "resourcegroups", None, "providers"]
        shape += [PROVIDER.lower(), RESOURCE_TYPE.lower(), None]
        if len(parts) not in (3, 5, 9) or any(
            expected is not None and expected != given for expected, given in zip(shape, literal, strict=False)
        ):
            raise _NoScopeError(
                "is not an ARM id of a subscription, a resource group or a Communication Services resource"
            )
        group = parts[4] if len(parts) > 3 else None
        name = parts[8] if len(parts) > 5 else None
        _, problems = ResourceId.from_parts(parts[2], group or "group", name or "name")
        if problems or group == "" or name == "":
            raise ValueError("is not an ARM id: " + (problems[0].message if problems else "a segment of it is empty."))
        return cls(parts[2], group, name)

    def contains(self, resource: ResourceId) -> bool:
        """Say whether the resource is, or lies in, this scope; whole segments are compared, in any case."""
        return all(
            mine is None or mine.lower() == theirs.lower()
            for mine, theirs in (
                (self.subscription_id, resource.subscription_id),
                (self.resource_group, resource.resource_group),
                (self.name, resource.name),
            )
        )


class AllowList:
    """The scopes that this app may touch. An empty list allows nothing."""

    __slots__ = ("_scopes",)

    def __init__(self, scopes: Iterable[Scope]) -> None:
        self._scopes = tuple(scopes)

    def allows(self, resource: ResourceId) -> bool:
        """Say whether one of the scopes holds the resource."""
        return any(scope.contains(resource) for scope in self._scopes)

    def __bool__(self) -> bool:
        return bool(self._scopes)

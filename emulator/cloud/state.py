"""The resources of the emulated cloud, their keys and when each key took effect."""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from emulator.cloud.defaults import RESOURCE_ID
from emulator.cloud.keys import KeyShape, new_key
from emulator.cloud.resource_ids import ResourceId

KeyType = Literal["Primary", "Secondary"]
KEY_TYPES: tuple[KeyType, ...] = ("Primary", "Secondary")
_ALWAYS = float("-inf")


@dataclass(slots=True, kw_only=True)
class Resource:
    """One communication service. Times are those of the state's clock, in seconds."""

    id: ResourceId
    # The first segment of its paths on the data plane; other resources of the same name have another one.
    segment: str
    key_shape: KeyShape
    propagation_seconds: float
    disable_local_auth: bool
    immutable_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    # For each slot (since when, the key), oldest first; the last one is what ARM shows.
    history: dict[KeyType, list[tuple[float, str]]] = field(
        default_factory=dict[KeyType, list[tuple[float, str]]], repr=False
    )
    issued: list[str] = field(default_factory=list[str], repr=False)

    def key(self, key_type: KeyType) -> str:
        """Return the key that ARM shows for the slot."""
        return self.history[key_type][-1][1]

    def accepted_keys(self, now: float) -> list[str]:
        """Return the keys that the data plane accepts at `now`: those that ARM showed `propagation_seconds` ago.

        New keys take seconds to minutes to work everywhere (Azure/azure-cosmos-dotnet-v3#2830, a sister service).
        """
        if self.disable_local_auth:
            return []
        seen = now - self.propagation_seconds
        return [next(key for since, key in reversed(history) if since <= seen) for history in self.history.values()]


class State:
    """All resources; `clock` is a monotonic one, in seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._resources: dict[str, Resource] = {}
        self._groups: dict[str, set[str]] = {}
        self._issued: dict[str, list[str]] = {}
        self.reset()

    def reset(self) -> None:
        """Go back to the one resource of the start, with new keys; every key issued so far is forgotten."""
        self._resources.clear()
        self._groups.clear()
        self._issued.clear()
        self.create(ResourceId.parse(RESOURCE_ID))

    def create(
        self,
        resource_id: ResourceId,
        *,
        key_shape: KeyShape = "base64",
        propagation_seconds: float = 0.0,
        disable_local_auth: bool = False,
    ) -> Resource:
        """Make a resource with two new keys that work at once, in place of one with the same id.

        The keys that the earlier one issued stay in `issued`: what was handed out once stays searchable.
        """
        self.delete(resource_id)
        resource = Resource(
            id=resource_id,
            segment=self._free_segment(resource_id.name),
            key_shape=key_shape,
            propagation_seconds=propagation_seconds,
            disable_local_auth=disable_local_auth,
            issued=self._issued.setdefault(resource_id.key, []),
        )
        for key_type in KEY_TYPES:
            self._issue(resource, key_type, _ALWAYS)
        self._resources[resource_id.key] = resource
        # A resource group outlives its resources.
        self._groups.setdefault(resource_id.subscription.lower(), set()).add(resource_id.group.lower())
        return resource

    def delete(self, resource_id: ResourceId) -> bool:
        """Remove the resource, its keys with it; False when there is none."""
        return self._resources.pop(resource_id.key, None) is not None

    def find(self, resource_id: ResourceId) -> Resource | None:
        """Return the resource with that id, in any casing."""
        return self._resources.get(resource_id.key)

    def find_by_segment(self, segment: str) -> Resource | None:
        """Return the resource whose data plane paths begin with `segment`, in any casing."""
        lowered = segment.lower()
        return next((each for each in self._resources.values() if each.segment.lower() == lowered), None)

    def resources(self, subscription: str | None = None, group: str | None = None) -> list[Resource]:
        """Return the resources, oldest first, optionally of one subscription and resource group in any casing."""
        return [
            each
            for each in self._resources.values()
            if (subscription is None or each.id.subscription.lower() == subscription.lower())
            and (group is None or each.id.group.lower() == group.lower())
        ]

    def has_subscription(self, subscription: str) -> bool:
        """Say whether the subscription has or had a resource."""
        return subscription.lower() in self._groups

    def has_group(self, subscription: str, group: str) -> bool:
        """Say whether the resource group has or had a resource."""
        return group.lower() in self._groups.get(subscription.lower(), ())

    def regenerate(self, resource: Resource, key_type: KeyType) -> str:
        """Replace the slot's key and return the new one; ARM shows it at once, the data plane follows."""
        return self._issue(resource, key_type, self._clock())

    def accepted_keys(self, resource: Resource) -> list[str]:
        """Return the keys that the data plane accepts for the resource at this moment."""
        return resource.accepted_keys(self._clock())

    def accepts(self, resource: Resource, key: str) -> bool:
        """Say whether the data plane accepts `key` for the resource at this moment."""
        return key in self.accepted_keys(resource)

    def _issue(self, resource: Resource, key_type: KeyType, since: float) -> str:
        key = new_key(resource.key_shape)
        resource.history.setdefault(key_type, []).append((since, key))
        resource.issued.append(key)
        return key

    def _free_segment(self, name: str) -> str:
        taken = {each.segment.lower() for each in self._resources.values()}
        number, segment = 1, name
        while segment.lower() in taken:
            number += 1
            segment = f"{name}-{number}"
        return segment

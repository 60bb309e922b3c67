"""ARM as the steps ask it: `listKeys` that is throttled for a moment is asked again within the step.

Where hundreds of rotations run at once, ARM refuses most of what they ask. If each refusal ended a step, the pauses
between its attempts would grow while ARM has room again, and an unlucky step would wait for minutes behind others that
began later. A step that waits for a second keeps its turn, and the others queue behind it. Longer waits are not for a
step: the orchestrator sees to them.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from shared.errors import ArmError
from shared.parameters import KeyType
from shared.redaction import AccessKey
from shared.regeneration import throttled_for
from shared.resource_id import ResourceId
from shared.rotation.activities import Resources

# seconds; the emulated ARM, as the real one, asks for as long as it takes until there is room for one more call
LONGEST_RETRY_AFTER = 5
_TRIES = 4


@dataclass(frozen=True, slots=True)
class PatientManagement:
    """`Resources`, over others; `sleep` waits for so many seconds."""

    management: Resources
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def list_keys(self, resource: ResourceId, *, request_id: str) -> Mapping[KeyType, AccessKey]:
        """Return the keys as they are now; see `KeyManagement`."""
        for _ in range(_TRIES - 1):
            try:
                return await self.management.list_keys(resource, request_id=request_id)
            except ArmError as error:
                seconds = throttled_for(error)
                if not 0 < seconds <= LONGEST_RETRY_AFTER:
                    raise
            await self.sleep(seconds)
        return await self.management.list_keys(resource, request_id=request_id)

    async def regenerate_key(
        self, resource: ResourceId, key_type: KeyType, *, request_id: str, on_send: Callable[[], None]
    ) -> AccessKey:
        """Regenerate a key with one call; whether to make another one, the use case decides. See `KeyManagement`."""
        return await self.management.regenerate_key(resource, key_type, request_id=request_id, on_send=on_send)

    async def host_name(self, resource: ResourceId, *, request_id: str) -> str:
        """Return the resource's host name."""
        return await self.management.host_name(resource, request_id=request_id)

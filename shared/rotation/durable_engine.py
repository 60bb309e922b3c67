"""The engine behind a durableClient binding: azure-functions-durable's client, made once and shared."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import grpc
from azure.durable_functions import DurableFunctionsClient
from durabletask.client import OrchestrationStatus
from durabletask.entities import EntityInstanceId
from durabletask.internal.orchestrator_service_pb2 import OrchestrationIdReusePolicy

from shared import composition
from shared.rotation import guard
from shared.rotation.model import Json
from shared.telemetry.spans import without_trace_state

if TYPE_CHECKING:
    from shared.rotation.status import Instance

# entities run for ever, so this leaves them alone
_ENDED = [OrchestrationStatus.COMPLETED, OrchestrationStatus.FAILED, OrchestrationStatus.TERMINATED]
# The extension needs a beginning (https://github.com/Azure/azure-functions-durable-python/issues/560), which must be
# one that Azure's tables can hold; no durable function is older.
_BEFORE_ALL = datetime(2017, 1, 1, tzinfo=UTC)
# The host gives up on a call after 100 s and goes on purging unseen, unless it is told to stop earlier:
# https://github.com/microsoft/durabletask-dotnet/pull/680
_PURGE = timedelta(seconds=60)


class DurableEngine:
    """The engine behind a durableClient binding, by the text that the host gives a function for it.

    `durable_client_input` would make a client of that text for each invocation, which takes longer than all the rest
    of this app does for a direct regenerate. Here it is made at its first use, and shared as long as the host's
    address stays the same.
    """

    def __init__(self, binding: str) -> None:
        self._binding = binding

    async def start(self, orchestrator: str, instance_id: str, request: Json) -> bool:
        """Start it, replacing nothing: the same id is the same request, and finds what that has started."""
        client = await self._client()
        try:
            with without_trace_state():
                await client.schedule_new_orchestration(
                    orchestrator,
                    input=request,
                    instance_id=instance_id,
                    # an empty policy lets nothing be replaced; without one Azure's host replaces what has ended
                    reuse_id_policy=OrchestrationIdReusePolicy(),
                )
        except grpc.RpcError as error:
            if _code(error) is grpc.StatusCode.ALREADY_EXISTS:
                return False
            raise
        return True

    async def find(self, instance_id: str) -> "Instance | None":
        """Return the orchestration with its output or custom status."""
        state = await (await self._client()).get_orchestration_state(instance_id, fetch_payloads=True)
        if state is None:
            return None
        from shared.rotation.status import Instance

        return Instance(
            id=state.instance_id,
            name=state.name,
            runtime_status=state.runtime_status.name,
            input=_object(state.serialized_input) or {},
            shown=_object(state.serialized_output) or _object(state.serialized_custom_status),
            created_at=_utc(state.created_at),
            updated_at=_utc(state.last_updated_at),
        )

    async def decide(self, revocation_id: str, decision: str) -> bool:
        """Raise the event `decision`."""
        try:
            await (await self._client()).raise_orchestration_event(revocation_id, "decision", data=decision)
        except grpc.RpcError as error:
            if _code(error) in (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.FAILED_PRECONDITION):
                return False
            raise
        return True

    async def guard(self, key: str) -> Json:
        """Read the entity's state."""
        entity = await (await self._client()).get_entity(EntityInstanceId(guard.ENTITY, key), include_state=True)
        state = cast("Json | None", entity.get_typed_state()) if entity is not None else None
        return state or guard.empty()

    async def expire(self, key: str, holder: str) -> None:
        """Signal the entity."""
        await (await self._client()).signal_entity(
            EntityInstanceId(guard.ENTITY, key), "release", input={"holder": holder}
        )

    async def purge(self, created_before: datetime) -> int:
        """Purge by status and time of creation, in at most one and a half minutes.

        Raises:
            TimeoutError: the engine, an older one, took longer; it goes on, uncounted.
        """
        client = await self._client()
        async with asyncio.timeout(1.5 * _PURGE.total_seconds()):
            result = await client.purge_orchestrations_by(
                created_time_from=_BEFORE_ALL,
                created_time_to=created_before,
                runtime_status=_ENDED,
                timeout=_PURGE,
            )
        return result.deleted_instance_count

    async def _client(self) -> DurableFunctionsClient:
        return await composition.durable_client(self._binding)


def _object(payload: str | None) -> Json | None:
    """Return the JSON object that a payload holds, or None.

    The error of a failure and the reason of a termination are outputs, too, and plain text: the client's own get_output
    raises at them (https://github.com/microsoft/durabletask-python/pull/155).
    """
    try:
        value: Any = json.loads(payload or "null")
    except (ValueError, RecursionError):
        return None
    return cast("Json", value) if isinstance(value, dict) else None


def _utc(time: datetime) -> datetime:
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _code(error: grpc.RpcError) -> object:
    return error.code() if isinstance(error, grpc.aio.AioRpcError) else None

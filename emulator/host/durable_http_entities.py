"""Entities in Durable Functions' HTTP API."""

import json
import uuid

import durabletask.internal.orchestrator_service_pb2 as pb
from aiohttp import web

from emulator.host.durable_engine import Engine
from emulator.host.durable_query import Query
from emulator.host.durable_status import decoded, entity_json


class EntitiesApi:
    """Answers requests for entities."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def list(self, query: Query, name: str) -> web.Response:
        """Answer with all entities, or those of one name."""
        wanted = pb.EntityQuery(
            lastModifiedFrom=query.time("lastOperationTimeFrom"),
            lastModifiedTo=query.time("lastOperationTimeTo"),
            includeState=query.flag("fetchState"),
        )
        if name:
            wanted.instanceIdStartsWith.value = f"@{name.lower()}@"
        found = self._engine.QueryEntities(pb.QueryEntitiesRequest(query=wanted), self._engine.local_call())
        return web.json_response([entity_json(entity) for entity in found.entities])

    def read(self, name: str, key: str) -> web.Response:
        """Answer with the state of one entity."""
        wanted = pb.GetEntityRequest(instanceId=f"@{name.lower()}@{key}", includeState=True)
        found = self._engine.GetEntity(wanted, self._engine.local_call())
        return web.json_response(decoded(found.entity.serializedState)) if found.exists else web.Response(status=404)

    async def signal(self, request: web.BaseRequest, operation: str, name: str, key: str) -> web.Response:
        """Signal an entity; the body is the input, as JSON or else as text."""
        entity_id = f"@{name.lower()}@{key}"
        wanted = pb.SignalEntityRequest(instanceId=entity_id, name=operation, requestId=str(uuid.uuid4()))
        text = (await request.read()).decode(errors="replace")
        if text and request.content_type != "application/json":
            text = json.dumps(text)
        if text:
            try:
                json.loads(text)
            except ValueError:
                return web.Response(status=400, text="Could not parse JSON content")
            wanted.input.value = text
        self._engine.SignalEntity(wanted, self._engine.local_call())
        return web.Response(status=202)

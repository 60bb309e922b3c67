"""Instances in Durable Functions' HTTP API."""

import json
from collections.abc import Callable, Mapping

import durabletask.internal.orchestrator_service_pb2 as pb
import grpc
from aiohttp import web
from google.protobuf.timestamp_pb2 import Timestamp

from emulator.host.durable_engine import Engine, Refused
from emulator.host.durable_query import Query
from emulator.host.durable_status import STATUS_NAMES, history_json, instance_json

_ENDED = ("Completed", "Failed", "Terminated", "Canceled")
_OPERATIONS = ("terminate", "suspend", "resume", "rewind", "restart")
_RETRY_SECONDS, _FIRST_RETRY_SECONDS = "5", "10"


class InstancesApi:
    """Answers requests for instances. `links` makes the URLs of an instance, by their names, out of its id."""

    def __init__(self, engine: Engine, links: Callable[[str], Mapping[str, str]]) -> None:
        self._engine = engine
        self._links = links
        self._call = engine.local_call()

    def status(self, request: web.BaseRequest, query: Query, instance_id: str) -> web.Response:
        """Answer with one instance: 202 while it runs, then 200."""
        show_input = query.flag("showInput", default=True)
        body = instance_json(self._find(instance_id), show_input=show_input)
        if query.flag("showHistory"):
            wanted = pb.StreamInstanceHistoryRequest(instanceId=instance_id)
            chunks = self._engine.StreamInstanceHistory(wanted, self._call)
            events = [event for chunk in chunks for event in chunk.events]
            body["historyEvents"] = history_json(
                events, show_input=show_input, show_output=query.flag("showHistoryOutput")
            )
        if body["runtimeStatus"] not in _ENDED:
            headers = {"Location": str(request.url), "Retry-After": _RETRY_SECONDS}
            return web.json_response(body, status=202, headers=headers)
        is_error = body["runtimeStatus"] == "Failed" and query.flag("returnInternalServerErrorOnFailure")
        return web.json_response(body, status=500 if is_error else 200)

    def list(self, query: Query, continuation_token: str) -> web.Response:
        """Answer with all instances, or those that the query asks for."""
        wanted = pb.InstanceQuery(
            runtimeStatus=query.statuses(),
            createdTimeFrom=query.time("createdTimeFrom"),
            createdTimeTo=query.time("createdTimeTo"),
            maxInstanceCount=query.number("top"),
            fetchInputsAndOutputs=True,
        )
        wanted.instanceIdPrefix.value = query.text("instanceIdPrefix")
        wanted.continuationToken.value = continuation_token
        found = self._engine.QueryInstances(pb.QueryInstancesRequest(query=wanted), self._call)
        show_input = query.flag("showInput")
        body = [instance_json(state, show_input=show_input) for state in found.orchestrationState]
        return web.json_response(body, headers={"x-ms-continuation-token": found.continuationToken.value})

    def purge(self, instance_id: str) -> web.Response:
        """Purge one ended instance, or an entity by its id `@name@key`."""
        if not instance_id.startswith("@"):
            status = self._status_of(instance_id)
            if status not in _ENDED:
                text = (
                    "Only orchestrations in a terminal state can be purged, but the orchestration with instance ID "
                    f"{instance_id} has status {status}"
                )
                return web.Response(status=412, text=text)
        count = self._engine.PurgeInstances(pb.PurgeInstancesRequest(instanceId=instance_id), self._call)
        return web.json_response({"instancesDeleted": count.deletedInstanceCount})

    def purge_by_filter(self, query: Query) -> web.Response:
        """Purge the ended instances that were made in a span of time."""
        since, until = query.time("createdTimeFrom"), query.time("createdTimeTo")
        if since is None:
            return web.Response(status=400, text="Please provide value for 'createdTimeFrom' parameter.")
        if until is None:
            until = Timestamp()
            until.GetCurrentTime()
        chosen = pb.PurgeInstanceFilter(createdTimeFrom=since, createdTimeTo=until, runtimeStatus=query.statuses())
        wanted = pb.PurgeInstancesRequest(purgeInstanceFilter=chosen)
        count = self._engine.PurgeInstances(wanted, self._call).deletedInstanceCount
        return web.json_response({"instancesDeleted": count}) if count else web.Response(status=404)

    async def start(self, request: web.BaseRequest, name: str, instance_id: str) -> web.Response:
        """Start an orchestrator function; the body is its input."""
        wanted = pb.CreateInstanceRequest(name=name, instanceId=instance_id)
        text = await _json_text(request)
        if text is None:
            return web.Response(status=400, text="Invalid JSON content")
        if text:
            wanted.input.value = text
        return self._accepted(self._engine.StartInstance(wanted, self._call).instanceId)

    async def raise_event(self, request: web.BaseRequest, instance_id: str, event: str) -> web.Response:
        """Raise an event; the body is its payload."""
        if self._status_of(instance_id) in _ENDED:
            return web.Response(status=410)
        if request.content_type != "application/json":
            return web.Response(status=400, text="Only application/json request content is supported")
        wanted = pb.RaiseEventRequest(instanceId=instance_id, name=event)
        text = await _json_text(request)
        if text is None:
            return web.Response(status=400, text="Invalid JSON content")
        if text:
            wanted.input.value = text
        self._engine.RaiseEvent(wanted, self._call)
        return web.Response(status=202)

    def change(self, query: Query, instance_id: str, operation: str) -> web.Response:
        """Terminate, suspend, resume, rewind or restart an instance."""
        if operation not in _OPERATIONS:
            return web.Response(status=404)
        reason = query.text("reason")
        if operation == "restart":
            wanted = pb.RestartInstanceRequest(instanceId=instance_id)
            wanted.restartWithNewInstanceId = query.flag("restartWithNewInstanceId", default=True)
            return self._accepted(self._engine.RestartInstance(wanted, self._call).instanceId)
        status = self._status_of(instance_id)
        if operation == "rewind" and status != "Failed":
            text = (
                f'This orchestration has status {status}, but only orchestrations in the "Failed" state can be rewound.'
            )
            return web.Response(status=412, text=text)
        if operation != "rewind" and status in _ENDED:
            return web.Response(status=410)
        match operation:
            case "terminate":
                terminated = pb.TerminateRequest(instanceId=instance_id)
                terminated.output.value = json.dumps(reason)
                self._engine.TerminateInstance(terminated, self._call)
            case "suspend":
                suspended = pb.SuspendRequest(instanceId=instance_id)
                suspended.reason.value = reason
                self._engine.SuspendInstance(suspended, self._call)
            case "resume":
                resumed = pb.ResumeRequest(instanceId=instance_id)
                resumed.reason.value = reason
                self._engine.ResumeInstance(resumed, self._call)
            case _:
                rewound = pb.RewindInstanceRequest(instanceId=instance_id)
                rewound.reason.value = reason
                self._engine.RewindInstance(rewound, self._call)
        return web.Response(status=202)

    def _find(self, instance_id: str) -> pb.OrchestrationState:
        wanted = pb.GetInstanceRequest(instanceId=instance_id, getInputsAndOutputs=True)
        found = self._engine.GetInstance(wanted, self._call)
        if not found.exists:
            raise Refused(grpc.StatusCode.NOT_FOUND, "")
        return found.orchestrationState

    def _status_of(self, instance_id: str) -> str:
        return STATUS_NAMES[self._find(instance_id).orchestrationStatus]

    def _accepted(self, instance_id: str) -> web.Response:
        links = self._links(instance_id)
        headers = {"Location": links["statusQueryGetUri"], "Retry-After": _FIRST_RETRY_SECONDS}
        return web.json_response(dict(links), status=202, headers=headers)


async def _json_text(request: web.BaseRequest) -> str | None:
    """Return the body if it is JSON, empty if there is none; None if it is something else."""
    body = await request.read()
    try:
        text = body.decode()
        if text:
            json.loads(text)
    except ValueError:
        return None
    return text

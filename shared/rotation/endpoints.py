"""The rotation's HTTP endpoints: start, status, result, and the decision about the old key."""

import asyncio
import uuid

from shared import audit
from shared.authorization import authorized
from shared.clock import utc_now
from shared.conflicts import Decided
from shared.errors import AppError, InvalidRequest, NotFound, ResourceNotAllowed
from shared.http import Request, Response, collecting
from shared.json_body import unknown_properties
from shared.parameters import parse_repeatability_request_id
from shared.resource_id import ResourceId
from shared.rotation import requests
from shared.rotation.engine import Engine
from shared.rotation.guard import revocation_id
from shared.rotation.in_time import deadline_in, in_time
from shared.rotation.parameters import RotationRequest
from shared.rotation.responses import RETRY_AFTER, accepted, full_status
from shared.rotation.status import Instance, RunState, result_error, run_state
from shared.settings import default_resource, require_key_vault, settings
from shared.wire import ROTATION_ID

# how long to wait, in seconds, until the engine shows what it was told: a revocation that the guard has started, or a
# decision that was taken, so that the next one finds it
_SEEN_WITHIN = (0.02, 0.03, 0.05, 0.1, 0.2, 0.3, 0.5, 0.8)
# a revocation is told under its rotation's id
_SHOWN = ("rotate_key", "regenerate_key", "repair_secrets")


async def rotate(request: Request, engine: Engine) -> Response:
    """`POST /api/rotations`: start a rotation, or find the one that the same request has started."""
    configured = settings()
    caller = authorized(request, configured, "RotateKey")
    asked, problems = RotationRequest.parse(request.json_object())
    repeatability = collecting(problems, lambda: parse_repeatability_request_id(request.headers))
    if asked is None or problems:
        raise InvalidRequest(problems)
    require_key_vault(configured)
    resource = asked.resource or default_resource(configured)
    id_ = requests.instance_id("http", resource, repeatability) if repeatability else uuid.uuid4().hex
    started = requests.rotation_input(asked, resource, default_grace=configured.rotation_grace_period, source="http")
    deadline = deadline_in(configured.request_deadline_seconds)
    try:
        if not configured.allowed_communication_services.allows(resource):
            raise ResourceNotAllowed
        async with in_time(deadline):
            await requests.start(engine, "rotate_key", started, id_=id_, now=utc_now(), announce=configured.announces)
    except AppError as error:
        audit.started(request, caller, "RotateKey", resource, error, asked.reason)
        raise
    audit.started(request, caller, "RotateKey", resource, id_, asked.reason)
    async with in_time(deadline):
        return accepted(request, id_, await full_status(engine, await _found(engine, id_)))


async def status(request: Request, engine: Engine) -> Response:
    """`GET /api/rotations/{id}`: the status, always 200."""
    configured = settings()
    authorized(request, configured, "Read")
    async with in_time(deadline_in(configured.request_deadline_seconds)):
        instance = await _found(engine, request.route.get("id", ""))
        headers = {} if run_state(instance).ended else {"Retry-After": RETRY_AFTER}
        return Response(await full_status(engine, instance), headers=headers)


async def result(request: Request, engine: Engine) -> Response:
    """`GET /api/rotations/{id}/result`: 202 until it has ended; then its status, or its error with its own status."""
    configured = settings()
    authorized(request, configured, "Read")
    async with in_time(deadline_in(configured.request_deadline_seconds)):
        return await _result(request, engine)


async def _result(request: Request, engine: Engine) -> Response:
    instance = await _found(engine, request.route.get("id", ""))
    match run_state(instance):
        case RunState.SUCCEEDED if instance.shown is not None and "answer" in instance.shown:
            return Response(instance.shown["answer"])
        case RunState.SUCCEEDED:
            return Response(await full_status(engine, instance))
        case RunState.FAILED | RunState.CANCELED:
            code, body, headers = result_error(instance)
            return Response(body, code, headers)
        case _:
            return accepted(request, instance.id, await full_status(engine, instance))


async def revoke(request: Request, engine: Engine) -> Response:
    """`POST /api/rotations/{id}/revoke`: end the grace period now."""
    return await _decide(request, engine, "revoke")


async def cancel(request: Request, engine: Engine) -> Response:
    """`POST /api/rotations/{id}/cancel`: let the old key live."""
    return await _decide(request, engine, "cancel")


async def _decide(request: Request, engine: Engine, decision: str) -> Response:
    action = "RevokeKey" if decision == "revoke" else "KeepKey"
    configured = settings()
    caller = authorized(request, configured, action)
    _require_nothing(request)
    deadline = deadline_in(configured.request_deadline_seconds)
    async with in_time(deadline):
        instance = await _found(engine, request.route.get("id", ""))
    resource = ResourceId.parse(instance.input["resourceId"])
    try:
        async with in_time(deadline):
            await _tell(engine, instance, decision)
    except AppError as error:
        audit.started(request, caller, action, resource, error, None)
        raise
    audit.started(request, caller, action, resource, instance.id, None)
    async with in_time(deadline):
        return accepted(request, instance.id, await full_status(engine, instance))


def _require_nothing(request: Request) -> None:
    """Refuse a body that asks for anything: what would be ignored must not look as if it were heeded."""
    body = request.json_object()
    problems = [*body.problems, *unknown_properties(body.properties, ())]
    if problems:
        raise InvalidRequest(problems)


async def _tell(engine: Engine, instance: Instance, decision: str) -> None:
    """Send the decision and wait until it is seen to have been taken; raise Decided where another one was first."""
    revocation = await _revocation(engine, instance)
    if revocation is None or _decision(revocation) is not None or not await engine.decide(revocation.id, decision):
        raise Decided
    for pause in _SEEN_WITHIN:
        seen = await engine.find(revocation.id)
        taken = _decision(seen) if seen is not None else None
        if taken is not None:
            if taken != decision:
                # the other one of two requests at once was first, or the time was
                raise Decided
            return
        await asyncio.sleep(pause)


async def _revocation(engine: Engine, instance: Instance) -> Instance | None:
    """Return the revocation of a rotation, or None where none was scheduled: one that was is shown moments later."""
    found = await engine.find(revocation_id(instance.id))
    scheduled = (instance.shown or {}).get("revocation", {}).get("status") == "Scheduled"
    for pause in _SEEN_WITHIN if scheduled else ():
        if found is not None:
            break
        await asyncio.sleep(pause)
        found = await engine.find(revocation_id(instance.id))
    return found


def _decision(revocation: Instance) -> str | None:
    """Return what has been decided about the old key, or None as long as nothing is."""
    if revocation.runtime_status not in ("PENDING", "RUNNING", "COMPLETED"):
        return "ended"
    return (revocation.shown or {}).get("decision")


async def _found(engine: Engine, id_: str) -> Instance:
    instance = await engine.find(id_) if ROTATION_ID.fullmatch(id_) else None
    if instance is None or instance.name not in _SHOWN:
        raise NotFound("There is no rotation with that id; ended ones are forgotten after some time.", target="id")
    return instance

"""The synchronous regenerate where a Key Vault publishes keys: an orchestration under the guard, waited for."""

import asyncio
import uuid

from shared.clock import utc_now
from shared.errors import DeadlineExceeded, Passed, RegenerationOutcome
from shared.http import Request, Response
from shared.parameters import KeyType
from shared.resource_id import ResourceId
from shared.rotation import requests
from shared.rotation.engine import Engine
from shared.rotation.in_time import deadline_in, in_time
from shared.rotation.responses import accepted, full_status
from shared.rotation.status import RunState, result_error, run_state

_LOOK_EVERY = (*[0.01] * 10, 0.02, 0.05, 0.1, 0.2)
# what is left of the deadline for answering
_MARGIN = 0.5


async def regenerate_guarded(
    request: Request,
    engine: Engine,
    resource: ResourceId,
    key_type: KeyType,
    *,
    if_match: frozenset[str] | None,
    force: bool,
    repeatability: str | None,
    deadline: float,
    announce: bool,
) -> Response:
    """Regenerate under the guard and return the answer, or 202 with its Location if it outlasts the deadline.

    Raises:
        RotationInProgress: somebody else holds the resource.
        Passed: the orchestration's own error, with its status.
        DeadlineExceeded, DurableFunctionsUnavailable, UnexpectedError: the engine did not answer, or failed; nobody
            knows the outcome.
    """
    give_up_at = deadline_in(max(deadline - _MARGIN, deadline / 2))
    id_ = requests.instance_id("http-regenerate", resource, repeatability) if repeatability else uuid.uuid4().hex
    started = requests.regeneration_input(resource, key_type, if_match=if_match, force=force, source="http")
    async with in_time(deadline_in(deadline), outcome=RegenerationOutcome.UNKNOWN):
        await requests.start(engine, "regenerate_key", started, id_=id_, now=utc_now(), announce=announce)
        return await _ended(request, engine, id_, give_up_at)


async def _ended(request: Request, engine: Engine, id_: str, give_up_at: float) -> Response:
    """Wait until the orchestration has ended and return its answer, or 202 where that takes too long."""
    looks = 0
    while True:
        instance = await engine.find(id_)
        if instance is not None and run_state(instance).ended:
            break
        if deadline_in(0) >= give_up_at:
            if instance is None:
                raise DeadlineExceeded(
                    "The regeneration was started and cannot be found any more.", outcome=RegenerationOutcome.UNKNOWN
                )
            return accepted(request, id_, await full_status(engine, instance))
        await asyncio.sleep(_LOOK_EVERY[min(looks, len(_LOOK_EVERY) - 1)])
        looks += 1
    if run_state(instance) is RunState.SUCCEEDED and instance.shown is not None:
        return Response(instance.shown["answer"])
    status, body, headers = result_error(instance)
    raise Passed(status, body["error"], headers)

"""The regenerate routes: each takes a request apart, asks who and whether, regenerates and answers."""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared import audit, composition
from shared.authorization import authorized
from shared.caller import Caller
from shared.errors import AppError, InvalidRequest, Problem, ResourceNotAllowed
from shared.http import Request, Response, collecting, require_api_version
from shared.parameters import (
    KeyType,
    RegenerateKeyParameters,
    parse_flag,
    parse_if_match,
    parse_repeatability_request_id,
)
from shared.resource_id import ResourceId
from shared.settings import Settings, default_resource, settings

if TYPE_CHECKING:
    from shared.rotation.engine import Engine


async def regenerate_default(request: Request, engine: "Engine") -> Response:
    """`POST /api/regenerateKey`: regenerate a key of the app's own resource, COMMUNICATION_SERVICE_ID."""
    configured = settings()
    caller = authorized(request, configured, "RegenerateKey")
    return await _regenerate(_asked(request, default_resource(configured), []), request, configured, caller, engine)


async def regenerate(request: Request, engine: "Engine") -> Response:
    """`POST /api/subscriptions/…/regenerateKey?api-version=…`: regenerate a key of the resource in the path."""
    configured = settings()
    caller = authorized(request, configured, "RegenerateKey")
    require_api_version(request.query)
    resource, problems = ResourceId.from_parts(
        request.route.get("subscriptionId", ""),
        request.route.get("resourceGroupName", ""),
        request.route.get("communicationServiceName", ""),
    )
    return await _regenerate(_asked(request, resource, problems), request, configured, caller, engine)


@dataclass(frozen=True, slots=True)
class _Asked:
    resource: ResourceId
    key_type: KeyType
    if_match: frozenset[str] | None
    force: bool
    repeatability: str | None


def _asked(request: Request, resource: ResourceId | None, problems: list[Problem]) -> _Asked:
    """Return what a request asks for, or raise InvalidRequest with every problem of its path, body and headers."""
    parameters, wrong = RegenerateKeyParameters.parse(request.json_object())
    problems = problems + wrong
    if_match = collecting(problems, lambda: parse_if_match(request.headers.get("if-match")))
    force = collecting(problems, lambda: parse_flag("force", request.query.get("force")))
    repeatability = collecting(problems, lambda: parse_repeatability_request_id(request.headers))
    if resource is None or parameters is None or force is None or problems:
        raise InvalidRequest(problems)
    return _Asked(resource, parameters.key_type, if_match, force, repeatability)


async def _regenerate(
    asked: _Asked, request: Request, configured: Settings, caller: Caller, engine: "Engine"
) -> Response:
    """Regenerate with one direct call, or under the guard where a Key Vault publishes keys."""
    try:
        if not configured.allowed_communication_services.allows(asked.resource):
            raise ResourceNotAllowed
        if configured.key_vault_url is None:
            response = await _direct(asked, request, announce=configured.announces)
        else:
            from shared.rotation.guarded import regenerate_guarded

            response = await regenerate_guarded(
                request,
                engine,
                asked.resource,
                asked.key_type,
                if_match=asked.if_match,
                force=asked.force,
                repeatability=asked.repeatability,
                deadline=configured.request_deadline_seconds,
                announce=configured.announces,
            )
    except AppError as error:
        audit.regeneration(request, caller, asked.resource, asked.key_type, error)
        raise
    except asyncio.CancelledError:
        # the process ends, and nobody else will tell that the key may have been regenerated
        audit.regeneration(request, caller, asked.resource, asked.key_type, None)
        raise
    audit.regeneration(request, caller, asked.resource, asked.key_type, response.body.get("fingerprint"))
    return response


async def _direct(asked: _Asked, request: Request, *, announce: bool) -> Response:
    from shared.regeneration import Regeneration

    use_case = await composition.regenerator()
    regenerated = await use_case.regenerate(
        Regeneration(
            resource=asked.resource,
            key_type=asked.key_type,
            if_match=asked.if_match,
            request_id=request.request_id,
        )
    )
    answer = regenerated.to_json()
    if announce:
        from shared.rotation import announcements

        await composition.announce_soon(announcements.regenerated(answer, request.request_id))
    return Response(answer)

"""The HTTP endpoints: each takes a request apart, asks who and whether, runs a use case and answers."""

from shared import audit, composition
from shared.caller import Caller, identify, require_role
from shared.errors import AppError, InvalidRequest, Problem, ResourceNotAllowed, RoleRequired
from shared.http import Request, Response, require_api_version
from shared.parameters import RegenerateKeyParameters, parse_if_match
from shared.regeneration import Regeneration
from shared.resource_id import ResourceId
from shared.settings import Settings, default_resource, settings


async def regenerate_default(request: Request) -> Response:
    """`POST /api/regenerateKey`: regenerate a key of the app's own resource, COMMUNICATION_SERVICE_ID."""
    configured = settings()
    caller = _authorized(request, configured)
    return await _regenerate(request, configured, caller, default_resource(configured), [])


async def regenerate(request: Request) -> Response:
    """`POST /api/subscriptions/…/regenerateKey?api-version=…`: regenerate a key of the resource in the path."""
    configured = settings()
    caller = _authorized(request, configured)
    require_api_version(request.query)
    resource, problems = ResourceId.from_parts(
        request.route.get("subscriptionId", ""),
        request.route.get("resourceGroupName", ""),
        request.route.get("communicationServiceName", ""),
    )
    return await _regenerate(request, configured, caller, resource, problems)


def _authorized(request: Request, configured: Settings) -> Caller:
    caller = identify(request.headers, app_service_authentication=configured.app_service_authentication)
    try:
        require_role(caller, configured.required_app_roles)
    except RoleRequired as error:
        audit.refusal(request, caller, error)
        raise
    return caller


async def _regenerate(
    request: Request,
    configured: Settings,
    caller: Caller,
    resource: ResourceId | None,
    problems: list[Problem],
) -> Response:
    parameters, wrong = RegenerateKeyParameters.parse(request.json_object())
    problems = problems + wrong
    if_match = None
    try:
        if_match = parse_if_match(request.headers.get("if-match"))
    except InvalidRequest as error:
        problems = [*problems, *error.problems]
    if resource is None or parameters is None or problems:
        raise InvalidRequest(problems)

    try:
        if not configured.allowed_communication_services.allows(resource):
            raise ResourceNotAllowed
        use_case = await composition.regenerator()
        regenerated = await use_case.regenerate(
            Regeneration(
                resource=resource, key_type=parameters.key_type, if_match=if_match, request_id=request.request_id
            )
        )
    except AppError as error:
        audit.regeneration(request, caller, resource, parameters.key_type, error)
        raise
    audit.regeneration(request, caller, resource, parameters.key_type, regenerated)
    return Response(regenerated.to_json())

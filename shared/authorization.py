"""Whether a caller may call at all: identified where App Service vouches, refused where an app role is missing."""

from shared import audit
from shared.caller import Caller, identify, require_role
from shared.errors import RoleRequired
from shared.http import Request
from shared.settings import Settings


def authorized(request: Request, configured: Settings, action: str) -> Caller:
    """Return the caller of a request for an action, by its name in the audit.

    Raises:
        RoleRequired: app roles are required and the caller has none of them; the audit knows.
    """
    caller = identify(request.headers, app_service_authentication=configured.app_service_authentication)
    try:
        require_role(caller, configured.required_app_roles)
    except RoleRequired as error:
        audit.refusal(request, caller, action, error)
        raise
    return caller

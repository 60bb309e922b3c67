"""Who calls: the principal that App Service authentication vouches for, or a holder of a function key (pure)."""

import base64
import binascii
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.errors import RoleRequired

_logger = logging.getLogger(__name__)

# https://learn.microsoft.com/azure/app-service/configure-authentication-user-identities#decode-the-client-principal-header
_PRINCIPAL = "x-ms-client-principal"
_LONGEST = 64 * 1024


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks.

    Attributes:
        kind: `AppServicePrincipal` where App Service vouches for an identity, else `FunctionKey`: somebody
            whom the Functions host let through, about whom nothing more is known.
        id: the principal's object id, or empty.
        name: the principal's display name, or empty.
        roles: the principal's app roles.
    """

    kind: str
    id: str = ""
    name: str = ""
    roles: frozenset[str] = frozenset()

    def to_json(self) -> dict[str, str]:
        """Return what the audit line says of the caller: kind, and id and name where they are known."""
        return {"kind": self.kind} | {k: v for k, v in (("id", self.id), ("name", self.name)) if v}


ANONYMOUS = Caller("FunctionKey")


def identify(headers: Mapping[str, str], *, app_service_authentication: bool) -> Caller:
    """Return the caller of a request.

    Args:
        headers: the request's headers, names in lower case.
        app_service_authentication: whether App Service authentication stands before the app. Only then are
            the X-MS-CLIENT-PRINCIPAL headers the platform's; otherwise anybody may have written them.
    """
    if not app_service_authentication:
        return ANONYMOUS
    encoded = headers.get(_PRINCIPAL, "")
    if not encoded:
        return ANONYMOUS
    claims = _claims(encoded)
    if claims is None:
        _logger.warning("App Service sent a client principal that cannot be read; the caller stays unknown")
        return ANONYMOUS
    role_claim, pairs = claims
    roles = frozenset(value for kind, value in pairs if kind in (role_claim, "roles"))
    return Caller(
        "AppServicePrincipal",
        id=headers.get("x-ms-client-principal-id", "")[:128],
        name=headers.get("x-ms-client-principal-name", "")[:256],
        roles=roles,
    )


def require_role(caller: Caller, required: frozenset[str]) -> None:
    """Let the caller pass if no app role is required, or if the caller has one of those that are.

    Raises:
        RoleRequired: also where App Service authentication is off, since nobody then vouches for a role.
    """
    if not required or caller.roles & required:
        return
    names = ", ".join(sorted(required))
    if caller is ANONYMOUS:
        raise RoleRequired(
            f"This app asks for one of the app roles {names}, and App Service authentication vouches for none: "
            "sign in with Microsoft Entra ID, and see that App Service authentication is on for this app."
        )
    raise RoleRequired(
        f"This app asks for one of the app roles {names}, and the caller has none of them. Assign one to the "
        "calling identity in Microsoft Entra ID."
    )


def _claims(encoded: str) -> tuple[str, list[tuple[str, str]]] | None:
    """Return the type of the role claim and the (type, value) pairs of a client principal, or None."""
    if len(encoded) > _LONGEST:
        return None
    try:
        principal: Any = json.loads(base64.b64decode(encoded, validate=True))
        claims: list[Any] = principal["claims"]
        pairs = [(str(claim["typ"]), str(claim["val"])) for claim in claims]
        return str(principal.get("role_typ", "roles")), pairs
    except (binascii.Error, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None

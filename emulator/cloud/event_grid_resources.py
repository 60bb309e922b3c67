"""The event that Azure Resource Manager raises for a POST that succeeded: Microsoft.Resources.ResourceActionSuccess.

Shape: learn.microsoft.com/azure/event-grid/event-schema-resource-groups, of which the sample is a listKeys. It names
no key type. What the sample leaves open (`{ID}`, `{token}`) is the caller's own or made up; no key is in it.
"""

from dataclasses import dataclass

from emulator.cloud.defaults import TENANT_ID
from emulator.cloud.event_grid_sources import system_event
from emulator.cloud.resource_ids import ResourceId
from emulator.cloud.tokens import LIFETIME_SECONDS, Token

_PROVIDER = "Microsoft.Communication"
# What the built-in role Contributor has for an id (learn.microsoft.com, built-in roles).
_ROLE_DEFINITION_ID = "b24988ac6180423ab55020f7382dd24c"
_ROLE_ASSIGNMENT_ID = "00000000000040008000000000000001"
_CLAIMS = "http://schemas.microsoft.com/identity/claims"


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """A POST that ARM has served: `name` as in the path (listKeys), `url` as it was asked for, who asked."""

    resource_id: ResourceId
    name: str
    url: str
    token: Token
    correlation_id: str
    client_request_id: str | None


def action_event(action: Action) -> dict[str, object]:
    """Return the event of an action that succeeded."""
    resource_id, identity = action.resource_id, action.token.identity
    subscription = f"/subscriptions/{resource_id.subscription}"
    operation = f"{_PROVIDER}/communicationServices/{action.name}/action"
    issued = str(action.token.expires_on - LIFETIME_SECONDS)
    return system_event(
        topic=f"{subscription}/resourceGroups/{resource_id.group}",
        subject=str(resource_id),
        event_type="Microsoft.Resources.ResourceActionSuccess",
        data={
            "authorization": {
                "scope": str(resource_id),
                "action": operation,
                "evidence": {
                    "role": "Contributor",
                    "roleAssignmentScope": subscription,
                    "roleAssignmentId": _ROLE_ASSIGNMENT_ID,
                    "roleDefinitionId": _ROLE_DEFINITION_ID,
                    "principalId": identity.principal_id.replace("-", ""),
                    "principalType": "ServicePrincipal",
                },
            },
            "claims": {
                "aud": action.token.audience,
                "iss": f"https://sts.windows.net/{TENANT_ID}/",
                "iat": issued,
                "nbf": issued,
                "exp": str(action.token.expires_on),
                "appid": identity.client_id,
                "appidacr": "2",
                f"{_CLAIMS}/identityprovider": f"https://sts.windows.net/{TENANT_ID}/",
                f"{_CLAIMS}/objectidentifier": identity.principal_id,
                "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier": identity.principal_id,
                f"{_CLAIMS}/tenantid": TENANT_ID,
                "ver": "1.0",
            },
            "correlationId": action.correlation_id,
            "httpRequest": {
                "clientRequestId": action.client_request_id or action.correlation_id,
                "clientIpAddress": "127.0.0.1",
                "method": "POST",
                "url": action.url,
            },
            "resourceProvider": _PROVIDER,
            "resourceUri": str(resource_id),
            "operationName": operation,
            "status": "Succeeded",
            "subscriptionId": resource_id.subscription,
            "tenantId": TENANT_ID,
        },
        data_version="2",
    )

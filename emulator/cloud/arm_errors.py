"""ARM's errors, with the codes and texts of the real one.

Shape: `{"error": {"code", "message", "target"?, "details"?, "additionalInfo"?}}` (the ErrorResponse of
azure-resource-manager-rpc, common-types/resource-management). Codes and texts:
learn.microsoft.com/azure/azure-resource-manager/troubleshooting/common-deployment-errors and, where they are not
documented, what the real one answers as quoted in public issues, named beside each.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from emulator.cloud.defaults import TENANT_ID
from emulator.cloud.exchange import Reply
from emulator.cloud.faults import StatusFault


@dataclass(frozen=True)
class ArmError(Exception):
    """ARM refuses a request."""

    status: int
    code: str
    message: str
    details: list[dict[str, str]] | None = None
    target: str | None = None
    # For WWW-Authenticate, with status 401.
    challenge: str | None = None
    # For Allow, with status 405.
    allow: str | None = None
    # Further headers, by name.
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    def reply(self) -> Reply:
        """Return the error as an answer."""
        error: dict[str, object] = {"code": self.code, "message": self.message}
        if self.target is not None:
            error["target"] = self.target
        if self.details is not None:
            error["details"] = self.details
        headers = dict(self.headers)
        if self.challenge is not None:
            # As quoted in kubernetes-sigs/cluster-api-provider-azure and kubernetes/autoscaler's mocks of ARM.
            headers["WWW-Authenticate"] = (
                f'Bearer authorization_uri="https://login.windows.net/{TENANT_ID}", error="invalid_token", '
                f'error_description="{self.challenge}"'
            )
        if self.allow is not None:
            headers["Allow"] = self.allow
        return Reply(self.status, {"error": error}, headers)


# What ARM or a gateway before it says with such a status, when the rule names no code of its own.
_CODES = {
    400: "BadRequest",
    401: "InvalidAuthenticationToken",
    403: "AuthorizationFailed",
    404: "ResourceNotFound",
    409: "Conflict",
    412: "PreconditionFailed",
    429: "TooManyRequests",
    500: "InternalServerError",
    502: "BadGateway",
    503: "ServiceUnavailable",
    504: "GatewayTimeout",
}


def refusal(fault: StatusFault) -> Reply:
    """Return the ErrorResponse that a fault rule asks for."""
    code = fault.code or _CODES.get(fault.status, "RequestFailed")
    message = fault.message or f"The request failed with {fault.status} because a fault rule says so."
    error: dict[str, object] = {"code": code, "message": message}
    if fault.details is not None:
        error["details"] = fault.details
    if fault.additional_info is not None:
        error["additionalInfo"] = fault.additional_info
    headers = {} if fault.retry_after is None else {"Retry-After": fault.retry_after}
    return Reply(fault.status, {"error": error}, headers)


def throttled(subscription: str, operation: str, seconds: int, headers: Mapping[str, str]) -> ArmError:
    """Return the error for one write too many (code and text: MicrosoftDocs/azure-docs#105248)."""
    return ArmError(
        429,
        "SubscriptionRequestsThrottled",
        f"Number of requests for subscription '{subscription}' and operation '{operation}' exceeded the backend "
        f"storage limit. Please try again after '{seconds}' seconds.",
        headers=headers,
    )


def unauthorized(code: str, message: str) -> ArmError:
    """Return a 401 with the challenge that goes with it."""
    return ArmError(401, code, message, challenge=message.replace('"', "'"))


def missing_api_version() -> ArmError:
    """Return the error for a request without an api-version (text: microsoft/api-guidelines, azure)."""
    return ArmError(
        400,
        "MissingApiVersionParameter",
        "The api-version query parameter (?api-version=) is required for all requests.",
    )


def invalid_api_version(version: str, supported: tuple[str, ...]) -> ArmError:
    """Return the error for an api-version that is not a date (text: ansible-collections/azure#1739)."""
    return ArmError(
        400,
        "InvalidApiVersionParameter",
        f"The api-version '{version}' is invalid. The supported versions are '{','.join(supported)}'.",
    )


def unsupported_api_version(version: str, supported: tuple[str, ...]) -> ArmError:
    """Return the error for an api-version that there is not (.../troubleshooting/error-register-resource-provider)."""
    return ArmError(
        400,
        "NoRegisteredProviderFound",
        f"No registered resource provider found for location 'global' and API version '{version}' for type "
        f"'CommunicationServices'. The supported api-versions are '{', '.join(supported)}'. "
        "The supported locations are 'global'.",
    )


def invalid_subscription_id(subscription: str) -> ArmError:
    """Return the error for a subscription id that is no UUID (text: hashicorp/terraform-provider-azurerm#25954)."""
    return ArmError(
        400,
        "InvalidSubscriptionId",
        f"The provided subscription identifier '{subscription}' is malformed or invalid.",
    )


def subscription_not_found(subscription: str) -> ArmError:
    """Return the error for a subscription that does not exist (same page, SubscriptionNotFound)."""
    return ArmError(404, "SubscriptionNotFound", f"The subscription '{subscription}' could not be found.")


def resource_group_not_found(group: str) -> ArmError:
    """Return the error for a resource group that does not exist (same page, ResourceGroupNotFound)."""
    return ArmError(404, "ResourceGroupNotFound", f"Resource group '{group}' could not be found.")


def resource_not_found(name: str, group: str) -> ArmError:
    """Return the error for a resource that does not exist (.../troubleshooting/error-not-found)."""
    return ArmError(
        404,
        "ResourceNotFound",
        f"The Resource 'Microsoft.Communication/communicationServices/{name}' under resource group '{group}' was "
        "not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix",
    )


def authorization_failed(principal_id: str, action: str, scope: str) -> ArmError:
    """Return the error for a caller without a role (learn.microsoft.com, RBAC troubleshooting)."""
    return ArmError(
        403,
        "AuthorizationFailed",
        f"The client '{principal_id}' with object id '{principal_id}' does not have authorization to perform "
        f"action '{action}' over scope '{scope}' or the scope is invalid. If access was recently granted, please "
        "refresh your credentials.",
    )


def payload_validation_failed(problem: str, target: str) -> ArmError:
    """Return the error for a body that the API specification does not allow.

    Code and text are those that Azure/azure-powershell#28085 and GitHub's documentation of Azure private networking
    quote; the form of `details` is that of radius-project/radius, which follows ARM's contract (the real one is not
    documented).
    """
    return ArmError(
        400,
        "HttpRequestPayloadAPISpecValidationFailed",
        "HTTP request payload failed validation against API specification with one or more errors. Please see "
        "details for more information.",
        details=[{"code": "InvalidProperties", "message": problem}],
        target=target,
    )


def invalid_request_content(problem: str) -> ArmError:
    """Return the error for a body that is no JSON (same page, InvalidRequestContent)."""
    return ArmError(
        400,
        "InvalidRequestContent",
        f"The request content was invalid and could not be deserialized: '{problem}'.",
    )


def unsupported_media_type(media_type: str | None) -> ArmError:
    """Return the error for a body that does not say it is JSON (text: Azure/azure-cli#10143)."""
    return ArmError(
        415,
        "UnsupportedMediaType",
        f"The content media type '{media_type or '<null>'}' is not supported. Only 'application/json' is supported.",
    )

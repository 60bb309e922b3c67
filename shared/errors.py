"""Every error that a caller may see: one hierarchy, each with its ARM error code and HTTP status.

What lives in a module of its own has it named in the drawing.

AppError                              code, HTTP status, message, target, details, additionalInfo, headers
├── Passed                            code and status of the error that an orchestration ended with
├── InvalidRequest                    400 InvalidRequest, or the code that ARM gives (api-version)
├── MalformedEvent (event_data.py)    400 MalformedEvent: logged alone, for nobody waits for an answer to an event
├── NotAllowed                        403
│   ├── ResourceNotAllowed            403 ResourceNotAllowed: outside the allow-list
│   └── RoleRequired                  403 RoleRequired: the caller has none of the required app roles
├── NotFound                          404 NotFound: no rotation with that id
├── PreconditionFailed                412 PreconditionFailed: If-Match names another fingerprint
├── RequestEntityTooLarge             413 RequestEntityTooLarge
├── UnsupportedMediaType              415 UnsupportedMediaType
├── UnexpectedError                   500 InternalServerError: a defect of ours
├── NotConfigured                     503 NotConfigured: settings missing or wrong, all of them named
├── ManagedIdentityUnavailable        503 ManagedIdentityUnavailable
├── DurableFunctionsUnavailable       503 DurableFunctionsUnavailable: it, or its storage, failed
├── DeadlineExceeded                  504 DeadlineExceeded
├── Conflict (conflicts.py)           409: the state of the key, its secrets or another rotation is in the way
│   ├── KeyInUse                      409 KeyInUse: a secret publishes the key
│   ├── KeyChanged                    409 KeyChanged: somebody else regenerated the key in the midst of a step
│   ├── GracePending                  409 GracePending: the other key is still in grace, and until when
│   ├── RotationInProgress            409 RotationInProgress: who holds the resource
│   ├── StaleEvent                    409 StaleEvent: the event's secret version is no longer the current one
│   ├── ActiveKeyUnknown              409 ActiveKeyUnknown: no secret, and the request does not name the key in use
│   ├── Decided                       409 RevocationDecided: nothing is left to decide about the old key
│   ├── SecretsDisagreed              409 SecretsDisagreed: the secrets publish different keys
│   └── RequestIdReused               409 RequestIdReused: the repeatability id belongs to another request
├── NotProven                         503 NotProven: the data plane did not give the proof; retriable
│   └── NoVerdict                     503 NotProven: it was throttled, failed or did not answer; retriable
├── KeyVaultError (key_vault_errors.py) what Key Vault did, or what a secret in it is
│   ├── KeyVaultForbidden             403 KeyVaultForbidden: right, network or policy is missing
│   ├── KeyVaultUnavailable           503 KeyVaultUnavailable: throttled, failed, unreachable, nonsense; retriable
│   ├── KeyVaultRejected              502 KeyVaultRejected: Key Vault refused what was sent as wrong
│   ├── SecretNotOurs                 409 SecretNotOurs: the secret of that name is not tagged with the resource
│   ├── SecretDisabled                409 SecretDisabled: the current version cannot be read
│   ├── SecretDeleted                 409 SecretDeleted: the name is soft-deleted
│   ├── SecretFormatUnknown           409 SecretFormatUnknown: neither a key nor a connection string
│   ├── TagTooLong                    409 TagTooLong: Key Vault's limits leave no room for our tags
│   └── DeliveryIncomplete            code and status of what hindered it: some secrets did not get the key
├── EventNotPublished (event_grid_errors.py) 503: Event Grid did not take an event; in the log alone
└── ArmError                          what Azure Resource Manager did
    ├── ArmRejected                   400, 403, 404, 409, 412, 429: ARM's own answer, passed through
    ├── UpstreamAuthenticationFailed  502 UpstreamAuthenticationFailed: ARM refused our token (401)
    ├── UpstreamFailed                502 UpstreamError: ARM failed (5xx)
    ├── UpstreamUnreachable           502 UpstreamUnreachable: no connection, or it was lost
    └── UpstreamResponseInvalid       502 UpstreamResponseInvalid: an answer that is not of the API

The wire form is ARM's ErrorResponse:
https://github.com/cloud-and-ai-microsoft/resource-provider-contract/blob/master/v1.0/common-api-details.md#error-response-content
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

type Json = dict[str, Any]

# the type of the additionalInfo that tells it; nobody else's word counts
OUTCOME = "RegenerationOutcome"


class RegenerationOutcome(StrEnum):
    """What has become of a key although the answer is an error."""

    NOT_REGENERATED = "NotRegenerated"
    UNKNOWN = "Unknown"
    REGENERATED = "Regenerated"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a request or a setting, and where; never the value that was sent."""

    code: str
    message: str
    target: str

    def to_json(self) -> Json:
        """Return the ARM `ErrorDetail` of this problem."""
        return {"code": self.code, "message": self.message, "target": self.target}


class AppError(Exception):
    """An error that is told to the caller as an ARM ErrorResponse.

    Args:
        message: one or two sentences: what is wrong, where, and what to do. Never holds a secret.
        target: the property, parameter or setting that is at fault.
        details: ARM `ErrorDetail` objects.
        additional_info: ARM `ErrorAdditionalInfo` objects, `{"type": …, "info": …}`.
        headers: response headers beside the common ones, for example Retry-After.
        outcome: where a key may have changed, whether it has; becomes one more `additionalInfo`.
    """

    code = "InternalServerError"
    status = 500
    # whether the same call may well succeed a little later, without anybody doing anything about it
    retriable = False

    def __init__(
        self,
        message: str,
        *,
        target: str | None = None,
        details: Sequence[Json] = (),
        additional_info: Sequence[Json] = (),
        headers: Mapping[str, str] | None = None,
        outcome: RegenerationOutcome | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.target = target
        self.details = tuple(details)
        self.additional_info = tuple(additional_info)
        self.headers = dict(headers or {})
        self.outcome = outcome

    def to_json(self) -> Json:
        """Return the ARM `ErrorResponse`: `{"error": {code, message, target?, details?, additionalInfo?}}`."""
        info = list(self.additional_info)
        if self.outcome is not None:
            info.append({"type": OUTCOME, "info": {"outcome": self.outcome.value}})
        error: Json = {"code": self.code, "message": self.message}
        if self.target is not None:
            error["target"] = self.target
        if self.details:
            error["details"] = list(self.details)
        if info:
            error["additionalInfo"] = info
        return {"error": error}


class Passed(AppError):
    """An error that an orchestration ended with, passed on as it was.

    Args:
        status: the HTTP status that the error has in a synchronous call.
        error: the ARM `ErrorDetail`.
        headers: response headers, such as Retry-After.
    """

    def __init__(self, status: int, error: Json, headers: Mapping[str, str]) -> None:
        told = [info["info"]["outcome"] for info in error.get("additionalInfo", ()) if info["type"] == OUTCOME]
        super().__init__(error["message"], headers=headers, outcome=RegenerationOutcome(told[0]) if told else None)
        self.status = status
        self.code = error["code"]
        self._error = error

    def to_json(self) -> Json:
        """Return the ErrorResponse."""
        return {"error": self._error}


class InvalidRequest(AppError):
    """The request is malformed; `details` holds every problem that was found, each with its target."""

    code = "InvalidRequest"
    status = 400

    def __init__(self, problems: Sequence[Problem], *, code: str | None = None) -> None:
        first = problems[0]
        one = len(problems) == 1
        super().__init__(
            first.message if one else f"The request has {len(problems)} problems; details names each.",
            target=first.target if one else None,
            details=[problem.to_json() for problem in problems],
        )
        self.problems = tuple(problems)
        if code is not None:
            self.code = code


class NotAllowed(AppError):
    """The caller is known well enough to be refused."""

    status = 403


class ResourceNotAllowed(NotAllowed):
    """The resource lies outside the allow-list; nothing was asked of Azure."""

    code = "ResourceNotAllowed"

    def __init__(self) -> None:
        super().__init__(
            "This app may not touch that Communication Services resource. An operator allows it by naming the "
            "resource, its resource group or its subscription in ALLOWED_COMMUNICATION_SERVICES.",
            target="resourceId",
        )


class RoleRequired(NotAllowed):
    """App roles are required and App Service vouches for none of them."""

    code = "RoleRequired"


class NotFound(AppError):
    """There is nothing by that name here."""

    code = "NotFound"
    status = 404


class PreconditionFailed(AppError):
    """If-Match names a fingerprint that the key does not have now; nothing was changed."""

    code = "PreconditionFailed"
    status = 412


class RequestEntityTooLarge(AppError):
    """The request body is over the limit."""

    code = "RequestEntityTooLarge"
    status = 413


class UnsupportedMediaType(AppError):
    """The request body is not declared as JSON."""

    code = "UnsupportedMediaType"
    status = 415


class UnexpectedError(AppError):
    """A defect of this app; the log has the details, the caller gets the request id."""

    def __init__(self, *, outcome: RegenerationOutcome | None = None) -> None:
        super().__init__(
            "The app failed in a way that it does not know. Its log has the details under this response's "
            "x-ms-request-id.",
            outcome=outcome,
        )


class NotConfigured(AppError):
    """Settings are missing or wrong; `details` names every one of them."""

    code = "NotConfigured"
    status = 503

    def __init__(self, problems: Sequence[Problem]) -> None:
        names = ", ".join(dict.fromkeys(problem.target for problem in problems))
        super().__init__(
            f"The app's settings need attention: {names}. details says what to set.",
            details=[problem.to_json() for problem in problems],
        )


class ManagedIdentityUnavailable(AppError):
    """No token is to be had from the managed identity (or the developer's credential)."""

    code = "ManagedIdentityUnavailable"
    status = 503
    retriable = True


class DeadlineExceeded(AppError):
    """The request outlasted REQUEST_DEADLINE_SECONDS."""

    code = "DeadlineExceeded"
    status = 504
    retriable = True


class DurableFunctionsUnavailable(AppError):
    """Durable Functions failed, or could not be reached: the host's extension, or the storage behind it."""

    code = "DurableFunctionsUnavailable"
    status = 503
    retriable = True


class NotProven(AppError):
    """The data plane did not give the proof that was asked for, not yet or not in this attempt."""

    code = "NotProven"
    status = 503
    retriable = True


class NoVerdict(NotProven):
    """The data plane said nothing about the key: throttled, failed, or without an answer."""


class ArmError(AppError):
    """Azure Resource Manager did not do what it was asked, or nobody knows whether it did."""

    status = 502


class ArmRejected(ArmError):
    """ARM's own refusal, passed through: its status, code, message, details and additionalInfo, scrubbed."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        target: str | None = None,
        details: Sequence[Json] = (),
        additional_info: Sequence[Json] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message, target=target, details=details, additional_info=additional_info, headers=headers)
        self.status = status
        self.code = code
        # throttled: the only refusal that passes by itself
        self.retriable = status == 429


class UpstreamAuthenticationFailed(ArmError):
    """ARM answered 401: it refuses the token of our identity."""

    code = "UpstreamAuthenticationFailed"
    retriable = True


class UpstreamFailed(ArmError):
    """ARM answered 5xx, or with a status that the API does not know."""

    code = "UpstreamError"
    retriable = True


class UpstreamUnreachable(ArmError):
    """No connection to ARM, or it was lost before the answer came.

    `sent` is False only where the request certainly never left: then it is safe to send it again.
    """

    code = "UpstreamUnreachable"
    retriable = True

    def __init__(self, message: str, *, sent: bool, outcome: RegenerationOutcome | None = None) -> None:
        super().__init__(message, outcome=outcome)
        self.sent = sent


class UpstreamResponseInvalid(ArmError):
    """ARM's answer is not what the API describes."""

    code = "UpstreamResponseInvalid"
    retriable = True

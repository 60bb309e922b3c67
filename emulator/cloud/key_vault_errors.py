"""Key Vault's errors, with the codes and texts of the real one.

Shape: `{"error": {"code", "message", "innererror"?: {"code"}}}` (KeyVaultError in Azure/azure-rest-api-specs,
specification/keyvault; learn.microsoft.com/azure/key-vault/general/rest-error-codes). Texts are those of recorded
answers in Azure/azure-sdk-for-js, sdk/keyvault, or of the public issues named beside each.
"""

from dataclasses import dataclass

from emulator.cloud.defaults import RESOURCE_GROUP, SUBSCRIPTION_ID, TENANT_ID, VAULT_LOCATION, VAULT_NAME, Identity
from emulator.cloud.exchange import Reply
from emulator.cloud.faults import StatusFault

RESOURCE = "https://vault.azure.net"
CHALLENGE = f'Bearer authorization="https://login.microsoftonline.com/{TENANT_ID}", resource="{RESOURCE}"'
_VAULT = f"{VAULT_NAME};location={VAULT_LOCATION}"
_NOT_AUTHORIZED = (
    "Caller is not authorized to perform action on resource.\r\nIf role assignments, deny assignments or role "
    "definitions were changed recently, please observe propagation time."
)
_NO_PERMISSION = (
    f"The user, group or application does not have secrets permission on key vault '{_VAULT}'. For help resolving "
    "this issue, please see https://go.microsoft.com/fwlink/?linkid=2125287"
)


@dataclass(frozen=True)
class KeyVaultError(Exception):
    """Key Vault refuses a request."""

    status: int
    code: str
    message: str
    inner_code: str | None = None
    retry_after: str | None = None

    def reply(self) -> Reply:
        """Return the error as an answer; a 401 challenges the caller to authenticate."""
        error: dict[str, object] = {"code": self.code, "message": self.message}
        if self.inner_code is not None:
            error["innererror"] = {"code": self.inner_code}
        headers: dict[str, str] = {}
        if self.status == 401:
            headers["WWW-Authenticate"] = CHALLENGE
        if self.retry_after is not None:
            headers["Retry-After"] = self.retry_after
        return Reply(self.status, {"error": error}, headers)


# What Key Vault says with such a status, when the rule names no code of its own.
_CODES = {
    400: "BadParameter",
    401: "Unauthorized",
    403: "ForbiddenByRbac",
    404: "SecretNotFound",
    409: "Conflict",
    429: "Throttled",
    500: "InternalServerError",
    502: "BadGateway",
    503: "ServiceUnavailable",
    504: "GatewayTimeout",
}
# Codes that stand inside another one, and its text (without the caller, whom a rule does not know).
_INNER_CODES = {
    "ForbiddenByRbac": ("Forbidden", _NOT_AUTHORIZED),
    # Vaults with access policies instead of roles; AccessDenied is the older name.
    "ForbiddenByPolicy": ("Forbidden", _NO_PERMISSION),
    "AccessDenied": ("Forbidden", _NO_PERMISSION),
    "ForbiddenByConnection": (
        "Forbidden",
        (
            "Public network access is disabled and request is not from a trusted service nor via an approved private "
            f"link.\r\nVault: {_VAULT}"
        ),
    ),
    "ForbiddenByFirewall": (
        "Forbidden",
        f"Client address is not authorized and caller is not a trusted service.\r\nVault: {_VAULT}",
    ),
    "SecretDisabled": ("Forbidden", "Operation get is not allowed on a disabled secret."),
    "ObjectIsDeletedButRecoverable": (
        "Conflict",
        (
            "The secret is currently in a deleted but recoverable state, and its name cannot be reused; in this state, "
            "the secret can only be recovered or purged."
        ),
    ),
    "ObjectIsBeingDeleted": ("Conflict", "The secret is currently being deleted."),
}
_THROTTLED = "Request was not processed because too many requests were received. Reason: VaultRequestTypeLimitReached"


def refusal(fault: StatusFault) -> Reply:
    """Return the error that a fault rule asks for; a code that has its place inside another one is put there."""
    code = fault.code or _CODES.get(fault.status, "RequestFailed")
    message = _THROTTLED if code == "Throttled" else f"The request failed with {fault.status} as a fault rule says."
    inner_code = None
    if code in _INNER_CODES:
        inner_code = code
        code, message = _INNER_CODES[code]
    return KeyVaultError(fault.status, code, fault.message or message, inner_code, fault.retry_after).reply()


def unauthorized(message: str) -> KeyVaultError:
    """Return a 401."""
    return KeyVaultError(401, "Unauthorized", message)


def bad_parameter(message: str) -> KeyVaultError:
    """Return a 400."""
    return KeyVaultError(400, "BadParameter", message)


def invalid_property() -> KeyVaultError:
    """Return the error for whatever in a body is not as it must be: the real one does not say what.

    Text: hashicorp/terraform-provider-azurerm#16780 (16 tags), Azure/azure-sdk-for-node#2198 (a long value).
    """
    return bad_parameter("Property has invalid value\r\n")


def invalid_name(name: str) -> KeyVaultError:
    """Return the error for a name that no secret can have (text: Azure/azure-sdk-for-rust, core_error_response.rs)."""
    return bad_parameter(f"The request URI contains an invalid name: {name}")


def unsupported_api_version(version: str, latest: str) -> KeyVaultError:
    """Return the error for an api-version that there is not (text: quoted in inspec/inspec-azure)."""
    return bad_parameter(
        f"The specified version ({version}) is not recognized. Consider using the latest supported version ({latest})."
    )


def not_found(name: str, version: str | None = None) -> KeyVaultError:
    """Return the error for a secret or version that does not exist or is deleted."""
    shown = name if version is None else f"{name}/{version}"
    return KeyVaultError(
        404,
        "SecretNotFound",
        f"A secret with (name/id) {shown} was not found in this key vault. If you recently deleted this secret you may "
        "be able to recover it using the correct recovery command. For help resolving this issue, please see "
        "https://go.microsoft.com/fwlink/?linkid=2125182",
    )


def deleted_not_found(name: str) -> KeyVaultError:
    """Return the error for a deleted secret that does not exist."""
    return KeyVaultError(404, "SecretNotFound", f"Deleted Secret not found: {name}")


def disabled() -> KeyVaultError:
    """Return the error for reading what is disabled (Azure/azure-sdk-for-java#17991 quotes all of it)."""
    return KeyVaultError(403, "Forbidden", _INNER_CODES["SecretDisabled"][1], "SecretDisabled")


def deleted(name: str) -> KeyVaultError:
    """Return the error for setting a secret whose name is deleted and recoverable."""
    return KeyVaultError(
        409,
        "Conflict",
        f"Secret {name} is currently in a deleted but recoverable state, and its name cannot be reused; in this state, "
        "the secret can only be recovered or purged.",
        "ObjectIsDeletedButRecoverable",
    )


def forbidden(identity: Identity, action: str, name: str | None) -> KeyVaultError:
    """Return the error for a caller without a role (text: piyushsachdeva/Terraform_AKS#2)."""
    vault = (
        f"/subscriptions/{SUBSCRIPTION_ID}/resourcegroups/{RESOURCE_GROUP.lower()}"
        f"/providers/microsoft.keyvault/vaults/{VAULT_NAME.lower()}"
    )
    resource = vault if name is None else f"{vault}/secrets/{name}"
    return KeyVaultError(
        403,
        "Forbidden",
        f"{_NOT_AUTHORIZED}\r\nCaller: appid={identity.client_id};oid={identity.principal_id};"
        f"iss=https://sts.windows.net/{TENANT_ID}/\r\nAction: '{action}'\r\nResource: '{resource}'\r\n"
        f"Assignment: (not found)\r\nDenyAssignmentId: null\r\nDecisionReason: 'DeniedWithNoValidRBAC' \r\n"
        f"Vault: {_VAULT}\r\n",
        "ForbiddenByRbac",
    )

"""What Key Vault answered, or did not -> one of our errors (pure).

Its errors look like `{"error": {"code": "Forbidden", "message": "…", "innererror": {"code": "ForbiddenByRbac"}}}`:
https://learn.microsoft.com/azure/key-vault/general/rest-error-codes
"""

import json
import re
from collections.abc import Mapping
from typing import Any, cast

from shared import retry_after
from shared.errors import Json
from shared.key_vault_errors import (
    KeyVaultError,
    KeyVaultForbidden,
    KeyVaultRejected,
    KeyVaultUnavailable,
    SecretDeleted,
    SecretDisabled,
)
from shared.redaction import scrub

_LARGEST_ANSWER = 64 * 1024
_LONGEST_TEXT = 2_000
_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,99}", re.ASCII)
_REQUEST_TIMEOUT = 408

_RBAC = (
    "Key Vault denies it: this app's identity lacks the role. Assign it Key Vault Secrets Officer on the vault, or a "
    "custom role that may read, list, set and update secrets; a new assignment takes some minutes to work."
)
_POLICY = (
    "Key Vault denies it: no access policy gives this app's identity the permission. Give it get, list and set for "
    "secrets."
)
_NETWORK = (
    "Key Vault denies it because of where the request comes from: its firewall or its private endpoint shuts this app "
    "out. Allow the app's outbound addresses, or connect the app to the vault's virtual network."
)
_ADVICE: Mapping[str, str] = {
    "ForbiddenByRbac": _RBAC,
    "ForbiddenByPolicy": _POLICY,
    "AccessDenied": _POLICY,
    "ForbiddenByConnection": _NETWORK,
    "ForbiddenByFirewall": _NETWORK,
}
_DENIED = (
    "Key Vault denies it. Check that this app's identity may get, list and set secrets, and that the vault's network "
    "rules let the app in."
)
# Deleting and recovering take seconds, during which the name is taken as well.
_DELETED = frozenset({"ObjectIsDeletedButRecoverable", "ObjectIsBeingDeleted"})


def from_status(
    status: int, headers: Mapping[str, str], body: bytes, *, secret: str | None, changes: bool
) -> KeyVaultError:
    """Return the error for an answer that is not the 200 of the API. A 404 has no error of its own: ask before.

    Args:
        status: the HTTP status.
        headers: the answer's headers; Retry-After is passed on.
        body: Key Vault's error, or anything.
        secret: the name of the secret that was asked for; None for a listing.
        changes: whether the call would have changed something, so that its outcome may be in doubt.
    """
    code, inner, message = _parse(body)
    details: tuple[Json, ...] = ({"code": inner or code, "message": message},) if code else ()
    passed_on = retry_after.passed_on(headers)
    if status == 401:
        return KeyVaultUnavailable(
            "Key Vault refused the token of this app's identity. The next attempt asks for a new one; if that fails "
            "too, check that the identity belongs to the vault's tenant.",
            doubtful=False,
            target=secret,
            details=details,
        )
    if status == 403 and inner == "SecretDisabled" and secret is not None:
        return SecretDisabled(secret)
    if status == 403:
        return KeyVaultForbidden(_ADVICE.get(inner, _DENIED), target=secret, details=details)
    if status == 409 and inner in _DELETED and secret is not None:
        return SecretDeleted(secret)
    if status in (409, 429):
        return KeyVaultUnavailable(
            "Key Vault throttles this app."
            if status == 429
            else "Key Vault is busy with another change of the secret.",
            doubtful=False,
            target=secret,
            details=details,
            headers=passed_on,
        )
    if status in (400, 404, 405, 413, 415):
        # its words may quote what was sent: the codes alone go on
        return KeyVaultRejected(
            f"Key Vault refused the request as wrong (HTTP status {status}{f', {inner or code}' if code else ''}).",
            target=secret,
        )
    if 200 <= status < 400:
        return not_the_api(secret=secret, changes=changes and status < 300)
    return KeyVaultUnavailable(
        f"Key Vault failed with HTTP status {status}.",
        doubtful=changes and (status >= 500 or status == _REQUEST_TIMEOUT),
        target=secret,
        details=details,
        headers=passed_on,
    )


def is_no_such_secret(body: bytes) -> bool:
    """Say whether a 404 is Key Vault's word that there is no such secret or version; anything may answer 404."""
    return _parse(body)[0] == "SecretNotFound"


def is_page(body: bytes) -> bool:
    """Say whether a 200 is a page of a listing: an object with the list `value`."""
    try:
        return isinstance(_object(json.loads(body)).get("value"), list)
    except (ValueError, RecursionError):
        return False


def not_the_api(*, secret: str | None, changes: bool) -> KeyVaultUnavailable:
    """Return the error for an answer that cannot be understood, though its status is one of success."""
    return KeyVaultUnavailable(
        "The answer from KEY_VAULT_URL is not one that Key Vault gives. Check the setting and what stands between this "
        "app and the vault.",
        doubtful=changes,
        target=secret,
    )


def not_the_vault(*, secret: str | None) -> KeyVaultUnavailable:
    """Return the error for a challenge that names another domain than the vault's; no token was sent."""
    return KeyVaultUnavailable(
        "What answers at KEY_VAULT_URL asks for a token of another domain than the vault's, and got none. Check the "
        "setting; KEY_VAULT_VERIFY_CHALLENGE_RESOURCE turns the check off where that is meant to be so.",
        doubtful=False,
        target=secret,
    )


def connection_failed(*, sent: bool, reason: str, secret: str | None, changes: bool) -> KeyVaultUnavailable:
    """Return the error for a call without an answer.

    Args:
        sent: False only where the request certainly never left.
        reason: the type of the network error, never its text.
        secret: the name of the secret that was asked for; None for a listing.
        changes: whether the call would have changed something.
    """
    return KeyVaultUnavailable(
        f"The connection to Key Vault was lost before its answer came ({reason})."
        if sent
        else f"No connection to Key Vault could be made ({reason}). Check KEY_VAULT_URL, DNS, certificates and the "
        "network.",
        doubtful=sent and changes,
        target=secret,
    )


def _parse(body: bytes) -> tuple[str, str, str]:
    """Return code, inner code and message of an error, scrubbed and bounded; empty where the body has none."""
    if len(body) > _LARGEST_ANSWER:
        return "", "", ""
    try:
        error = _object(_object(json.loads(body)).get("error"))
    except (ValueError, RecursionError):
        return "", "", ""
    code, inner = _code(error.get("code")), _code(_object(error.get("innererror")).get("code"))
    message = error.get("message")
    return code, inner, scrub(message)[:_LONGEST_TEXT] if isinstance(message, str) else code


def _object(value: Any) -> Json:
    return cast("Json", value) if isinstance(value, dict) else {}


def _code(value: Any) -> str:
    return value if isinstance(value, str) and _CODE.fullmatch(value) and scrub(value) == value else ""

"""Key Vault's paths: which operation on secrets a path and a method name.

Source: Azure/azure-rest-api-specs, specification/keyvault, secrets. Blank segments are skipped: the SDK asks for the
current version with `/secrets/<name>/`.
"""

from dataclasses import dataclass
from urllib.parse import unquote

from emulator.cloud.defaults import (
    DELETE_SECRET,
    GET_SECRET,
    PURGE_SECRET,
    READ_METADATA,
    RECOVER_SECRET,
    SET_SECRET,
    UPDATE_SECRET,
)

# The operations of deleted secrets are in the journal; fault rules reach them as `*` only.
_PERMISSIONS = {
    "listSecrets": READ_METADATA,
    "listVersions": READ_METADATA,
    "getSecret": GET_SECRET,
    "setSecret": SET_SECRET,
    "updateSecret": UPDATE_SECRET,
    "deleteSecret": DELETE_SECRET,
    "listDeletedSecrets": READ_METADATA,
    "getDeletedSecret": READ_METADATA,
    "recoverDeletedSecret": RECOVER_SECRET,
    "purgeDeletedSecret": PURGE_SECRET,
}


@dataclass(frozen=True, slots=True)
class Route:
    """A request line, taken apart: operation (None: there is no such one), name and version as they were sent."""

    operation: str | None
    name: str | None = None
    version: str | None = None

    @property
    def permission(self) -> str | None:
        """The data action that the operation needs."""
        return None if self.operation is None else _PERMISSIONS[self.operation]


def parse(method: str, raw_path: str) -> Route:
    """Take a method and a percent-encoded path apart."""
    segments = [unquote(segment) for segment in raw_path.split("/") if segment]
    match method, [segment.lower() for segment in segments[:1]], segments[1:]:
        case _, ["secrets"], rest:
            return _secrets(method, rest)
        case _, ["deletedsecrets"], rest:
            return _deleted_secrets(method, rest)
        case _:
            return Route(None)


def _secrets(method: str, rest: list[str]) -> Route:
    match method, rest:
        case "GET", []:
            return Route("listSecrets")
        case "GET", [name, "versions"]:
            return Route("listVersions", name)
        case "GET", [name, *version] if len(version) <= 1:
            return Route("getSecret", name, *version)
        case "PUT", [name]:
            return Route("setSecret", name)
        case "PATCH", [name, *version] if len(version) <= 1:
            return Route("updateSecret", name, *version)
        case "DELETE", [name]:
            return Route("deleteSecret", name)
        case _, [name, *_]:
            return Route(None, name)
        case _:
            return Route(None)


def _deleted_secrets(method: str, rest: list[str]) -> Route:
    match method, rest:
        case "GET", []:
            return Route("listDeletedSecrets")
        case "GET", [name]:
            return Route("getDeletedSecret", name)
        case "DELETE", [name]:
            return Route("purgeDeletedSecret", name)
        case "POST", [name, "recover"]:
            return Route("recoverDeletedSecret", name)
        case _, [name, *_]:
            return Route(None, name)
        case _:
            return Route(None)

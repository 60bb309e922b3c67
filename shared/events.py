"""Event Grid's events, in either schema -> a typed notice of what they ask for, or every problem at once (pure)."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from shared.errors import Json, Problem
from shared.event_data import MalformedEvent, bare, canonical, json_object, object_of, plain, text_of, value_of
from shared.event_envelope import Event
from shared.json_body import JsonObject, unknown_properties
from shared.parameters import KeyType, RegenerateKeyParameters
from shared.resource_id import ResourceId
from shared.rotation.parameters import ROTATION_PROPERTIES, RotationRequest, flag_value, read_properties, resource_value

# https://learn.microsoft.com/azure/key-vault/general/about-keys-secrets-certificates : names and versions. The versions
# are 32 hex digits; others are let pass, since nothing but Key Vault's answer depends on it.
_URL = re.compile(
    r"https://(?P<host>[a-z0-9.-]{1,253}|\[[0-9a-f:.]{2,45}\])(?::(?P<port>[0-9]{0,5}))?"
    r"(?:/secrets/(?P<name>[0-9a-z-]{1,127})/(?P<version>[0-9a-z]{1,64}))?",
    re.IGNORECASE | re.ASCII,
)

# https://learn.microsoft.com/azure/role-based-access-control/permissions/web-and-mobile#microsoftcommunication
_REGENERATE_KEY = "microsoft.communication/communicationservices/regeneratekey/action"
_OBJECT_ID = ("http://schemas.microsoft.com/identity/claims/objectidentifier", "oid")
_UUID = re.compile(r"([0-9a-f]{8})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{12})")


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretExpiring:
    """Key Vault says that a secret's version expires within 30 days, or has expired.

    Attributes:
        vault: the vault's origin, `https://host` or `https://host:port`, in lower case, without the default port.
        name: the secret's name, as the event spells it.
        version: 32 hex digits.
    """

    vault: str
    name: str
    version: str

    def is_in(self, vault_url: str) -> bool:
        """Say whether the secret is in the vault with that URL: an origin, in whatever case, with or without a port."""
        url = _URL.fullmatch(vault_url)
        return url is not None and self.vault == _origin(url)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRegenerated:
    """ARM says that a key of a resource was regenerated, and not which one.

    Attributes:
        resource: whose key.
        by: the object id of the principal who did it, a UUID in lower case, or None where the event does not say.
    """

    resource: ResourceId
    by: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RegenerateRequested:
    """Somebody asks for a key to be regenerated: `{"resourceId"?, "keyType", "force"?}`; null is left out.

    Attributes:
        resource: the resource, or None for the app's own.
        key_type: which key.
        force: whether a key that a secret publishes is regenerated all the same.
    """

    resource: ResourceId | None = None
    key_type: KeyType
    force: bool = False

    @classmethod
    def parse(cls, body: JsonObject) -> tuple[Self | None, list[Problem]]:
        """Return the request, or None and every problem of the data, each with its target."""
        problems = [*body.problems, *unknown_properties(body.properties, _REGENERATE_PROPERTIES)]
        key_type = {name: value for name, value in body.properties.items() if name == "keyType" and value is not None}
        parameters, wrong_key_type = RegenerateKeyParameters.parse(JsonObject(key_type))
        others, wrong = read_properties(
            body.properties, {"resourceId": ("resource", resource_value), "force": ("force", flag_value)}
        )
        problems += wrong_key_type + wrong
        if parameters is None or problems:
            return None, problems
        return cls(key_type=parameters.key_type, **others), []


@dataclass(frozen=True, slots=True, kw_only=True)
class RotateRequested:
    """Somebody asks for a rotation, with what `POST /api/rotations` takes; no data is a request without a body."""

    request: RotationRequest


@dataclass(frozen=True, slots=True)
class Ignored:
    """Nothing is to be done about the event, and why: a sentence that holds nothing of the event."""

    reason: str


type Notice = SecretExpiring | KeyRegenerated | RegenerateRequested | RotateRequested | Ignored


def parse(event: Event) -> Notice:
    """Return what the event says to this app; its type may be in any case.

    Raises:
        MalformedEvent: the type is known, and the content is wrong.
    """
    kind = plain(event.type)
    if kind in _TYPES:
        return _TYPES[kind](event)
    if kind.startswith("communicationkey."):
        return Ignored(
            "CommunicationKey.RegenerateRequested and .RotateRequested ask; the app tells the others itself."
        )
    return Ignored("Events of this type are of no concern to this app.")


def _secret_expiring(event: Event) -> Notice:
    """https://learn.microsoft.com/azure/event-grid/event-schema-key-vault ; NBF and EXP are not needed."""
    problems: list[Problem] = []
    data = json_object(event.data).properties
    kind = text_of(data, "ObjectType", problems)
    if kind and plain(kind) != "secret":
        return Ignored("It is about a key or a certificate, not about a secret.")
    id_ = text_of(data, "Id", problems)
    name, version = text_of(data, "ObjectName", problems), text_of(data, "Version", problems)
    secret = _URL.fullmatch(id_)
    if secret is None or secret["name"] is None:
        if not any(problem.target == "data.Id" for problem in problems):
            problems.append(
                Problem(
                    "InvalidPropertyValue" if id_ else "MissingProperty",
                    "Must be the id of a secret's version, https://{vault}/secrets/{name}/{version}, and nothing more.",
                    "data.Id",
                )
            )
        raise MalformedEvent(problems)
    if name and plain(name) != plain(secret["name"]):
        problems.append(Problem("Contradiction", "Is another name than the one in data.Id.", "data.ObjectName"))
    if version and version != secret["version"]:
        problems.append(Problem("Contradiction", "Is another version than the one in data.Id.", "data.Version"))
    if problems:
        raise MalformedEvent(problems)
    return SecretExpiring(vault=_origin(secret), name=secret["name"], version=secret["version"])


def _action_succeeded(event: Event) -> Notice:
    """https://learn.microsoft.com/azure/event-grid/event-schema-resource-groups"""
    problems: list[Problem] = []
    data = json_object(event.data).properties
    authorization = object_of(data, "authorization")
    operation = text_of(data, "operationName", problems) or text_of(
        authorization, "action", problems, "data.authorization"
    )
    if not operation and not problems:
        problems.append(Problem("MissingProperty", "Say which operation succeeded.", "data.operationName"))
    if problems:
        raise MalformedEvent(problems)
    if plain(operation) != _REGENERATE_KEY:
        return Ignored("It is about another operation than regenerateKey of a Communication Services resource.")
    status = value_of(data, "status")
    if isinstance(status, str) and plain(status) not in ("", "succeeded"):
        return Ignored("The operation did not succeed.")
    places = (
        ("data.resourceUri", bare(value_of(data, "resourceUri"))),
        ("subject", bare(event.subject)),
        ("data.authorization.scope", bare(value_of(authorization, "scope"))),
    )
    named = [place for place in places if place[1] is not None and place[1] != ""]
    if not named:
        raise MalformedEvent([Problem("MissingProperty", "Say whose key was regenerated.", places[0][0])])
    target, value = named[0]
    try:
        return KeyRegenerated(resource=resource_value(value), by=_who(data, authorization))
    except TypeError as error:
        raise MalformedEvent([Problem("InvalidPropertyType", str(error), target)]) from None
    except ValueError as error:
        raise MalformedEvent([Problem("InvalidPropertyValue", str(error), target)]) from None


def _who(data: Json, authorization: Json) -> str | None:
    """Return who is behind an action; the claims of the token come first, for the evidence of a role that was
    assigned to a group names the group."""
    claims = object_of(data, "claims")
    told = [value_of(claims, name) for name in _OBJECT_ID]
    told.append(value_of(object_of(authorization, "evidence"), "principalId"))
    for value in told:
        if isinstance(value, str) and (parts := _UUID.fullmatch(plain(value))):
            return "-".join(parts.groups())
    return None


def _regenerate_requested(event: Event) -> Notice:
    return _requested(event, _REGENERATE_PROPERTIES, RegenerateRequested.parse)


def _rotate_requested(event: Event) -> Notice:
    return RotateRequested(request=_requested(event, ROTATION_PROPERTIES, RotationRequest.parse))


def _requested[T](
    event: Event, known: Sequence[str], parse: Callable[[JsonObject], tuple[T | None, list[Problem]]]
) -> T:
    """Return the request that the data holds; only its names and blanks are taken more kindly than over HTTP."""
    problems: list[Problem] = []
    if not event.id.strip():
        problems.append(
            Problem("MissingProperty", "Give the event an id, by which it is known when it is delivered again.", "id")
        )
    try:
        request, wrong = parse(canonical(json_object(event.data), known))
    except MalformedEvent as error:
        raise MalformedEvent([*problems, *error.problems]) from None
    problems += (Problem(problem.code, problem.message, f"data.{problem.target}") for problem in dict.fromkeys(wrong))
    if request is None or problems:
        raise MalformedEvent(problems)
    return request


def _origin(url: re.Match[str]) -> str:
    """Return the origin of an https URL in lower case and without the default port."""
    port = int(url["port"] or 443)
    return f"https://{url['host'].lower()}" + ("" if port == 443 else f":{port}")


_REGENERATE_PROPERTIES = ("resourceId", "keyType", "force")
_TYPES: Mapping[str, Callable[[Event], Notice]] = {
    "microsoft.keyvault.secretnearexpiry": _secret_expiring,
    "microsoft.keyvault.secretexpired": _secret_expiring,
    "microsoft.resources.resourceactionsuccess": _action_succeeded,
    "communicationkey.regeneraterequested": _regenerate_requested,
    "communicationkey.rotaterequested": _rotate_requested,
}

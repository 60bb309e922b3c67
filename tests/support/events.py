"""The events that come in, as JSON in either schema and as the app gets them from the worker."""

import json
from functools import partial
from typing import Any, Literal
from uuid import uuid4

from azure.functions import CloudEvent, EventGridEvent
from azure.functions.eventgrid import EventGridEventInConverter
from azure.functions.meta import Datum

from shared.event_envelope import Event, event_of

type Json = dict[str, Any]
type Schema = Literal["eventgrid", "cloudevents"]
SCHEMAS: tuple[Schema, ...] = ("eventgrid", "cloudevents")

VERSION = "ee059b2bb5bc48398a53b168c6cdcb10"
PRINCIPAL = "aaaabbbb-cccc-dddd-eeee-ffff00001111"
REGENERATE_KEY = "Microsoft.Communication/communicationServices/regenerateKey/action"
_SUBSCRIPTION = "/subscriptions/11112222-3333-4444-5555-666677778888"
_TIME = "2026-01-02T03:04:05.1234567Z"


def secret_near_expiry(
    vault_url: str,
    name: str,
    version: str,
    *,
    schema: Schema = "eventgrid",
    id: str | None = None,  # noqa: A002  # the attribute's name in both schemas
    expired: bool = False,
    odd: bool = False,
) -> Json:
    """Return Key Vault's SecretNearExpiry, or SecretExpired; `odd` writes it as Microsoft's sample is written.

    https://learn.microsoft.com/azure/event-grid/event-schema-key-vault
    """
    vault = vault_url.partition("://")[2].partition(".")[0].partition(":")[0]
    data: Json = {"Id": f"{vault_url}/secrets/{name}/{version}", "VaultName": vault, "ObjectType": "Secret"}
    if odd:
        data |= {"ObjectName ": name, "Version": f" {version}", "NBF": "1559081980", "EXP": "1559082102"}
    else:
        data |= {"ObjectName": name, "Version": version, "NBF": None, "EXP": 1559082102}
    return event(
        "Microsoft.KeyVault." + ("SecretExpired" if expired else "SecretNearExpiry"),
        data,
        source=f"{_SUBSCRIPTION}/resourceGroups/MyResourceGroup/providers/Microsoft.KeyVault/vaults/{vault}",
        subject=name,
        schema=schema,
        id=id,
    )


def key_regenerated(
    resource_id: str,
    *,
    schema: Schema = "eventgrid",
    id: str | None = None,  # noqa: A002  # the attribute's name in both schemas
    operation: str = REGENERATE_KEY,
    principal_id: str = PRINCIPAL,
) -> Json:
    """Return ARM's ResourceActionSuccess of a regenerateKey, or of another operation, by a principal.

    https://learn.microsoft.com/azure/event-grid/event-schema-resource-groups
    """
    claims = "http://schemas.microsoft.com/identity/claims"
    data = {
        "authorization": {
            "scope": resource_id,
            "action": operation,
            "evidence": {"role": "Contributor", "principalId": principal_id, "principalType": "ServicePrincipal"},
        },
        "claims": {"ver": "1.0", f"{claims}/objectidentifier": principal_id},
        "correlationId": "5f2c1f9e-0000-4000-8000-000000000001",
        "httpRequest": {"method": "POST", "url": f"https://management.azure.com{resource_id}/regenerateKey"},
        "resourceProvider": operation.partition("/")[0],
        "resourceUri": resource_id,
        "operationName": operation,
        "status": "Succeeded",
        "subscriptionId": _SUBSCRIPTION.rpartition("/")[2],
        "tenantId": "99998888-7777-6666-5555-444433332222",
    }
    return event(
        "Microsoft.Resources.ResourceActionSuccess",
        data,
        source=resource_id.partition("/providers/")[0],
        subject=resource_id,
        schema=schema,
        id=id,
    )


def event(
    type_: str,
    data: Any,
    *,
    source: str = f"{_SUBSCRIPTION}/resourceGroups/MyResourceGroup/providers/Microsoft.EventGrid/topics/my-topic",
    subject: str = "keys",
    schema: Schema = "eventgrid",
    id: str | None = None,  # noqa: A002  # the attribute's name in both schemas
) -> Json:
    """Return an event as Event Grid delivers it, with an id of its own unless one is given."""
    if schema == "cloudevents":
        envelope = {"specversion": "1.0", "source": source, "type": type_, "time": _TIME}
    else:
        envelope = {"topic": source, "eventType": type_, "eventTime": _TIME, "dataVersion": "1", "metadataVersion": "1"}
    return {"id": str(uuid4()) if id is None else id, "subject": subject, "data": data, **envelope}


# the two requests, with that data: `schema` and `id` as for `event`
regenerate_requested = partial(event, "CommunicationKey.RegenerateRequested")
rotate_requested = partial(event, "CommunicationKey.RotateRequested")


def worker_event(wire: Json) -> EventGridEvent | CloudEvent:
    """Return what the Functions worker makes of a delivered event, by its own converter."""
    return EventGridEventInConverter.decode(Datum(json.dumps(wire), "json"), trigger_metadata=None)  # pyright: ignore[reportUnknownMemberType]  # untyped there


def received(wire: Json) -> Event:
    """Return the envelope that the app makes of a delivered event."""
    return event_of(worker_event(wire))

"""Resources and keys as ARM writes them: Microsoft.Communication's specification, communicationServices."""

from emulator.cloud.state import KEY_TYPES, KeyType, Resource

# Microsoft.Communication/communicationServices in Azure/azure-rest-api-specs, oldest first.
API_VERSIONS = (
    "2020-08-20-preview",
    "2020-08-20",
    "2021-10-01-preview",
    "2022-07-01-preview",
    "2023-03-01-preview",
    "2023-03-31",
    "2023-04-01-preview",
    "2023-04-01",
    "2023-06-01-preview",
    "2024-09-01-preview",
    "2025-05-01-preview",
    "2025-05-01",
    "2025-09-01",
    "2026-03-18",
)
# `disableLocalAuth` is in the specification from here on.
_LOCAL_AUTH_SINCE = "2026-03-18"


def host_name(resource: Resource, data_plane_url: str) -> str:
    """Return the resource's `hostName`: one port serves all, so each has a path of its own behind it."""
    return f"{data_plane_url.removeprefix('https://')}/{resource.segment}"


def resource_json(resource: Resource, data_plane_url: str, api_version: str) -> dict[str, object]:
    """Return a CommunicationServiceResource."""
    properties: dict[str, object] = {
        "provisioningState": "Succeeded",
        "hostName": host_name(resource, data_plane_url),
        "dataLocation": "United States",
        "version": "0.2.0",
        "immutableResourceId": resource.immutable_id,
    }
    if api_version >= _LOCAL_AUTH_SINCE:
        properties["disableLocalAuth"] = resource.disable_local_auth
    return {
        "id": str(resource.id),
        "name": resource.id.name,
        # So cased in the specification's examples.
        "type": "Microsoft.Communication/CommunicationServices",
        "location": "global",
        "tags": {},
        "properties": properties,
    }


def all_keys_json(resource: Resource, data_plane_url: str) -> dict[str, object]:
    """Return both keys with both connection strings, as `az communication list-key` shows them.

    The specification's example of listKeys has the keys alone, but its description of CommunicationServiceKeys has
    all four and the service fills them in.
    """
    result: dict[str, object] = {}
    for key_type in KEY_TYPES:
        result |= key_json(resource, key_type, data_plane_url)
    return result


def key_json(resource: Resource, key_type: KeyType, data_plane_url: str) -> dict[str, object]:
    """Return one key with its connection string: what regenerateKey answers (the specification's example)."""
    prefix = key_type.lower()
    return {
        f"{prefix}Key": resource.key(key_type),
        f"{prefix}ConnectionString": connection_string(resource, key_type, data_plane_url),
    }


def connection_string(resource: Resource, key_type: KeyType, data_plane_url: str) -> str:
    """Return the connection string with that key."""
    return f"endpoint=https://{host_name(resource, data_plane_url)}/;accesskey={resource.key(key_type)}"

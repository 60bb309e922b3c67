"""What is there from the start: a tenant, a subscription, a resource group, a resource, a key vault, identities."""

from dataclasses import dataclass

TENANT_ID = "99998888-7777-6666-5555-444433332222"
SUBSCRIPTION_ID = "11112222-3333-4444-5555-666677778888"
RESOURCE_GROUP = "MyResourceGroup"
RESOURCE_NAME = "MyCommunicationResource"
RESOURCE_ID = (
    f"/subscriptions/{SUBSCRIPTION_ID}/resourceGroups/{RESOURCE_GROUP}"
    f"/providers/Microsoft.Communication/communicationServices/{RESOURCE_NAME}"
)
VAULT_NAME = "MyKeyVault"
VAULT_LOCATION = "eastus"
VAULT_ID = (
    f"/subscriptions/{SUBSCRIPTION_ID}/resourceGroups/{RESOURCE_GROUP}/providers/Microsoft.KeyVault/vaults/{VAULT_NAME}"
)
TOPIC_ID = (
    f"/subscriptions/{SUBSCRIPTION_ID}/resourceGroups/{RESOURCE_GROUP}/providers/Microsoft.EventGrid/topics/MyTopic"
)

# Data actions of secrets: learn.microsoft.com/azure/role-based-access-control/permissions/security, Microsoft.KeyVault.
_SECRETS = "Microsoft.KeyVault/vaults/secrets"
GET_SECRET = f"{_SECRETS}/getSecret/action"
SET_SECRET = f"{_SECRETS}/setSecret/action"
UPDATE_SECRET = f"{_SECRETS}/update/action"
READ_METADATA = f"{_SECRETS}/readMetadata/action"
DELETE_SECRET = f"{_SECRETS}/delete"
RECOVER_SECRET = f"{_SECRETS}/recover/action"
PURGE_SECRET = f"{_SECRETS}/purge/action"
# What the built-in role EventGrid Data Sender may (same reference, Microsoft.EventGrid).
SEND_EVENTS = "Microsoft.EventGrid/events/send/action"
# A custom role, as a careful owner makes one: no built-in role may set secrets and not delete them.
_ROTATION = frozenset({GET_SECRET, SET_SECRET, UPDATE_SECRET, READ_METADATA})
_SENDER = frozenset({SEND_EVENTS})
# What the built-in role Key Vault Secrets Officer may (`secrets/*`).
_OFFICER = _ROTATION | {DELETE_SECRET, RECOVER_SECRET, PURGE_SECRET}


@dataclass(frozen=True, slots=True)
class Identity:
    """An identity: its ids, whether a role lets it manage communication services, what it may do to secrets, events."""

    client_id: str
    principal_id: str
    resource_id: str | None
    may_manage: bool
    secret_actions: frozenset[str]
    event_actions: frozenset[str] = frozenset()


def _user_assigned(name: str, client_id: str, principal_id: str, *, may_manage: bool) -> Identity:
    scope = f"/subscriptions/{SUBSCRIPTION_ID}/resourceGroups/{RESOURCE_GROUP}"
    resource_id = f"{scope}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name}"
    return Identity(
        client_id,
        principal_id,
        resource_id,
        may_manage,
        secret_actions=_ROTATION if may_manage else frozenset(),
        event_actions=_SENDER if may_manage else frozenset(),
    )


SYSTEM_ASSIGNED = Identity(
    "aaaaaaaa-0000-4000-8000-000000000001",
    "bbbbbbbb-0000-4000-8000-000000000001",
    None,
    may_manage=True,
    secret_actions=_ROTATION,
    event_actions=_SENDER,
)
USER_ASSIGNED = _user_assigned(
    "key-rotation",
    "aaaaaaaa-0000-4000-8000-000000000002",
    "bbbbbbbb-0000-4000-8000-000000000002",
    may_manage=True,
)
# Assigned to the app, but without a role: ARM and Key Vault answer it with 403, Event Grid with 401.
USER_ASSIGNED_WITHOUT_ROLE = _user_assigned(
    "no-role", "aaaaaaaa-0000-4000-8000-000000000003", "bbbbbbbb-0000-4000-8000-000000000003", may_manage=False
)
# Somebody in charge of the vault. Not assigned to the app, whose identity endpoint does not know it.
SECRETS_OFFICER = Identity(
    "aaaaaaaa-0000-4000-8000-000000000004",
    "bbbbbbbb-0000-4000-8000-000000000004",
    None,
    may_manage=False,
    secret_actions=_OFFICER,
)
# Those that are assigned to the app.
IDENTITIES = (SYSTEM_ASSIGNED, USER_ASSIGNED, USER_ASSIGNED_WITHOUT_ROLE)

"""What is there from the start: one tenant, one subscription, one resource group, one resource, three identities."""

from dataclasses import dataclass

TENANT_ID = "99998888-7777-6666-5555-444433332222"
SUBSCRIPTION_ID = "11112222-3333-4444-5555-666677778888"
RESOURCE_GROUP = "MyResourceGroup"
RESOURCE_NAME = "MyCommunicationResource"
RESOURCE_ID = (
    f"/subscriptions/{SUBSCRIPTION_ID}/resourceGroups/{RESOURCE_GROUP}"
    f"/providers/Microsoft.Communication/communicationServices/{RESOURCE_NAME}"
)


@dataclass(frozen=True, slots=True)
class Identity:
    """A managed identity: its ids, and whether it has a role that lets it manage communication services."""

    client_id: str
    principal_id: str
    resource_id: str | None
    may_manage: bool


def _user_assigned(name: str, client_id: str, principal_id: str, *, may_manage: bool) -> Identity:
    scope = f"/subscriptions/{SUBSCRIPTION_ID}/resourceGroups/{RESOURCE_GROUP}"
    resource_id = f"{scope}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name}"
    return Identity(client_id, principal_id, resource_id, may_manage)


SYSTEM_ASSIGNED = Identity(
    "aaaaaaaa-0000-4000-8000-000000000001", "bbbbbbbb-0000-4000-8000-000000000001", None, may_manage=True
)
USER_ASSIGNED = _user_assigned(
    "key-rotation",
    "aaaaaaaa-0000-4000-8000-000000000002",
    "bbbbbbbb-0000-4000-8000-000000000002",
    may_manage=True,
)
# Assigned to the app, but without a role: ARM answers it with 403.
USER_ASSIGNED_WITHOUT_ROLE = _user_assigned(
    "no-role", "aaaaaaaa-0000-4000-8000-000000000003", "bbbbbbbb-0000-4000-8000-000000000003", may_manage=False
)
IDENTITIES = (SYSTEM_ASSIGNED, USER_ASSIGNED, USER_ASSIGNED_WITHOUT_ROLE)

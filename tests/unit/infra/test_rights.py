"""The rights that the templates give are those that the code needs, and no others."""

import ast
import re
from collections.abc import Collection, Mapping
from pathlib import Path

import pytest

from tests.support.bicep import INFRA, Bicep, parse, template, templates

CLIENTS = Path(__file__).resolve().parents[3] / "shared" / "azure_clients"
# https://learn.microsoft.com/azure/role-based-access-control/permissions/web-and-mobile#microsoftcommunication
COMMUNICATION: Mapping[str, str] = {
    "get": "Microsoft.Communication/CommunicationServices/Read",
    "list_keys": "Microsoft.Communication/CommunicationServices/ListKeys/action",
    "regenerate_key": "Microsoft.Communication/CommunicationServices/RegenerateKey/action",
}
# https://learn.microsoft.com/azure/role-based-access-control/permissions/security#microsoftkeyvault
SECRETS: Mapping[str, str] = {
    "get_secret": "Microsoft.KeyVault/vaults/secrets/getSecret/action",
    "list_properties_of_secret_versions": "Microsoft.KeyVault/vaults/secrets/readMetadata/action",
    "list_properties_of_secrets": "Microsoft.KeyVault/vaults/secrets/readMetadata/action",
    "set_secret": "Microsoft.KeyVault/vaults/secrets/setSecret/action",
    "update_secret_properties": "Microsoft.KeyVault/vaults/secrets/update/action",
}
# https://learn.microsoft.com/azure/role-based-access-control/built-in-roles : who has which, by the template
BUILT_IN = {
    "app/storage.bicep": {
        "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",  # Storage Blob Data Owner
        "974c5e8b-45b9-4653-ba55-5f855dd0fb88",  # Storage Queue Data Contributor
        "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3",  # Storage Table Data Contributor
    },
    "monitoring/monitoring.bicep": {"3913510d-42f4-4e42-8a64-420c390055eb"},  # Monitoring Metrics Publisher
    "events/custom-topic.bicep": {"d5a91429-5739-47e2-a06b-3470a27159e7"},  # EventGrid Data Sender
    "events/dead-letter-access.bicep": {"ba92f5b4-2d11-453d-a403-e96b0029c9fe"},  # Storage Blob Data Contributor
}
# whatever is assigned: where it is in force
SCOPES = {
    "app/storage.bicep": "account",
    "monitoring/monitoring.bicep": "applicationInsights",
    "events/custom-topic.bicep": "topic",
    "events/dead-letter-access.bicep": "account::blobs::container",
    "access/key-vault-access.bicep": "vault",
    "access/communication-access.bicep": "communicationService",
}
GUID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
ASSIGNMENT = "Microsoft.Authorization/roleAssignments"


def called(source: str, *owners: str) -> set[str]:
    """Return the methods that a source calls on attributes of those names, with or without `await`."""
    return {
        node.attr
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute) and node.value.attr in owners
    }


def actions(file: Bicep, variable: str) -> Collection[str]:
    """Return the actions that a variable of a template lists."""
    return file.of("var")[variable].value


def built_in_roles(file: Bicep) -> set[str]:
    """Return the GUIDs in a template."""
    return {guid for each in file.of("var").values() for guid in GUID.findall(str(each.value))}


def test_the_role_on_resources_has_the_actions_that_are_called() -> None:
    """Each call to Communication Services has its action in the role, and no action is without a call."""
    used = called((CLIENTS / "management.py").read_text("utf-8"), "communication_services")
    assert used
    assert set(actions(template("access.bicep"), "communicationActions")) == {COMMUNICATION[name] for name in used}


def test_the_role_on_secrets_has_the_actions_that_are_called() -> None:
    """Each call to Key Vault has its action in the role, and no action is without a call: none deletes."""
    used = called((CLIENTS / "key_vault.py").read_text("utf-8"), "_client") - {"close"}
    given = actions(template("access.bicep"), "secretActions")
    assert used
    assert set(given) == {SECRETS[name] for name in used}
    assert not [action for action in given if "delete" in action.lower() or "purge" in action.lower() or "*" in action]


@pytest.mark.parametrize(
    ("module", "parameter", "variable"),
    [("communicationRoles", "actions", "communicationActions"), ("vaultRole", "dataActions", "secretActions")],
)
def test_a_role_is_made_of_these_actions_alone(module: str, parameter: str, variable: str) -> None:
    """The module that makes the role gets the list, and no other one."""
    params = template("access.bicep").of("module")[module].value["params"]
    assert {name: value for name, value in params.items() if "ctions" in name} == {parameter: variable}


def test_a_role_can_be_assigned_in_its_own_subscription_alone() -> None:
    """The definition passes the lists on, denies nothing, and is known in one subscription."""
    (role,) = template("access/custom-role.bicep").resources("Microsoft.Authorization/roleDefinitions")
    (permissions,) = role.value["properties"]["permissions"]
    assert permissions == {
        "actions": "actions",
        "notActions": [],
        "dataActions": "dataActions",
        "notDataActions": [],
    }
    assert re.search(r"assignableScopes: \[\s+subscription\(\)\.id\s+\]", role.text)


@pytest.mark.parametrize("file", templates(), ids=lambda file: file.path.name)
def test_built_in_roles_are_the_recorded_ones(file: Bicep) -> None:
    """A template names no other built-in role than the one recorded for it, by its GUID."""
    name = file.path.relative_to(INFRA).as_posix()
    assert built_in_roles(file) == BUILT_IN.get(name, set())


@pytest.mark.parametrize("file", templates(), ids=lambda file: file.path.name)
def test_a_role_is_assigned_where_it_is_needed(file: Bicep) -> None:
    """Each assignment is to a service principal, on one resource; a group or a subscription is never the scope."""
    name = file.path.relative_to(INFRA).as_posix()
    for assignment in file.resources(ASSIGNMENT):
        assert assignment.value["scope"] == SCOPES[name]
        assert assignment.value["properties"]["principalType"] == "ServicePrincipal"
        # with the principal in its name: the assignment of an identity of before is another one
        assert "rincipalId" in assignment.value["name"]
    assert bool(file.resources(ASSIGNMENT)) == (name in SCOPES)


def test_another_action_would_be_seen() -> None:
    """The comparisons above read what is written: an action more, and another role, make a difference."""
    owner = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
    planted = parse(f"var a = ['Microsoft.KeyVault/vaults/secrets/delete']\nvar b = '{owner}'\n")
    assert actions(planted, "a") == ["Microsoft.KeyVault/vaults/secrets/delete"]
    assert built_in_roles(planted) == {owner}
    assert called("async def f(self): await self._client.purge()", "_client") == {"purge"}

"""The settings that are deployed are those of the code, and hold what the code accepts."""

import pytest

from shared.errors import NotConfigured
from shared.settings import parse_settings, setting_names
from tests.support.bicep import template
from tests.support.bicep_rules import objects

# settings whose defaults are right for Azure, and that nobody needs to change there
LEFT_OUT = {"ARM_API_VERSION", "AZURE_TOKEN_CREDENTIALS", "KEY_VAULT_VERIFY_CHALLENGE_RESOURCE"}
# https://learn.microsoft.com/azure/azure-functions/functions-app-settings
PLATFORMS_OWN = {
    "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
    "APPLICATIONINSIGHTS_CONNECTION_STRING",
    "AzureWebJobsStorage__accountName",
    "AzureWebJobsStorage__blobServiceUri",
    "AzureWebJobsStorage__clientId",
    "AzureWebJobsStorage__credential",
    "AzureWebJobsStorage__queueServiceUri",
    "AzureWebJobsStorage__tableServiceUri",
    "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS",
    "PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY",
}
RESOURCE = (
    "/subscriptions/11112222-3333-4444-5555-666677778888/resourceGroups/g"
    "/providers/Microsoft.Communication/communicationServices/"
)


def given(name: str) -> dict[str, object]:
    """Return the settings that main.bicep hands to the app under that parameter."""
    return template("main.bicep").of("module")["functionApp"].value["params"][name]


def fixed() -> dict[str, object]:
    """Return the settings that every app has, from the template of the app."""
    (found,) = (
        each
        for each in template("app/function-app.bicep").declarations
        if each.kind == "resource" and each.name == "appSettings"
    )
    (settings,) = objects(found, "properties")
    return settings


def test_each_setting_is_one_of_the_code_or_of_the_platform() -> None:
    """No setting is misspelt, and none of the code's is forgotten."""
    names = [*given("settings"), *given("optionalSettings"), *fixed()]
    assert len(names) == len(set(names))
    assert set(names) - PLATFORMS_OWN == set(setting_names()) - LEFT_OUT
    assert set(names) >= PLATFORMS_OWN


def test_storage_and_telemetry_go_by_identity() -> None:
    """The host's storage and Application Insights are told to use the managed identity, and which one."""
    settings = fixed()
    assert settings["AzureWebJobsStorage__credential"] == "managedidentity"
    # the host has been seen to start without the addresses where the name was missing
    assert settings["AzureWebJobsStorage__accountName"] == "storage.name"
    assert settings["AzureWebJobsStorage__clientId"] == settings["AZURE_CLIENT_ID"] == "identityClientId"
    assert settings["APPLICATIONINSIGHTS_AUTHENTICATION_STRING"] == "ClientId=${identityClientId};Authorization=AAD"


def test_the_app_accepts_what_azure_puts_in() -> None:
    """Values as the template makes them, trailing slashes included, are right; lists are separated by commas."""
    settings = parse_settings(
        {
            "COMMUNICATION_SERVICE_ID": RESOURCE + "one",
            "ALLOWED_COMMUNICATION_SERVICES": f"{RESOURCE}one,{RESOURCE}two",
            "ARM_ENDPOINT": "https://management.azure.com/",
            "KEY_VAULT_URL": "https://kv-abc.vault.azure.net",
            "EVENT_GRID_TOPIC_ENDPOINT": "https://evgt-abc.westeurope-1.eventgrid.azure.net/api/events",
            "AZURE_CLIENT_ID": "11112222-3333-4444-5555-666677778888",
        }
    )
    assert settings.arm_endpoint == "https://management.azure.com"
    assert settings.event_grid_topic_endpoint is not None


def test_a_wrong_value_would_be_seen() -> None:
    """The app does say what it does not accept."""
    with pytest.raises(NotConfigured):
        parse_settings({"COMMUNICATION_SERVICE_ID": "kv"})


def test_the_first_resource_is_the_default_and_all_are_allowed() -> None:
    """The allow-list is made from the same list as the roles."""
    assert given("settings")["COMMUNICATION_SERVICE_ID"] == "resourceIds[0]"
    assert given("settings")["ALLOWED_COMMUNICATION_SERVICES"] == "join(resourceIds, ',')"

"""The settings: each good and bad value, all problems together by name, and what is default."""

import dataclasses
import json

import pytest

from shared.errors import NotConfigured
from shared.resource_id import ResourceId
from shared.settings import DEFAULTS, Settings, default_resource, parse_settings, setting_names, settings
from tests.support.fakes import RESOURCE, SUBSCRIPTION

ID = str(RESOURCE)
OTHER = ResourceId(SUBSCRIPTION, "OtherGroup", "OtherResource")
MINIMUM = {"COMMUNICATION_SERVICE_ID": ID}


def parse(**variables: str) -> Settings:
    """Return the settings of an environment that has a default resource and these variables."""
    return parse_settings({**MINIMUM, **variables})


def wrong(**variables: str) -> NotConfigured:
    """Return the error of an environment that has a default resource and these variables."""
    with pytest.raises(NotConfigured) as raised:
        parse(**variables)
    assert raised.value.status == 503
    assert raised.value.code == "NotConfigured"
    return raised.value


def targets(error: NotConfigured) -> list[str]:
    """Return the settings that an error names."""
    return [detail["target"] for detail in error.details]


def test_the_defaults_need_a_resource_alone() -> None:
    """With COMMUNICATION_SERVICE_ID everything else has its documented default."""
    configured = parse()
    assert configured.communication_service_id == RESOURCE
    assert configured.arm_endpoint == "https://management.azure.com"
    assert configured.arm_api_version == "2023-03-31"
    assert configured.azure_client_id is None
    assert configured.azure_token_credentials is None
    assert configured.request_deadline_seconds == 30.0
    assert configured.required_app_roles == frozenset()
    assert configured.app_service_authentication is False


def test_the_default_allow_list_is_the_default_resource() -> None:
    """Without ALLOWED_COMMUNICATION_SERVICES the app's own resource is allowed, and no other."""
    configured = parse()
    assert configured.allowed_communication_services.allows(RESOURCE)
    assert not configured.allowed_communication_services.allows(OTHER)


def test_an_allow_list_replaces_the_default() -> None:
    """ALLOWED_COMMUNICATION_SERVICES says all that is allowed: the default resource is not added to it."""
    allowed = parse(ALLOWED_COMMUNICATION_SERVICES=str(OTHER)).allowed_communication_services
    assert allowed.allows(OTHER)
    assert not allowed.allows(RESOURCE)


def test_an_allow_list_holds_ids_and_scopes() -> None:
    """Items are separated by commas, with blanks and empty items ignored."""
    configured = parse_settings(
        {"ALLOWED_COMMUNICATION_SERVICES": f" {ID} ,, /subscriptions/{SUBSCRIPTION}/resourceGroups/OtherGroup/ ,"}
    )
    assert configured.communication_service_id is None
    assert configured.allowed_communication_services.allows(RESOURCE)
    assert configured.allowed_communication_services.allows(OTHER)


@pytest.mark.parametrize("nothing", ["", " ", "\t\n"])
def test_empty_is_unset(nothing: str) -> None:
    """A variable that is empty or blank counts as unset, whichever it is."""
    blank = dict.fromkeys(setting_names(), nothing) | MINIMUM
    assert dataclasses.replace(parse_settings(blank), allowed_communication_services=_SAME) == dataclasses.replace(
        parse(), allowed_communication_services=_SAME
    )


_SAME = parse().allowed_communication_services


def test_a_configuration_without_any_resource_is_missing_one() -> None:
    """With neither a resource nor an allow-list the app can do nothing, and says what to set."""
    with pytest.raises(NotConfigured) as raised:
        parse_settings({})
    assert targets(raised.value) == ["COMMUNICATION_SERVICE_ID"]
    assert "ALLOWED_COMMUNICATION_SERVICES" in raised.value.details[0]["message"]


@pytest.mark.parametrize(
    ("name", "value", "field", "parsed"),
    [
        ("COMMUNICATION_SERVICE_ID", f" {ID.upper()}/ ", "communication_service_id", RESOURCE),
        ("ARM_ENDPOINT", "https://management.usgovcloudapi.net", None, "https://management.usgovcloudapi.net"),
        ("ARM_ENDPOINT", "https://management.azure.com/", None, "https://management.azure.com"),
        ("ARM_ENDPOINT", "https://management.azure.com:443", None, "https://management.azure.com"),
        ("ARM_ENDPOINT", "https://management.azure.com:/", None, "https://management.azure.com"),
        ("ARM_ENDPOINT", "https://[::1]:443", None, "https://[::1]"),
        ("ARM_ENDPOINT", "https://[2001::443]", None, "https://[2001::443]"),
        ("ARM_ENDPOINT", "HTTPS://localhost:8443", None, "https://localhost:8443"),
        ("ARM_ENDPOINT", "https://[::1]:8443", None, "https://[::1]:8443"),
        ("ARM_API_VERSION", "2025-09-01", None, "2025-09-01"),
        ("ARM_API_VERSION", "2023-06-01-preview", None, "2023-06-01-preview"),
        ("AZURE_CLIENT_ID", SUBSCRIPTION, None, SUBSCRIPTION),
        ("AZURE_CLIENT_ID", "AAAABBBB-CCCC-DDDD-EEEE-FFFF00001111", None, "AAAABBBB-CCCC-DDDD-EEEE-FFFF00001111"),
        ("AZURE_TOKEN_CREDENTIALS", "dev", None, "dev"),
        ("AZURE_TOKEN_CREDENTIALS", "PROD", None, "prod"),
        ("AZURE_TOKEN_CREDENTIALS", "azureclicredential", None, "AzureCliCredential"),
        ("AZURE_TOKEN_CREDENTIALS", "ManagedIdentityCredential", None, "ManagedIdentityCredential"),
        ("REQUEST_DEADLINE_SECONDS", "0.001", None, 0.001),
        ("REQUEST_DEADLINE_SECONDS", "5", None, 5.0),
        ("REQUEST_DEADLINE_SECONDS", "230", None, 230.0),
        ("REQUIRED_APP_ROLES", "Keys.Regenerate", None, frozenset({"Keys.Regenerate"})),
        ("REQUIRED_APP_ROLES", " a , b ,, a ", None, frozenset({"a", "b"})),
        ("REQUIRED_APP_ROLES", "r" * 120, None, frozenset({"r" * 120})),
    ],
)
def test_good_values_are_taken(name: str, value: str, field: str | None, parsed: object) -> None:
    """Each setting takes what its documentation says, in the form in which the app uses it."""
    assert getattr(parse(**{name: value}), field or name.lower()) == parsed


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("COMMUNICATION_SERVICE_ID", "MyCommunicationResource"),
        ("COMMUNICATION_SERVICE_ID", f"/subscriptions/{SUBSCRIPTION}"),
        ("COMMUNICATION_SERVICE_ID", f"{ID},{ID}"),
        ("COMMUNICATION_SERVICE_ID", f'"{ID}"'),
        ("ALLOWED_COMMUNICATION_SERVICES", "*"),
        ("ALLOWED_COMMUNICATION_SERVICES", f"{ID};{ID}"),
        ("ALLOWED_COMMUNICATION_SERVICES", f"{ID},/subscriptions"),
        ("ALLOWED_COMMUNICATION_SERVICES", f"/subscriptions/{SUBSCRIPTION}/resourceGroups/%2e%2e"),
        ("ARM_ENDPOINT", "http://management.azure.com"),
        ("ARM_ENDPOINT", "http://127.0.0.1:8080"),
        ("ARM_ENDPOINT", "management.azure.com"),
        ("ARM_ENDPOINT", "https://"),
        ("ARM_ENDPOINT", "https:///subscriptions"),
        ("ARM_ENDPOINT", "https://management.azure.com/subscriptions"),
        ("ARM_ENDPOINT", "https://management.azure.com?x=1"),
        ("ARM_ENDPOINT", "https://management.azure.com#x"),
        ("ARM_ENDPOINT", "https://management.azure.com@attacker.example"),
        ("ARM_ENDPOINT", "https://user:word@attacker.example"),
        ("ARM_ENDPOINT", "https://@attacker.example"),
        ("ARM_ENDPOINT", "https://management.azure.com:port"),
        ("ARM_ENDPOINT", "https://management.azure.com:0"),
        ("ARM_ENDPOINT", "https://management.azure.com:99999"),
        ("ARM_ENDPOINT", "https://[::1"),
        ("ARM_ENDPOINT", "https://management azure.com"),
        ("ARM_ENDPOINT", "file:///etc/passwd"),
        ("ARM_API_VERSION", "latest"),
        ("ARM_API_VERSION", "2023-3-31"),
        ("ARM_API_VERSION", "2023-03-31&x=1"),
        ("ARM_API_VERSION", "٢٠٢٣-03-31"),
        ("AZURE_CLIENT_ID", "my-identity"),
        ("AZURE_CLIENT_ID", f"{{{SUBSCRIPTION}}}"),
        ("AZURE_CLIENT_ID", SUBSCRIPTION + "0"),
        ("AZURE_TOKEN_CREDENTIALS", "yes"),
        ("AZURE_TOKEN_CREDENTIALS", "AzureCliCredential,dev"),
        ("AZURE_TOKEN_CREDENTIALS", "DefaultAzureCredential"),
        ("REQUEST_DEADLINE_SECONDS", "0"),
        ("REQUEST_DEADLINE_SECONDS", "0.000"),
        ("REQUEST_DEADLINE_SECONDS", "-1"),
        ("REQUEST_DEADLINE_SECONDS", "230.001"),
        ("REQUEST_DEADLINE_SECONDS", "999"),
        ("REQUEST_DEADLINE_SECONDS", "1e2"),
        ("REQUEST_DEADLINE_SECONDS", "nan"),
        ("REQUEST_DEADLINE_SECONDS", "inf"),
        ("REQUEST_DEADLINE_SECONDS", "30s"),
        ("REQUEST_DEADLINE_SECONDS", "٣"),
        ("ALLOWED_COMMUNICATION_SERVICES", ", ,"),
        ("REQUIRED_APP_ROLES", ","),
        ("REQUIRED_APP_ROLES", "Keys Regenerate"),
        ("REQUIRED_APP_ROLES", "r" * 121),
    ],
)
def test_bad_values_are_named(name: str, value: str) -> None:
    """Each wrong value is told under its setting's name, with what to put there and without the value."""
    error = wrong(**{name: value})
    assert targets(error) == [name]
    detail = error.details[0]
    assert detail["code"] == "InvalidSetting"
    assert detail["message"].startswith(f"{name} ")
    # short values, and the host that the advice names as an example, stand in the sentences by themselves
    assert len(value) < 9 or value in DEFAULTS["ARM_ENDPOINT"] or value not in json.dumps(error.to_json())


def test_all_problems_are_told_together() -> None:
    """Every setting that is wrong is named in the message and has a detail of its own."""
    names = [name for name in setting_names() if name != "COMMUNICATION_SERVICE_ID"]
    error = wrong(**dict.fromkeys(names, "not a good value"), COMMUNICATION_SERVICE_ID="neither")
    assert sorted(targets(error)) == sorted(setting_names())
    assert all(name in error.message for name in setting_names())


def test_a_wrong_resource_is_not_told_as_a_missing_one_too() -> None:
    """One mistake is one problem."""
    with pytest.raises(NotConfigured) as raised:
        parse_settings({"ALLOWED_COMMUNICATION_SERVICES": "*"})
    assert targets(raised.value) == ["ALLOWED_COMMUNICATION_SERVICES"]


def test_the_wrong_item_of_a_list_is_pointed_at() -> None:
    """In a list the position of the first wrong item is told."""
    message = wrong(ALLOWED_COMMUNICATION_SERVICES=f"{ID},/nonsense").details[0]["message"]
    assert "item 2" in message


@pytest.mark.parametrize(
    ("value", "on"),
    [("True", True), ("true", True), (" TRUE ", True), ("False", False), ("", False), ("1", False), ("yes", False)],
)
def test_app_service_authentication_is_the_platforms_word(value: str, *, on: bool) -> None:
    """WEBSITE_AUTH_ENABLED alone says whether App Service authentication stands before the app."""
    assert parse(WEBSITE_AUTH_ENABLED=value).app_service_authentication is on


def test_the_default_resource_is_asked_for_only_where_it_is_needed() -> None:
    """An app that only has an allow-list works, except for requests that name no resource."""
    configured = parse_settings({"ALLOWED_COMMUNICATION_SERVICES": ID})
    with pytest.raises(NotConfigured) as raised:
        default_resource(configured)
    assert targets(raised.value) == ["COMMUNICATION_SERVICE_ID"]
    assert default_resource(parse()) == RESOURCE


def test_settings_cannot_be_changed() -> None:
    """Settings are frozen."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        parse().arm_endpoint = "https://attacker.example"  # pyright: ignore[reportAttributeAccessIssue]  # the point


def test_the_process_environment_is_read_once_it_is_right(monkeypatch: pytest.MonkeyPatch) -> None:
    """A failure is not remembered, so that a mended environment is seen; a success is."""
    settings.cache_clear()
    try:
        for name in (*setting_names(), "WEBSITE_AUTH_ENABLED"):
            monkeypatch.delenv(name, raising=False)
        with pytest.raises(NotConfigured):
            settings()
        monkeypatch.setenv("COMMUNICATION_SERVICE_ID", ID)
        first = settings()
        monkeypatch.setenv("COMMUNICATION_SERVICE_ID", str(OTHER))
        assert settings() is first
        assert first.communication_service_id == RESOURCE
    finally:
        settings.cache_clear()


def test_setting_names_are_those_with_defaults() -> None:
    """Every documented setting has a default, be it empty."""
    assert setting_names() == tuple(DEFAULTS)

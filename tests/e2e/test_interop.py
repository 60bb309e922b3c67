"""The ARM-shaped route under clients that nobody here wrote: the official SDKs, over https, with a function key."""

import sys
from collections.abc import Iterator
from typing import cast

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ResourceNotFoundError
from azure.mgmt.communication import CommunicationServiceManagementClient

from tests.support.emulator import CA_FILE, Emulator
from tests.support.error_table import SUBSCRIPTION
from tests.support.interop import call_javascript

RESOURCE = ("MyResourceGroup", "MyCommunicationResource")


class _NoToken:
    """A credential for clients that insist on one."""

    def get_token(self, *scopes: str, **options: object) -> AccessToken:
        """Return a token that nobody looks at."""
        return AccessToken("unused", sys.maxsize)


@pytest.fixture(scope="module")
def secured() -> Iterator[Emulator]:
    """The app over https, function keys enforced."""
    with Emulator("--https", "--auth") as emulator:
        yield emulator


@pytest.fixture(scope="module")
def key(secured: Emulator) -> str:
    """The function key."""
    return secured.call_control("GET", "endpoints")["functionKey"]


def _python(emulator: Emulator, key: str) -> CommunicationServiceManagementClient:
    return CommunicationServiceManagementClient(
        _NoToken(),
        SUBSCRIPTION,
        base_url=f"{emulator.app}/api",
        headers={"x-functions-key": key},
        connection_verify=str(CA_FILE),
        retry_total=0,
    )


def test_the_python_sdk_regenerates_a_key(secured: Emulator, key: str) -> None:
    """azure-mgmt-communication gets CommunicationServiceKeys with the key redacted."""
    with _python(secured, key) as client:
        keys = client.communication_services.regenerate_key(*RESOURCE, {"keyType": "Secondary"})
    assert (keys.primary_key, keys.secondary_key) == (None, "REDACTED")
    assert str(keys.secondary_connection_string).endswith("/;accesskey=REDACTED")
    assert str(keys["fingerprint"]).startswith("sha256:")


def test_the_python_sdk_understands_our_errors_and_arms(secured: Emulator, key: str) -> None:
    """Our refusal, ARM's 404 and the host's 401 are the SDK's own exceptions, with code and message."""
    with _python(secured, key) as client:
        with pytest.raises(HttpResponseError) as refused:
            client.communication_services.regenerate_key("Other", "Other", {"keyType": "Secondary"})
        rule = {"service": "arm", "operation": "regenerateKey", "status": 404, "times": 1}
        secured.call_control("PUT", "faults", [rule])
        with pytest.raises(ResourceNotFoundError) as missing:
            client.communication_services.regenerate_key(*RESOURCE, {"keyType": "Secondary"})
    assert refused.value.error is not None
    assert missing.value.error is not None
    assert (refused.value.status_code, refused.value.error.code) == (403, "ResourceNotAllowed")
    assert missing.value.error.code == "ResourceNotFound"
    with _python(secured, "wrong") as client, pytest.raises(ClientAuthenticationError):
        client.communication_services.regenerate_key(*RESOURCE, {"keyType": "Secondary"})


async def test_the_javascript_sdk_regenerates_a_key(secured: Emulator, key: str) -> None:
    """@azure/arm-communication gets CommunicationServiceKeys with the key redacted."""
    outcome = await _javascript(secured, key, *RESOURCE)
    value = cast("dict[str, str]", outcome["value"])
    assert value["secondaryKey"] == "REDACTED"
    assert value["secondaryConnectionString"].endswith("/;accesskey=REDACTED")


async def test_the_javascript_sdk_understands_our_errors(secured: Emulator, key: str) -> None:
    """Our 403 is a RestError with its status and code."""
    outcome = await _javascript(secured, key, "Other", "Other")
    error = cast("dict[str, object]", outcome["error"])
    assert (error["name"], error["statusCode"], error["code"]) == ("RestError", 403, "ResourceNotAllowed")


async def _javascript(emulator: Emulator, key: str, group: str, name: str) -> dict[str, object]:
    return await call_javascript(
        "regenerateKey",
        group,
        name,
        {"keyType": "Secondary"},
        endpoint=f"{emulator.app}/api",
        subscription_id=SUBSCRIPTION,
        token="unused",
        ca_file=str(CA_FILE),
        headers={"x-functions-key": key},
    )

"""The official JavaScript SDK, @azure/arm-communication, against the emulated ARM."""

from typing import cast

import pytest

from emulator.cloud.cloud import Cloud
from emulator.cloud.defaults import RESOURCE_GROUP, RESOURCE_ID, RESOURCE_NAME, SUBSCRIPTION_ID
from tests.support.cloud import first_resource
from tests.support.interop import call_javascript, require_javascript


@pytest.fixture(autouse=True)
def javascript() -> None:
    """Skip, with the reason, where the client cannot run."""
    require_javascript()


async def _call(cloud: Cloud, operation: str, *arguments: object) -> dict[str, object]:
    return await call_javascript(
        operation,
        *arguments,
        endpoint=cloud.arm_url,
        subscription_id=SUBSCRIPTION_ID,
        token=cloud.token,
        ca_file=str(cloud.authority.ca_file),
    )


async def test_regenerate_key_returns_the_new_key_alone(cloud: Cloud) -> None:
    """regenerateKey changes the key that was asked for and returns it, without the other one."""
    before = first_resource(cloud).key("Secondary")
    outcome = await _call(cloud, "regenerateKey", RESOURCE_GROUP, RESOURCE_NAME, {"keyType": "Secondary"})
    after = first_resource(cloud).key("Secondary")
    assert after != before
    value = cast("dict[str, str]", outcome["value"])
    assert value == {"secondaryKey": after, "secondaryConnectionString": value["secondaryConnectionString"]}
    assert value["secondaryConnectionString"].endswith(f";accesskey={after}")


async def test_list_keys_returns_both_keys(cloud: Cloud) -> None:
    """listKeys returns the keys that the resource has."""
    outcome = await _call(cloud, "listKeys", RESOURCE_GROUP, RESOURCE_NAME)
    value = cast("dict[str, str]", outcome["value"])
    assert value["primaryKey"] == first_resource(cloud).key("Primary")
    assert value["secondaryKey"] == first_resource(cloud).key("Secondary")


@pytest.mark.parametrize(
    ("operation", "arguments"), [("listBySubscription", []), ("listByResourceGroup", [RESOURCE_GROUP])]
)
async def test_the_lists_hold_the_resource(cloud: Cloud, operation: str, arguments: list[str]) -> None:
    """Both lists are read to their end by the SDK's paging."""
    outcome = await _call(cloud, operation, *arguments)
    found = cast("list[dict[str, object]]", outcome["value"])
    assert [each["id"] for each in found] == [RESOURCE_ID]


async def test_get_returns_the_resource(cloud: Cloud) -> None:
    """The SDK finds hostName where the model has it."""
    outcome = await _call(cloud, "get", RESOURCE_GROUP, RESOURCE_NAME)
    value = cast("dict[str, object]", outcome["value"])
    assert value["hostName"] == f"{cloud.data_plane_url.removeprefix('https://')}/{RESOURCE_NAME}"


async def test_an_unknown_resource_is_the_sdks_own_error(cloud: Cloud) -> None:
    """A missing resource arrives as RestError with ARM's code and status."""
    outcome = await _call(cloud, "listKeys", RESOURCE_GROUP, "Other")
    error = cast("dict[str, object]", outcome["error"])
    assert (error["name"], error["code"], error["statusCode"]) == ("RestError", "ResourceNotFound", 404)

"""The data plane: azure-communication-phonenumbers against it, and requests signed by hand."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from azure.communication.phonenumbers.aio import PhoneNumbersClient
from azure.core.exceptions import ClientAuthenticationError

from emulator.cloud.arm_shapes import key_json
from emulator.cloud.cloud import Cloud
from emulator.cloud.defaults import RESOURCE_ID, RESOURCE_NAME
from emulator.cloud.keys import KeyShape, new_key
from emulator.cloud.resource_ids import ResourceId
from emulator.cloud.state import KEY_TYPES, KeyType, Resource
from tests.support.cloud import ControlClient, Http, first_resource

PATH = f"/{RESOURCE_NAME}/phoneNumbers"


def _connection_string(cloud: Cloud, resource: Resource, key_type: KeyType) -> str:
    return str(key_json(resource, key_type, cloud.data_plane_url)[f"{key_type.lower()}ConnectionString"])


async def _list(connection_string: str) -> list[object]:
    client = PhoneNumbersClient.from_connection_string(connection_string, retry_total=0)
    async with client:
        return [each async for each in client.list_purchased_phone_numbers()]


@pytest.mark.parametrize("key_type", KEY_TYPES)
@pytest.mark.parametrize("shape", ["base64", "cask"])
async def test_the_sdk_is_let_in_with_either_key_of_either_shape(
    cloud: Cloud, key_type: KeyType, shape: KeyShape
) -> None:
    """A connection string from ARM opens the data plane; the resource owns no numbers."""
    resource = cloud.state.create(ResourceId.parse(RESOURCE_ID), key_shape=shape)
    assert await _list(_connection_string(cloud, resource, key_type)) == []


async def test_a_regenerated_key_is_dead_and_its_successor_alive(cloud: Cloud) -> None:
    """After a regeneration the old connection string gets 401 Denied and the new one works."""
    resource = first_resource(cloud)
    old = _connection_string(cloud, resource, "Primary")
    cloud.state.regenerate(resource, "Primary")
    with pytest.raises(ClientAuthenticationError) as caught:
        await _list(old)
    assert caught.value.status_code == 401
    assert "Denied" in str(caught.value)
    assert await _list(_connection_string(cloud, resource, "Primary")) == []
    assert await _list(_connection_string(cloud, resource, "Secondary")) == []


async def test_a_new_key_works_once_it_has_propagated(cloud: Cloud) -> None:
    """While a regeneration propagates the old key works and the new one does not; afterwards it is the reverse."""
    resource = cloud.state.create(ResourceId.parse(RESOURCE_ID), propagation_seconds=3600)
    old = _connection_string(cloud, resource, "Primary")
    cloud.state.regenerate(resource, "Primary")
    new = _connection_string(cloud, resource, "Primary")
    assert await _list(old) == []
    with pytest.raises(ClientAuthenticationError):
        await _list(new)
    # As if an hour had passed.
    resource.propagation_seconds = 0
    assert await _list(new) == []
    with pytest.raises(ClientAuthenticationError):
        await _list(old)


async def test_local_authentication_can_be_off(cloud: Cloud) -> None:
    """With disableLocalAuth no key opens the data plane, though ARM still shows them."""
    resource = cloud.state.create(ResourceId.parse(RESOURCE_ID), disable_local_auth=True)
    with pytest.raises(ClientAuthenticationError):
        await _list(_connection_string(cloud, resource, "Primary"))


async def test_resources_of_one_name_do_not_share_keys(cloud: Cloud) -> None:
    """Two resources of the same name in two groups have endpoints of their own."""
    first = first_resource(cloud)
    twin_id = ResourceId.parse(RESOURCE_ID.replace("MyResourceGroup", "OtherGroup"))
    twin = cloud.state.create(twin_id)
    assert await _list(_connection_string(cloud, twin, "Primary")) == []
    crossed = f"endpoint={cloud.data_plane_url}/{twin.segment}/;accesskey={first.key('Primary')}"
    with pytest.raises(ClientAuthenticationError):
        await _list(crossed)


def _signed(
    cloud: Cloud,
    key: str,
    *,
    method: str = "GET",
    target: str = f"{PATH}?api-version=2022-12-01",
    host: str | None = None,
    date: str | None = None,
    body: bytes = b"",
) -> dict[str, str]:
    """Sign as the documentation says, by other code than the server's."""
    host = host or cloud.data_plane_url.removeprefix("https://")
    date = date or format_datetime(datetime.now(UTC), usegmt=True)
    content_hash = base64.b64encode(hashlib.sha256(body).digest()).decode()
    text = f"{method}\n{target}\n{date};{host};{content_hash}"
    signature = base64.b64encode(hmac.new(base64.b64decode(key), text.encode(), hashlib.sha256).digest()).decode()
    return {
        "x-ms-date": date,
        "x-ms-content-sha256": content_hash,
        "Authorization": f"HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature={signature}",
    }


async def _get(cloud: Cloud, http: Http, headers: dict[str, str], path: str = PATH) -> int:
    answer = await http.send("GET", f"{cloud.data_plane_url}{path}?api-version=2022-12-01", headers=headers)
    if answer.status == 401:
        assert answer.json == {"error": {"code": "Denied", "message": "Denied by the resource provider."}}
    return answer.status


async def test_a_request_signed_by_hand_is_let_in(cloud: Cloud, http: Http) -> None:
    """The documented recipe works, with the Host header signed as it is sent."""
    key = first_resource(cloud).key("Secondary")
    assert await _get(cloud, http, _signed(cloud, key)) == 200


@pytest.mark.parametrize("off", [timedelta(minutes=-16), timedelta(minutes=16)], ids=["clock behind", "clock ahead"])
async def test_a_clock_that_is_off_is_denied(cloud: Cloud, http: Http, off: timedelta) -> None:
    """A signature from more than 15 minutes ago, or ahead, is denied even with a live key."""
    date = format_datetime(datetime.now(UTC) + off, usegmt=True)
    assert await _get(cloud, http, _signed(cloud, first_resource(cloud).key("Primary"), date=date)) == 401


async def test_what_is_signed_must_be_what_is_sent(cloud: Cloud, http: Http) -> None:
    """Another host, path, method, body or key in the signature is denied, and so is none at all."""
    key = first_resource(cloud).key("Primary")
    wrong = [
        _signed(cloud, key, host="example.communication.azure.com"),
        _signed(cloud, key, target=PATH),
        _signed(cloud, key, method="POST"),
        _signed(cloud, key, body=b"{}"),
        _signed(cloud, new_key("base64")),
        _signed(cloud, key) | {"x-ms-date": "yesterday"},
        _signed(cloud, key) | {"Authorization": f"Bearer {cloud.token}"},
        _signed(cloud, key) | {"Authorization": "HMAC-SHA256 Credential=x&SignedHeaders=host&Signature=eA=="},
        {"Authorization": _signed(cloud, key)["Authorization"]},
        {},
    ]
    assert [await _get(cloud, http, headers) for headers in wrong] == [401] * len(wrong)


async def test_a_resource_that_is_gone_accepts_nothing(cloud: Cloud, http: Http) -> None:
    """After its removal the keys of a resource are denied."""
    resource = first_resource(cloud)
    cloud.state.delete(resource.id)
    assert await _get(cloud, http, _signed(cloud, resource.key("Primary"))) == 401


async def test_an_unknown_operation_is_404_for_who_may_ask(cloud: Cloud, http: Http) -> None:
    """Only a signed request learns that an operation does not exist; it is in the journal without an operation."""
    target = f"/{RESOURCE_NAME}/sms"
    key = first_resource(cloud).key("Primary")
    headers = _signed(cloud, key, target=f"{target}?api-version=2022-12-01")
    assert await _get(cloud, http, headers, target) == 404
    assert await _get(cloud, http, {}, target) == 401
    assert [entry.operation for entry in cloud.journal.entries()] == [None, None]


async def test_faults_reach_the_data_plane(cloud: Cloud, control: ControlClient, http: Http) -> None:
    """A throttled probe gets 429 with Retry-After, and the next one is served."""
    await control.put_faults(
        {"service": "communication", "operation": "listPhoneNumbers", "status": 429, "retryAfter": 1, "times": 1}
    )
    key = first_resource(cloud).key("Primary")
    answer = await http.send("GET", f"{cloud.data_plane_url}{PATH}?api-version=2022-12-01", headers=_signed(cloud, key))
    assert (answer.status, answer.headers["retry-after"], answer.error["code"]) == (429, "1", "TooManyRequests")
    assert await _get(cloud, http, _signed(cloud, key)) == 200

"""The events that the cloud raises by itself: the vault's and Resource Manager's."""

import time
from typing import cast

import pytest

from emulator.cloud.cloud import Cloud
from emulator.cloud.defaults import RESOURCE_ID, SYSTEM_ASSIGNED, VAULT_ID
from tests.support.cloud import ArmClient, ControlClient, Http, eventually, first_resource
from tests.support.key_vault import KeyVaultClient, vault_of

DAY = 24 * 60 * 60
Event = dict[str, object]


def _events(cloud: Cloud) -> list[Event]:
    return [cast("Event", each.event) for each in cloud.delivery.records.all()]


def _types(cloud: Cloud) -> list[str]:
    return [each.type for each in cloud.delivery.records.all()]


async def test_nothing_is_announced_of_the_start(cloud: Cloud, control: ControlClient) -> None:
    """The first secret was there before; nor does a reset announce it."""
    assert _events(cloud) == []
    await control.send("POST", "secrets", {"name": "name", "value": "x"})
    await control.send("POST", "reset")
    assert _events(cloud) == []


async def test_a_new_version_has_the_shape_of_the_documentation(cloud: Cloud, http: Http) -> None:
    """Set by the API: the subject is the name, the id opens in the vault, dates are text, no value is in it."""
    vault = KeyVaultClient(cloud, http)
    version = await vault.set("newsecret", "hidden", attributes={"nbf": 1559081980, "exp": 4000000000})
    [event] = _events(cloud)
    assert set(event) == {
        *("id", "topic", "subject", "eventType", "eventTime", "data", "dataVersion", "metadataVersion"),
    }
    assert (event["topic"], event["subject"]) == (VAULT_ID, "newsecret")
    assert event["eventType"] == "Microsoft.KeyVault.SecretNewVersionCreated"
    assert (event["dataVersion"], event["metadataVersion"]) == ("1", "1")
    assert event["data"] == {
        "Id": f"{cloud.key_vault_url}/secrets/newsecret/{version}",
        "VaultName": "MyKeyVault",
        "ObjectType": "Secret",
        "ObjectName": "newsecret",
        "Version": version,
        "NBF": "1559081980",
        "EXP": "4000000000",
    }
    assert "hidden" not in str(event)


async def test_by_hand_or_by_the_api_every_version_is_announced(
    cloud: Cloud, http: Http, control: ControlClient
) -> None:
    """One that is near its expiry twice, at once; a refused set not at all."""
    await KeyVaultClient(cloud, http).set("by-api", attributes={"exp": int(time.time()) + 29 * DAY})
    await control.send("POST", "secrets", {"name": "by-hand", "value": "x", "expiresOn": "2001-01-01T00:00:00Z"})
    await control.send("POST", "secrets", {"name": "a_b", "value": "x"})
    assert [each.rpartition(".")[2] for each in _types(cloud)] == [
        *("SecretNewVersionCreated", "SecretNearExpiry"),
        *("SecretNewVersionCreated", "SecretExpired"),
    ]
    assert [each["subject"] for each in _events(cloud)] == ["by-api", "by-api", "by-hand", "by-hand"]


async def test_time_alone_raises_events(cloud: Cloud, control: ControlClient) -> None:
    """A version that has come near its expiry is announced within a second or two, though nobody does anything."""
    await control.send("POST", "secrets", {"name": "name", "value": "x", "expiresOn": "2100-01-01T00:00:00Z"})
    vault_of(cloud).secrets()[-1].current.expires = int(time.time()) + 29 * DAY
    await eventually(lambda: "Microsoft.KeyVault.SecretNearExpiry" in _types(cloud))
    assert len(_types(cloud)) == 2


@pytest.mark.parametrize("action", ["listKeys", "regenerateKey"])
async def test_an_action_has_the_shape_of_the_documentation(cloud: Cloud, arm: ArmClient, action: str) -> None:
    """Who did what to which resource; no key type, and no key."""
    headers = {"Content-Type": "application/json", "x-ms-client-request-id": "mine"}
    path = f"{RESOURCE_ID}/{action}"
    answer = await arm.send("POST", path, headers=headers, data=b'{"keyType":"Secondary"}')
    assert answer.status == 200
    [event] = _events(cloud)
    data = cast("Event", event["data"])
    claims, authorization = cast("Event", data.pop("claims")), cast("Event", data.pop("authorization"))
    operation = f"Microsoft.Communication/communicationServices/{action}/action"
    subscription = RESOURCE_ID.split("/")[2]
    assert event["topic"] == f"/subscriptions/{subscription}/resourceGroups/MyResourceGroup"
    assert (event["subject"], event["eventType"]) == (RESOURCE_ID, "Microsoft.Resources.ResourceActionSuccess")
    assert (event["dataVersion"], event["metadataVersion"]) == ("2", "1")
    assert data == {
        "correlationId": answer.headers["x-ms-correlation-request-id"],
        "httpRequest": {
            "clientRequestId": "mine",
            "clientIpAddress": "127.0.0.1",
            "method": "POST",
            "url": f"{cloud.arm_url}{path}?api-version=2023-03-31",
        },
        "resourceProvider": "Microsoft.Communication",
        "resourceUri": RESOURCE_ID,
        "operationName": operation,
        "status": "Succeeded",
        "subscriptionId": subscription,
        "tenantId": claims["http://schemas.microsoft.com/identity/claims/tenantid"],
    }
    assert (authorization["scope"], authorization["action"]) == (RESOURCE_ID, operation)
    assert set(cast("Event", authorization["evidence"])) == {
        *("role", "roleAssignmentScope", "roleAssignmentId", "roleDefinitionId", "principalId", "principalType"),
    }
    assert (claims["appid"], claims["aud"]) == (SYSTEM_ASSIGNED.client_id, cloud.arm_url)
    text = str(event)
    assert not any(key in text for key in [*first_resource(cloud).issued, cloud.token])


async def test_what_fails_or_reads_raises_no_success(cloud: Cloud, arm: ArmClient) -> None:
    """A refused action, one without rights, a GET and a list."""
    await arm.regenerate(b'{"keyType":"Both"}')
    await arm.send("POST", f"{RESOURCE_ID}/listKeys", authorization="Bearer wrong")
    await arm.send("GET")
    assert _events(cloud) == []


@pytest.mark.parametrize(("fault", "count"), [({"status": 500}, 0), ({"status": 500, "after": True}, 1)])
async def test_the_effect_counts_not_the_answer(
    cloud: Cloud, arm: ArmClient, control: ControlClient, fault: Event, count: int
) -> None:
    """A regeneration whose answer got lost is announced all the same."""
    await control.put_faults({"service": "arm", "operation": "regenerateKey", **fault})
    assert (await arm.regenerate()).status == 500
    assert len(_events(cloud)) == count

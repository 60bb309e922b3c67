"""ARM's throttling over the wire: what is counted, what is answered, and the control API that switches it."""

import pytest

from emulator.cloud.cloud import Cloud
from emulator.cloud.defaults import RESOURCE_ID, SUBSCRIPTION_ID
from emulator.cloud.resource_ids import ResourceId
from tests.support.cloud import ArmClient, ControlClient, first_resource

OTHER = ResourceId("00000000-1111-2222-3333-444444444444", "Other", "second")
REMAINING = "x-ms-ratelimit-remaining-subscription-writes"
SLOW = {"enabled": True, "capacity": 2, "refillPerSecond": 0.01}


async def _switch(control: ControlClient, **body: object) -> None:
    answer = await control.send("PUT", "throttling", body)
    assert answer.status == 200, answer.body


async def test_writes_are_counted_down_and_refused(cloud: Cloud, arm: ArmClient, control: ControlClient) -> None:
    """listKeys and regenerateKey take one each; then 429 with ARM's code, Retry-After and no effect."""
    await _switch(control, **SLOW)
    listed = await arm.send("POST", f"{RESOURCE_ID}/listKeys")
    assert (listed.status, listed.headers[REMAINING]) == (200, "1")
    regenerated = await arm.regenerate()
    assert (regenerated.status, regenerated.headers[REMAINING]) == (200, "0")
    key = first_resource(cloud).key("Primary")
    events = len((await control.send("GET", "events")).body)
    refused = await arm.regenerate()
    assert (refused.status, refused.error["code"]) == (429, "SubscriptionRequestsThrottled")
    assert SUBSCRIPTION_ID in str(refused.error["message"])
    assert refused.headers[REMAINING] == "0"
    assert 90 <= int(refused.headers["retry-after"]) <= 100
    assert f"'{refused.headers['retry-after']}' seconds" in str(refused.error["message"])
    assert first_resource(cloud).key("Primary") == key
    assert len((await control.send("GET", "events")).body) == events


async def test_what_is_no_write_is_not_counted(cloud: Cloud, arm: ArmClient, control: ControlClient) -> None:
    """Reads pass, and so do other subscriptions' writes; who may not write takes no token."""
    cloud.state.create(OTHER)
    await _switch(control, enabled=True, capacity=1, refillPerSecond=0.01)
    assert (await arm.send("POST", f"{RESOURCE_ID}/listKeys", authorization="Bearer nonsense")).status == 401
    assert (await arm.send("POST", f"{RESOURCE_ID}/listKeys")).status == 200
    assert (await arm.send("POST", f"{RESOURCE_ID}/listKeys")).status == 429
    assert (await arm.send("GET")).status == 200
    assert (await arm.send("POST", f"{OTHER}/listKeys")).status == 200


async def test_it_is_off_at_the_start_and_after_a_reset(arm: ArmClient, control: ControlClient) -> None:
    """GET tells; the defaults are ARM's."""
    assert (await control.send("GET", "throttling")).members == {
        "enabled": False,
        "capacity": 200,
        "refillPerSecond": 10.0,
    }
    await _switch(control, enabled=True)
    assert (await control.send("GET", "throttling")).members["enabled"] is True
    assert (await arm.send("POST", f"{RESOURCE_ID}/listKeys")).headers[REMAINING] == "199"
    await control.send("POST", "reset")
    assert (await control.send("GET", "throttling")).members["enabled"] is False
    await _switch(control, enabled=True, capacity=1)
    await _switch(control, enabled=False)
    assert [(await arm.send("POST", f"{RESOURCE_ID}/listKeys")).status for _ in range(3)] == [200] * 3


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"enabled": "yes"},
        {"enabled": True, "capacity": 0},
        {"enabled": True, "capacity": 1.5},
        {"enabled": True, "refillPerSecond": 0},
        {"enabled": True, "refillPerSecond": -1},
        {"enabled": True, "rate": 1},
        [],
    ],
    ids=str,
)
async def test_what_makes_no_sense_is_refused(control: ControlClient, body: object) -> None:
    """400, and everything stays as it was."""
    assert (await control.send("PUT", "throttling", body)).status == 400
    assert (await control.send("GET", "throttling")).members["enabled"] is False

"""The control API: what it shows and does, and what it refuses."""

from typing import cast

import pytest

from emulator.cloud.addresses import CloudSockets
from emulator.cloud.authority import ensure_authority
from emulator.cloud.cloud import Cloud
from emulator.cloud.defaults import RESOURCE_ID, SUBSCRIPTION_ID
from emulator.cloud.keys import new_key
from tests.support.cloud import EMULATOR_DIRECTORY, ArmClient, ControlClient, Http, first_resource

OTHER_ID = RESOURCE_ID.replace("MyCommunicationResource", "other")


async def _resources(control: ControlClient) -> list[dict[str, object]]:
    return cast("list[dict[str, object]]", (await control.send("GET", "resources")).json)


async def test_endpoints_name_everything_there_is(cloud: Cloud, arm: ArmClient, control: ControlClient) -> None:
    """All names of the contract are there, null where there is nothing, and the token opens ARM."""
    endpoints = (await control.send("GET", "endpoints")).members
    assert set(endpoints) == {
        *("app", "arm", "keyVault", "dataPlane", "identity", "topic", "webhook"),
        *("caFile", "functionKey", "systemKey", "token"),
    }
    assert endpoints["arm"] == cloud.arm_url
    assert endpoints["dataPlane"] == cloud.data_plane_url
    assert endpoints["keyVault"] == cloud.key_vault_url
    assert endpoints["identity"] == cloud.identity_url
    assert endpoints["topic"] == cloud.topic_url
    assert [endpoints[name] for name in ("app", "webhook", "functionKey")] == [None] * 3
    assert (await arm.send("GET", authorization=f"Bearer {endpoints['token']}")).status == 200


async def test_the_apps_own_endpoints_are_shown_as_they_come(http: Http) -> None:
    """What the host adds later is seen in the next answer."""
    app_endpoints: dict[str, str | None] = {}
    cloud = Cloud(
        sockets=CloudSockets.bind(),
        authority=ensure_authority(EMULATOR_DIRECTORY),
        identity_header="x",
        app_endpoints=app_endpoints,
    )
    try:
        await cloud.start()
        control = ControlClient(cloud, http)
        assert (await control.send("GET", "endpoints")).members["app"] is None
        app_endpoints |= {"app": "http://127.0.0.1:1", "masterKey": "m"}
        endpoints = (await control.send("GET", "endpoints")).members
        assert (endpoints["app"], endpoints["masterKey"]) == ("http://127.0.0.1:1", "m")
    finally:
        await cloud.stop()


async def test_resources_show_keys_and_all_that_were_issued(
    cloud: Cloud, arm: ArmClient, control: ControlClient
) -> None:
    """The first resource is there from the start; a regenerated key stays among the issued ones."""
    [before] = await _resources(control)
    assert before["resourceId"] == RESOURCE_ID
    assert before["hostName"] == f"{cloud.data_plane_url.removeprefix('https://')}/MyCommunicationResource"
    keys = cast("dict[str, str]", before["keys"])
    assert before["issuedKeys"] == [keys["primary"], keys["secondary"]]
    await arm.regenerate()
    [after] = await _resources(control)
    new = cast("dict[str, str]", after["keys"])
    assert new["primary"] != keys["primary"]
    assert new["secondary"] == keys["secondary"]
    assert after["issuedKeys"] == [keys["primary"], keys["secondary"], new["primary"]]


async def test_a_resource_is_made_and_removed(cloud: Cloud, arm: ArmClient, control: ControlClient) -> None:
    """POST makes one with the keys asked for, ARM knows it at once, DELETE removes it in any casing."""
    made = await control.send(
        "POST",
        "resources",
        {"resourceId": OTHER_ID, "keyShape": "cask", "propagationSeconds": 1.5, "disableLocalAuth": True},
    )
    assert made.status == 201
    assert {len(key) for key in cast("dict[str, str]", made.members["keys"]).values()} == {84}
    assert (await arm.send("GET", OTHER_ID)).status == 200
    assert (await control.send("DELETE", f"resources?resourceId={OTHER_ID.upper()}")).status == 204
    assert (await arm.send("GET", OTHER_ID)).status == 404
    assert (await control.send("DELETE", f"resources?resourceId={OTHER_ID}")).status == 404


async def test_making_a_resource_again_keeps_the_keys_it_issued(control: ControlClient) -> None:
    """A POST for an id that exists gives it new keys and settings; the old keys stay among the issued ones."""
    [before] = await _resources(control)
    made = await control.send("POST", "resources", {"resourceId": RESOURCE_ID.lower(), "keyShape": None})
    assert made.status == 200
    [after] = await _resources(control)
    issued = cast("list[str]", after["issuedKeys"])
    assert issued[:2] == before["issuedKeys"]
    assert len(set(issued)) == 4


async def test_twins_get_host_names_of_their_own(control: ControlClient) -> None:
    """Resources of one name in several groups have different host names."""
    for group in ("b", "c"):
        await control.send("POST", "resources", {"resourceId": RESOURCE_ID.replace("MyResourceGroup", group)})
    names = {str(each["hostName"]) for each in await _resources(control)}
    assert len(names) == 3


async def test_probe_asks_the_data_planes_own_question(cloud: Cloud, arm: ArmClient, control: ControlClient) -> None:
    """Live keys are accepted; a regenerated one and a random one are not."""

    async def probe(key: str) -> object:
        return (await control.send("POST", "probe", {"resourceId": RESOURCE_ID, "key": key})).json

    old = first_resource(cloud).key("Primary")
    assert await probe(old) == {"accepted": True}
    await arm.regenerate()
    assert await probe(old) == {"accepted": False}
    assert await probe(first_resource(cloud).key("Primary")) == {"accepted": True}
    assert await probe(first_resource(cloud).key("Secondary")) == {"accepted": True}
    assert await probe(new_key("base64")) == {"accepted": False}
    unknown = await control.send("POST", "probe", {"resourceId": OTHER_ID, "key": old})
    assert unknown.status == 404


async def test_the_journal_tells_what_was_asked(arm: ArmClient, control: ControlClient) -> None:
    """Each request is there in its order with all fields; unroutable ones too; DELETE forgets them."""
    await arm.send("GET", RESOURCE_ID.lower(), headers={"x-ms-client-request-id": "mine"})
    await arm.regenerate()
    await arm.regenerate(b'{"keyType":"secondary"}')
    await arm.send("GET", "/nowhere")
    get, regenerated, refused, nowhere = await control.requests()
    at = str(get.pop("at"))
    assert at.endswith("Z")
    assert get == {
        "service": "arm",
        "operation": "get",
        "method": "GET",
        "path": RESOURCE_ID.lower(),
        "apiVersion": "2023-03-31",
        "resourceId": RESOURCE_ID,
        "keyType": None,
        "secret": None,
        "clientRequestId": "mine",
        "status": 200,
        "effect": False,
    }
    assert (regenerated["operation"], regenerated["keyType"]) == ("regenerateKey", "Primary")
    assert (regenerated["status"], regenerated["effect"]) == (200, True)
    assert (refused["keyType"], refused["status"], refused["effect"]) == ("secondary", 400, False)
    assert (nowhere["operation"], nowhere["resourceId"], nowhere["status"]) == (None, None, 404)
    assert (await control.send("DELETE", "requests")).status == 204
    assert await control.requests() == []


async def test_reset_goes_back_to_the_start(cloud: Cloud, arm: ArmClient, control: ControlClient) -> None:
    """One resource with new keys, no faults, an empty journal; tokens that were issued stay valid."""
    [before] = await _resources(control)
    await control.send("POST", "resources", {"resourceId": OTHER_ID})
    await control.put_faults({"service": "arm", "operation": "*", "status": 500})
    await arm.send("GET")
    assert (await control.send("POST", "reset")).status == 204
    [after] = await _resources(control)
    assert after["resourceId"] == RESOURCE_ID
    assert not set(cast("list[str]", after["issuedKeys"])) & set(cast("list[str]", before["issuedKeys"]))
    assert (await control.send("GET", "faults")).json == []
    assert await control.requests() == []
    assert (await arm.send("GET")).status == 200


async def test_faults_are_shown_as_they_were_put(control: ControlClient) -> None:
    """GET returns the rules word for word while they are unused."""
    rules = [
        {"service": "arm", "operation": "*", "status": 500, "times": None},
        {"service": "identity", "operation": "token", "delaySeconds": 0.1, "after": True, "times": 3},
        {"service": "communication", "disconnect": "before"},
        {"service": "keyvault", "operation": "setSecret", "body": "truncated", "times": 2},
        {"service": "eventgrid", "operation": "deliver", "duplicate": 2},
        {"service": "durable", "operation": "publish_key", "rerun": "late", "delaySeconds": 0.5},
    ]
    put = await control.send("PUT", "faults", rules)
    assert (put.status, put.json) == (200, rules)
    assert (await control.send("GET", "faults")).json == rules


_ARM_RULE: dict[str, object] = {"service": "arm", "operation": "get"}
_NOTHING: dict[str, object] = {}


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        (_NOTHING, ["array"]),
        ([1], ["[0]", "object"]),
        ([_NOTHING], ["[0]", "service"]),
        ([{**_ARM_RULE, "status": 500}, {"service": "ARM", "status": 500}], ["[1]", "service", "arm"]),
        ([{"service": "storage", "status": 500}], ["service must be one of"]),
        ([{"service": "eventgrid", "body": "invalid"}], ["body is not possible"]),
        ([{"service": "eventgrid", "duplicate": 2}], ["operation deliver has the effect duplicate"]),
        ([{"service": "eventgrid", "operation": "deliver", "status": 500}], ["operation deliver has the effect"]),
        ([{"service": "eventgrid", "operation": "deliver", "duplicate": 0}], ["duplicate must be from 1 to 100"]),
        ([{**_ARM_RULE, "duplicate": 1}], ["duplicate is not possible"]),
        ([{"service": "keyvault", "operation": "deleteSecret", "status": 500}], ["operation", "updateSecret"]),
        ([{"service": "keyvault", "status": 500, "resourceId": RESOURCE_ID}], ["resourceId", "keyvault"]),
        ([{"service": "keyvault", "expiredToken": True}], ["expiredToken is not possible"]),
        ([{"service": "arm", "operation": "regenerate", "status": 500}], ["operation", "regenerateKey"]),
        ([{"service": "arm", "operation": "token", "status": 500}], ["operation"]),
        ([_ARM_RULE], ["exactly one of"]),
        ([{**_ARM_RULE, "status": 500, "delaySeconds": 1}], ["exactly one of"]),
        ([{**_ARM_RULE, "status": 200}], ["status must be from 400 to 599"]),
        ([{**_ARM_RULE, "status": "500"}], ["status must be a whole number"]),
        ([{**_ARM_RULE, "status": True}], ["status must be a whole number"]),
        ([{**_ARM_RULE, "status": None}], ["status is missing"]),
        ([{**_ARM_RULE, "status": 500, "after": 1}], ["after must be true or false"]),
        ([{**_ARM_RULE, "status": 500, "retryAfter": -1}], ["retryAfter"]),
        ([{**_ARM_RULE, "status": 500, "retryAfter": "a\r\nb"}], ["retryAfter"]),
        ([{**_ARM_RULE, "status": 500, "retryAfter": True}], ["retryAfter"]),
        ([{**_ARM_RULE, "status": 500, "details": _NOTHING}], ["details must be an array"]),
        ([{**_ARM_RULE, "status": 500, "times": 0}], ["times must be 1 or more"]),
        ([{**_ARM_RULE, "status": 500, "times": 1.5}], ["times must be a whole number"]),
        ([{**_ARM_RULE, "status": 500, "skip": -1}], ["skip must be 0 or more"]),
        ([{"service": "arm", "tls": True, "skip": 1}], ["skip counts requests"]),
        ([{**_ARM_RULE, "status": 500, "resourceId": "x"}], ["resourceId"]),
        ([{**_ARM_RULE, "status": 500, "colour": "red"}], ["colour"]),
        ([{**_ARM_RULE, "delaySeconds": 1, "code": "x"}], ["code cannot stand beside delaySeconds"]),
        ([{**_ARM_RULE, "delaySeconds": -1}], ["delaySeconds"]),
        ([{**_ARM_RULE, "delaySeconds": "1"}], ["delaySeconds must be a number"]),
        ([{**_ARM_RULE, "disconnect": "during"}], ["disconnect must be one of before, after"]),
        ([{**_ARM_RULE, "disconnect": "after", "after": True}], ["after cannot stand beside"]),
        ([{**_ARM_RULE, "body": "empty"}], ["body must be one of"]),
        ([{**_ARM_RULE, "expiredToken": True}], ["expiredToken is not possible"]),
        ([{"service": "identity", "operation": "token", "expiredToken": False}], ["must be true"]),
        ([{"service": "identity", "operation": "token", "status": 500, "resourceId": RESOURCE_ID}], ["resourceId"]),
        ([{**_ARM_RULE, "refuse": True}], ["whole service"]),
        ([{"service": "arm", "resourceId": RESOURCE_ID, "tls": True}], ["whole service"]),
        ([{"service": "identity", "tls": True}], ["tls is not possible"]),
        ([{"service": "durable", "operation": "a b", "rerun": "now"}], ["operation must be the name of a function"]),
        ([{"service": "durable", "rerun": "later"}], ["rerun must be one of now, late"]),
        ([{"service": "durable", "rerun": "late"}], ["delaySeconds must be a number"]),
        ([{"service": "durable", "rerun": "late", "delaySeconds": -1}], ["delaySeconds must be from 0"]),
        ([{"service": "durable", "rerun": "now", "delaySeconds": 1}], ["delaySeconds is for a rerun that is late"]),
        ([{"service": "durable", "rerun": "now", "resourceId": RESOURCE_ID}], ["resourceId", "durable"]),
        ([{"service": "durable", "status": 500}], ["status is not possible"]),
        ([{"service": "durable", "delaySeconds": 1}], ["delaySeconds is not possible"]),
        ([{"service": "durable", "rerun": "now", "status": 500}], ["exactly one of"]),
        ([{**_ARM_RULE, "rerun": "now"}], ["rerun is not possible"]),
    ],
)
async def test_a_wrong_rule_is_refused_by_name(control: ControlClient, rules: object, words: list[str]) -> None:
    """The error says which rule and what is wrong, and the rules in force stay."""
    await control.put_faults({**_ARM_RULE, "status": 418})
    answer = await control.send("PUT", "faults", rules)
    assert answer.status == 400
    assert all(word in str(answer.members["error"]) for word in words), answer.body
    assert (await control.send("GET", "faults")).json == [{**_ARM_RULE, "status": 418}]


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (_NOTHING, "resourceId is missing"),
        ({"resourceId": 1}, "resourceId must be a string"),
        ({"resourceId": "x"}, "ARM id"),
        ({"resourceId": f"/subscriptions/{SUBSCRIPTION_ID}/resourceGroups/a"}, "ARM id"),
        ({"resourceId": OTHER_ID, "keyShape": "hex"}, "keyShape"),
        ({"resourceId": OTHER_ID, "propagationSeconds": -1}, "propagationSeconds"),
        ({"resourceId": OTHER_ID, "propagationSeconds": "1"}, "propagationSeconds"),
        ({"resourceId": OTHER_ID, "disableLocalAuth": "no"}, "disableLocalAuth"),
        ({"resourceId": OTHER_ID, "keyshape": "cask"}, "unknown: keyshape"),
        ("text", "object"),
    ],
)
async def test_a_wrong_resource_is_refused_by_name(control: ControlClient, body: object, word: str) -> None:
    """The error names the member, and no resource is made."""
    answer = await control.send("POST", "resources", body)
    assert answer.status == 400
    assert word in str(answer.members["error"])
    assert len(await _resources(control)) == 1


@pytest.mark.parametrize("body", [{"resourceId": RESOURCE_ID}, {"key": "x"}, {"resourceId": RESOURCE_ID, "key": 1}])
async def test_a_wrong_probe_is_refused(control: ControlClient, body: object) -> None:
    """A probe needs both members, as strings."""
    assert (await control.send("POST", "probe", body)).status == 400


async def test_unknown_paths_and_methods_have_json_errors(control: ControlClient) -> None:
    """404 lists the paths there are; 405 the methods; a DELETE without a name is 400."""
    assert "/_control/faults" in str((await control.send("GET", "fault")).members["error"])
    answer = await control.send("POST", "faults", [])
    assert (answer.status, answer.headers["allow"]) == (405, "GET, PUT")
    assert (await control.send("DELETE", "resources")).status == 400


async def test_bodies_must_be_json(cloud: Cloud, http: Http) -> None:
    """Another content type is 415 and what does not parse is 400, both with a sentence."""
    url = f"{cloud.control_url}/_control/faults"
    for content_type, body, status in (
        ("text/plain", b"[]", 415),
        ("application/x-www-form-urlencoded", b"[]", 415),
        ("application/json", b"[", 400),
        ("application/json", b"", 400),
        ("application/json", b'[{"service":"arm","service":"arm"}]', 400),
        ("application/json", b"[NaN]", 400),
    ):
        answer = await http.send("PUT", url, headers={"Content-Type": content_type}, data=body)
        assert answer.status == status
        assert str(answer.members["error"]).endswith(".")


async def test_web_pages_have_no_access(control: ControlClient) -> None:
    """A foreign host name (DNS rebinding) and a foreign origin are refused; localhost is not."""
    for headers in (
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example:7072"},
        {"Host": "[::ffff:127.0.0.1"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ):
        answer = await control.send("POST", "reset", headers=headers)
        assert answer.status == 403
        assert "error" in answer.members
    assert (await control.send("POST", "reset", headers={"Host": "localhost:7072"})).status == 204

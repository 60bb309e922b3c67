"""The emulated ARM, asked with plain HTTP: routing, validation in ARM's order, errors and headers."""

import asyncio

import pytest

from emulator.cloud.arm_shapes import API_VERSIONS
from emulator.cloud.cloud import Cloud
from emulator.cloud.defaults import (
    RESOURCE_GROUP,
    RESOURCE_ID,
    SUBSCRIPTION_ID,
    SYSTEM_ASSIGNED,
    USER_ASSIGNED_WITHOUT_ROLE,
)
from emulator.cloud.resource_ids import ResourceId
from tests.support.cloud import Answer, ArmClient, Http, first_resource

OTHER_SUBSCRIPTION = "00000000-1111-2222-3333-444444444444"
GROUP_PATH = f"/subscriptions/{SUBSCRIPTION_ID}/resourceGroups/{RESOURCE_GROUP}"
TYPE_PATH = "providers/Microsoft.Communication/communicationServices"


def _problem(answer: Answer) -> tuple[int, object]:
    return answer.status, answer.error["code"]


async def test_paths_are_matched_in_any_casing_and_with_stray_slashes(cloud: Cloud, arm: ArmClient) -> None:
    """Literal segments, ids and names are case-insensitive; the answer has ARM's own casing."""
    for path in (RESOURCE_ID.lower(), RESOURCE_ID.upper(), f"/{RESOURCE_ID}/"):
        answer = await arm.send("GET", path)
        assert (answer.status, answer.members["id"]) == (200, RESOURCE_ID)
    regenerated = await arm.regenerate(path=RESOURCE_ID.upper())
    assert regenerated.members["primaryKey"] == first_resource(cloud).key("Primary")
    listed = await arm.send("POST", f"{RESOURCE_ID.lower()}/LISTKEYS")
    assert listed.status == 200


async def test_lists_hold_what_is_in_their_scope(cloud: Cloud, arm: ArmClient) -> None:
    """A list by subscription holds every group's resources, a list by group its own."""
    other = cloud.state.create(ResourceId(SUBSCRIPTION_ID, "Other", "second"))
    foreign = cloud.state.create(ResourceId(OTHER_SUBSCRIPTION, RESOURCE_GROUP, "third"))

    async def ids(path: str) -> list[object]:
        answer = await arm.send("GET", f"{path}/{TYPE_PATH}")
        assert answer.status == 200
        value = answer.members["value"]
        assert isinstance(value, list)
        return [each["id"] for each in value]  # pyright: ignore[reportUnknownVariableType] -- JSON

    assert await ids(f"/subscriptions/{SUBSCRIPTION_ID}") == [RESOURCE_ID, str(other.id)]
    assert await ids(f"/subscriptions/{OTHER_SUBSCRIPTION}") == [str(foreign.id)]
    assert await ids(GROUP_PATH.lower()) == [RESOURCE_ID]
    assert await ids(f"/subscriptions/{SUBSCRIPTION_ID}/resourceGroups/other") == [str(other.id)]


async def test_every_published_api_version_is_accepted(arm: ArmClient) -> None:
    """Clients of all ages find the resource; only the newest shows disableLocalAuth."""
    for version in API_VERSIONS:
        answer = await arm.send("GET", api_version=version)
        assert answer.status == 200
        properties = answer.members["properties"]
        assert isinstance(properties, dict)
        assert ("disableLocalAuth" in properties) == (version == "2026-03-18")


@pytest.mark.parametrize(
    ("version", "code"),
    [
        (None, "MissingApiVersionParameter"),
        ("", "MissingApiVersionParameter"),
        ("latest", "InvalidApiVersionParameter"),
        ("2023-3-31", "InvalidApiVersionParameter"),
        ("2019-01-01", "NoRegisteredProviderFound"),
        ("2023-03-31-preview", "NoRegisteredProviderFound"),
    ],
)
async def test_a_bad_api_version_is_refused(cloud: Cloud, arm: ArmClient, version: str | None, code: str) -> None:
    """Missing, ill-formed and unknown api-versions have errors of their own and change nothing."""
    before = first_resource(cloud).key("Primary")
    answer = await arm.send(
        "POST",
        f"{RESOURCE_ID}/regenerateKey",
        api_version=version,
        headers={"Content-Type": "application/json"},
        data=b'{"keyType":"Primary"}',
    )
    assert _problem(answer) == (400, code)
    assert first_resource(cloud).key("Primary") == before


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        (None, "AuthenticationFailed"),
        ("Basic eDp5", "AuthenticationFailedInvalidHeader"),
        ("Bearer", "AuthenticationFailedInvalidHeader"),
        ("Bearer eyJh.eyJi.c", "InvalidAuthenticationToken"),
    ],
)
async def test_a_bad_token_is_401_with_a_challenge(
    cloud: Cloud, arm: ArmClient, authorization: str | None, code: str
) -> None:
    """Who does not show a token of this cloud learns how to get one, and nothing happens."""
    before = first_resource(cloud).key("Primary")
    answer = await arm.send(
        "POST",
        f"{RESOURCE_ID}/regenerateKey",
        authorization=authorization,
        headers={"Content-Type": "application/json"},
        data=b'{"keyType":"Primary"}',
    )
    assert _problem(answer) == (401, code)
    assert answer.headers["www-authenticate"].startswith('Bearer authorization_uri="https://login.')
    assert first_resource(cloud).key("Primary") == before


async def test_a_token_for_another_audience_or_an_expired_one_is_401(cloud: Cloud, arm: ArmClient) -> None:
    """Wrong audience and expiry are told apart, as ARM does."""
    vault = cloud.tokens.issue("https://vault.azure.net", SYSTEM_ASSIGNED)
    answer = await arm.send("GET", authorization=f"Bearer {vault.value}")
    assert _problem(answer) == (401, "InvalidAuthenticationTokenAudience")
    expired = cloud.tokens.issue(cloud.arm_url, SYSTEM_ASSIGNED, expired=True)
    answer = await arm.send("GET", authorization=f"Bearer {expired.value}")
    assert _problem(answer) == (401, "ExpiredAuthenticationToken")
    assert "expiry UTC time" in answer.headers["www-authenticate"]


async def test_who_has_no_role_learns_nothing(cloud: Cloud, arm: ArmClient) -> None:
    """403 comes before 404: an identity without a role cannot find out what exists."""
    token = cloud.tokens.issue(cloud.arm_url, USER_ASSIGNED_WITHOUT_ROLE).value
    for path in (RESOURCE_ID, f"{GROUP_PATH}/{TYPE_PATH}/Other"):
        answer = await arm.send("POST", f"{path}/regenerateKey", authorization=f"Bearer {token}")
        assert _problem(answer) == (403, "AuthorizationFailed")
        assert "Microsoft.Communication/CommunicationServices/RegenerateKey/action" in str(answer.error["message"])


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        (f"/subscriptions/not-a-uuid/{TYPE_PATH}", 400, "InvalidSubscriptionId"),
        (f"/subscriptions/{OTHER_SUBSCRIPTION}/{TYPE_PATH}", 404, "SubscriptionNotFound"),
        (
            f"/subscriptions/{SUBSCRIPTION_ID}/resourceGroups/Other/{TYPE_PATH}/x",
            404,
            "ResourceGroupNotFound",
        ),
        (f"{GROUP_PATH}/{TYPE_PATH}/Other", 404, "ResourceNotFound"),
        (f"{GROUP_PATH}/providers/Microsoft.Nothing/things/x", 404, "InvalidResourceNamespace"),
        (f"{GROUP_PATH}/providers/Microsoft.Communication/emailServices/x", 404, "InvalidResourceType"),
        (f"{RESOURCE_ID}/rotateKey", 404, "InvalidResourceType"),
        (f"{GROUP_PATH}/providers/Microsoft.Communication", 404, "NotFound"),
        (GROUP_PATH, 404, "NotFound"),
        ("/", 404, "NotFound"),
        ("/tenants", 404, "NotFound"),
    ],
)
async def test_what_does_not_exist_has_arms_own_error(arm: ArmClient, path: str, status: int, code: str) -> None:
    """Subscription, group, resource, provider and type are each missed by name."""
    assert _problem(await arm.send("GET", path)) == (status, code)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", f"{RESOURCE_ID}/regenerateKey", "POST"),
        ("GET", f"{RESOURCE_ID}/listKeys", "POST"),
        ("DELETE", RESOURCE_ID, "GET"),
        ("POST", "/metadata/endpoints", "GET"),
    ],
)
async def test_a_wrong_method_is_405(arm: ArmClient, method: str, path: str, allowed: str) -> None:
    """The answer names the method that the operation takes."""
    answer = await arm.send(method, path)
    assert (answer.status, answer.headers["allow"]) == (405, allowed)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "InvalidRequestContent"),
        (b"{", "InvalidRequestContent"),
        (b"\xff\xfe", "InvalidRequestContent"),
        (b"[" * 100_000, "InvalidRequestContent"),
        (b'["Primary"]', "HttpRequestPayloadAPISpecValidationFailed"),
        (b"{}", "HttpRequestPayloadAPISpecValidationFailed"),
        (b'{"keyType":null}', "HttpRequestPayloadAPISpecValidationFailed"),
        (b'{"keyType":"primary"}', "HttpRequestPayloadAPISpecValidationFailed"),
        (b'{"keyType":"Tertiary"}', "HttpRequestPayloadAPISpecValidationFailed"),
        (b'{"keyType":["Primary","Secondary"]}', "HttpRequestPayloadAPISpecValidationFailed"),
        (b'{"keytype":"Primary"}', "HttpRequestPayloadAPISpecValidationFailed"),
    ],
)
async def test_a_bad_body_regenerates_nothing(cloud: Cloud, arm: ArmClient, body: bytes, code: str) -> None:
    """What is no JSON and what the specification does not allow are told apart; no key changes."""
    issued = list(first_resource(cloud).issued)
    answer = await arm.regenerate(body)
    assert _problem(answer) == (400, code)
    assert first_resource(cloud).issued == issued
    assert cloud.journal.entries()[-1].effect is False


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/x-www-form-urlencoded"])
async def test_a_body_must_say_that_it_is_json(arm: ArmClient, content_type: str | None) -> None:
    """Any other media type, or none, is 415."""
    headers = {} if content_type is None else {"Content-Type": content_type}
    answer = await arm.send("POST", f"{RESOURCE_ID}/regenerateKey", headers=headers, data=b'{"keyType":"Primary"}')
    assert _problem(answer) == (415, "UnsupportedMediaType")


async def test_further_properties_and_a_charset_are_allowed(cloud: Cloud, arm: ArmClient) -> None:
    """The specification closes no object, and clients add a charset."""
    answer = await arm.send(
        "POST",
        f"{RESOURCE_ID}/regenerateKey",
        headers={"Content-Type": "Application/JSON; charset=utf-8"},
        data=b'{"keyType":"Secondary","note":1}',
    )
    assert answer.members["secondaryKey"] == first_resource(cloud).key("Secondary")


async def test_every_answer_has_arms_headers(arm: ArmClient) -> None:
    """Request ids are new each time; the client's own id comes back only when it is asked back."""
    headers = {"x-ms-client-request-id": "mine", "x-ms-correlation-request-id": "chain"}
    first = await arm.send("GET", headers=headers)
    second = await arm.send("GET", "/nothing", headers={**headers, "x-ms-return-client-request-id": "true"})
    assert first.headers["x-ms-request-id"] != second.headers["x-ms-request-id"]
    assert first.headers["x-ms-correlation-request-id"] == "chain"
    assert "x-ms-routing-request-id" in first.headers
    assert first.headers["cache-control"] == "no-cache"
    assert first.headers["strict-transport-security"].startswith("max-age=")
    assert "x-ms-client-request-id" not in first.headers
    assert second.headers["x-ms-client-request-id"] == "mine"
    write = await arm.regenerate()
    assert write.headers["x-ms-ratelimit-remaining-subscription-writes"].isdigit()


@pytest.mark.parametrize(
    ("version", "shape"),
    [("2015-01-01", "old"), ("2019-05-01", "list"), ("2020-06-01", "list"), ("2022-09-01", "single")],
)
async def test_a_registered_cloud_finds_its_endpoints(cloud: Cloud, arm: ArmClient, version: str, shape: str) -> None:
    """Each api-version of the metadata has its shape, needs no token and names this ARM as an audience."""
    answer = await arm.send("GET", "/metadata/endpoints", api_version=version, authorization=None)
    assert answer.status == 200
    value = answer.json
    assert isinstance(value, list) == (shape == "list")
    found = value[0] if isinstance(value, list) else value  # pyright: ignore[reportUnknownVariableType] -- JSON
    assert isinstance(found, dict)
    assert f"{cloud.arm_url}/" in found["authentication"]["audiences"]
    assert ("resourceManager" in found) == (shape != "old")


async def test_metadata_of_an_unknown_version_is_refused(arm: ArmClient) -> None:
    """The metadata has api-versions of its own."""
    answer = await arm.send("GET", "/metadata/endpoints", api_version="2001-01-01", authorization=None)
    assert _problem(answer) == (400, "InvalidApiVersionParameter")
    answer = await arm.send("GET", "/metadata/endpoints", api_version=None, authorization=None)
    assert _problem(answer) == (400, "MissingApiVersionParameter")


async def test_odd_bytes_in_a_path_are_answered(arm: ArmClient, cloud: Cloud) -> None:
    """Percent-encoded nonsense is a 404 like any other unknown name, and the server lives on."""
    for odd in ("%00", "%ff%fe", "..%2f..", "%F0%9F%94%91"):
        answer = await arm.send("GET", f"{GROUP_PATH}/{TYPE_PATH}/{odd}")
        assert answer.status in {400, 404}
    reader, writer = await asyncio.open_connection("127.0.0.1", cloud.sockets.identity.getsockname()[1])
    writer.write(b"GET /\xff\xfe\x00 HTTP/1.1\r\nHost: x\r\n\r\n")
    assert b" 400 " in await reader.readline()
    writer.close()
    await writer.wait_closed()
    assert (await arm.send("GET")).status == 200


async def test_the_journal_holds_no_key_and_no_token(cloud: Cloud, arm: ArmClient, http: Http) -> None:
    """What a caller puts into path, body or headers by mistake does not stand in the journal's fields for them."""
    await arm.regenerate(b'{"keyType":"' + first_resource(cloud).key("Primary").encode() + b'"}')
    await arm.regenerate()
    text = str([entry.as_json() for entry in cloud.journal.entries()])
    assert cloud.token not in text
    assert not any(key in text for key in first_resource(cloud).issued)
    assert [entry.key_type for entry in cloud.journal.entries()] == [None, "Primary"]

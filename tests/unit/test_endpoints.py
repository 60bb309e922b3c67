"""The regenerate endpoints: who and what is let through to the use case, and what is written down about it."""

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from shared import composition, endpoints
from shared.errors import (
    AppError,
    InvalidRequest,
    NotConfigured,
    RegenerationOutcome,
    ResourceNotAllowed,
    RoleRequired,
    UnexpectedError,
    UpstreamFailed,
)
from shared.http import Request, Response
from shared.parameters import KeyType
from shared.redaction import AccessKey
from shared.regeneration import Regenerator
from shared.rotation.status import Instance
from shared.rotation.steps import failure
from shared.settings import parse_settings
from tests.support.fakes import (
    LEGACY_KEY,
    RESOURCE,
    SUBSCRIPTION,
    FakeSleep,
    ScriptedKeyManagement,
    Step,
    access_key,
    app_request,
    client_principal,
)
from tests.support.rotation_engine import FakeEngine

ROUTE = {
    "subscriptionId": SUBSCRIPTION,
    "resourceGroupName": "MyResourceGroup",
    "communicationServiceName": "MyCommunicationResource",
}
VERSION = {"api-version": "2023-03-31"}
BODY = b'{"keyType": "secondary"}'

type Use = Callable[..., ScriptedKeyManagement]


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Use:
    """Return a function that sets the app up with settings and scripted keys, and returns the keys."""

    def set_up(*steps: Step[AccessKey], **variables: str) -> ScriptedKeyManagement:
        keys = ScriptedKeyManagement(steps)

        async def regenerator() -> Regenerator:
            return Regenerator(keys=keys, deadline=5.0, sleep=FakeSleep())

        configured = parse_settings({"COMMUNICATION_SERVICE_ID": str(RESOURCE), **variables})
        monkeypatch.setattr(endpoints, "settings", lambda: configured)
        monkeypatch.setattr(composition, "regenerator", regenerator)
        return keys

    return set_up


def issued() -> Step[AccessKey]:
    """A call that gives a new key."""
    return Step(access_key(LEGACY_KEY))


def by_path(
    body: bytes = BODY,
    *,
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] = VERSION,
    route: Mapping[str, str] = ROUTE,
) -> Request:
    """Return a request for the resource in its path."""
    return app_request(body, headers=headers, query=query, route=route)


def audited(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """Return the audit lines."""
    return [
        json.loads(record.getMessage().removeprefix("audit ")) for record in caplog.records if record.name == "audit"
    ]


async def fail[E: AppError](kind: type[E], request: Request) -> E:
    """Ask for the resource in the path, which must fail with that kind of error."""
    with pytest.raises(kind) as raised:
        await endpoints.regenerate(request, FakeEngine())
    return raised.value


@pytest.mark.parametrize(
    ("endpoint", "request_"),
    [(endpoints.regenerate_default, app_request(BODY)), (endpoints.regenerate, by_path())],
    ids=["default", "by path"],
)
async def test_a_key_is_regenerated_and_audited(
    use: Use, caplog: pytest.LogCaptureFixture, endpoint: Any, request_: Request
) -> None:
    """Both routes regenerate the key of their resource once, answer redacted, and write one audit line."""
    keys = use(issued())
    with caplog.at_level(logging.INFO):
        response: Response = await endpoint(request_, FakeEngine())
    assert response.status == 200
    assert response.body["resourceId"] == str(RESOURCE)
    assert keys.asked == [("regenerateKey", RESOURCE, KeyType.SECONDARY, "request-1")]
    assert [line["outcome"] for line in audited(caplog)] == ["Regenerated"]
    assert LEGACY_KEY not in json.dumps(response.body) + caplog.text


async def test_a_failure_is_audited(use: Use, caplog: pytest.LogCaptureFixture) -> None:
    """An error of the use case is written down and passed on."""
    error = UpstreamFailed("m")
    use(Step(error))
    assert await fail(UpstreamFailed, by_path()) is error
    assert [(line["outcome"], line["error"]) for line in audited(caplog)] == [("NotRegenerated", "UpstreamError")]


OUTSIDE = {
    "another resource": {"communicationServiceName": "Other"},
    "a longer name": {"communicationServiceName": "MyCommunicationResource2"},
    "another group": {"resourceGroupName": "Other"},
    "another subscription": {"subscriptionId": SUBSCRIPTION.replace("1", "9")},
}


@pytest.mark.parametrize("part", OUTSIDE.values(), ids=OUTSIDE)
async def test_a_resource_outside_the_allow_list_is_refused_before_any_call(
    use: Use, caplog: pytest.LogCaptureFixture, part: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is made or asked of Azure for a resource that is not allowed, and the refusal is audited."""
    use()

    async def no_client() -> Regenerator:
        pytest.fail("a client was made for a resource that is not allowed")

    monkeypatch.setattr(composition, "regenerator", no_client)
    error = await fail(ResourceNotAllowed, by_path(route=ROUTE | part))
    assert error.status == 403
    assert [line["error"] for line in audited(caplog)] == ["ResourceNotAllowed"]


async def test_the_default_resource_is_no_exception(use: Use) -> None:
    """Even the app's own resource is refused where an allow-list leaves it out."""
    keys = use(ALLOWED_COMMUNICATION_SERVICES=f"/subscriptions/{SUBSCRIPTION}/resourceGroups/My")
    with pytest.raises(ResourceNotAllowed):
        await endpoints.regenerate_default(app_request(BODY), FakeEngine())
    assert keys.asked == []


async def test_case_makes_no_other_resource(use: Use) -> None:
    """ARM's ids are case-insensitive, and so is the allow-list; the path's spelling goes on to ARM."""
    keys = use(issued())
    response = await endpoints.regenerate(
        by_path(route={name: value.upper() for name, value in ROUTE.items()}), FakeEngine()
    )
    assert response.status == 200
    assert keys.posts == 1


@pytest.mark.parametrize(
    "part",
    [
        pytest.param({"communicationServiceName": ".."}, id="dots"),
        pytest.param({"communicationServiceName": "MyCommunicationResource/../x"}, id="decoded slash"),
        pytest.param({"communicationServiceName": "MyCommunicationResource\n"}, id="line break"),
        pytest.param({"communicationServiceName": "МyCommunicationResource"}, id="homoglyph"),
        pytest.param({"resourceGroupName": "MyResourceGroup?x=1"}, id="query"),
        pytest.param({"resourceGroupName": "%2e%2e"}, id="encoded twice"),
        pytest.param({"subscriptionId": "all"}, id="no UUID"),
        pytest.param({"subscriptionId": ""}, id="nothing"),
    ],
)
async def test_a_path_that_names_no_resource_is_400(use: Use, part: dict[str, str]) -> None:
    """What ARM would not take as an id is refused here, with the part of the path as the target."""
    keys = use()
    error = await fail(InvalidRequest, by_path(route=ROUTE | part))
    assert [detail["target"] for detail in error.details] == list(part)
    assert keys.asked == []


async def test_problems_of_path_and_body_are_told_together(use: Use) -> None:
    """Everything that is wrong with a request comes at once, the condition included."""
    use()
    request = by_path(
        b'{"keyType": 1, "x": 2}', route=ROUTE | {"subscriptionId": "no"}, headers={"if-match": "nonsense"}
    )
    error = await fail(InvalidRequest, request)
    assert {detail["target"] for detail in error.details} == {"subscriptionId", "keyType", "x", "If-Match"}


async def test_without_a_well_formed_api_version_the_path_is_not_served(use: Use) -> None:
    """The ARM-shaped route asks for api-version as ARM does; the short one does not."""
    keys = use(issued())
    assert (await fail(InvalidRequest, by_path(query={}))).code == "MissingApiVersionParameter"
    assert (await endpoints.regenerate_default(app_request(BODY), FakeEngine())).status == 200
    assert keys.posts == 1


async def test_a_required_role_is_asked_for_first(use: Use, caplog: pytest.LogCaptureFixture) -> None:
    """Who has no role learns nothing about the request, and is in the audit; a forged principal is no role."""
    keys = use(REQUIRED_APP_ROLES="Keys.Regenerate")
    forged = {"x-ms-client-principal": client_principal("Keys.Regenerate")}
    await fail(RoleRequired, by_path(b"nonsense", headers=forged))
    assert keys.asked == []
    (line,) = [record.getMessage() for record in caplog.records if record.name == "audit"]
    assert '"error": "RoleRequired", "status": 403, "caller": {"kind": "FunctionKey"}' in line


async def test_a_role_that_app_service_vouches_for_opens_the_door(use: Use, caplog: pytest.LogCaptureFixture) -> None:
    """With App Service authentication the principal's role counts, and the audit line names the principal."""
    use(issued(), REQUIRED_APP_ROLES="Keys.Regenerate", WEBSITE_AUTH_ENABLED="True")
    signed_in = {
        "x-ms-client-principal": client_principal("Keys.Regenerate"),
        "x-ms-client-principal-id": "object-1",
    }
    with caplog.at_level(logging.INFO):
        assert (await endpoints.regenerate(by_path(headers=signed_in), FakeEngine())).status == 200
    assert audited(caplog)[0]["caller"] == {"kind": "AppServicePrincipal", "id": "object-1"}


async def test_if_match_reaches_the_use_case(use: Use) -> None:
    """The condition is checked against the keys before anything is regenerated."""
    keys = use()
    keys.listings = [Step({KeyType.SECONDARY: access_key("another")})]
    with pytest.raises(AppError) as raised:
        await endpoints.regenerate(by_path(headers={"if-match": '"sha256:0123456789abcdef"'}), FakeEngine())
    assert (raised.value.status, keys.posts) == (412, 0)


async def test_a_blank_if_match_is_not_taken_for_none(use: Use) -> None:
    """A condition whose value got lost on the way must not become an unconditional regeneration."""
    keys = use(issued())
    await fail(InvalidRequest, by_path(headers={"if-match": " "}))
    assert keys.asked == []


async def test_missing_settings_are_503(monkeypatch: pytest.MonkeyPatch) -> None:
    """An app without settings is indexed all the same, and says what it lacks."""
    monkeypatch.setattr(endpoints, "settings", lambda: parse_settings({}))
    with pytest.raises(NotConfigured):
        await endpoints.regenerate_default(app_request(BODY), FakeEngine())
    await fail(NotConfigured, by_path())


VAULT = {"KEY_VAULT_URL": "https://vault.example"}


async def test_with_a_key_vault_it_runs_under_the_guard(use: Use, caplog: pytest.LogCaptureFixture) -> None:
    """No direct call: the orchestration gets condition and force, and its fingerprint is audited."""
    keys = use(**VAULT)
    answer = {"keyType": "Secondary", "fingerprint": "sha256:0123456789abcdef"}
    engine = FakeEngine(outcomes={"regenerate_key": {"status": "Succeeded", "answer": answer}})
    request = by_path(query=VERSION | {"force": "true"}, headers={"if-match": '"sha256:0123456789abcdef"'})
    with caplog.at_level(logging.INFO):
        response = await endpoints.regenerate(request, engine)
    assert (response.status, response.body) == (200, answer)
    assert keys.asked == []
    asked = engine.started[0][2]
    assert (asked["keyType"], asked["force"], asked["ifMatch"]) == ("Secondary", True, ["sha256:0123456789abcdef"])
    assert [(line["outcome"], line["fingerprint"]) for line in audited(caplog)] == [
        ("Regenerated", "sha256:0123456789abcdef")
    ]


@pytest.mark.parametrize("topic", ["", "https://topic.example/api/events"])
async def test_a_regenerated_key_is_told_to_the_apps_topic(
    use: Use, monkeypatch: pytest.MonkeyPatch, topic: str
) -> None:
    """Where there is one: by the orchestration under the guard, and without a Key Vault under the request's id."""
    told: list[Any] = []

    async def announce_soon(announcement: Any) -> None:
        told.append(announcement)

    monkeypatch.setattr(composition, "announce_soon", announce_soon)
    use(issued(), EVENT_GRID_TOPIC_ENDPOINT=topic)
    await endpoints.regenerate(by_path(), FakeEngine())
    assert [(each["type"], each["id"]) for each in told] == (
        [("CommunicationKey.Regenerated", "request-1")] if topic else []
    )
    use(**VAULT, EVENT_GRID_TOPIC_ENDPOINT=topic)
    engine = FakeEngine(outcomes={"regenerate_key": {"status": "Succeeded", "answer": {}}})
    await endpoints.regenerate(by_path(), engine)
    assert engine.started[0][2]["announce"] is bool(topic)


async def test_an_error_under_the_guard_is_audited_and_passed_on(use: Use, caplog: pytest.LogCaptureFixture) -> None:
    """It has the status of a direct call, and the audit line its outcome."""
    use(**VAULT)
    error = failure(UpstreamFailed("m", outcome=RegenerationOutcome.UNKNOWN))
    engine = FakeEngine(outcomes={"regenerate_key": {"status": "Failed", "error": error}})
    with pytest.raises(AppError) as raised:
        await endpoints.regenerate(by_path(), engine)
    assert (raised.value.status, raised.value.code) == (502, "UpstreamError")
    assert [(line["outcome"], line["error"]) for line in audited(caplog)] == [("Unknown", "UpstreamError")]


@pytest.mark.parametrize("value", ["maybe", "1 ", "\u0442rue"])
async def test_a_force_that_is_no_flag_is_400(use: Use, value: str) -> None:
    """Nobody forces by accident."""
    use(**VAULT)
    engine = FakeEngine()
    with pytest.raises(InvalidRequest) as raised:
        await endpoints.regenerate(by_path(query=VERSION | {"force": value}), engine)
    assert [detail["target"] for detail in raised.value.details] == ["force"]
    assert engine.started == []


async def test_the_allow_list_holds_under_the_guard_too(use: Use) -> None:
    """Nothing is started for a resource that is not allowed."""
    use(**VAULT)
    engine = FakeEngine()
    with pytest.raises(ResourceNotAllowed):
        await endpoints.regenerate(by_path(route=ROUTE | {"communicationServiceName": "Other"}), engine)
    assert (engine.started, engine.looks) == ([], 0)


class Broken(FakeEngine):
    """An engine that cannot be asked."""

    async def find(self, instance_id: str) -> Instance | None:
        """Fail."""
        raise ConnectionError(instance_id)


async def test_a_regeneration_on_an_engine_that_fails_is_audited(use: Use, caplog: pytest.LogCaptureFixture) -> None:
    """Nobody knows what has become of the key, and the audit says so."""
    use(**VAULT)
    with pytest.raises(UnexpectedError):
        await endpoints.regenerate(by_path(), Broken())
    assert [(line["outcome"], line["error"]) for line in audited(caplog)] == [("Unknown", "InternalServerError")]


@pytest.mark.parametrize("variables", [{}, VAULT], ids=["direct", "guarded"])
async def test_a_request_that_ends_with_its_process_is_audited(
    use: Use, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, variables: Mapping[str, str]
) -> None:
    """Whoever cancels it, the key may have been regenerated, and the audit is all that tells of it."""
    use(**variables)

    async def hang() -> Regenerator:
        await asyncio.Event().wait()
        raise AssertionError("nobody wakes it")

    monkeypatch.setattr(composition, "regenerator", hang)
    request = asyncio.create_task(endpoints.regenerate(by_path(), FakeEngine()))
    await asyncio.sleep(0.02)
    request.cancel()
    with caplog.at_level(logging.INFO), pytest.raises(asyncio.CancelledError):
        await request
    assert [line["outcome"] for line in audited(caplog)] == ["Unknown"]

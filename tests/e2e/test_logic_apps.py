"""The HTTP calls that the Logic Apps samples make, against the running app, over https with function keys enforced."""

import json
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from emulator.cloud.defaults import RESOURCE_ID
from shared.redaction import Secret
from tests.support.emulator import Emulator
from tests.support.leaks import find_leaks
from tests.support.logic_apps.definitions import all_actions, load
from tests.support.logic_apps.http_action import HttpActions
from tests.support.logic_apps.workflow import Run
from tests.support.outside import HASTY
from tests.support.principal import principal_headers
from tests.support.reactions import published, settled
from tests.support.rotations import ROTATIONS, outlast_deadline, regenerations, resource
from tests.support.webhook import Webhook

AUDIENCE = "api://acs-key-rotation"
SECONDARY = {"keyType": "Secondary"}
SLOW = {"service": "arm", "operation": "listKeys", "delaySeconds": 1, "times": 1}


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    """Where failures are told."""
    with Webhook() as listening:
        yield listening


def _key(emulator: Emulator) -> str:
    return emulator.call_control("GET", "endpoints")["functionKey"]


def _run(
    name: str, emulator: Emulator, body: Any = None, *, http: HttpActions | None = None, **parameters: Any
) -> tuple[Run, HttpActions]:
    http = http or HttpActions()
    values = {"appUrl": emulator.app, "functionKey": _key(emulator), **parameters}
    return Run(load(name), values, http, body), http


def _output(run: Run, action: str) -> dict[str, Any]:
    (record,) = [record for record in run.history if record.name == action]
    return record.outputs


def _fail(emulator: Emulator, operation: str = "regenerateKey", **fault: Any) -> None:
    emulator.call_control("PUT", "faults", [{"service": "arm", "operation": operation, **fault}])


def test_a_key_is_regenerated_with_a_function_key(secured: Emulator) -> None:
    """One POST, 200, the key redacted, and the run has succeeded."""
    before = resource(secured)["keys"]
    run, http = _run("regenerate-key", secured, SECONDARY)
    assert run.status == "Succeeded", run.history
    assert _output(run, "Regenerate")["body"]["secondaryKey"] == "REDACTED"
    assert [(sent.method, sent.status) for sent in http.sent] == [("POST", 200)]
    after = resource(secured)["keys"]
    assert (after["primary"], after["secondary"] == before["secondary"]) == (before["primary"], False)


@pytest.mark.parametrize("body", [{"keyType": "Primary"}, {"keyType": "Tertiary"}, {}])
def test_a_refused_regenerate_fails_the_run(secured: Emulator, body: dict[str, str]) -> None:
    """409 for a published key, 400 for a wrong one: the run fails at once, and no key changes."""
    before = resource(secured)["keys"]
    run, http = _run("regenerate-key", secured, body)
    assert (run.status, run.statuses("If_it_goes_on")) == ("Failed", ["Skipped"])
    assert [sent.status for sent in http.sent] == [409 if body == {"keyType": "Primary"} else 400]
    assert resource(secured)["keys"] == before


def test_a_regenerate_without_a_fingerprint_is_not_repeated(secured: Emulator) -> None:
    """Nobody knows what a second POST would do to a key that may have changed: after a 503 the run fails."""
    secured.call_control("PUT", "faults", [{"service": "keyvault", "operation": "*", "status": 503}])
    run, http = _run("regenerate-key", secured, SECONDARY)
    assert (run.status, [sent.status for sent in http.sent]) == ("Failed", [503])
    assert _output(run, "Regenerate")["body"]["error"]["code"] == "KeyVaultUnavailable"


@pytest.fixture(scope="module")
def hasty() -> Iterator[Emulator]:
    """The app behind App Service authentication, with a short deadline."""
    settings = {"WEBSITE_AUTH_ENABLED": "True", **HASTY.settings}
    with Emulator("--https", "--auth", settings=settings) as emulator:
        yield emulator


@pytest.mark.parametrize("name", ["regenerate-key", "regenerate-key-managed-identity"])
def test_a_regenerate_that_outlasts_its_deadline_is_waited_for(hasty: Emulator, name: str) -> None:
    """202, then its result; every poll brings the function key, and the identity where there is one."""
    settled(hasty)
    hasty.reset()
    outlast_deadline(hasty)
    if name == "regenerate-key":
        run, http = _run(name, hasty, SECONDARY)
    else:
        run, http = _by_identity(hasty, _fingerprint(hasty), "Keys.Rotate")
    assert run.status == "Succeeded", run.history
    statuses = [sent.status for sent in http.sent]
    assert (statuses[0], statuses[-1], len(statuses) > 1) == (202, 200, True)
    assert all(sent.headers["x-functions-key"] == _key(hasty) for sent in http.sent)
    identified = ["X-MS-CLIENT-PRINCIPAL" in sent.headers for sent in http.sent]
    assert identified == [name != "regenerate-key"] * len(statuses)
    assert regenerations(hasty) == 1


@pytest.fixture(scope="module")
def vouched() -> Iterator[Emulator]:
    """The app behind App Service authentication, with a role required and function keys enforced."""
    settings = {"WEBSITE_AUTH_ENABLED": "True", "REQUIRED_APP_ROLES": "Keys.Rotate"}
    with Emulator("--https", "--auth", settings=settings) as emulator:
        yield emulator


def _app_service(*roles: str) -> HttpActions:
    """Logic Apps before an app whose App Service authentication adds what it has read in the identity's token."""

    def authenticate(authentication: Mapping[str, Any]) -> Mapping[str, str]:
        assert authentication == {"type": "ManagedServiceIdentity", "audience": AUDIENCE}
        return principal_headers(*roles)

    return HttpActions(authenticate=authenticate)


def _by_identity(emulator: Emulator, fingerprint: str, *roles: str) -> tuple[Run, HttpActions]:
    body = {**SECONDARY, "fingerprint": fingerprint}
    http = _app_service(*roles)
    return _run("regenerate-key-managed-identity", emulator, body, http=http, audience=AUDIENCE)


def _fingerprint(emulator: Emulator) -> str:
    """Return the fingerprint of the secondary key."""
    return Secret(resource(emulator)["keys"]["secondary"]).fingerprint


def test_a_key_is_regenerated_with_a_managed_identity(vouched: Emulator) -> None:
    """An identity with the role is let in, one without it is refused."""
    vouched.reset()
    run, _ = _by_identity(vouched, _fingerprint(vouched), "Keys.Rotate")
    assert (run.status, regenerations(vouched)) == ("Succeeded", 1)
    refused, http = _by_identity(vouched, _fingerprint(vouched))
    assert (refused.status, [sent.status for sent in http.sent]) == ("Failed", [403])
    assert _output(refused, "Regenerate")["body"]["error"]["code"] == "RoleRequired"


def test_a_throttled_regenerate_is_repeated_without_doubling(vouched: Emulator) -> None:
    """429 from ARM is tried again after its Retry-After, and If-Match keeps a key that has changed from changing."""
    vouched.reset()
    fingerprint = _fingerprint(vouched)
    _fail(vouched, status=429, retryAfter=30, times=1)
    run, http = _by_identity(vouched, fingerprint, "Keys.Rotate")
    assert run.status == "Succeeded", run.history
    assert [sent.status for sent in http.sent] == [429, 200]
    assert http.waited == [30.0]
    assert regenerations(vouched) == 1
    again, http = _by_identity(vouched, fingerprint, "Keys.Rotate")
    assert (again.status, [sent.status for sent in http.sent]) == ("Failed", [412])
    assert regenerations(vouched) == 1


def test_a_rotation_is_started_and_waited_for(secured: Emulator, webhook: Webhook) -> None:
    """202, 202s, 200: the other key is published, nobody is told, and the run has succeeded."""
    secured.call_control("PUT", "faults", [SLOW])
    run, http = _run("rotate-and-wait", secured, {"gracePeriod": "PT1H"}, notificationUrl=webhook.url)
    assert run.status == "Succeeded", run.history
    statuses = [sent.status for sent in http.sent]
    assert (statuses[0], statuses[-1]) == (202, 200)
    assert all(sent.headers["x-functions-key"] == _key(secured) for sent in http.sent)
    assert published(secured) == resource(secured)["keys"]["secondary"]
    assert (
        run.statuses("Look_why") == run.statuses("Tell_of_the_failure") == run.statuses("Fail_the_run") == ["Skipped"]
    )
    assert webhook.received == []


def test_a_rotation_needs_no_body(secured: Emulator, webhook: Webhook) -> None:
    """A trigger without a body rotates the app's own resource with its own grace period."""
    run, _ = _run("rotate-and-wait", secured, notificationUrl=webhook.url)
    assert (run.status, regenerations(secured)) == ("Succeeded", 1)


def test_a_refused_rotation_is_told(secured: Emulator, webhook: Webhook) -> None:
    """Outside the allow-list: 403 at the start; the webhook gets the answer, and the run fails."""
    other = RESOURCE_ID.replace("MyCommunicationResource", "Other")
    run, http = _run("rotate-and-wait", secured, {"resourceId": other}, notificationUrl=webhook.url)
    assert run.status == "Failed"
    assert run.statuses("Wait_for_the_result") == ["Skipped"]
    assert http.sent[0].status == 403
    (told,) = webhook.received
    assert told["answer"]["error"]["code"] == "ResourceNotAllowed"


def test_a_rotation_that_ends_canceled_is_told(secured: Emulator, webhook: Webhook) -> None:
    """The second one within the grace period ends with 409 GracePending: told with its status, no key changes."""
    _run("rotate-and-wait", secured, {"gracePeriod": "PT1H"}, notificationUrl=webhook.url)
    keys = resource(secured)["keys"]
    run, http = _run("rotate-and-wait", secured, {"gracePeriod": "PT1H"}, notificationUrl=webhook.url)
    assert (run.status, run.statuses("Ask_for_the_result")[-1]) == ("Failed", "Failed")
    assert 409 in [sent.status for sent in http.sent]
    (told,) = webhook.received
    assert (told["status"]["status"], told["status"]["error"]["code"]) == ("Canceled", "GracePending")
    assert (told["run"], uuid.UUID(told["requestId"]).version) == (run.name, 4)
    assert resource(secured)["keys"] == keys


def test_a_rotation_that_fails_is_told(secured: Emulator, webhook: Webhook) -> None:
    """ARM refuses for good: the webhook gets ARM's code, though it fails at first; no function key goes to it."""
    _fail(secured, status=403, code="AuthorizationFailed")
    webhook.refuses = 2
    run, http = _run("rotate-and-wait", secured, {"gracePeriod": "PT1H"}, notificationUrl=webhook.url)
    assert run.status == "Failed"
    (told,) = webhook.received
    assert told["status"]["error"]["code"] == "AuthorizationFailed"
    told_at = [sent for sent in http.sent if sent.url == webhook.url]
    assert [sent.status for sent in told_at] == [503, 503, 200]
    assert not any("x-functions-key" in sent.headers for sent in told_at)
    assert regenerations(secured) == 0


def test_a_rotation_that_takes_too_long_is_told(secured: Emulator, webhook: Webhook) -> None:
    """At the loop's limit the run fails and tells so, while the rotation goes on to its end."""
    _fail(secured, "listKeys", delaySeconds=1.5, times=1)
    definition = load("rotate-and-wait")
    (loop,) = [action for _, action in all_actions(definition["actions"]) if action["type"] == "Until"]
    loop["limit"]["timeout"] = "PT20S"
    parameters = {"appUrl": secured.app, "functionKey": _key(secured), "notificationUrl": webhook.url}
    run = Run(definition, parameters, HttpActions(), {"gracePeriod": "PT1H"})
    assert (run.status, run.statuses("Wait_for_the_result")) == ("Failed", ["Failed"])
    (told,) = webhook.received
    assert told["status"]["status"] == "Running"
    settled(secured)
    assert regenerations(secured) == 1


def test_a_start_that_is_repeated_finds_its_rotation(secured: Emulator, webhook: Webhook) -> None:
    """The run's id is made once: after a lost answer the same POST finds the rotation that it started."""

    class LosesTheFirst(HttpActions):
        """A network that loses the first answer on its way back."""

        def _send(self, method: str, url: str, headers: Mapping[str, str], body: Any) -> Any:
            reply = super()._send(method, url, headers, body)
            return None if len(self.sent) == 1 else reply

    run, http = _run(
        "rotate-and-wait", secured, {"gracePeriod": "PT1H"}, http=LosesTheFirst(), notificationUrl=webhook.url
    )
    assert run.status == "Succeeded", run.history
    started = [sent for sent in http.sent if sent.url.endswith(ROTATIONS)]
    assert [sent.status for sent in started] == [202, 202]
    assert len({sent.headers["Repeatability-Request-ID"] for sent in started}) == 1
    assert regenerations(secured) == 1


def test_throttling_of_arm_is_no_matter_of_the_workflow(secured: Emulator, webhook: Webhook) -> None:
    """The rotation itself waits for ARM's 429: one POST, one regeneration."""
    _fail(secured, status=429, retryAfter=1, times=2)
    run, http = _run("rotate-and-wait", secured, {"gracePeriod": "PT1H"}, notificationUrl=webhook.url)
    assert (run.status, regenerations(secured)) == ("Succeeded", 1)
    assert len([sent for sent in http.sent if sent.method == "POST"]) == 1


@pytest.fixture(scope="module")
def many() -> Iterator[Emulator]:
    """The app, allowed to touch a whole resource group."""
    settings = {"ALLOWED_COMMUNICATION_SERVICES": RESOURCE_ID.partition("/providers/")[0]}
    with Emulator("--https", "--auth", settings=settings) as emulator:
        yield emulator


def test_every_resource_is_rotated_and_the_one_that_is_not_is_told(many: Emulator, webhook: Webhook) -> None:
    """Three at once: two are rotated, each with an id of its own; one that has no secret is told, and no other."""
    ids = [RESOURCE_ID.replace("MyCommunicationResource", name) for name in ("First", "Second", "Bare")]
    for each in ids:
        many.call_control("POST", "resources", {"resourceId": each})
    keys = {each["resourceId"]: each["keys"] for each in many.call_control("GET", "resources")}
    for name, each in zip(("first", "second"), ids, strict=False):
        tags = {"CredentialId": "Primary", "ProviderAddress": each}
        many.call_control("POST", "secrets", {"name": name, "value": keys[each]["primary"], "tags": tags})
    settled(many)
    run, http = _run("rotate-all-monthly", many, resourceIds=ids, notificationUrl=webhook.url)
    assert run.status == "Succeeded", run.history
    assert sorted(run.statuses("Rotate")) == ["Failed", "Succeeded", "Succeeded"]
    (told,) = webhook.received
    assert (told["resourceId"], told["status"]["error"]["code"]) == (ids[2], "ActiveKeyUnknown")
    started = [sent for sent in http.sent if sent.method == "POST" and sent.url.endswith(ROTATIONS)]
    assert len({sent.headers["Repeatability-Request-ID"] for sent in started}) == 3
    after = {each["resourceId"]: each["keys"] for each in many.call_control("GET", "resources")}
    assert [after[each]["primary"] == keys[each]["primary"] for each in ids] == [True, True, True]
    assert [after[each]["secondary"] == keys[each]["secondary"] for each in ids] == [False, False, True]


def test_the_asynchronous_pattern_would_lose_the_function_key(secured: Emulator, webhook: Webhook) -> None:
    """Why the samples ask in a loop: polls that bring no header of the action are answered 401 by the host."""
    definition = load("rotate-and-wait")
    for _, action in all_actions(definition["actions"]):
        action.pop("operationOptions", None)
    http = HttpActions()
    parameters = {"appUrl": secured.app, "functionKey": _key(secured), "notificationUrl": webhook.url}
    run = Run(definition, parameters, http, {"gracePeriod": "PT1H"})
    assert run.status == "Failed"
    assert [sent.status for sent in http.sent][:2] == [202, 401]


def test_no_access_key_gets_into_a_run(secured: Emulator, webhook: Webhook) -> None:
    """Neither what a run keeps nor what the webhook gets holds a key; the function key is in inputs alone."""
    texts: list[str] = []
    asked = ("rotate-and-wait", secured, {"gracePeriod": "PT1H"})
    runs = [_run("regenerate-key", secured, SECONDARY)]
    runs += [_run(*asked, notificationUrl=webhook.url) for _ in range(2)]
    for run, _ in runs:
        texts += [json.dumps(record.outputs) for record in run.history]
    texts += [json.dumps(each) for each in webhook.received]
    assert len(webhook.received) == 1
    text = "\n".join(texts)
    assert find_leaks(text, resource(secured)["issuedKeys"]) == []
    assert _key(secured) not in text

"""Telemetry end to end: the worker configures Azure Monitor's distribution, and what arrives is searched for keys."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.support.emulator import Emulator
from tests.support.ingestion import Ingestion
from tests.support.leaks import find_leaks
from tests.support.rotations import resource, start

REGENERATED = {"acs.key_type": "Secondary", "acs.outcome": "Regenerated", "acs.trigger": "http"}


@dataclass(frozen=True, slots=True)
class Story:
    """What has happened, and what was sent of it."""

    ingestion: Ingestion
    rotation: str
    resource_id: str
    secrets: list[str]
    output: str

    def spans(self, name: str) -> list[dict[str, Any]]:
        """Return the spans of a name, with their trace and parent."""
        return [
            each["data"]["baseData"] | {"trace": each["tags"]["ai.operation.id"], "parent": _parent(each)}
            for each in self.ingestion.envelopes
            if each["data"]["baseType"] == "RemoteDependencyData" and each["data"]["baseData"]["name"] == name
        ]

    def metric(self, name: str) -> list[tuple[dict[str, Any], float]]:
        """Return the values of a metric with their dimensions."""
        return [
            (each["properties"], point["value"])
            for each in self.ingestion.of("MetricData")
            for point in each["metrics"]
            if point["name"] == name
        ]

    def audit(self, action: str, outcome: str) -> list[dict[str, Any]]:
        """Return the custom dimensions of the audit's lines."""
        told = [each["properties"] for each in self.ingestion.of("MessageData")]
        return [each for each in told if (each.get("acs.action"), each.get("acs.outcome")) == (action, outcome)]


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """A rotation with its revocation, one that Azure refuses in an answer that quotes keys, and a run of the timer."""
    with Ingestion() as ingestion:
        with Emulator(settings=ingestion.settings(tmp_path_factory.mktemp("offline"))) as emulator:
            found = resource(emulator)
            rotation = start(emulator, {"gracePeriod": "PT0S"}).json["id"]

            def ended(action: str, outcome: str) -> bool:
                told = [each.get("properties", {}) for each in ingestion.of("MessageData")]
                return any((t.get("acs.action"), t.get("acs.outcome")) == (action, outcome) for t in told)

            ingestion.wait_for(lambda: ended("RevokeKey", "Done"), "end of the revocation")
            planted = resource(emulator)["keys"]["secondary"]
            quoting = {"code": "Planted", "message": f"accesskey={planted}; {planted}"}
            refused = {"service": "arm", "operation": "regenerateKey", "status": 403, **quoting}
            emulator.call_control("PUT", "faults", [refused])
            start(emulator, {"supersede": True, "reason": f"leaked: {planted}"})
            ingestion.wait_for(lambda: ended("RotateKey", "Failed"), "end of the refused rotation")
            emulator.call_control("PUT", "faults", [])
            event = {"id": planted, "eventType": planted, "subject": planted, "eventTime": "2026-01-01T00:00:00Z"}
            path = "/runtime/webhooks/eventgrid?functionName=on_event"
            emulator.post(path, [event | {"dataVersion": "1", "data": planted}], {"aeg-event-type": "Notification"})
            emulator.post("/admin/functions/reconcile", {})

            def all_there() -> bool:
                names = {each["name"] for each in ingestion.of("RemoteDependencyData")}
                return {"reconcile", "react"} <= names and "acs.key.age" in json.dumps(ingestion.of("MetricData"))

            ingestion.wait_for(all_there, "span and age from the timer")
            issued = resource(emulator)["issuedKeys"]
            secrets = [*issued, emulator.call_control("GET", "endpoints")["token"]]
        yield Story(ingestion, rotation, found["resourceId"], secrets, emulator.output)


def test_no_key_and_no_token_arrives(story: Story) -> None:
    """Of every key that was ever issued, and of the tokens, nothing is in what was sent, body or header."""
    assert len(story.secrets) >= 5
    assert find_leaks("\n".join(story.ingestion.requests), story.secrets) == []
    assert find_leaks(story.output, story.secrets) == []
    # so that the search is known to have had something to find
    assert story.audit("RotateKey", "Accepted")[-1]["acs.reason"] == "leaked: REDACTED"


def test_the_spans_of_a_rotation_hang_together(story: Story) -> None:
    """Invocation, step, use case, call: one trace, each the child of the one before; steps have the rotation's id."""
    call = story.spans("arm.regenerateKey")[0]
    (use_case,) = [each for each in story.spans("regenerate_key") if each["id"] == call["parent"]]
    (step,) = [each for each in story.spans("regenerate_key_once") if each["id"] == use_case["parent"]]
    assert call["trace"] == use_case["trace"] == step["trace"]
    # that is the host's: the worker hands its context on
    assert step["parent"]
    assert step["properties"]["acs.rotation.id"] == story.rotation
    assert (call["type"], call["target"], call["properties"]["acs.status_code"]) == (
        "Microsoft.Communication",
        "localhost",
        "200",
    )


@pytest.mark.parametrize(
    "name",
    [
        *("inspect_resource", "regenerate_key_once", "prove_alive", "publish_key", "prove_dead", "disable_superseded"),
        *("regenerate_key", "react", "reconcile", "arm.listKeys", "keyvault.getSecret", "keyvault.setSecret"),
        *("keyvault.listSecrets", "keyvault.updateSecret", "communication.listPhoneNumbers"),
    ],
)
def test_each_step_arrives_as_a_span(story: Story, name: str) -> None:
    """Under its own name."""
    assert story.spans(name)


def test_a_refused_call_arrives_as_failed_with_its_code(story: Story) -> None:
    """Its span, and those around it, have the code; no exception was recorded."""
    for name in ("arm.regenerateKey", "regenerate_key", "regenerate_key_once"):
        failed = [each for each in story.spans(name) if not each["success"]]
        assert {each["properties"]["acs.error.code"] for each in failed} == {"Planted"}
    assert story.ingestion.of("ExceptionData") == []


def test_azure_cores_own_spans_do_not_arrive(story: Story) -> None:
    """The distribution switches them on; here they stay off, and nothing of theirs is sent."""
    names = {each["name"] for each in story.ingestion.of("RemoteDependencyData")}
    assert not [name for name in names if "/" in name or name in ("GET", "POST", "PUT", "PATCH") or "Client" in name]


def test_the_metrics_arrive(story: Story) -> None:
    """Each with its dimensions, and what is counted as a difference, not as a running sum."""
    assert (REGENERATED, 1) in story.metric("acs.keys.regenerated")
    rotated = {"acs.operation": "Rotate", "acs.outcome": "Succeeded", "acs.trigger": "http", "acs.plan": "Rotate"}
    assert [value for told, value in story.metric("acs.rotations") if told == rotated] == [1]
    (failed,) = [told for told, _ in story.metric("acs.rotations") if told["acs.outcome"] == "Failed"]
    assert failed["error.type"] == "Planted"
    assert ({"acs.outcome": "Done", "acs.proof": "Dead"}, 1) in story.metric("acs.revocations")
    ((_, seconds),) = story.metric("acs.delivery.duration")
    assert 0 < seconds < 30
    age = story.metric("acs.key.age")
    assert [told for told, _ in age] == [{"acs.resource_id": story.resource_id, "acs.key_type": "Secondary"}]


def test_the_audit_arrives_in_fields(story: Story) -> None:
    """As custom dimensions, so that a query need not take the text apart; the ids tie the lines together."""
    (ended,) = story.audit("RotateKey", "Succeeded")
    assert ended["acs.rotation.id"] == story.rotation
    assert ended["acs.revocation.status"] == "Scheduled"
    accepted = story.audit("RotateKey", "Accepted")[0]
    assert (accepted["acs.rotation.id"], accepted["acs.caller.kind"]) == (story.rotation, "FunctionKey")
    (revoked,) = story.audit("RevokeKey", "Done")
    assert (revoked["acs.rotation.id"], revoked["acs.proof"]) == (story.rotation, "Dead")
    assert [each["error.type"] for each in story.audit("RotateKey", "Failed")] == ["Planted"]


def test_what_is_sent_is_not_told_again(story: Story) -> None:
    """The exporter says of each transmission that it succeeded: exported, that would be one more, without end."""
    messages = [each["message"] for each in story.ingestion.of("MessageData")]
    # before the app is loaded nobody has quietened it yet
    assert sum("Transmission succeeded" in message for message in messages) <= 4


def _parent(envelope: dict[str, Any]) -> str:
    return envelope["tags"].get("ai.operation.parentId", "")

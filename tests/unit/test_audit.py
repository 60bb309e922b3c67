"""The audit line: what it says, how loudly, and that nobody can forge one."""

import json
import logging
from typing import Any, cast

import pytest

from shared import audit
from shared.caller import ANONYMOUS, Caller
from shared.errors import AppError, ArmRejected, DeadlineExceeded, Passed, RegenerationOutcome, ResourceNotAllowed
from shared.event_envelope import Event
from shared.parameters import KeyType
from shared.redaction import guard_logs
from shared.telemetry.names import Attribute
from tests.support.fakes import CASK_KEY, LEGACY_KEY, RESOURCE, access_key, app_request

_NAMES = frozenset(each.value for each in Attribute)
FINGERPRINT = access_key(LEGACY_KEY).fingerprint


def write(
    caplog: pytest.LogCaptureFixture,
    result: str | AppError | None = FINGERPRINT,
    *,
    caller: Caller = ANONYMOUS,
    client_request_id: str | None = None,
) -> tuple[dict[str, Any], logging.LogRecord]:
    """Write one audit line and return its JSON and its record."""
    caplog.clear()
    request = app_request(client_request_id=client_request_id)
    with caplog.at_level(logging.INFO):
        audit.regeneration(request, caller, RESOURCE, KeyType.PRIMARY, result)
    (record,) = caplog.records
    prefix, _, line = record.getMessage().partition(" ")
    assert prefix == "audit"
    return json.loads(line), record


def test_a_regenerated_key_is_told_with_its_fingerprint(caplog: pytest.LogCaptureFixture) -> None:
    """Who, which key of which resource, which fingerprint, and under which request."""
    line, record = write(caplog)
    assert line == {
        "action": "RegenerateKey",
        "outcome": "Regenerated",
        "resourceId": str(RESOURCE),
        "keyType": "Primary",
        "caller": {"kind": "FunctionKey"},
        "requestId": "request-1",
        "fingerprint": FINGERPRINT,
    }
    assert (record.name, record.levelno) == ("audit", logging.INFO)


def test_a_regeneration_that_goes_on_is_told_as_unknown(caplog: pytest.LogCaptureFixture) -> None:
    """Under the guard it may outlast the request: then nobody knows yet, and there is no fingerprint."""
    line, record = write(caplog, None)
    assert line["outcome"] == "Unknown"
    assert "fingerprint" not in line
    assert (record.name, record.levelno) == ("audit", logging.INFO)


@pytest.mark.parametrize(
    ("result", "outcome", "level"),
    [
        pytest.param(FINGERPRINT, "Regenerated", logging.INFO, id="done"),
        pytest.param(DeadlineExceeded("s3cr3t", outcome=RegenerationOutcome.UNKNOWN), "Unknown", logging.WARNING),
        pytest.param(ArmRejected(403, "c", "s3cr3t"), "NotRegenerated", logging.WARNING, id="refused"),
    ],
)
def test_a_regeneration_within_an_orchestration_names_it(
    caplog: pytest.LogCaptureFixture, result: str | AppError, outcome: str, level: int
) -> None:
    """The id ties it to the line of whoever started that."""
    with caplog.at_level(logging.INFO):
        audit.step(RESOURCE, KeyType.PRIMARY, "r1", result)
    (record,) = caplog.records
    line = json.loads(record.getMessage().removeprefix("audit "))
    assert (line["action"], line["outcome"], line["instanceId"]) == ("RegenerateKey", outcome, "r1")
    assert ("fingerprint" in line) is isinstance(result, str)
    assert "s3cr3t" not in record.getMessage()
    assert record.levelno == level


@pytest.mark.parametrize("outcome", ["Succeeded", "Done", "Failed", "Canceled"])
def test_the_end_of_an_orchestration_is_told(caplog: pytest.LogCaptureFixture, outcome: str) -> None:
    """What there is to say of it, under the id of its start; what did not go well is a warning."""
    with caplog.at_level(logging.INFO):
        audit.ended("RotateKey", str(RESOURCE), "r1", outcome, {"plan": "Rotate", "error": None})
    (record,) = caplog.records
    assert json.loads(record.getMessage().removeprefix("audit ")) == {
        "action": "RotateKey",
        "outcome": outcome,
        "resourceId": str(RESOURCE),
        "plan": "Rotate",
        "instanceId": "r1",
    }
    assert record.levelno == (logging.INFO if outcome in ("Succeeded", "Done") else logging.WARNING)


def test_every_field_of_a_line_is_an_attribute_too(caplog: pytest.LogCaptureFixture) -> None:
    """Whoever exports the record gets each field by name, and need not take the text apart."""
    caller = Caller("AppServicePrincipal", id="object-1", name="Ann")
    request = app_request(client_request_id="mine-1")
    event = Event(id="e-1", type="t", source="s", subject="u", data=None)
    by = {"caller": {"kind": "EventGrid"}, **event.shown, "regeneratedBy": "object-2"}
    revocation = {"status": "Scheduled", "at": "2026-01-01T00:00:00Z"}
    with caplog.at_level(logging.INFO):
        audit.regeneration(request, caller, RESOURCE, KeyType.PRIMARY, FINGERPRINT)
        audit.started(request, caller, "RotateKey", RESOURCE, ResourceNotAllowed(), "because")
        audit.started_by(by, "RepairSecrets", RESOURCE, "r1-revoke")
        audit.ended(
            "RotateKey", str(RESOURCE), "r1", "Done", {"plan": "Rotate", "proof": "Dead", "revocation": revocation}
        )
    told: dict[str, object] = {}
    for record in caplog.records:
        fields = [
            value if isinstance(value, int) else str(value).removesuffix("-revoke")
            for value in _leaves(json.loads(record.getMessage().removeprefix("audit ")))
        ]
        attributes = {name: value for name, value in vars(record).items() if name in _NAMES}
        assert sorted(map(str, attributes.values())) == sorted(map(str, fields))
        told |= attributes
    assert told == {
        "acs.action": "RotateKey",
        "acs.outcome": "Done",
        "acs.resource_id": str(RESOURCE),
        "acs.key_type": "Primary",
        "acs.fingerprint": FINGERPRINT,
        "acs.caller.kind": "EventGrid",
        "acs.caller.id": "object-1",
        "acs.caller.name": "Ann",
        "acs.request.id": "request-1",
        "acs.client_request.id": "mine-1",
        "acs.reason": "because",
        "error.type": "ResourceNotAllowed",
        "http.response.status_code": 403,
        "acs.rotation.id": "r1",
        "cloudevents.event_id": "e-1",
        "cloudevents.event_type": "t",
        "cloudevents.event_source": "s",
        "cloudevents.event_subject": "u",
        "acs.regenerated_by": "object-2",
        "acs.plan": "Rotate",
        "acs.proof": "Dead",
        "acs.revocation.status": "Scheduled",
        "acs.revocation.at": "2026-01-01T00:00:00Z",
    }


def _leaves(value: Any) -> list[Any]:
    if not isinstance(value, dict):
        return [value]
    return [leaf for item in cast("dict[str, Any]", value).values() for leaf in _leaves(item)]


def test_an_error_that_an_orchestration_ended_with_keeps_its_outcome(caplog: pytest.LogCaptureFixture) -> None:
    """What is passed on says itself whether the key may have changed."""
    error = DeadlineExceeded("m", outcome=RegenerationOutcome.UNKNOWN).to_json()["error"]
    line, _ = write(caplog, Passed(504, error, {}))
    assert (line["outcome"], line["error"], line["status"]) == ("Unknown", "DeadlineExceeded", 504)
    assert write(caplog, Passed(404, {"code": "NotFound", "message": "m"}, {}))[0]["outcome"] == "NotRegenerated"


def test_the_callers_own_request_id_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """A sane x-ms-client-request-id stands beside ours."""
    assert write(caplog, client_request_id="mine-1")[0]["clientRequestId"] == "mine-1"


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        pytest.param(ResourceNotAllowed(), "NotRegenerated", id="refused"),
        pytest.param(ArmRejected(429, "TooManyRequests", "s3cr3t"), "NotRegenerated", id="ARM refused"),
        pytest.param(DeadlineExceeded("s3cr3t", outcome=RegenerationOutcome.UNKNOWN), "Unknown", id="unknown"),
        pytest.param(DeadlineExceeded("s3cr3t", outcome=RegenerationOutcome.REGENERATED), "Regenerated", id="done"),
    ],
)
def test_an_error_is_told_with_its_code_and_the_outcome(
    caplog: pytest.LogCaptureFixture, error: AppError, outcome: str
) -> None:
    """An error is a warning with code, status and outcome, and without its message or a fingerprint."""
    line, record = write(caplog, error)
    assert (line["outcome"], line["error"], line["status"]) == (outcome, error.code, error.status)
    assert "fingerprint" not in line
    assert "s3cr3t" not in record.getMessage()
    assert (record.name, record.levelno) == ("audit", logging.WARNING)


def test_a_known_caller_is_named(caplog: pytest.LogCaptureFixture) -> None:
    """Whom App Service vouches for stands in the line with id and name."""
    caller = Caller("AppServicePrincipal", id="object-1", name="Ann", roles=frozenset({"r"}))
    assert write(caplog, caller=caller)[0]["caller"] == {"kind": "AppServicePrincipal", "id": "object-1", "name": "Ann"}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param('Ann\naudit {"action": "RegenerateKey"}', id="LF"),
        pytest.param("Ann\r\nx", id="CR LF"),
        pytest.param("Ann\u2028x\u2029y\x85z\x0b\x0c", id="other line ends"),
        pytest.param('Ann", "outcome": "Regenerated', id="quotes"),
        pytest.param("Ann\u202eecilA", id="direction mark"),
        pytest.param("Ann\x1b[2Kx", id="terminal escape"),
        pytest.param("%s %d %(x)s {}", id="format marks"),
        pytest.param("\ud800", id="lone surrogate"),
    ],
)
def test_a_name_cannot_forge_a_line(caplog: pytest.LogCaptureFixture, name: str) -> None:
    """Whatever a caller is called, the line stays one line of ASCII, and JSON that says just that name."""
    caller = Caller("AppServicePrincipal", id=name, name=name)
    line, record = write(caplog, ResourceNotAllowed(), caller=caller)
    assert line["caller"] == {"kind": "AppServicePrincipal", "id": name, "name": name}
    assert line["outcome"] == "NotRegenerated"
    text = record.getMessage()
    assert text.isascii()
    assert text.isprintable()


@pytest.mark.parametrize("key", [LEGACY_KEY, CASK_KEY], ids=["legacy", "cask"])
def test_no_key_stands_in_a_line(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    """Neither the new key nor, with the log wall up, one that a caller put into a name is written."""
    # put back after the test, whatever guard_logs makes of it
    monkeypatch.setattr(logging, "_logRecordFactory", logging.getLogRecordFactory())
    guard_logs()
    caller = Caller("AppServicePrincipal", id="object-1", name=f"accesskey={key}")
    _, record = write(caplog, access_key(key).fingerprint, caller=caller)
    assert key not in record.getMessage()

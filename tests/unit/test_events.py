"""Which events concern the app, by their type."""

import pytest

from shared.event_data import MalformedEvent
from shared.event_envelope import event_of
from shared.events import Ignored, parse
from tests.support.events import (
    VERSION,
    Json,
    Schema,
    event,
    key_regenerated,
    regenerate_requested,
    rotate_requested,
    secret_near_expiry,
)
from tests.support.fakes import RESOURCE
from tests.support.notices import both_schemas, notice, problems

KNOWN = [
    secret_near_expiry("https://my-vault.vault.azure.net", "MySecret", VERSION),
    secret_near_expiry("https://my-vault.vault.azure.net", "MySecret", VERSION, expired=True),
    key_regenerated(str(RESOURCE)),
    regenerate_requested({"keyType": "Primary"}),
    rotate_requested({}),
]
known_types = pytest.mark.parametrize("wire", KNOWN, ids=[wire["eventType"] for wire in KNOWN])


@known_types
@both_schemas
def test_types_are_known_in_any_case(wire: Json, schema: Schema) -> None:
    """Case and blanks of the type make no difference, in either schema."""
    expected = notice(wire)
    assert not isinstance(expected, Ignored)
    for spelling in (wire["eventType"].lower(), wire["eventType"].upper(), f" {wire['eventType']} "):
        same = event(spelling, wire["data"], source=wire["topic"], subject=wire["subject"], schema=schema)
        assert notice(same) == expected


@both_schemas
@pytest.mark.parametrize(
    "type_",
    [
        "Microsoft.KeyVault.SecretNewVersionCreated",
        "Microsoft.KeyVault.KeyNearExpiry",
        "Microsoft.KeyVault.CertificateExpired",
        "Microsoft.KeyVault.VaultAccessPolicyChanged",
        "Microsoft.Resources.ResourceActionFailure",
        "Microsoft.Resources.ResourceWriteSuccess",
        "Microsoft.EventGrid.SubscriptionValidationEvent",
        "Microsoft.Storage.BlobCreated",
        "CommunicationKey.Regenerated",
        "CommunicationKey.Rotated",
        "CommunicationKey.RotationFailed",
        "CommunicationKey.RotationCanceled",
        "CommunicationKey.Repaired",
        "CommunicationKey.Revoked",
        "CommunicationKey.RevocationFailed",
        "CommunicationKey.RotateRequest",
        "CommunicationKey.RotateRequestedNow",
        "CommunicationKey.",
        "Contoso.CommunicationKey.RotateRequested",
        "Microsoft.\u212aeyVault.SecretNearExpiry",
        "Microsoft.KeyVault.SecretNear\u200bExpiry",
        "",
        " ",
        "\ud800\x00",
        "s3cr3t" * 150_000,
    ],
)
@pytest.mark.parametrize("data", [None, {}, {"keyType": 1}, "s3cr3t", ["s3cr3t"]], ids=str)
def test_other_types_are_ignored(schema: Schema, type_: str, data: object) -> None:
    """Whatever their data is: nothing of them is looked at, and the reason holds nothing of them."""
    got = notice(event(type_, data, schema=schema, id=""))
    assert isinstance(got, Ignored)
    assert got.reason
    assert "s3cr3t" not in got.reason


@both_schemas
@pytest.mark.parametrize("type_", [None, 1, ["CommunicationKey.RotateRequested"], {"a": 1}])
def test_a_type_that_is_no_text_is_ignored(schema: Schema, type_: object) -> None:
    """An envelope without a type concerns nobody."""
    wire = event("Some.Type", {}, schema=schema)
    assert isinstance(notice(wire | {"type" if schema == "cloudevents" else "eventType": type_}), Ignored)


def test_the_apps_own_announcements_are_told_from_unknown_types() -> None:
    """Who misspells a request sees in the reason which types ask."""
    own, other = notice(event("CommunicationKey.Rotated", {})), notice(event("Some.Type", {}))
    assert isinstance(own, Ignored)
    assert own != other
    assert "RotateRequested" in own.reason


def test_what_is_no_event_is_ignored() -> None:
    """An object without any attribute of an event has no known type."""
    assert isinstance(parse(event_of(object())), Ignored)


@known_types
@both_schemas
@pytest.mark.parametrize(
    "data", [[], [{}], "s3cr3t", "[]", "{", 0, 1.5, True, "\ud800", "[" * 300_000, '{"a":' * 100_000]
)
def test_known_types_want_an_object(wire: Json, schema: Schema, data: object) -> None:
    """Of a known type the data is an object or a text that holds one, else the event is malformed."""
    same = event(wire["eventType"], data, source=wire["topic"], subject=wire["subject"], schema=schema)
    assert problems(same) == [("InvalidData", "data")]


def outcome(wire: Json) -> object:
    """Return the notice, or the error of a malformed event."""
    try:
        return notice(wire)
    except MalformedEvent as error:
        return error


HOSTILE: list[object] = [
    None,
    True,
    0,
    -1,
    10**300,
    1e308,
    "",
    " ",
    "\ud800",
    "\x00",
    "s3cr3t",
    "a" * 70_000,
    [],
    [[]],
    {},
]


@known_types
@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: repr(value)[:20])
def test_nothing_in_a_field_breaks_the_parser(wire: Json, value: object) -> None:
    """Any value in any field gives a notice or a malformed event, and no other error."""
    data: Json = wire["data"]
    changes: list[Json] = [{name: value} for name in (*data, "keyType", "resourceId", "gracePeriod", "reason")]
    for name in ("authorization", "claims"):
        inside: Json = data.get(name, {})
        changes += [{name: {**inside, inner: value}} for inner in inside]
    for change in changes:
        got = outcome(wire | {"data": data | change})
        assert got
        # a reason is kept for the record
        assert "s3cr3t" not in str(got) or "reason" in change

"""CommunicationKey.RegenerateRequested and .RotateRequested: validated as over HTTP, with names taken more kindly."""

from datetime import timedelta
from typing import Protocol

import pytest

from shared.event_data import MalformedEvent
from shared.events import Ignored, RegenerateRequested, RotateRequested
from shared.parameters import KeyType
from shared.rotation.parameters import RotationRequest
from tests.support.events import Json, Schema, regenerate_requested, rotate_requested
from tests.support.fakes import LEGACY_KEY, RESOURCE
from tests.support.notices import both_schemas, notice, problems

ID = str(RESOURCE)


class Request(Protocol):
    """One of the two makers of requests."""

    def __call__(self, data: object, *, schema: Schema = "eventgrid") -> Json:
        """Return the event."""
        ...


DATA: dict[Request, Json] = {regenerate_requested: {"keyType": "Primary"}, rotate_requested: {}}


@both_schemas
@pytest.mark.parametrize(
    ("data", "request_"),
    [
        ({"keyType": "Primary"}, RegenerateRequested(key_type=KeyType.PRIMARY)),
        ({"keyType": "sEcOnDaRy"}, RegenerateRequested(key_type=KeyType.SECONDARY)),
        (
            {"keyType": "Primary", "force": True, "resourceId": f"{ID.lower()}/"},
            RegenerateRequested(resource=RESOURCE, key_type=KeyType.PRIMARY, force=True),
        ),
        (
            {"keyType": "Primary", "force": False, "resourceId": None},
            RegenerateRequested(resource=None, key_type=KeyType.PRIMARY, force=False),
        ),
        ({"keyType": "Primary", "force": None}, RegenerateRequested(key_type=KeyType.PRIMARY)),
        ({" KEYTYPE": " Primary ", "FORCE\t": True}, RegenerateRequested(key_type=KeyType.PRIMARY, force=True)),
        (
            {"ResourceID": f"\n{ID}", "keytype": "Primary"},
            RegenerateRequested(resource=RESOURCE, key_type=KeyType.PRIMARY),
        ),
        (' {"keyType ": "primary"}', RegenerateRequested(key_type=KeyType.PRIMARY)),
    ],
)
def test_a_regeneration_is_requested(schema: Schema, data: object, request_: RegenerateRequested) -> None:
    """The key must be named; resource and force may be; names in any case; the data may come as text."""
    assert notice(regenerate_requested(data, schema=schema)) == request_


MISSING_KEY_TYPE = ("MissingProperty", "data.keyType")


@both_schemas
@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({}, [MISSING_KEY_TYPE]),
        (None, [MISSING_KEY_TYPE]),
        ("", [MISSING_KEY_TYPE]),
        ({"keyType": None}, [MISSING_KEY_TYPE]),
        ({"keyType": ""}, [("InvalidPropertyValue", "data.keyType")]),
        ({"keyType": "s3cr3t"}, [("InvalidPropertyValue", "data.keyType")]),
        ({"keyType": "Prımary"}, [("InvalidPropertyValue", "data.keyType")]),
        ({"keyType": 1}, [("InvalidPropertyType", "data.keyType")]),
        ({"keyType": "both"}, [("BothKeys", "data.keyType")]),
        ({"keyType": ["Primary", "Secondary"]}, [("BothKeys", "data.keyType")]),
        ({"keyType": "Primary", "force": "true"}, [("InvalidPropertyType", "data.force")]),
        ({"keyType": "Primary", "force": 1}, [("InvalidPropertyType", "data.force")]),
        ({"keyType": "Primary", "resourceId": "s3cr3t"}, [("InvalidPropertyValue", "data.resourceId")]),
        ({"keyType": "Primary", "resourceId": ""}, [("InvalidPropertyValue", "data.resourceId")]),
        ({"keyType": "Primary", "resourceId": ["s3cr3t"]}, [("InvalidPropertyType", "data.resourceId")]),
        ({"keyType": "Primary", "more": 1}, [("UnknownProperty", "data.more")]),
        ({"keyType": "Primary", "key Type": 1}, [("UnknownProperty", "data.(a name that is not shown)")]),
        ({"keyType": "Primary", LEGACY_KEY: 1}, [("UnknownProperty", "data.(a name that is not shown)")]),
        ({"keyType": "Primary", "\u212aeyType": 1}, [("UnknownProperty", "data.(a name that is not shown)")]),
        ({"keyType": "Primary", " KEYTYPE": "Primary"}, [("DuplicateProperty", "data.keyType")]),
        (
            {"keyType": "Primary", "KEYTYPE": "s3cr3t", "keytype ": "s3cr3t"},
            [("DuplicateProperty", "data.keyType"), ("InvalidPropertyValue", "data.keyType")],
        ),
        ('{"keyType": "Primary", "keyType": "Secondary"}', [("DuplicateProperty", "data.keyType")]),
        (
            {"keyType": "s3cr3t", "force": "s3cr3t", "resourceId": "s3cr3t", "gracePeriod": "s3cr3t"},
            [
                ("UnknownProperty", "data.gracePeriod"),
                ("InvalidPropertyValue", "data.keyType"),
                ("InvalidPropertyValue", "data.resourceId"),
                ("InvalidPropertyType", "data.force"),
            ],
        ),
        ([], [("InvalidData", "data")]),
        ("Primary", [("InvalidData", "data")]),
    ],
)
def test_a_wrong_regeneration_is_malformed(schema: Schema, data: object, expected: list[tuple[str, str]]) -> None:
    """The validation is that of HTTP, every problem at once, and nothing that was sent is told."""
    assert problems(regenerate_requested(data, schema=schema)) == expected


@both_schemas
@pytest.mark.parametrize(
    ("data", "request_"),
    [
        ({}, RotationRequest()),
        (None, RotationRequest()),
        ("", RotationRequest()),
        ("{}", RotationRequest()),
        ({"resourceId": ID, "reason": None}, RotationRequest(resource=RESOURCE)),
        (
            {
                "RESOURCEID": f" {ID}/",
                " activekey": "primary ",
                "gracePeriod": " P1D",
                "Revoke ": False,
                "superSede": True,
                "reason": " leaked\n",
            },
            RotationRequest(
                resource=RESOURCE,
                active_key=KeyType.PRIMARY,
                grace_period=timedelta(days=1),
                revoke=False,
                supersede=True,
                reason="leaked",
            ),
        ),
        ('{"ActiveKey": "Secondary"}', RotationRequest(active_key=KeyType.SECONDARY)),
    ],
)
def test_a_rotation_is_requested(schema: Schema, data: object, request_: RotationRequest) -> None:
    """As over HTTP nothing need be said; names in any case, blanks around names and texts."""
    assert notice(rotate_requested(data, schema=schema)) == RotateRequested(request=request_)


@both_schemas
@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"keyType": "Primary"}, [("UnknownProperty", "data.keyType")]),
        ({"active Key": "Primary"}, [("UnknownProperty", "data.(a name that is not shown)")]),
        ({"ſupersede": True}, [("UnknownProperty", "data.(a name that is not shown)")]),
        ({"revoke": "false"}, [("InvalidPropertyType", "data.revoke")]),
        ({"revoke": 0}, [("InvalidPropertyType", "data.revoke")]),
        ({"gracePeriod": "s3cr3t"}, [("InvalidPropertyValue", "data.gracePeriod")]),
        ({"gracePeriod": 2}, [("InvalidPropertyType", "data.gracePeriod")]),
        ({"resourceId": f"https://s3cr3t{ID}"}, [("InvalidPropertyValue", "data.resourceId")]),
        ({"resourceId": {"s3cr3t": [ID]}}, [("InvalidPropertyType", "data.resourceId")]),
        ({"reason": "s3cr3t" * 50}, [("InvalidPropertyValue", "data.reason")]),
        ({"reason": "a", "Reason": "b"}, [("DuplicateProperty", "data.reason")]),
        ('{"reason": "a", "reason": "b"}', [("DuplicateProperty", "data.reason")]),
        (
            '{"reason": {"inner": 1, "inner": 2}}',
            [("DuplicateProperty", "data.inner"), ("InvalidPropertyType", "data.reason")],
        ),
        (
            {"activeKey": "s3cr3t", "REVOKE": "s3cr3t", "supercede": "s3cr3t"},
            [
                ("UnknownProperty", "data.supercede"),
                ("InvalidPropertyValue", "data.activeKey"),
                ("InvalidPropertyType", "data.revoke"),
            ],
        ),
        ([{"revoke": True}], [("InvalidData", "data")]),
        (False, [("InvalidData", "data")]),
        ("null", [("InvalidData", "data")]),
        ('{"revoke": false', [("InvalidData", "data")]),
    ],
)
def test_a_wrong_rotation_is_malformed(schema: Schema, data: object, expected: list[tuple[str, str]]) -> None:
    """Every problem of the data comes with its place, as over HTTP."""
    assert problems(rotate_requested(data, schema=schema)) == expected


@pytest.mark.parametrize("request_", [regenerate_requested, rotate_requested])
@both_schemas
@pytest.mark.parametrize("id_", [None, "", " \t", [], {"id": 1}, True])
def test_a_request_without_an_id_is_malformed(request_: Request, schema: Schema, id_: object) -> None:
    """It could not be told from its own redelivery; what else is wrong is told with it."""
    wire = request_(DATA[request_], schema=schema) | {"id": id_}
    assert problems(wire) == [("MissingProperty", "id")]
    assert problems(wire | {"data": []}) == [("MissingProperty", "id"), ("InvalidData", "data")]
    assert problems(wire | {"data": {"keyType": "Primary", "more": 1}})[0] == ("MissingProperty", "id")
    del wire["id"]
    assert problems(wire) == [("MissingProperty", "id")]


@pytest.mark.parametrize("request_", [regenerate_requested, rotate_requested])
@both_schemas
@pytest.mark.parametrize("id_", [0, 7, "7", "x" * 100_000, "\ud800", "a\nb"])
def test_any_id_makes_a_request_once(request_: Request, schema: Schema, id_: object) -> None:
    """Whatever text or number the publisher has chosen."""
    assert not isinstance(notice(request_(DATA[request_], schema=schema) | {"id": id_}), Ignored)


@pytest.mark.parametrize("request_", [regenerate_requested, rotate_requested])
def test_binary_data_asks_for_nothing(request_: Request) -> None:
    """A CloudEvent with data_base64 is no request for the defaults."""
    wire = request_(None, schema="cloudevents") | {"data_base64": "eyJrZXlUeXBlIjogIlByaW1hcnkifQ=="}
    assert problems(wire) == [("InvalidData", "data")]


@pytest.mark.parametrize("request_", [regenerate_requested, rotate_requested])
@both_schemas
def test_a_hostile_request_is_told_in_short(request_: Request, schema: Schema) -> None:
    """A hundred thousand wrong properties fill no log, and neither do a hundred thousand repeated ones."""
    many: Json = {f"p{number}": "s3cr3t" for number in range(100_000)}
    assert len(problems(request_(many, schema=schema))) == 20
    repeated = "{" + ", ".join(f'"p{number}": 1, "p{number}": 2' for number in range(20_000)) + "}"
    assert len(problems(request_(repeated, schema=schema))) == 20
    with pytest.raises(MalformedEvent) as raised:
        notice(request_(many, schema=schema))
    assert len(str(raised.value)) < 5000


def test_a_reason_holds_no_key() -> None:
    """Whoever pastes a key as the reason does not get it stored."""
    got = notice(rotate_requested({"Reason": f"leaked: {LEGACY_KEY}"}))
    assert isinstance(got, RotateRequested)
    assert LEGACY_KEY not in f"{got}"

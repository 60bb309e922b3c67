"""ARM's ResourceActionSuccess: a regenerated key in every spelling, other operations, and what makes no sense."""

from collections.abc import Callable

import pytest

from shared.events import Ignored, KeyRegenerated
from tests.support.events import PRINCIPAL, REGENERATE_KEY, Json, Schema, event, key_regenerated
from tests.support.fakes import LEGACY_KEY, RESOURCE
from tests.support.notices import both_schemas, notice, problems, renamed, respellings

ID = str(RESOURCE)
OTHER = ID.replace("MyCommunicationResource", "Other")


@both_schemas
@pytest.mark.parametrize(
    "operation", [REGENERATE_KEY, REGENERATE_KEY.lower(), REGENERATE_KEY.upper(), f" {REGENERATE_KEY}"]
)
def test_a_regenerated_key_is_told_with_resource_and_principal(schema: Schema, operation: str) -> None:
    """The operation may be in any case."""
    got = notice(key_regenerated(ID, schema=schema, operation=operation))
    assert got == KeyRegenerated(resource=RESOURCE, by=PRINCIPAL)
    assert isinstance(got, KeyRegenerated)
    assert str(got.resource) == ID


@both_schemas
@respellings
def test_an_actions_fields_are_found_in_any_spelling(schema: Schema, respell: Callable[[str], str]) -> None:
    """Case and blanks of the names do not matter, at any depth."""
    wire = key_regenerated(ID, schema=schema)
    assert notice(wire | {"data": renamed(wire["data"], respell)}) == KeyRegenerated(resource=RESOURCE, by=PRINCIPAL)


@both_schemas
@pytest.mark.parametrize(
    "operation",
    [
        "Microsoft.Communication/communicationServices/listKeys/action",
        "Microsoft.Communication/communicationServices/regenerateKey",
        "Microsoft.Communication/communicationServices/regenerateKey/action/x",
        "Microsoft.Communication/communicationServices/write",
        "Microsoft.EventHub/namespaces/AuthorizationRules/regenerateKeys/action",
        "Microsoft.Communication.Evil/communicationServices/regenerateKey/action",
        REGENERATE_KEY.replace("Key", "\u212aey"),
    ],
)
def test_other_operations_are_ignored(schema: Schema, operation: str) -> None:
    """Whatever they are about, and however wrong the rest of the event is."""
    assert isinstance(notice(key_regenerated(ID, schema=schema, operation=operation)), Ignored)
    wire = key_regenerated("s3cr3t", schema=schema, operation=operation)
    assert isinstance(notice(wire | {"data": wire["data"] | {"status": 1, "claims": 1}}), Ignored)


@pytest.mark.parametrize(
    ("status", "ignored"),
    [
        ("Succeeded", False),
        (" succeeded ", False),
        ("", False),
        (None, False),
        (1, False),
        ({"value": "Failed"}, False),
        ("Failed", True),
        ("Accepted", True),
        ("Succeededs", True),
    ],
)
def test_what_did_not_succeed_is_ignored(status: object, *, ignored: bool) -> None:
    """Only a status that says something else than Succeeded counts against what the event's type says."""
    wire = key_regenerated(ID)
    assert isinstance(notice(wire | {"data": wire["data"] | {"status": status}}), Ignored) is ignored


@both_schemas
@pytest.mark.parametrize(
    "text",
    [
        ID,
        ID.lower(),
        ID.upper(),
        ID.replace("resourceGroups", "resourcegroups"),
        ID.replace("communicationServices", "CommunicationServices"),
        f"{ID}/",
        f" {ID}\n",
    ],
)
@pytest.mark.parametrize("place", ["resourceUri", "subject", "scope"])
def test_the_resource_is_found_where_it_is_named(schema: Schema, text: str, place: str) -> None:
    """In resourceUri, else in the subject, else in the scope; in any spelling of an ARM id."""
    wire: Json = key_regenerated(ID, schema=schema) | {"subject": OTHER}
    wire["data"]["authorization"]["scope"] = OTHER
    match place:
        case "resourceUri":
            wire["data"]["resourceUri"] = text
        case "subject":
            wire["data"]["resourceUri"] = None
            wire["subject"] = text
        case _:
            del wire["data"]["resourceUri"]
            wire["subject"] = " "
            wire["data"]["authorization"]["scope"] = text
    assert notice(wire) == KeyRegenerated(resource=RESOURCE, by=PRINCIPAL)


@both_schemas
def test_the_operation_is_found_in_the_authorization(schema: Schema) -> None:
    """Where operationName is missing, the action says it; where both are there, operationName does."""
    wire = key_regenerated(ID, schema=schema)
    wire["data"]["operationName"] = ""
    assert notice(wire) == KeyRegenerated(resource=RESOURCE, by=PRINCIPAL)
    wire["data"]["authorization"]["action"] = "Microsoft.EventHub/namespaces/listKeys/action"
    assert isinstance(notice(wire), Ignored)
    wire["data"]["operationName"] = REGENERATE_KEY
    assert notice(wire) == KeyRegenerated(resource=RESOURCE, by=PRINCIPAL)


OBJECT_ID = "http://schemas.microsoft.com/identity/claims/objectidentifier"
PERSON = "12345678-90ab-cdef-1234-567890abcdef"


@pytest.mark.parametrize(
    ("claims", "principal_id", "by"),
    [
        ({OBJECT_ID: PERSON}, PRINCIPAL, PERSON),
        ({OBJECT_ID.upper(): f" {PERSON.upper()} "}, PRINCIPAL, PERSON),
        ({OBJECT_ID: PERSON.replace("-", "")}, PRINCIPAL, PERSON),
        ({"oid": PERSON}, PRINCIPAL, PERSON),
        ({}, PRINCIPAL, PRINCIPAL),
        ({}, PRINCIPAL.replace("-", ""), PRINCIPAL),
        ({OBJECT_ID: "s3cr3t"}, PRINCIPAL, PRINCIPAL),
        (None, PRINCIPAL, PRINCIPAL),
        ("{}", PRINCIPAL, PRINCIPAL),
        ([OBJECT_ID], PRINCIPAL, PRINCIPAL),
        ({OBJECT_ID: [PERSON]}, PRINCIPAL, PRINCIPAL),
        ({OBJECT_ID: "{ID}"}, "{ID}", None),
        ({OBJECT_ID: f"{PERSON}0"}, None, None),
        ({OBJECT_ID: PERSON.replace("1", "١")}, 7, None),
        ({"appid": PERSON}, "", None),
        ({OBJECT_ID: LEGACY_KEY}, "x" * 900_000, None),
    ],
)
def test_the_principal_is_a_uuid_or_unknown(claims: object, principal_id: object, by: str | None) -> None:
    """The token's object id, else the evidence; nothing that is no UUID is kept."""
    wire = key_regenerated(ID)
    wire["data"]["claims"] = claims
    wire["data"]["authorization"]["evidence"]["principalId"] = principal_id
    assert notice(wire) == KeyRegenerated(resource=RESOURCE, by=by)


@pytest.mark.parametrize("missing", ["httpRequest", "claims", "authorization", "status", "correlationId", "tenantId"])
def test_an_action_need_not_say_everything(missing: str) -> None:
    """What an event may leave out, as it does for some operations, is not missed."""
    wire = key_regenerated(ID)
    wire["data"] = {name: value for name, value in wire["data"].items() if name != missing}
    assert notice(wire) == KeyRegenerated(resource=RESOURCE, by=PRINCIPAL)
    assert notice(wire | {"data": wire["data"] | {missing: None}}) == KeyRegenerated(resource=RESOURCE, by=PRINCIPAL)


@both_schemas
@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("s3cr3t", ("InvalidPropertyValue", "data.resourceUri")),
        (f"{ID}/regenerateKey", ("InvalidPropertyValue", "data.resourceUri")),
        (f"{ID}/smtpUsernames/x", ("InvalidPropertyValue", "data.resourceUri")),
        (f"https://management.azure.com{ID}", ("InvalidPropertyValue", "data.resourceUri")),
        (ID.replace("communicationServices", "emailServices"), ("InvalidPropertyValue", "data.resourceUri")),
        (ID.replace("MyResourceGroup", ".."), ("InvalidPropertyValue", "data.resourceUri")),
        ("/" * 900_000, ("InvalidPropertyValue", "data.resourceUri")),
        ("\ud800", ("InvalidPropertyValue", "data.resourceUri")),
        (7, ("InvalidPropertyType", "data.resourceUri")),
        (["s3cr3t"], ("InvalidPropertyType", "data.resourceUri")),
    ],
)
def test_a_regenerated_key_of_no_resource_is_malformed(schema: Schema, uri: object, expected: tuple[str, str]) -> None:
    """What is said first counts: a wrong resourceUri is not made good by a subject."""
    wire = key_regenerated(ID, schema=schema)
    assert problems(wire | {"data": wire["data"] | {"resourceUri": uri}}) == [expected]


@both_schemas
def test_a_wrong_resource_is_told_where_it_is(schema: Schema) -> None:
    """The target is the place that named it, the first of all where none did."""
    wire: Json = key_regenerated(ID, schema=schema) | {"subject": "s3cr3t"}
    del wire["data"]["resourceUri"]
    assert problems(wire) == [("InvalidPropertyValue", "subject")]
    wire["subject"] = None
    wire["data"]["authorization"]["scope"] = "s3cr3t"
    assert problems(wire) == [("InvalidPropertyValue", "data.authorization.scope")]
    wire["data"]["authorization"]["scope"] = [["s3cr3t"]]
    assert problems(wire) == [("InvalidPropertyType", "data.authorization.scope")]
    del wire["data"]["authorization"]["scope"]
    assert problems(wire) == [("MissingProperty", "data.resourceUri")]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({}, ("MissingProperty", "data.operationName")),
        (None, ("MissingProperty", "data.operationName")),
        ({"authorization": "s3cr3t"}, ("MissingProperty", "data.operationName")),
        ({"operationName": 1}, ("InvalidPropertyType", "data.operationName")),
        ({"authorization": {"action": ["s3cr3t"]}}, ("InvalidPropertyType", "data.authorization.action")),
    ],
)
def test_an_action_without_an_operation_is_malformed(data: object, expected: tuple[str, str]) -> None:
    """Nobody knows then whether it is of any concern."""
    assert problems(event("Microsoft.Resources.ResourceActionSuccess", data, subject=ID)) == [expected]

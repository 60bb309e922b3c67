"""RegenerateKeyParameters and If-Match: what is taken, what is refused, and that nothing sent comes back."""

import json
from typing import Any

import pytest

from shared.errors import InvalidRequest, Problem
from shared.json_body import JsonObject, decode_object
from shared.parameters import (
    KeyType,
    RegenerateKeyParameters,
    parse_flag,
    parse_if_match,
    parse_repeatability_request_id,
)

SENTENCE = "PrimaryKey and SecondaryKey cannot be regenerated at the same time."


def parse(body: Any) -> tuple[RegenerateKeyParameters | None, list[Problem]]:
    """Parse a value as it comes over the wire."""
    return RegenerateKeyParameters.parse(decode_object(json.dumps(body).encode()))


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ("Primary", KeyType.PRIMARY),
        ("primary", KeyType.PRIMARY),
        ("PRIMARY", KeyType.PRIMARY),
        ("pRiMaRy", KeyType.PRIMARY),
        ("Secondary", KeyType.SECONDARY),
        ("secondary", KeyType.SECONDARY),
        ("SECONDARY", KeyType.SECONDARY),
        ("sEcOnDaRy", KeyType.SECONDARY),
    ],
)
def test_key_type_is_taken_in_any_case(sent: str, meant: KeyType) -> None:
    """keyType is case-insensitive, and canonical once it is parsed."""
    parameters, problems = parse({"keyType": sent})
    assert problems == []
    assert parameters == RegenerateKeyParameters(meant)
    assert parameters is not None
    assert parameters.key_type.value in ("Primary", "Secondary")


def test_each_key_type_knows_the_other() -> None:
    """The other key of the primary is the secondary, and the other way round."""
    assert KeyType.PRIMARY.other is KeyType.SECONDARY
    assert KeyType.SECONDARY.other is KeyType.PRIMARY


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(["Primary", "Secondary"], id="list"),
        pytest.param(["SECONDARY", "primary"], id="list, other order and case"),
        pytest.param(["Primary", "Secondary", "Primary"], id="list with a repetition"),
        pytest.param({"primary": True, "secondary": True}, id="object"),
        pytest.param({"Primary": "Secondary", "Secondary": "Primary"}, id="object of names"),
        pytest.param("primary,secondary", id="comma"),
        pytest.param("Primary, Secondary", id="comma and blank"),
        pytest.param("Primary and Secondary", id="and"),
        pytest.param("Primary & Secondary", id="ampersand"),
        pytest.param("primary+secondary", id="plus"),
        pytest.param("Primary|Secondary", id="bar"),
        pytest.param("Primary/Secondary", id="slash"),
        pytest.param("primary;secondary", id="semicolon"),
        pytest.param("secondary primary", id="blank, other order"),
        pytest.param("primary\nsecondary", id="line break"),
        pytest.param("PrimaryKey and SecondaryKey", id="as the specification says it"),
        pytest.param("primaryKey,secondaryKey", id="property names"),
        pytest.param("primary_key and secondary_key", id="snake case"),
        pytest.param("both", id="both"),
        pytest.param("Both", id="Both"),
        pytest.param("BOTH KEYS", id="both keys"),
        pytest.param("all", id="all"),
        pytest.param("all keys", id="all keys"),
    ],
)
def test_both_keys_get_the_sentence_of_the_specification(sent: Any) -> None:
    """Whoever asks for both keys at once, in whatever form, is told so in the specification's own words."""
    parameters, problems = parse({"keyType": sent})
    assert parameters is None
    assert [(problem.code, problem.target) for problem in problems] == [("BothKeys", "keyType")]
    assert SENTENCE in problems[0].message


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        pytest.param("", "InvalidPropertyValue", id="empty"),
        pytest.param(" ", "InvalidPropertyValue", id="blank"),
        pytest.param(" Primary", "InvalidPropertyValue", id="leading blank"),
        pytest.param("Primary ", "InvalidPropertyValue", id="trailing blank"),
        pytest.param("Primary\n", "InvalidPropertyValue", id="trailing line break"),
        pytest.param("Primary\x00", "InvalidPropertyValue", id="NUL"),
        pytest.param("PrimaryKey", "InvalidPropertyValue", id="PrimaryKey"),
        pytest.param("Primary,Primary", "InvalidPropertyValue", id="the same twice"),
        pytest.param("Primary or Secondary", "InvalidPropertyValue", id="or"),
        pytest.param("primary not secondary", "InvalidPropertyValue", id="not"),
        pytest.param("primarysecondary", "InvalidPropertyValue", id="one word"),
        pytest.param("neither", "InvalidPropertyValue", id="neither"),
        pytest.param("tertiary", "InvalidPropertyValue", id="a third one"),
        pytest.param("and", "InvalidPropertyValue", id="and alone"),
        pytest.param("key", "InvalidPropertyValue", id="key alone"),
        pytest.param(",", "InvalidPropertyValue", id="comma alone"),
        pytest.param("Рrimary", "InvalidPropertyValue", id="Cyrillic Er"),
        pytest.param("Ｐrimary", "InvalidPropertyValue", id="full-width P"),
        pytest.param("ſecondary", "InvalidPropertyValue", id="long s"),
        pytest.param("Prımary", "InvalidPropertyValue", id="dotless i"),
        pytest.param("PRİMARY", "InvalidPropertyValue", id="dotted capital I"),
        pytest.param("Pri\u200bmary", "InvalidPropertyValue", id="zero-width blank"),
        pytest.param("\ud800", "InvalidPropertyValue", id="lone surrogate"),
        pytest.param("Primary\udfff", "InvalidPropertyValue", id="Primary and a lone surrogate"),
        pytest.param("x" * 3000, "InvalidPropertyValue", id="long"),
        pytest.param("Primary" + " " * 3000, "InvalidPropertyValue", id="long and blank"),
        pytest.param(None, "InvalidPropertyType", id="null"),
        pytest.param(True, "InvalidPropertyType", id="true"),
        pytest.param(0, "InvalidPropertyType", id="zero"),
        pytest.param(1.5, "InvalidPropertyType", id="number"),
        pytest.param([], "InvalidPropertyType", id="empty list"),
        pytest.param(["Primary"], "InvalidPropertyType", id="list of one"),
        pytest.param(["Primary", "Primary"], "InvalidPropertyType", id="list of the same twice"),
        pytest.param(["Primary", ["Secondary"]], "InvalidPropertyType", id="list in a list"),
        pytest.param({}, "InvalidPropertyType", id="empty object"),
        pytest.param({"keyType": "Primary"}, "InvalidPropertyType", id="object"),
    ],
)
def test_near_misses_are_named_for_what_they_are(sent: Any, code: str) -> None:
    """What is neither a key type nor both of them gets the problem of its own kind, and the value is not echoed."""
    parameters, problems = parse({"keyType": sent})
    assert parameters is None
    assert [(problem.code, problem.target) for problem in problems] == [(code, "keyType")]
    assert SENTENCE not in problems[0].message


def test_a_missing_key_type_is_a_problem() -> None:
    """keyType is required, although the schema calls it optional."""
    parameters, problems = parse({})
    assert parameters is None
    assert [(problem.code, problem.target) for problem in problems] == [("MissingProperty", "keyType")]


def test_every_problem_is_told_at_once() -> None:
    """Duplicated, unknown and wrongly typed properties come together, each with its own target."""
    body = decode_object(b'{"keyType": 1, "keyType": 2, "KeyTYPE": "Primary", "resourceId": "/x", "force": true}')
    parameters, problems = RegenerateKeyParameters.parse(body)
    assert parameters is None
    assert {(problem.code, problem.target) for problem in problems} == {
        ("DuplicateProperty", "keyType"),
        ("UnknownProperty", "KeyTYPE"),
        ("UnknownProperty", "resourceId"),
        ("UnknownProperty", "force"),
        ("InvalidPropertyType", "keyType"),
    }


def test_a_property_in_the_wrong_case_is_unknown_with_a_hint() -> None:
    """Property names are case-sensitive, and whoever misspelt one is told the right spelling."""
    _, problems = parse({"keytype": "Primary"})
    hints = [problem.message for problem in problems if problem.code == "UnknownProperty"]
    assert len(hints) == 1
    assert 'Did you mean "keyType"?' in hints[0]


def test_a_duplicated_key_type_is_refused_even_if_both_say_the_same() -> None:
    """Two spellings of one property are never resolved by taking the last one."""
    parameters, problems = RegenerateKeyParameters.parse(decode_object(b'{"keyType": "Primary", "keyType": "Primary"}'))
    assert parameters is None
    assert [problem.code for problem in problems] == ["DuplicateProperty"]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"keyType": "s3cr3t-value-of-mine"}, id="value"),
        pytest.param({"keyType": ["s3cr3t-value-of-mine", "Primary", "Secondary"]}, id="in a list"),
        pytest.param({"keyType": {"s3cr3t-value-of-mine": 1}}, id="name inside"),
        pytest.param({"keyType": "Primary", "x": "s3cr3t-value-of-mine"}, id="value of an unknown property"),
        pytest.param({"keyType": "Primary", "s3cr3t-value-of-mine " * 3: 1}, id="name that is no plain one"),
    ],
)
def test_nothing_that_was_sent_is_echoed(body: Any) -> None:
    """No problem repeats a value of the request, nor a name that could be one."""
    _, problems = parse(body)
    assert "s3cr3t" not in json.dumps([problem.to_json() for problem in problems])


def test_parsing_takes_an_object_that_was_made_elsewhere() -> None:
    """The parser wants a JsonObject, wherever its properties come from."""
    assert RegenerateKeyParameters.parse(JsonObject({"keyType": "secondary"})) == (
        RegenerateKeyParameters(KeyType.SECONDARY),
        [],
    )


ONE = "sha256:0123456789abcdef"
TWO = "sha256:fedcba9876543210"


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        pytest.param("*", None, id="star"),
        pytest.param(" * ", None, id="star in blanks"),
        pytest.param(f'"{ONE}"', {ONE}, id="quoted"),
        pytest.param(ONE, {ONE}, id="bare"),
        pytest.param(f'  "{ONE}"  ', {ONE}, id="in blanks"),
        pytest.param(f'"{ONE}", "{TWO}"', {ONE, TWO}, id="two"),
        pytest.param(f'{ONE},"{TWO}"', {ONE, TWO}, id="two, one bare"),
    ],
)
def test_if_match_takes_fingerprints(header: str, accepted: set[str] | None) -> None:
    """If-Match is `*`, a fingerprint, or several, with or without quotes."""
    assert parse_if_match(header) == accepted


@pytest.mark.parametrize(
    "header",
    [
        pytest.param('""', id="empty tag"),
        pytest.param('"', id="a quote"),
        pytest.param(",", id="a comma"),
        pytest.param(f'"{ONE}', id="unclosed"),
        pytest.param(f'{ONE}"', id="unopened"),
        pytest.param(f'W/"{ONE}"', id="weak"),
        pytest.param(f'"{ONE}",*', id="star among others"),
        pytest.param(f'"{ONE}",', id="a comma at the end"),
        pytest.param(f'"{ONE.upper()}"', id="upper case"),
        pytest.param(f'"{ONE}0"', id="too long"),
        pytest.param(f'"{ONE[:-1]}"', id="too short"),
        pytest.param('"0123456789abcdef"', id="without the algorithm"),
        pytest.param(f'"{ONE}\n"', id="line break"),
        pytest.param(f'"{ONE[:-1]}٣"', id="foreign digit"),
        pytest.param("s3cr3t", id="anything"),
    ],
)
def test_any_other_if_match_is_refused(header: str) -> None:
    """A condition that cannot be understood is an error and never ignored, and its text is not echoed."""
    with pytest.raises(InvalidRequest) as raised:
        parse_if_match(header)
    assert raised.value.status == 400
    assert raised.value.target == "If-Match"
    assert [each["code"] for each in raised.value.details] == ["InvalidHeader"]
    assert "sha256:0123456789abcdef" in raised.value.details[0]["message"]
    assert "s3cr3t" not in json.dumps(raised.value.to_json())


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        (None, False),
        ("false", False),
        ("False", False),
        ("FALSE", False),
        ("true", True),
        ("True", True),
        ("TRUE", True),
    ],
)
def test_a_flag_is_true_or_false_in_any_case(sent: str | None, *, meant: bool) -> None:
    """One that is absent is false."""
    assert parse_flag("force", sent) is meant


@pytest.mark.parametrize("sent", ["", "1", "yes", " true", "truе"])
def test_a_flag_that_is_neither_is_refused_by_name(sent: str) -> None:
    """The problem names the parameter, what it takes, and not what was sent."""
    with pytest.raises(InvalidRequest) as caught:
        parse_flag("force", sent)
    assert caught.value.problems == (Problem("InvalidParameter", "force must be true or false.", "force"),)


def test_a_request_id_is_a_uuid_in_any_dress() -> None:
    """Upper case and blanks make no other request; none is none."""
    uuid = "11112222-3333-4444-5555-66667777aaaa"
    assert parse_repeatability_request_id({"repeatability-request-id": f" {uuid.upper()} "}) == uuid
    assert parse_repeatability_request_id({}) is None


ODD = (
    "{11112222-3333-4444-5555-66667777aaaa}",
    "urn:uuid:11112222-3333-4444-5555-66667777aaaa",
    "1111222233334444555566667777aaaa",
    "11112222-3333-4444-5555-66667777aa\u0661\u0661",
    "11112222-3333-4444-5555-66667777_aaa",
)


@pytest.mark.parametrize("given", ["", "1", "not-a-uuid", "11112222-3333-4444-5555-66667777zzzz", *ODD])
def test_anything_else_is_no_request_id(given: str) -> None:
    """400 with the header as the target, and without what was sent."""
    with pytest.raises(InvalidRequest) as raised:
        parse_repeatability_request_id({"repeatability-request-id": given})
    (detail,) = raised.value.details
    assert (detail["code"], detail["target"]) == ("InvalidHeader", "Repeatability-Request-ID")
    assert "must be a UUID" in detail["message"]
    assert not given or given not in str(raised.value.to_json())

"""The data of an event: what is taken for an object, and how its fields are found."""

import pytest

from shared.errors import Json, Problem
from shared.event_data import MalformedEvent, canonical, json_object, object_of, plain, text_of, value_of
from shared.json_body import JsonObject


@pytest.mark.parametrize(
    ("data", "properties"),
    [
        (None, {}),
        ({}, {}),
        ({"a": {"b": [1]}}, {"a": {"b": [1]}}),
        ("", {}),
        (" \n", {}),
        ("{}", {}),
        (' {"a": {"b": [1]}} ', {"a": {"b": [1]}}),
        ('\ufeff{"a": "é"}', {"a": "é"}),
    ],
)
def test_an_object_or_a_text_of_one_is_data(data: object, properties: Json) -> None:
    """Some publishers send the data as text; no data is an empty object."""
    assert json_object(data) == JsonObject(properties)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param([], id="list"),
        pytest.param([{"s3cr3t": 1}], id="list of an object"),
        pytest.param(0, id="zero"),
        pytest.param(False, id="false"),
        pytest.param(1.5, id="number"),
        pytest.param("s3cr3t", id="text"),
        pytest.param('"s3cr3t"', id="text of a text"),
        pytest.param('"{}"', id="text of a text of an object"),
        pytest.param("null", id="text of null"),
        pytest.param("[]", id="text of a list"),
        pytest.param('{"s3cr3t": 1', id="cut text"),
        pytest.param("{s3cr3t: 1}", id="text that is nearly JSON"),
        pytest.param('{"s3cr3t": NaN}', id="NaN"),
        pytest.param('{"s3cr3t": ' + "9" * 5000 + "}", id="huge number"),
        pytest.param("eyJhIjogMX0=", id="base64"),
        pytest.param('{"a": "\ud800"}', id="half a surrogate pair"),
        pytest.param("[" * 500_000, id="opened without end"),
        pytest.param('{"a":' * 200_000 + "1" + "}" * 200_000, id="deep nesting"),
        pytest.param(b"", id="bytes"),
        pytest.param(b'{"a": 1}', id="bytes of an object"),
        pytest.param({1: 2}, id="names that are no text"),
    ],
)
def test_everything_else_is_malformed(data: object) -> None:
    """One problem with the data as its target, and nothing of the data in it."""
    with pytest.raises(MalformedEvent) as raised:
        json_object(data)
    assert [(problem.code, problem.target) for problem in raised.value.problems] == [("InvalidData", "data")]
    assert "s3cr3t" not in str(raised.value)


def test_deep_data_is_not_walked() -> None:
    """An object that is nested beyond what a walk could bear is data like any other."""
    deep: Json = {}
    for _ in range(100_000):
        deep = {"a": deep}
    assert json_object(deep).properties is deep
    assert object_of(deep, "A") is deep["a"]
    # taken apart by hand: the interpreter's own end of it would be a walk, too
    while deep:
        deep = deep.pop("a")


@pytest.mark.parametrize("given", ["keyType", "keytype", "KEYTYPE", " keyType", "KeyType\t", "\u00a0keyType\n"])
def test_known_names_get_their_spelling(given: str) -> None:
    """A name in any case, with blanks around it, is the known one; so is its value without blanks."""
    assert canonical(JsonObject({given: " Primary\n"}), ("keyType",)) == JsonObject({"keyType": "Primary"}, [])


@pytest.mark.parametrize("given", ["key Type", "key_type", "\u212aeyType", "keyType\u200b", "", "ſupersede"])
def test_other_names_stay_as_they_are(given: str) -> None:
    """A name that only looks like the known one is another one."""
    assert list(canonical(JsonObject({given: 1}), ("keyType", "supersede")).properties) == [given]


def test_two_spellings_of_a_name_are_a_problem() -> None:
    """Nobody knows which of them is meant."""
    body = canonical(JsonObject({"keyType": "Primary", " KEYTYPE": "Secondary"}), ("keyType",))
    assert [(problem.code, problem.target) for problem in body.problems] == [("DuplicateProperty", "keyType")]


def test_the_problems_of_the_text_are_kept() -> None:
    """What only the text showed is not lost by respelling."""
    problem = Problem("DuplicateProperty", "Twice.", "a")
    assert canonical(JsonObject({"A": 1}, [problem]), ("a",)) == JsonObject({"a": 1}, [problem])


@pytest.mark.parametrize(
    ("data", "value"),
    [
        ({"Id": 1, "ID": 2, " Id": 3}, 1),
        ({"ID": 2, " Id": 3, "Id": 1}, 1),
        ({" Id": 3, "ID": 2}, 3),
        ({"Id": None, "id ": 4}, 4),
        ({"Id": False, "id": 4}, False),
        ({"Id": "", "id": 4}, ""),
        ({"Id": None, "id": None}, None),
        ({"I d": 1, "Idd": 2}, None),
        ({}, None),
    ],
)
def test_the_exact_spelling_comes_first(data: Json, value: object) -> None:
    """Of several spellings the exact one counts, then the first that says something; null says nothing."""
    assert value_of(data, "Id") == value


@pytest.mark.parametrize("value", [1, 1.5, True, [], ["a"], {}, {"a": 1}])
def test_a_text_that_is_none_is_a_problem(value: object) -> None:
    """Nothing is turned into a text by itself."""
    problems: list[Problem] = []
    assert text_of({"name": value}, "Name", problems, "data.inner") == ""
    assert [(problem.code, problem.target) for problem in problems] == [("InvalidPropertyType", "data.inner.Name")]


@pytest.mark.parametrize(("value", "text"), [(None, ""), ("", ""), (" \t", ""), (" a b ", "a b")])
def test_blanks_around_a_text_do_not_count(value: str | None, text: str) -> None:
    """A text is read without them, and is empty where there is none."""
    problems: list[Problem] = []
    assert text_of({"Name": value}, "Name", problems) == text
    assert problems == []


@pytest.mark.parametrize("value", [None, "{}", 1, [], "text"])
def test_what_is_no_object_is_an_empty_one(value: object) -> None:
    """A field that need not be there does no harm by being something else."""
    assert object_of({"inner": value}, "inner") == {}


@pytest.mark.parametrize(("text", "bare"), [(" A.b ", "a.b"), ("\u212aA", "\u212aA"), ("İ", "İ"), ("", "")])
def test_only_ascii_is_put_into_lower_case(text: str, bare: str) -> None:
    """No foreign letter becomes an ASCII one."""
    assert plain(text) == bare


def test_a_malformed_event_tells_every_problem() -> None:
    """Its message has each problem with its place, and its target is that of the only one."""
    one, two = Problem("A", "Is wrong.", "data.a"), Problem("B", "Is missing.", "id")
    assert str(MalformedEvent([one])) == "The event is malformed. data.a: Is wrong."
    assert MalformedEvent([one]).target == "data.a"
    both = MalformedEvent([one, two])
    assert str(both) == "The event is malformed. data.a: Is wrong. id: Is missing."
    assert (both.target, both.problems, both.status, both.code) == (None, (one, two), 400, "MalformedEvent")
    assert both.to_json()["error"]["details"] == [one.to_json(), two.to_json()]


def test_a_malformed_event_tells_no_more_than_twenty_problems() -> None:
    """An event with a million wrong properties fills no log."""
    error = MalformedEvent([Problem("A", "Is wrong.", f"data.p{number}") for number in range(1000)])
    assert len(error.problems) == 20
    assert str(error).endswith("data.p19: Is wrong. 980 more problems are not told.")

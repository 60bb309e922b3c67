"""docs/events.md has a schema and an example for each event that the app tells, and what it really tells fits them."""

import copy
import json
import re
from pathlib import Path
from typing import Any, cast

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from shared.rotation.model import Json
from tests.support.announced import STORIES, TELLINGS, tell
from tests.support.announcing import cloud_event
from tests.support.leaks import find_leaks
from tests.support.rotation import Quick, quick

__all__ = ["quick"]

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "events.md"
BLOCK = re.compile(r"^```json\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def sections() -> dict[str, list[Json]]:
    """Return the JSON of the document: the short name of an event type, or another heading -> its blocks in order."""
    found: dict[str, list[Json]] = {}
    for section in re.split(r"^#{2,3} ", DOCUMENT.read_text("utf-8"), flags=re.MULTILINE)[1:]:
        heading, _, text = section.partition("\n")
        if blocks := [json.loads(block) for block in BLOCK.findall(text)]:
            found[heading.removeprefix("CommunicationKey.")] = blocks
    return found


SECTIONS = sections()
(DEFINITIONS,) = SECTIONS.pop("Definitions")


def example(type_: str) -> Json:
    """Return the example of an event type."""
    return copy.deepcopy(SECTIONS[type_][0])


def validator(type_: str) -> Draft202012Validator:
    """Return the validator of an event type's schema, which finds the definitions beside it."""
    resource: Resource[Any] = Resource.from_contents(DEFINITIONS, default_specification=DRAFT202012)
    registry: Registry[Any] = Registry[Any]().with_resource(DEFINITIONS["$id"], resource)
    return Draft202012Validator(SECTIONS[type_][1], registry=registry)


def problems(type_: str, event: Json) -> list[str]:
    """Return what is wrong with an event, by its type's schema."""
    return [error.message for error in validator(type_).iter_errors(event)]  # pyright: ignore[reportUnknownMemberType]  # jsonschema types it loosely


def objects(schema: object) -> list[Json]:
    """Return every schema of an object, at any depth."""
    if isinstance(schema, list):
        return [found for item in cast("list[object]", schema) for found in objects(item)]
    if not isinstance(schema, dict):
        return []
    members = cast("Json", schema)
    inside = [found for item in members.values() for found in objects(item)]
    return [members, *inside] if "properties" in members and members.get("type") == "object" else inside


def test_every_type_has_its_section() -> None:
    """The contract's seven types, each with an example and a schema of its own name, and no other one."""
    assert set(SECTIONS) == set(STORIES)
    assert len(SECTIONS) == 7
    for type_, blocks in SECTIONS.items():
        assert len(blocks) == 2
        assert example(type_)["type"] == f"CommunicationKey.{type_}"
        assert SECTIONS[type_][1]["properties"]["type"] == {"const": f"CommunicationKey.{type_}"}
        assert SECTIONS[type_][1]["$id"] == f"CommunicationKey.{type_}.json"


@pytest.mark.parametrize("type_", SECTIONS)
def test_every_schema_is_one(type_: str) -> None:
    """Each is draft 2020-12, and says of every object which members it may have."""
    schema = SECTIONS[type_][1]
    assert schema["$schema"] == DEFINITIONS["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    for each in (schema, DEFINITIONS):
        Draft202012Validator.check_schema(each)
    assert schema["unevaluatedProperties"] is False
    # tracing may add to the whole event, which the schemas of the types close by unevaluatedProperties
    closed = [*objects(schema), *objects({**DEFINITIONS["$defs"], "event": {}})]
    assert closed
    assert all(each["additionalProperties"] is False for each in closed)


@pytest.mark.parametrize("type_", SECTIONS)
def test_every_example_is_valid_for_its_type_alone(type_: str) -> None:
    """The example fits its own schema and no other one."""
    assert problems(type_, example(type_)) == []
    assert [other for other in SECTIONS if problems(other, example(type_)) == []] == [type_]


@pytest.mark.parametrize("type_", SECTIONS)
def test_what_is_not_documented_is_not_valid(type_: str) -> None:
    """An unknown member, anywhere, and a missing one are found; what tracing adds to the event is not wrong."""
    for broken in ({**example(type_), "key": "k"}, {**example(type_), "data": {**example(type_)["data"], "key": "k"}}):
        assert problems(type_, broken)
    for name in example(type_)["data"]:
        if name in SECTIONS[type_][1]["properties"]["data"]["required"]:
            broken = example(type_)
            del broken["data"][name]
            assert problems(type_, broken), name
    assert problems(type_, {**example(type_), "traceparent": "00-1-2-01", "tracestate": ""}) == []


@pytest.mark.parametrize(("type_", "name"), TELLINGS)
async def test_what_is_told_is_what_is_documented(quick: Quick, type_: str, name: str) -> None:
    """The event that the real orchestrators' outputs make fits the schema of its type, and holds no key."""
    announced, world = await tell(quick, type_, name)
    event = cloud_event(announced)
    assert event["type"] == f"CommunicationKey.{type_}"
    assert problems(type_, event) == []
    assert find_leaks(json.dumps(event), world.cloud.issued) == []

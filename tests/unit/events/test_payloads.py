"""Events that nobody thought of: whatever comes, the parser gives a notice or a malformed event, and nothing else."""

import json
from typing import Any, get_args

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prove.event_payloads import (
    TYPES,
    as_cloud_event,
    as_event_grid,
    data_values,
    event_fields,
    json_values,
    nearly_right,
)
from shared.event_data import MalformedEvent
from shared.event_envelope import Event
from shared.events import Ignored, Notice, parse
from tests.support.events import received

_quick = settings(
    max_examples=120,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
_PLANTED = "s3cr3t-" + "x" * 20


def _check(event: Event) -> Notice | MalformedEvent:
    """Return what the parser says, of which the log may be told, and which has no URL of the event's but a vault's."""
    try:
        notice = parse(event)
    except MalformedEvent as error:
        told = error
    else:
        assert isinstance(notice, get_args(Notice.__value__))
        return notice
    assert told.problems
    assert json.dumps(told.to_json())
    assert all(len(text) <= 300 and text.isprintable() for text in event.shown.values())
    return told


@_quick
@given(fields=event_fields())
def test_any_event_is_a_notice_or_malformed(fields: dict[str, Any]) -> None:
    """In both schemas, as the worker hands them over; each gives the same."""
    told = [_check(received(wire(fields))) for wire in (as_event_grid, as_cloud_event)]
    assert type(told[0]) is type(told[1])


@_quick
@given(value=data_values, type_=st.sampled_from(TYPES))
def test_any_data_of_a_known_type_is_a_notice_or_malformed(value: Any, type_: str) -> None:
    """An object, a list, a number, and a text that holds JSON, as some publishers send it."""
    for data in (value, json.dumps(value).encode()):
        told = _check(Event(id="1", type=type_, source="/s", subject="s", data=data))
        assert not isinstance(told, Ignored) or "KeyVault" in type_ or "Action" in type_ or type_.endswith("Rotated")


@_quick
@given(drawn=nearly_right())
def test_an_event_that_is_nearly_right_is_a_notice_or_malformed(drawn: tuple[str, dict[str, Any]]) -> None:
    """One or two fields are anything; the rest is as it should be."""
    type_, data = drawn
    _check(Event(id="1", type=type_, source="/s", subject="s", data=data))


@_quick
@given(name=st.text(max_size=30), value=json_values)
def test_a_text_of_the_data_is_not_in_the_error(name: str, value: Any) -> None:
    """What a malformed event held could be a key: the error has names and places, and no value."""
    data = {name: value, "keyType": _PLANTED, "resourceId": _PLANTED, "activeKey": _PLANTED, "Id": _PLANTED}
    for type_ in TYPES:
        told = _check(Event(id="1", type=type_, source="/s", subject="s", data=data))
        assert not isinstance(told, MalformedEvent) or _PLANTED not in json.dumps(told.to_json())

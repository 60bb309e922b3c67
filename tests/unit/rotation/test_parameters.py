"""The body of a rotation request: what is taken, and every problem at once with its target."""

from datetime import timedelta
from typing import Any

import pytest

from shared.errors import InvalidRequest
from shared.json_body import decode_object
from shared.parameters import KeyType
from shared.rotation.parameters import RotationRequest
from tests.support.fakes import CASK_KEY, LEGACY_KEY, RESOURCE


def parse(body: str) -> tuple[RotationRequest | None, list[tuple[str, str]]]:
    """Return the request, and code and target of each problem."""
    request, problems = RotationRequest.parse(decode_object(body.encode()))
    return request, [(problem.code, problem.target) for problem in problems]


@pytest.mark.parametrize("body", ["", "{}", '{"resourceId": null, "gracePeriod": null, "revoke": null}'])
def test_nothing_need_be_said(body: str) -> None:
    """No body, an empty one, and nulls are the app's own resource with its defaults."""
    request, problems = parse(body)
    assert (request, problems) == (RotationRequest(), [])
    assert request is not None
    assert (request.revoke, request.supersede) == (True, False)


def test_everything_can_be_said() -> None:
    """All properties, in whatever case the key is written."""
    request, problems = parse(
        f'{{"resourceId": "{str(RESOURCE).upper()}", "activeKey": "sEcOnDaRy", "gracePeriod": "P1DT12H", '
        '"revoke": false, "supersede": true, "reason": "leaked"}'
    )
    assert problems == []
    assert request is not None
    assert request.resource == RESOURCE
    assert (request.active_key, request.grace_period) == (KeyType.SECONDARY, timedelta(hours=36))
    assert (request.revoke, request.supersede, request.reason) == (False, True, "leaked")


@pytest.mark.parametrize(
    ("grace", "length"), [("PT0S", timedelta(0)), ("PT5S", timedelta(seconds=5)), ("P30D", timedelta(days=30))]
)
def test_a_grace_period_is_a_duration_of_days_and_time(grace: str, length: timedelta) -> None:
    """From nothing to thirty days."""
    request, _ = parse(f'{{"gracePeriod": "{grace}"}}')
    assert request is not None
    assert request.grace_period == length


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("gracePeriod", '"P1M"'),
        ("gracePeriod", '"P1W"'),
        ("gracePeriod", '"P30DT1S"'),
        ("gracePeriod", '"-PT1S"'),
        ("gracePeriod", '""'),
        ("activeKey", '"both"'),
        ("activeKey", '"primary,secondary"'),
        ("activeKey", '"Prımary"'),
        ("activeKey", '""'),
        ("resourceId", '"/subscriptions/x"'),
        ("resourceId", '"https://evil.example"'),
        ("resourceId", '""'),
        ("reason", '"' + "x" * 201 + '"'),
    ],
)
def test_a_wrong_value_is_told_with_its_property(name: str, value: str) -> None:
    """One problem, its target the property, and nothing of the value."""
    assert parse(f'{{"{name}": {value}}}') == (None, [("InvalidPropertyValue", name)])


@pytest.mark.parametrize("name", ["resourceId", "activeKey", "gracePeriod", "reason"])
@pytest.mark.parametrize("value", ["1", "true", "[]", "{}", "1.5"])
def test_a_text_must_be_a_text(name: str, value: str) -> None:
    """Nothing is turned into a text by itself."""
    assert parse(f'{{"{name}": {value}}}') == (None, [("InvalidPropertyType", name)])


@pytest.mark.parametrize("name", ["revoke", "supersede"])
@pytest.mark.parametrize("value", ["1", "0", '"true"', '"false"', "[]"])
def test_a_flag_must_be_a_flag(name: str, value: str) -> None:
    """ "false" in quotes must not become true."""
    assert parse(f'{{"{name}": {value}}}') == (None, [("InvalidPropertyType", name)])


def test_all_problems_come_together() -> None:
    """Unknown, repeated and wrong properties in one answer."""
    _, problems = parse('{"gracePeriod": "x", "revoke": 1, "supercede": true, "reason": "a", "reason": "b"}')
    assert {target for _, target in problems} == {"gracePeriod", "revoke", "supercede", "reason"}


@pytest.mark.parametrize("value", ['"s3cr3t"', '{"s3cr3t": 1}'])
@pytest.mark.parametrize("name", ["resourceId", "activeKey", "gracePeriod", "revoke", "supersede", "other"])
def test_no_value_is_echoed(name: str, value: str) -> None:
    """What was sent stands in no problem."""
    _, problems = RotationRequest.parse(decode_object(f'{{"{name}": {value}}}'.encode()))
    assert problems
    assert "s3cr3t" not in str([problem.to_json() for problem in problems])


@pytest.mark.parametrize("key", [LEGACY_KEY, CASK_KEY], ids=["legacy", "cask"])
def test_a_reason_is_scrubbed(key: str) -> None:
    """Whoever pastes a key as the reason does not get it stored."""
    request, problems = parse(f'{{"reason": "leaked: {key}"}}')
    assert problems == []
    assert request is not None
    assert request.reason is not None
    assert request.reason.startswith("leaked: ")
    assert key not in request.reason


def test_a_reason_is_one_line() -> None:
    """Line breaks and direction marks become blanks: it goes into logs and portals."""
    request, _ = parse('{"reason": "a\\nb\\u202ec"}')
    assert request is not None
    assert request.reason == "a b c"


@pytest.mark.parametrize("body", ["[]", "1", '"x"', "nonsense", "{"])
def test_what_is_no_object_is_refused(body: str) -> None:
    """A body is a JSON object or nothing."""
    refused: Any = None
    try:
        _, problems = RotationRequest.parse(decode_object(body.encode()))
        refused = problems
    except InvalidRequest as error:
        refused = error
    assert refused

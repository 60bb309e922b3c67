"""Retry-After: what is passed on, and how long it asks to wait."""

import pytest

from shared import retry_after

_DATE = "Wed, 21 Oct 2026 07:28:00 GMT"


@pytest.mark.parametrize("text", ["0", "5", "999999999", _DATE])
def test_seconds_and_dates_are_passed_on(text: str) -> None:
    """They reach the caller as Azure wrote them."""
    assert retry_after.passed_on({"Retry-After": text, "Server": "x"}) == {"Retry-After": text}


@pytest.mark.parametrize(
    "text", ["", " 5", "-1", "1.5", "1000000000", "٥", "soon", "5\r\nX: y", "a" * 41, "a" * 19, _DATE + "\n"]
)
def test_nonsense_is_not_passed_on_nor_waited_for(text: str) -> None:
    """It counts as if it were not there."""
    assert retry_after.passed_on({"Retry-After": text}) == {}
    assert retry_after.seconds({"Retry-After": text}) == 0


def test_without_the_header_there_is_nothing() -> None:
    """Nothing is passed on, and nothing asks to wait."""
    assert retry_after.passed_on({}) == {}
    assert retry_after.seconds({}) == 0


def test_seconds_are_a_number_and_a_date_is_none() -> None:
    """How long until a date nobody here can say: that would take a clock that is Azure's."""
    assert retry_after.seconds({"Retry-After": "17"}) == 17
    assert retry_after.seconds({"Retry-After": "999999999"}) == 999_999_999
    assert retry_after.seconds({"Retry-After": _DATE}) is None
    assert retry_after.seconds({"Retry-After": "a" * 20}) is None
    assert retry_after.seconds({"Retry-After": "a" * 40}) is None

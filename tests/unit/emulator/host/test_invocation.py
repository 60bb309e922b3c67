"""Trace context of invocations, and the settings that bindings name."""

import json
from collections.abc import Mapping
from types import SimpleNamespace

import pytest

from emulator.host.errors import StartError
from emulator.host.functions import read_function
from emulator.host.invocation import continue_trace

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.mark.parametrize("parent", [f"00-{TRACE}-{SPAN}-00", f"cc-{TRACE}-{SPAN}-00-more"])
def test_a_valid_trace_is_continued_with_a_new_span(parent: str) -> None:
    """Trace id and flags stay, also those of a later version of the standard."""
    trace = continue_trace(parent, "state=1")
    version, trace_id, span, flags = trace.parent.split("-")
    assert (version, trace_id, flags, trace.state) == ("00", TRACE, "00", "state=1")
    assert span != SPAN


@pytest.mark.parametrize(
    "parent",
    [
        "",
        "x",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
    ],
)
def test_a_malformed_trace_starts_a_new_one(parent: str) -> None:
    """Its state is dropped with it."""
    trace = continue_trace(parent, "state=1")
    assert TRACE not in trace.parent
    assert (len(trace.parent), trace.state) == (55, "")


def metadata(*bindings: Mapping[str, object]) -> SimpleNamespace:
    """Return what the worker says of a function."""
    return SimpleNamespace(name="f", function_id="1", raw_bindings=[json.dumps(binding) for binding in bindings])


def test_settings_in_bindings_are_resolved(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole or in part, in any text of a binding."""
    monkeypatch.setenv("A", "one")
    trigger = {"type": "timerTrigger", "name": "t", "direction": "IN", "schedule": "%A%", "other": "x-%A%-y", "n": 5}
    properties = read_function(metadata(trigger)).trigger.properties
    assert (properties["schedule"], properties["other"], properties["n"]) == ("one", "x-one-y", 5)


@pytest.mark.parametrize("value", [None, ""])
def test_a_missing_setting_is_told_with_function_and_property(
    monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    """An empty one is missing."""
    monkeypatch.delenv("MISSING", raising=False)
    if value is not None:
        monkeypatch.setenv("MISSING", value)
    with pytest.raises(StartError, match='function f needs the setting MISSING, which its "schedule" names'):
        read_function(metadata({"type": "timerTrigger", "name": "t", "direction": "IN", "schedule": "%MISSING%"}))


@pytest.mark.parametrize("count", [0, 2])
def test_a_function_has_exactly_one_trigger(count: int) -> None:
    """The worker allows other numbers, the host does not."""
    trigger: dict[str, object] = {"type": "httpTrigger", "name": "t", "direction": "IN"}
    with pytest.raises(StartError, match="exactly one trigger"):
        read_function(metadata(*[trigger] * count))

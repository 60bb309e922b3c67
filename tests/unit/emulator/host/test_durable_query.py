"""The query of the durable HTTP API."""

import durabletask.internal.orchestrator_service_pb2 as pb
import pytest

from emulator.host.durable_query import Query


def test_values_by_name_in_any_case() -> None:
    """Decoded; absent is empty."""
    query = Query("Reason=a%20b&showinput=FALSE&top=7")
    assert query.text("reason") == "a b"
    assert query.text("other") == ""
    assert query.flag("showInput", default=True) is False
    assert query.number("top") == 7


@pytest.mark.parametrize("text", ["", "maybe", "1"])
def test_what_is_no_flag_is_absent(text: str) -> None:
    """The default counts."""
    assert Query(f"showInput={text}").flag("showInput", default=True) is True


@pytest.mark.parametrize("text", ["", "-1", "x", "1.5", "²"])
def test_what_is_no_number_is_absent(text: str) -> None:
    """And 0."""
    assert Query(f"top={text}").number("top") == 0


def test_times() -> None:
    """With a zone, or in UTC; anything else is absent."""
    query = Query("a=2026-01-02T03:04:05Z&b=2026-01-02T05:04:05%2B02:00&c=2026-01-02T03:04:05&d=yesterday")
    moments = [query.time(name) for name in "abc"]
    assert [moment.ToJsonString() if moment else None for moment in moments] == ["2026-01-02T03:04:05Z"] * 3
    assert query.time("d") is None
    assert query.time("e") is None


def test_statuses() -> None:
    """Separated by commas or repeated; unknown ones are left out."""
    query = Query("runtimeStatus=Running,failed&runtimeStatus=Nonsense")
    assert query.statuses() == [pb.ORCHESTRATION_STATUS_RUNNING, pb.ORCHESTRATION_STATUS_FAILED]
    assert Query("").statuses() == []

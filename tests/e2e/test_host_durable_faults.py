"""Activities that run twice because a fault rule asks for it, as after the death of a worker."""

import time

import pytest

from tests.support.durable import ControlStandIn, DurableApp, SupervisedHost

pytestmark = pytest.mark.own_host


def count_of(app: DurableApp, key: str) -> int:
    """Return how often `count` ran with this key."""
    result: int = app.output("call", {"activity": "counted", "input": key})["result"]
    return result


def test_rerun_now_loses_the_first_result() -> None:
    """The activity has run twice when the orchestration goes on, and the second result counts."""
    with ControlStandIn({"count": [{"rerun": "now"}]}) as control, SupervisedHost(control.url) as host:
        assert host.app.output("call", {"activity": "count", "input": "a"}) == {"result": 2}
        assert host.app.output("call", {"activity": "count", "input": "a"}) == {"result": 3}
        assert control.asked == ["count", "count"]
    assert "The result of the activity count is lost" in host.log


def test_rerun_now_when_the_lost_run_failed() -> None:
    """A failure is lost as a result is."""
    with ControlStandIn({"flaky": [{"rerun": "now"}]}) as control, SupervisedHost(control.url) as host:
        assert host.app.output("call", {"activity": "flaky", "input": {"key": "f", "failures": 1}}) == {"result": 2}


def test_rerun_late_runs_again_later() -> None:
    """The first result counts; the second run comes when the orchestration is long over, and changes nothing there."""
    answers = {"count": [{"rerun": "late", "delaySeconds": 0.3}]}
    with ControlStandIn(answers) as control, SupervisedHost(control.url) as host:
        instance_id = host.app.start("call", {"activity": "count", "input": "b"})
        state = host.app.wait(instance_id)
        assert state["output"] == {"result": 1}
        deadline = time.monotonic() + 20
        while count_of(host.app, "b") == 1:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert count_of(host.app, "b") == 2
        assert host.app.state(instance_id) == state


def test_a_late_rerun_does_not_hold_up_the_end() -> None:
    """The host ends at once though a rerun is hours away."""
    answers = {"count": [{"rerun": "late", "delaySeconds": 3600}]}
    with ControlStandIn(answers) as control, SupervisedHost(control.url) as host:
        assert host.app.output("call", {"activity": "count", "input": "c"}) == {"result": 1}
    assert host.process.returncode == 0
    assert "Traceback" not in host.log


@pytest.mark.parametrize("status", [404, 500])
def test_a_control_api_without_an_answer_is_no_fault(status: int) -> None:
    """Activities run as ever; all but a missing route is worth a warning."""
    with ControlStandIn({}, status) as control, SupervisedHost(control.url) as host:
        assert host.app.output("call", {"activity": "count", "input": "d"}) == {"result": 1}
    assert ("tells no faults" in host.log) is (status == 500)


def test_a_control_api_that_is_gone_is_no_fault() -> None:
    """Nothing listens there any more."""
    with ControlStandIn({}) as control:
        pass
    with SupervisedHost(control.url) as host:
        assert host.app.output("call", {"activity": "count", "input": "e"}) == {"result": 1}
    assert "tells no faults" in host.log

"""How an orchestrator takes a step: what it repeats, how long it pauses, and what it says in the end."""

from datetime import timedelta
from typing import Any

import pytest
from durabletask.task import TaskFailedError

from shared.errors import (
    AppError,
    ArmRejected,
    DeadlineExceeded,
    InvalidRequest,
    Problem,
    RegenerationOutcome,
    UpstreamFailed,
)
from shared.rotation.model import Json, with_outcome
from shared.rotation.steps import PAUSES, StepFailed, failure, take


class Recorder:
    """A context that keeps what is asked for: an activity's name and input, or a timer's length."""

    instance_id = "r1"

    def call_activity(self, activity: str, *, input: Any = None) -> Any:  # noqa: A002  # the engine's name
        """Return the activity itself."""
        return (activity, input)

    def create_timer(self, fire_at: Any) -> Any:
        """Return its length."""
        return fire_at


def run(*answers: Json | Exception, pauses: tuple[int, ...] = PAUSES) -> tuple[Json | StepFailed, list[Any]]:
    """Take a step whose activity gives these answers; return the result or the error, and the pauses."""
    step = take(Recorder(), "a", {"x": 1}, pauses=pauses)  # pyright: ignore[reportArgumentType]  # the part that it needs
    asked, coming, slept = next(step), iter(answers), list[Any]()
    try:
        while True:
            if isinstance(asked, timedelta):
                slept.append(asked.total_seconds())
                asked = step.send(None)
                continue
            assert asked == ("a", {"x": 1, "instanceId": "r1"})
            answer = next(coming)
            asked = step.throw(answer) if isinstance(answer, Exception) else step.send(answer)
    except StopIteration as end:
        return end.value, slept
    except StepFailed as failed:
        return failed, slept


def failed(error: AppError) -> Json:
    """Return an activity's answer for an error."""
    return {"error": failure(error)}


def test_an_answer_is_the_step() -> None:
    """What stands under `ok` is returned, also where it is empty."""
    assert run({"ok": {"y": 2}}) == ({"y": 2}, [])
    assert run({"ok": {}}) == ({}, [])


def test_a_retriable_error_is_waited_for() -> None:
    """The pauses grow, and the step goes on with the first answer."""
    busy = failed(UpstreamFailed("m"))
    assert run(busy, busy, busy, {"ok": {}}) == ({}, [1, 2, 4])


def test_a_final_error_is_not_tried_again() -> None:
    """What does not pass by itself is told at once, whole."""
    error = InvalidRequest([Problem("a", "b", "c")])
    result, slept = run(failed(error))
    assert isinstance(result, StepFailed)
    assert result.error == failure(error)
    assert slept == []


def test_the_pauses_are_used_up() -> None:
    """At last the error is told, after some ten minutes and one attempt more than there are pauses."""
    result, slept = run(*[failed(UpstreamFailed("m"))] * (len(PAUSES) + 1))
    assert isinstance(result, StepFailed)
    assert slept == list(PAUSES)
    assert 500 <= sum(slept) <= 700


def test_without_pauses_there_is_one_attempt() -> None:
    """A caller that waits gets the first error."""
    result, slept = run(failed(UpstreamFailed("m")), pauses=())
    assert isinstance(result, StepFailed)
    assert slept == []


@pytest.mark.parametrize(
    ("asked_for", "slept"),
    [("7", 7), ("0", 1), ("100000", 120), ("soon", 1), ("-5", 1), ("1.5", 1), ("٣", 1), ("", 1)],
)
def test_a_service_may_ask_for_a_longer_pause(asked_for: str, slept: int) -> None:
    """Retry-After counts where it is longer, in seconds, and within reason: a claim must outlast the step."""
    busy = failed(ArmRejected(429, "TooManyRequests", "m", headers={"Retry-After": asked_for}))
    assert run(busy, {"ok": {}}) == ({}, [slept])


def test_the_longest_step_is_shorter_than_a_claim() -> None:
    """Even where every answer asks for the longest pause, a claim of one hour is not over."""
    busy = failed(ArmRejected(429, "TooManyRequests", "m", headers={"Retry-After": "100000"}))
    _, slept = run(*[busy] * (len(PAUSES) + 1))
    assert sum(slept) < 45 * 60


def test_a_host_that_failed_is_tried_again() -> None:
    """The activity never answered: what it did is not known, and it is safe to repeat."""
    result, slept = run(TaskFailedError("m", ValueError("the worker died")), {"ok": {}})
    assert (result, slept) == ({}, [5])


@pytest.mark.parametrize(
    "answer",
    [
        failed(UpstreamFailed("m", outcome=RegenerationOutcome.UNKNOWN)),
        failed(DeadlineExceeded("m", outcome=RegenerationOutcome.UNKNOWN)),
        TaskFailedError("m", ValueError("the worker died")),
    ],
)
def test_what_may_still_happen_is_given_time_to_show(answer: Json | Exception) -> None:
    """After an unknown outcome the next attempt, which looks at the key first, comes no sooner than it settles."""
    assert run(answer, answer, answer, answer, {"ok": {}}) == ({}, [5, 5, 5, 8])


def test_a_host_that_fails_for_good_tells_nothing_of_its_exception() -> None:
    """The error is ours, with the outcome unknown; the exception's own text stays outside."""
    result, _ = run(TaskFailedError("s3cr3t", ValueError("s3cr3t")), pauses=())
    assert isinstance(result, StepFailed)
    assert "s3cr3t" not in str(result.error)
    assert result.error["additionalInfo"] == [{"type": "RegenerationOutcome", "info": {"outcome": "Unknown"}}]


def test_a_doubt_stays() -> None:
    """Where one attempt left the outcome open, no later refusal closes it."""
    doubtful = failed(UpstreamFailed("m", outcome=RegenerationOutcome.UNKNOWN))
    refused = failed(ArmRejected(403, "AuthorizationFailed", "m", additional_info=[{"type": "x", "info": 1}]))
    result, _ = run(doubtful, refused)
    assert isinstance(result, StepFailed)
    assert result.error["code"] == "AuthorizationFailed"
    assert result.error["additionalInfo"] == [
        {"type": "x", "info": 1},
        {"type": "RegenerationOutcome", "info": {"outcome": "Unknown"}},
    ]


def test_an_outcome_takes_the_place_of_another() -> None:
    """There is one outcome in an error."""
    error = failure(UpstreamFailed("m", outcome=RegenerationOutcome.UNKNOWN))
    told = with_outcome(error, RegenerationOutcome.REGENERATED)["additionalInfo"]
    assert told == [{"type": "RegenerationOutcome", "info": {"outcome": "Regenerated"}}]
    assert error["additionalInfo"][0]["info"] == {"outcome": "Unknown"}


def test_a_failure_is_plain_json_with_all_that_is_needed() -> None:
    """The error object, its status, its headers, and whether it passes."""
    assert failure(ArmRejected(429, "c", "m", target="t", headers={"Retry-After": "7"})) == {
        "code": "c",
        "message": "m",
        "target": "t",
        "status": 429,
        "headers": {"Retry-After": "7"},
        "retriable": True,
    }

"""How an orchestrator takes a step: call an activity, look at its answer, and try again only what is worth it (pure).

An activity answers `{"ok": …}` or `{"error": …}` and never raises: an error's code, status and details arrive as they
were, no traceback gets into the history, and what may be tried again is the error's own word (`retriable`), not a
policy that repeats everything.

The pauses are the one retry policy of all orchestrations. They add up to some ten minutes, in which a new key has
long spread and a throttled service has recovered, and a claim of one hour outlasts every step.
"""

from collections.abc import Generator
from datetime import timedelta
from typing import Any, Protocol

from shared.errors import AppError
from shared.rotation.model import Json

PAUSES = (1, 2, 4, 8, 15, 30, 60, 60, 60, 120, 120, 120)
_LONGEST_PAUSE = 300

type Steps[T] = Generator[Any, Any, T]


class Context(Protocol):
    """What the orchestrators need of `durabletask.task.OrchestrationContext`."""

    @property
    def instance_id(self) -> str:
        """The id of this orchestration."""
        ...

    @property
    def current_utc_datetime(self) -> Any:
        """The time, the same at each replay; without a zone, in UTC."""
        ...

    def call_activity(self, activity: str, *, input: Any = None) -> Any:  # noqa: A002  # the engine's name
        """Return the task of an activity."""
        ...

    def create_timer(self, fire_at: Any) -> Any:
        """Return the task of a durable timer."""
        ...

    def call_entity(self, entity: Any, operation: str, input: Any = None) -> Any:  # noqa: A002  # the engine's name
        """Return the task of an entity operation."""
        ...

    def wait_for_external_event(self, name: str) -> Any:
        """Return the task of an event."""
        ...

    def send_event(self, instance_id: str, event_name: str, *, data: Any = None) -> None:
        """Send an event to another orchestration."""
        ...

    def set_custom_status(self, custom_status: Any) -> None:
        """Show how far the orchestration is."""
        ...


class StepFailed(Exception):
    """A step ended with an error that is final, or that stayed after all pauses.

    `error` is what `failure` makes of an AppError.
    """

    def __init__(self, error: Json) -> None:
        super().__init__(error["code"])
        self.error = error


def failure(error: AppError) -> Json:
    """Return an error as JSON: its ARM `error` object, its HTTP status and headers, and whether to try again."""
    return {
        **error.to_json()["error"],
        "status": error.status,
        "headers": error.headers,
        "retriable": error.retriable,
    }


def take(ctx: Context, activity: str, request: Json) -> Steps[Json]:
    """Run an activity until it succeeds, its error is final, or the pauses are used up.

    Returns what stands under `ok`. Raises StepFailed.
    """
    error: Json = {}
    for pause in (*PAUSES, None):
        answer: Json = yield ctx.call_activity(activity, input=request)
        if "ok" in answer:
            return answer["ok"]
        error = answer["error"]
        if pause is None or not error["retriable"]:
            break
        yield ctx.create_timer(timedelta(seconds=max(pause, _asked_for(error))))
    raise StepFailed(error)


def _asked_for(error: Json) -> int:
    """Return the seconds that Retry-After asks for, within reason."""
    text = str(error["headers"].get("Retry-After", ""))
    return min(int(text), _LONGEST_PAUSE) if text.isascii() and text.isdecimal() else 0

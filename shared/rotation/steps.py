"""How an orchestrator takes a step: call an activity, look at its answer, and try again only what is worth it.

An activity answers `{"ok": …}` or `{"error": …}` and never raises: an error's code, status and details arrive as they
were, no traceback gets into the history, and what may be tried again is the error's own word (`retriable`), not a
policy that repeats everything.

The pauses are the one retry policy of all orchestrations. They add up to some ten minutes, in which a new key has
long spread and a throttled service has recovered; even if every answer asks for the longest pause, a claim of one
hour, renewed before each change, outlasts the step.
"""

from collections.abc import Callable, Generator, Sequence
from datetime import timedelta
from typing import Any, Protocol

from durabletask.entities import EntityInstanceId
from durabletask.task import TaskFailedError

from shared import retry_after
from shared.errors import AppError, RegenerationOutcome, UnexpectedError
from shared.rotation import guard
from shared.rotation.model import Json, outcome_info, with_outcome

PAUSES = (1, 2, 4, 8, 15, 30, 60, 60, 60, 120, 120, 120)
_LONGEST_PAUSE = 120
# what a call with an unknown outcome has for its effect to show, before the key is looked at and ARM is asked again
_SETTLING = 5

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

    @property
    def is_replaying(self) -> bool:
        """Whether this has run before, so that what it would log is logged already."""
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

    def signal_entity(self, entity_id: Any, operation_name: str, input: Any = None) -> None:  # noqa: A002  # as above
        """Ask for an entity operation without waiting for it."""
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


def take(
    ctx: Context,
    activity: str,
    request: Json,
    *,
    known: Callable[[], Json] = dict,
    pauses: Sequence[int] = PAUSES,
) -> Steps[Json]:
    """Run an activity until it succeeds, its error is final, or the pauses are used up.

    `known` gives what goes into the input beside the request; it is asked anew for each attempt.

    Returns what stands under `ok`. Raises StepFailed; where one attempt left it open whether a key was regenerated,
    the error says so whatever came after.
    """
    error: Json = {}
    doubtful = False
    for pause in (*pauses, None):
        try:
            asked = request | known() | {"instanceId": ctx.instance_id}
            answer: Json = yield ctx.call_activity(activity, input=asked)
        except TaskFailedError:
            # the host's word (a worker that died, a time limit), as an activity itself never raises
            answer = {"error": failure(UnexpectedError(outcome=RegenerationOutcome.UNKNOWN)) | {"retriable": True}}
        if "ok" in answer:
            return answer["ok"]
        error = answer["error"]
        unknown = outcome_info(RegenerationOutcome.UNKNOWN) in error.get("additionalInfo", ())
        doubtful = doubtful or unknown
        if pause is None or not error["retriable"]:
            break
        asked_for = min(retry_after.seconds(error["headers"]) or 0, _LONGEST_PAUSE)
        yield ctx.create_timer(timedelta(seconds=max(pause, asked_for, _SETTLING if unknown else 0)))
    raise StepFailed(with_outcome(error, RegenerationOutcome.UNKNOWN) if doubtful else error)


def claim(ctx: Context, request: Json) -> Any:
    """Return the task of claiming the resource, for the first time or again; its answer is that of `guard.claim`."""
    return ask_guard(ctx, request, "claim", {"holder": ctx.instance_id, "insteadOf": request.get("insteadOf")})


def ask_guard(ctx: Context, request: Json, operation: str, value: Json) -> Any:
    """Return the task of one of the guard's operations."""
    return ctx.call_entity(EntityInstanceId(guard.ENTITY, request["guardKey"]), operation, value)


def of(request: Json) -> Json:
    """Return the part of a request that every activity takes."""
    vault = {} if request.get("keyVault", True) else {"keyVault": False}
    return {"resourceId": request["resourceId"], **vault}

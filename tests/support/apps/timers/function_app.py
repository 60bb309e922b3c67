"""Timers that record their runs, and triggers that this host does not run."""

import asyncio
import json
from typing import Any, cast

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
runs: dict[str, list[dict[str, object]]] = {}
running: dict[str, int] = {}
most_at_once: dict[str, int] = {}


def _record(name: str, timer: func.TimerRequest) -> None:
    # TimerRequest's declared type names only past_due; the object that the worker makes has the rest.
    details = cast("Any", timer)
    runs.setdefault(name, []).append(
        {"pastDue": timer.past_due, "schedule": details.schedule, "status": details.schedule_status}
    )


@app.timer_trigger(arg_name="timer", schedule="* * * * * *")
async def each_second(timer: func.TimerRequest) -> None:
    """Fire each second."""
    _record("each_second", timer)


@app.timer_trigger(arg_name="timer", schedule="00:00:00.300")
async def overlapping(timer: func.TimerRequest) -> None:
    """Run for longer than its interval."""
    running["overlapping"] = running.get("overlapping", 0) + 1
    most_at_once["overlapping"] = max(most_at_once.get("overlapping", 0), running["overlapping"])
    await asyncio.sleep(0.5)
    running["overlapping"] -= 1
    _record("overlapping", timer)


@app.timer_trigger(arg_name="timer", schedule="%YEARLY%", run_on_startup=True)
async def at_start(timer: func.TimerRequest) -> None:
    """Fire when the host starts, and then not for long."""
    _record("at_start", timer)


@app.timer_trigger(arg_name="timer", schedule="0 0 0 1 1 *")
async def Reconcile(timer: func.TimerRequest) -> None:  # noqa: N802 - names are case-insensitive
    """Fire when the admin API says so."""
    _record("Reconcile", timer)


@app.timer_trigger(arg_name="timer", schedule="0 0 0 1 1 *")
async def failing(timer: func.TimerRequest) -> None:
    """Fail."""
    raise RuntimeError(f"timer failed {timer.past_due}")


@app.queue_trigger(arg_name="message", queue_name="m", connection="C")  # pyright: ignore[reportUnknownMemberType] - the SDK leaves a type open
async def on_message(message: func.QueueMessage) -> None:
    """Not run by this host."""
    runs.setdefault("on_message", []).append({"id": message.id})


@app.route(route="runs")
async def get_runs(req: func.HttpRequest) -> func.HttpResponse:
    """Return all runs so far."""
    return func.HttpResponse(json.dumps({"runs": runs, "most": most_at_once, "method": req.method}))


@app.route(route="{*rest}", methods=["GET"])
async def everything_else(req: func.HttpRequest) -> str:
    """Take any path that no other route takes."""
    return f"rest: {req.route_params.get('rest', '')}"

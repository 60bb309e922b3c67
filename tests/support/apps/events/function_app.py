"""Event Grid functions that record what they get."""

import asyncio
import json
from typing import Any

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
received: list[dict[str, object]] = []
running: dict[str, int] = {"now": 0, "most": 0}


@app.event_grid_trigger(arg_name="event")  # pyright: ignore[reportUnknownMemberType] - the SDK leaves a type open
async def on_event(event: func.EventGridEvent) -> None:
    """Record the event; fail where its data ask for it, as often as they say."""
    # A CloudEvent arrives as one, whatever the annotation says.
    kind = getattr(event, "event_type", None) or getattr(event, "type", None)
    data: Any = event.get_json()
    received.append({"class": type(event).__name__, "id": event.id, "type": kind, "data": data})
    running["now"] += 1
    running["most"] = max(running["most"], running["now"])
    await asyncio.sleep(0.02)
    running["now"] -= 1
    seen = sum(each["id"] == event.id for each in received)
    if seen <= int(data.get("failures", 0)):
        raise RuntimeError("told to fail")


@app.event_grid_trigger(arg_name="event")  # pyright: ignore[reportUnknownMemberType] - the SDK leaves a type open
def other(event: func.EventGridEvent) -> None:
    """Record that it ran."""
    received.append({"other": event.id})


@app.route(route="received")
async def get_received(req: func.HttpRequest) -> func.HttpResponse:
    """Return everything so far; DELETE forgets it."""
    body = json.dumps({"received": received, "most": running["most"]})
    if req.method == "DELETE":
        received.clear()
        running["most"] = 0
    return func.HttpResponse(body)

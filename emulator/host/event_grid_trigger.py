"""Event Grid triggers: the webhook to which Event Grid delivers, and its handshakes.

Source: azure-sdk-for-net, Microsoft.Azure.WebJobs.Extensions.EventGrid (`EventGridExtensionConfigProvider`,
`HttpRequestProcessor`). The OPTIONS handshake is that of CloudEvents (http-webhook.md, "Abuse protection"); an
endpoint of type AzureFunction is never asked for it. A body that is not as it must be is 400 here, where the real
extension throws and answers 500: Event Grid sends none, and 400 tells a person what is wrong.
"""

import asyncio
import json
import logging
from typing import cast

from aiohttp import web

from emulator.host.functions import Function
from emulator.host.http_trigger import read_body
from emulator.host.request_target import RequestTarget, parse_query
from emulator.host.triggers import Handler, HostContext, TriggerListener
from emulator.host.worker import InvocationFailed

_log = logging.getLogger("emulator.host")
_REASON = "EventGrid trigger fired"

Event = dict[str, object]


class _Malformed(ValueError):
    """A body is not what Event Grid sends; the message says what is wrong, and repeats nothing of it."""


class EventGridTrigger(TriggerListener):
    """Runs Event Grid functions: `POST /runtime/webhooks/eventgrid?functionName=<name>`, an invocation an event."""

    def __init__(self, context: HostContext) -> None:
        super().__init__(context)
        # As the extension keeps them: a name counts in its own casing.
        self._functions: dict[str, Function] = {}

    def add(self, function: Function) -> None:
        """Take in an Event Grid function."""
        self._functions[function.name] = function

    def webhooks(self) -> dict[str, Handler]:
        """Return the webhook, whose path is in any case."""
        return {"eventgrid": self._handle}

    def facts(self) -> dict[str, object]:
        """Return `eventGridWebhooks`: the URL of each function, without a key."""
        base = f"{self.context.base_url}/runtime/webhooks/eventgrid?functionName="
        return {"eventGridWebhooks": {name: base + name for name in self._functions}}

    def run_now(self, function: Function, value: str) -> None:
        """Run the function with the event in `value`, in JSON; what is no event is logged, and nothing runs."""
        try:
            (event,) = _events(value.encode())
        except ValueError:
            _log.error("The Event Grid function %s needs one event, in JSON, as its input.", function.name)
            return
        self.context.invoker.spawn(function, self._data(event), reason="This function was programmatically called")

    async def _handle(self, request: web.BaseRequest, target: RequestTarget) -> web.Response:
        query = {name.lower(): value for name, value in parse_query(target.query).items()}
        name = query.get("functionname", "")
        function = self._functions.get(name)
        if function is None:
            return web.Response(status=404, text=f"cannot find function: '{name}'")
        if request.method == "OPTIONS":
            return _allow(request)
        body = await read_body(request, self.context.body_limit)
        if body is None:
            return web.Response(status=413)
        try:
            match request.headers.get("aeg-event-type", "").lower():
                case "subscriptionvalidation":
                    return web.json_response({"validationResponse": _validation_code(body)})
                case "notification":
                    return await self._run(function, _events(body))
                case "unsubscribe":
                    return web.Response(status=202)
                case _:
                    return web.Response(status=400, text="The header aeg-event-type is missing or unknown.")
        except _Malformed as error:
            return web.Response(status=400, text=f"{error}.")

    async def _run(self, function: Function, events: list[Event]) -> web.Response:
        """Run the function for all events at once; one failure fails the request, so that all are sent again."""
        invoker = self.context.invoker
        runs = (invoker.invoke(function, self._data(event), reason=_REASON) for event in events)
        outcomes: list[object] = await asyncio.gather(*runs, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException) and not isinstance(outcome, InvocationFailed):
                raise outcome
        failed = any(isinstance(outcome, InvocationFailed) for outcome in outcomes)
        return web.Response(status=500 if failed else 202)

    def _data(self, event: Event) -> object:
        return self.context.invoker.protos.TypedData(json=json.dumps(event))


def _allow(request: web.BaseRequest) -> web.Response:
    """Let the sender that asks send."""
    origin = request.headers.get("WebHook-Request-Origin")
    if not origin:
        return web.Response(status=400, text="The header WebHook-Request-Origin is missing.")
    headers = {"Allow": "POST", "WebHook-Allowed-Origin": origin}
    if "WebHook-Request-Rate" in request.headers:
        headers["WebHook-Allowed-Rate"] = "*"
    return web.Response(headers=headers)


def _validation_code(body: bytes) -> str:
    """Return the code in a SubscriptionValidation event; in a CloudEvent its data are JSON within a string."""
    data = _events(body)[0].get("data")
    if isinstance(data, str):
        data = _parsed(data)
    code = cast("Event", data).get("validationCode") if isinstance(data, dict) else None
    if not isinstance(code, str):
        raise _Malformed("The event has no data.validationCode")
    return code


def _events(body: bytes) -> list[Event]:
    """Return the events in a body, which is one of them or an array; raises _Malformed, for an empty array too."""
    value = _parsed(body)
    events = cast("list[object]", value) if isinstance(value, list) else [value]
    if not events or not all(isinstance(event, dict) for event in events):
        raise _Malformed("The body must be an event or an array of events")
    return cast("list[Event]", events)


def _parsed(text: str | bytes) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise _Malformed("The body is not JSON") from None

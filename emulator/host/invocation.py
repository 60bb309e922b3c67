"""Invocations: ids, trace context, the host's log lines, and who is still running."""

import asyncio
import logging
import re
import secrets
import time
import uuid
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from emulator.host.functions import Binding, Function
from emulator.host.worker import InvocationFailed, Trace, Worker

_log = logging.getLogger("emulator.host")
# https://www.w3.org/TR/trace-context/#traceparent-header
_TRACE_PARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})")

type InputProvider = Callable[[Function, Binding], object]


class Invoker:
    """Runs functions through the worker.

    `timeout` is in seconds (None: none). `input_providers` maps a binding's type, in lower case, to what makes its
    TypedData.
    """

    def __init__(self, worker: Worker, timeout: float | None) -> None:
        self.protos = worker.protos
        self.input_providers: dict[str, InputProvider] = {}
        self._worker = worker
        self._timeout = timeout
        self._running: set[asyncio.Task[Any]] = set()

    async def invoke(
        self, function: Function, data: object, *, reason: str, trace_parent: str = "", trace_state: str = ""
    ) -> Any:
        """Run the function once and return its TypedData or None. InvocationFailed has been logged already.

        `data` is the trigger's TypedData, `reason` what the log says; a malformed `trace_parent` starts a new trace.
        """
        invocation_id = str(uuid.uuid4())
        inputs = {
            binding.name: self.input_providers[binding.type.lower()](function, binding)
            for binding in function.inputs
            if binding.type.lower() in self.input_providers
        }
        trace = continue_trace(trace_parent, trace_state)
        _log.debug("Executing 'Functions.%s' (Reason='%s', Id=%s)", function.name, reason, invocation_id)
        started = time.perf_counter()
        try:
            value = await self._invoke(function, invocation_id, data, inputs=inputs, trace=trace)
        except InvocationFailed as failure:
            _log.error(
                "Executed 'Functions.%s' (Failed, Id=%s, Duration=%.0fms)\n%s",
                function.name,
                invocation_id,
                (time.perf_counter() - started) * 1000,
                failure.stack_trace.rstrip() or failure,
            )
            raise
        if _log.isEnabledFor(logging.INFO):
            duration = (time.perf_counter() - started) * 1000
            _log.info(
                "Executed 'Functions.%s' (Succeeded, Id=%s, Duration=%.0fms)", function.name, invocation_id, duration
            )
        return value

    async def _invoke(
        self, function: Function, invocation_id: str, data: object, *, inputs: Mapping[str, object], trace: Trace
    ) -> Any:
        limit = asyncio.timeout(self._timeout)
        try:
            async with limit:
                return await self._worker.invoke(function, invocation_id, data, inputs=inputs, trace=trace)
        except TimeoutError:
            if not limit.expired():
                raise
            # A sync function goes on in its thread: the real host ends the whole worker process here.
            message = f"Timeout value of {self._timeout:g} s exceeded by function: Functions.{function.name}"
            raise InvocationFailed("FunctionTimeoutException", message, "") from None

    def spawn(self, function: Function, data: object, *, reason: str) -> asyncio.Task[object]:
        """Run the function on its own, for a trigger that nobody waits for; failures are logged, not raised."""

        async def run() -> object:
            try:
                return await self.invoke(function, data, reason=reason)
            except InvocationFailed:
                return None

        return self.run(run(), f"invocation of {function.name}")

    def run[T](self, work: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
        """Run work that invokes functions on its own; `drain` waits for it."""
        task = asyncio.create_task(work, name=name)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def drain(self, seconds: float) -> None:
        """Wait for what runs on its own, then cancel what is still running."""
        if self._running:
            _, pending = await asyncio.wait(self._running, timeout=seconds)
            for task in pending:
                task.cancel()
            if pending:
                _log.warning("%d invocations did not end within %.0f s and were canceled", len(pending), seconds)
                await asyncio.wait(pending, timeout=1)


def continue_trace(parent: str, state: str) -> Trace:
    """Return a new span in the trace of `parent` (a W3C traceparent), or in a new trace if it is not one."""
    span = secrets.token_hex(8)
    known = _TRACE_PARENT.match(parent)
    if known is None:
        return Trace(parent=f"00-{secrets.token_hex(16)}-{span}-01")
    return Trace(parent=f"00-{known[1]}-{span}-{known[2]}", state=state)

"""The host's side of the worker protocol: Microsoft's `azure_functions_runtime`, called in process."""

import asyncio
import importlib
import logging
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from emulator.host.errors import StartError
from emulator.host.functions import Function, read_function
from emulator.host.protos import load_protos

HOST_VERSION = "4.1000.0"
_FRAME = re.compile(r'File "(?P<file>[^"]+)", line (?P<line>\d+)')
# Microsoft's worker appends this and the whole sys.path to every ImportError.
_WORKER_ADVICE = re.compile(r"\.? Cannot find module\. Please check the requirements\.txt.*", re.DOTALL)


class InvocationFailed(Exception):
    """The function raised: `error_type` and `message` of its exception, and the worker's text of the stack."""

    def __init__(self, error_type: str, message: str, stack_trace: str) -> None:
        super().__init__(f"{error_type}: {message}")
        self.error_type = error_type
        self.message = message
        self.stack_trace = stack_trace


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """W3C trace context of one invocation."""

    parent: str
    state: str = ""


class Worker:
    """One function app in this process; there can be only one, since the worker's registry is global."""

    def __init__(self, app_directory: Path) -> None:
        self.protos = load_protos()
        self._app_directory = app_directory
        self._runtime: Any = None
        self._properties = {"protos": self.protos, "host": "127.0.0.1"}

    async def start(self) -> tuple[Function, ...]:
        """Import the app and return its functions; StartError names the file and line where the app failed."""
        script = os.environ.get("PYTHON_SCRIPT_FILE_NAME", "function_app.py")
        if not (self._app_directory / script).is_file():
            raise StartError(f"There is no {script} in {self._app_directory}: the app has no functions to run.")
        sys.path.insert(0, str(self._app_directory))
        self._runtime = importlib.import_module("azure_functions_runtime")
        self._runtime.start_threadpool_executor()  # otherwise sync functions crowd asyncio's default pool
        metadata = await self._index(script)
        functions = tuple(read_function(each) for each in metadata)
        if not functions:
            raise StartError(f"{self._app_directory / script} defines no functions.")
        for each in metadata:
            request = self.protos.FunctionLoadRequest(function_id=each.function_id, metadata=each)
            response = await self._runtime.function_load_request(self._wrap(function_load_request=request))
            self._check(response.result, script)
        return functions

    def stop(self) -> None:
        """Let no further sync function start; one that is running goes on in its thread."""
        pool = self._runtime.get_threadpool_executor() if self._runtime else None
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)

    async def invoke(
        self,
        function: Function,
        invocation_id: str,
        data: object,
        *,
        inputs: Mapping[str, object],
        trace: Trace,
    ) -> Any:
        """Run the function once with `data` (TypedData) for its trigger and `inputs` (name -> TypedData).

        Returns its return value as TypedData, or None if it has none. Raises InvocationFailed.
        """
        protos = self.protos
        parameters = [protos.ParameterBinding(name=function.trigger.name, data=data)]
        parameters += [protos.ParameterBinding(name=name, data=value) for name, value in inputs.items()]
        request = protos.InvocationRequest(
            invocation_id=invocation_id,
            function_id=function.id,
            input_data=parameters,
            trace_context=protos.RpcTraceContext(trace_parent=trace.parent, trace_state=trace.state),
        )
        try:
            response = await self._runtime.invocation_request(self._wrap(invocation_request=request))
        except (SystemExit, KeyboardInterrupt, asyncio.CancelledError) as error:
            task = asyncio.current_task()
            if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
                raise
            # The worker lets these through; the function's `exit()` must not end the host.
            raise InvocationFailed(type(error).__name__, str(error), "") from error
        if response.result.status != protos.StatusResult.Success:
            exception = response.result.exception
            kind, separator, message = exception.message.partition(": ")
            if not separator:
                kind, message = "(unknown)", exception.message
            raise InvocationFailed(kind, message, exception.stack_trace)
        return response.return_value if response.HasField("return_value") else None

    async def _index(self, script: str) -> Any:
        directory = str(self._app_directory)
        init = self.protos.WorkerInitRequest(
            host_version=HOST_VERSION,
            function_app_directory=directory,
            worker_directory=directory,
            capabilities={"RpcHttpBodyOnly": "true"},
        )
        # The worker logs an import error twice, with the whole of sys.path; it is reported once, in one line.
        worker_log = logging.getLogger("azure.functions")
        level = worker_log.level
        if not worker_log.isEnabledFor(logging.DEBUG):
            worker_log.setLevel(logging.CRITICAL + 1)
        try:
            response = await self._runtime.worker_init_request(self._wrap(worker_init_request=init))
        except SystemExit as error:
            raise StartError(f"{script} ended the process when it was imported (exit code {error.code}).") from error
        finally:
            worker_log.setLevel(level)
        self._check(response.result, script)
        if "HttpUri" in response.capabilities:
            raise StartError(f"{script} uses HTTP streaming (azurefunctions-extensions-http-fastapi), not supported.")
        request = self.protos.FunctionsMetadataRequest(function_app_directory=directory)
        response = await self._runtime.functions_metadata_request(self._wrap(functions_metadata_request=request))
        self._check(response.result, script)
        return response.function_metadata_results

    def _wrap(self, **content: object) -> SimpleNamespace:
        return SimpleNamespace(request=self.protos.StreamingMessage(**content), properties=self._properties)

    def _check(self, result: Any, script: str) -> None:
        if result.status == self.protos.StatusResult.Success:
            return
        message, stack = str(result.exception.message), str(result.exception.stack_trace)
        where = self._blame(stack)
        prefix = f"{where}: " if where else ""
        raise StartError(f"{script} cannot be loaded: {prefix}{_WORKER_ADVICE.sub('', message)}", stack)

    def _blame(self, stack: str) -> str:
        """Return `file:line` of the innermost frame in the app's own files, or nothing."""
        place = ""
        for frame in _FRAME.finditer(stack):
            file = Path(frame["file"])
            if file.is_relative_to(self._app_directory) and "site-packages" not in file.parts:
                place = f"{file.relative_to(self._app_directory)}:{frame['line']}"
        return place

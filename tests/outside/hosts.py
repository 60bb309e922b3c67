"""The Functions hosts that the app can be held against: how each is started, and what it wants beside."""

import json
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tests.support.emulator import PROJECT_ROOT
from tests.support.outside import Setup

_HOST_JSON = "AzureFunctionsJobHost__"


class Host(Protocol):
    """How one kind of host is started for the app in a directory."""

    @property
    def programs(self) -> tuple[str, ...]:
        """What must be on PATH."""
        ...

    @property
    def how_to_install(self) -> str:
        """What to do where it is not."""
        ...

    @property
    def needs_storage(self) -> bool:
        """Whether it wants a storage account."""
        ...

    @property
    def patience(self) -> int:
        """How many times longer than for the project's own host tests wait."""
        ...

    def prepare(self, directory: Path, values: Mapping[str, str], setup: Setup) -> dict[str, str]:
        """Hand the app's settings over; return the environment to start the host with."""
        ...

    def command(self, directory: Path, port: int, setup: Setup) -> list[str]:
        """Return the command line that serves the app on this port of 127.0.0.1."""
        ...


@dataclass(frozen=True, slots=True)
class FuncStart:
    """Azure Functions Core Tools: the real host, which gets the settings from local.settings.json as its users do."""

    programs: tuple[str, ...] = ("func", "azurite")
    how_to_install: str = "npm install -g azure-functions-core-tools@4 azurite"
    needs_storage: bool = True
    # its queues are polled, where the project's own host hands work over at once
    patience: int = 4

    def prepare(self, directory: Path, values: Mapping[str, str], setup: Setup) -> dict[str, str]:
        """Write local.settings.json; the environment holds none of its names, for it would win."""
        hub = f"E2E{''.join(filter(str.isalnum, setup.name))}{time.time_ns()}"
        written = {
            **values,
            # a hub of its own: nothing of an earlier run is found again
            f"{_HOST_JSON}extensions__durableTask__hubName": hub,
            # else up to 30 s pass before a quiet queue is looked at again
            f"{_HOST_JSON}extensions__durableTask__storageProvider__maxQueuePollingInterval": "00:00:00.5",
        }
        if setup.debug:
            written[f"{_HOST_JSON}logging__logLevel__default"] = "Debug"
        document = {"IsEncrypted": False, "Values": written}
        (directory / "local.settings.json").write_text(json.dumps(document, indent=2), encoding="utf-8")
        environment = {name: value for name, value in os.environ.items() if name not in written}
        virtual = Path(sys.prefix)
        return environment | {
            # the worker runs on the Python of the active virtual environment
            "VIRTUAL_ENV": str(virtual),
            "PATH": f"{virtual / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}",
            "FUNCTIONS_CORE_TOOLS_TELEMETRY_OPTOUT": "1",
        }

    def command(self, directory: Path, port: int, setup: Setup) -> list[str]:
        """`func start`, in the app's directory."""
        del directory, setup
        return ["func", "start", "--port", str(port)]


@dataclass(frozen=True, slots=True)
class EmulatedHost:
    """The project's own host, started by itself: it shows that the tests do not need to have started it."""

    programs: tuple[str, ...] = ()
    how_to_install: str = ""
    needs_storage: bool = False
    patience: int = 1

    def prepare(self, directory: Path, values: Mapping[str, str], setup: Setup) -> dict[str, str]:
        """Give the settings through the environment."""
        del directory, setup
        return {**os.environ, **values, "PYTHONPATH": str(PROJECT_ROOT)}

    def command(self, directory: Path, port: int, setup: Setup) -> list[str]:
        """`python -m emulator.host`."""
        module = [sys.executable, "-m", "emulator.host"]
        return [*module, "--app", str(directory), "--port", str(port), *setup.host_flags]


HOSTS: Mapping[str, Host] = {"func": FuncStart(), "emulated": EmulatedHost()}

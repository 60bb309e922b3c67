"""Tools that `make interop` installs: Microsoft's JavaScript client, run in a process of its own, and command lines."""

import asyncio
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import pytest

INTEROP = Path(__file__).resolve().parent.parent / "interop"
_SCRIPT = INTEROP / "communication_services.mjs"
_TOOLS = INTEROP.parent.parent / ".interop" / "bin"


def require_javascript(package: str = "@azure/arm-communication") -> str:
    """Return Node.js's path, or skip the test, saying what to install."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node.js is not installed")
    if not (INTEROP / "node_modules" / package).is_dir():
        pytest.skip(f"{package} is not installed: make interop")
    return node


def require_tool(name: str) -> Path:
    """Return the path of a command-line tool of .interop, or skip the test, saying what to install."""
    tool = _TOOLS / name
    if not tool.is_file():
        pytest.skip(f"{name} is not installed: make interop")
    return tool


async def call_javascript(
    operation: str,
    *arguments: object,
    endpoint: str,
    subscription_id: str,
    token: str,
    ca_file: str,
    headers: Mapping[str, str] | None = None,
) -> dict[str, object]:
    """Call `client.communicationServices[operation](*arguments)` of @azure/arm-communication.

    Returns `{"value": ...}` or `{"error": {"name", "code", "statusCode", "message"}}`; raises RuntimeError with the
    output when the script itself failed. The token goes through the environment: command lines are public.
    """
    environment = os.environ | {
        "ENDPOINT": endpoint,
        "SUBSCRIPTION_ID": subscription_id,
        "TOKEN": token,
        "HEADERS": json.dumps(dict(headers or {})),
        "NODE_EXTRA_CA_CERTS": ca_file,
    }
    process = await asyncio.create_subprocess_exec(
        require_javascript(),
        str(_SCRIPT),
        operation,
        *(json.dumps(argument) for argument in arguments),
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"{output.decode()}{errors.decode()}")
    return cast("dict[str, object]", json.loads(output))

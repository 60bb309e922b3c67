"""Activities: they return, wait, fail, and count how often they ran."""

import asyncio
from collections import Counter
from typing import Any

import azure.durable_functions as df

activities = df.Blueprint()
runs: Counter[str] = Counter()


class OutOfTea(Exception):
    """A failure of the app's own."""


@activities.activity_trigger(input_name="text")
async def echo(text: Any) -> Any:
    """Return the input."""
    return text


@activities.activity_trigger(input_name="name")
def hello(name: str) -> str:
    """Greet, synchronously."""
    return f"Hello {name}!"


@activities.activity_trigger(input_name="seconds")
async def wait(seconds: float) -> float:
    """Take some time."""
    print("waiting", flush=True)  # noqa: T201 - the test looks for it
    await asyncio.sleep(seconds)
    return seconds


@activities.activity_trigger(input_name="nothing")
async def nothing(nothing: Any) -> None:
    """Return nothing."""


@activities.activity_trigger(input_name="size")
async def large(size: int) -> str:
    """Return so many characters."""
    return "x" * size


@activities.activity_trigger(input_name="text")
async def fail(text: str) -> None:
    """Raise with this text."""
    raise OutOfTea(text)


@activities.activity_trigger(input_name="how")
async def flaky(_ctx: object, how: dict[str, Any]) -> int:
    """Fail the first `failures` times for the same `key`; then return how often it ran."""
    runs[how["key"]] += 1
    if runs[how["key"]] <= how["failures"]:
        raise OutOfTea(f"attempt {runs[how['key']]}")
    return runs[how["key"]]


@activities.activity_trigger(input_name="key")
async def count(key: str) -> int:
    """Return how often this ran with the same key."""
    runs[key] += 1
    return runs[key]


@activities.activity_trigger(input_name="key")
async def counted(key: str) -> int:
    """Return how often `count` ran with this key."""
    return runs[key]

"""The sample workflow definitions, and what is in them."""

import json
from collections.abc import Iterator
from typing import Any, cast

from tests.support.emulator import PROJECT_ROOT
from tests.support.logic_apps.expressions import Call, calls, is_expression, parse

FOLDER = PROJECT_ROOT / "samples" / "logic-apps"
NAMES = ("regenerate-key", "regenerate-key-managed-identity", "rotate-and-wait", "rotate-all-monthly")

Json = dict[str, Any]


def load(name: str) -> Json:
    """Return a definition, without the envelope that Azure's tools want around it."""
    return json.loads((FOLDER / f"{name}.json").read_text("utf-8"))["definition"]


def all_actions(actions: Json) -> Iterator[tuple[str, Json]]:
    """Give every action by name, those within others too, in the order of the file."""
    for name, action in actions.items():
        yield name, action
        yield from all_actions(action.get("actions", {}))
        yield from all_actions(action.get("else", {}).get("actions", {}))


def texts(value: Any) -> Iterator[str]:
    """Give every text in a value, names of properties not."""
    match value:
        case str():
            yield value
        case dict():
            for each in cast("Json", value).values():
                yield from texts(each)
        case list():
            for each in cast("list[Any]", value):
                yield from texts(each)
        case _:
            pass


def all_calls(value: Any) -> Iterator[Call]:
    """Give every call of a function in every expression of a value."""
    for text in texts(value):
        if is_expression(text):
            yield from calls(parse(text))

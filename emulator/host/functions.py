"""What the worker says about a function app: its functions and their bindings."""

import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from emulator.host.errors import StartError

_SETTING = re.compile(r"%([^%]+)%")


@dataclass(frozen=True, slots=True)
class Binding:
    """One binding of a function: `properties` are those of function.json, `%SETTING%`s already resolved."""

    name: str
    type: str
    direction: str
    properties: Mapping[str, object]

    @property
    def is_trigger(self) -> bool:
        """Whether this binding starts the function."""
        return self.type.lower().endswith("trigger")

    def text(self, name: str, default: str = "") -> str:
        """Return the property as text; StartError if it is of another type."""
        value = self.properties.get(name)
        if value is None:
            return default
        if not isinstance(value, str):
            raise StartError(f'The property "{name}" of a {self.type} must be a string.')
        return value


@dataclass(frozen=True, slots=True)
class Function:
    """One function: the worker's id, its name, the binding that starts it, and all bindings."""

    id: str
    name: str
    trigger: Binding
    bindings: tuple[Binding, ...]

    @property
    def inputs(self) -> tuple[Binding, ...]:
        """The bindings, besides the trigger, whose values the host hands in."""
        return tuple(b for b in self.bindings if b.direction.upper() == "IN" and not b.is_trigger)


def read_function(metadata: Any) -> Function:
    """Turn an RpcFunctionMetadata into a Function; StartError for a function without exactly one trigger."""
    name = str(metadata.name)
    bindings = tuple(_read_binding(name, json.loads(text)) for text in metadata.raw_bindings)
    triggers = [binding for binding in bindings if binding.is_trigger]
    if len(triggers) != 1:
        raise StartError(f"The function {name} must have exactly one trigger; it has {len(triggers)}.")
    return Function(str(metadata.function_id), name, triggers[0], bindings)


def resolve_settings(text: str, missing: Callable[[str], StartError]) -> str:
    """Replace each `%NAME%` by the app setting NAME; raise what `missing(NAME)` returns where there is none.

    https://learn.microsoft.com/azure/azure-functions/functions-bindings-expressions-patterns#binding-expressions---app-settings
    """

    def value(match: re.Match[str]) -> str:
        setting = os.environ.get(match[1])
        if not setting:
            raise missing(match[1])
        return setting

    return _SETTING.sub(value, text)


def _read_binding(function: str, raw: dict[str, object]) -> Binding:
    properties = {name: _resolve(function, name, value) for name, value in raw.items()}
    name, kind, direction = (cast("str", properties.get(key, "")) for key in ("name", "type", "direction"))
    return Binding(name, kind, direction, properties)


def _resolve(function: str, name: str, value: object) -> object:
    if not isinstance(value, str) or "%" not in value:
        return value

    def missing(setting: str) -> StartError:
        return StartError(
            f'The function {function} needs the setting {setting}, which its "{name}" names, and which is not set: '
            "add it to local.settings.json or to the environment."
        )

    return resolve_settings(value, missing)

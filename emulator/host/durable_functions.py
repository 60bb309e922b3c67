"""The durable functions of an app, by kind and by the name that orchestrations call them by."""

from emulator.host.errors import StartError
from emulator.host.functions import Function

# binding type, in lower case -> kind, and the property that names the function for orchestrations
_TRIGGERS = {
    "orchestrationtrigger": ("orchestrator", "orchestration"),
    "activitytrigger": ("activity", "activity"),
    "entitytrigger": ("entity", "entityName"),
}


class DurableFunctions:
    """Finds functions by kind ("orchestrator", "activity", "entity") and name, in any case as FunctionName compares."""

    def __init__(self) -> None:
        self._by_kind: dict[str, dict[str, tuple[str, Function]]] = {kind: {} for kind, _ in _TRIGGERS.values()}

    def add(self, function: Function) -> None:
        """Take in a function; StartError if another of its kind has the name."""
        kind, name_property = _TRIGGERS[function.trigger.type.lower()]
        name = function.trigger.text(name_property) or function.name
        known = self._by_kind[kind]
        if name.lower() in known:
            raise StartError(f"Two {kind} functions are called {name}; case does not tell them apart.")
        known[name.lower()] = (name, function)

    def find(self, kind: str, name: str) -> Function | None:
        """Return the function, or None."""
        found = self._by_kind[kind].get(name.lower())
        return None if found is None else found[1]

    def unknown(self, kind: str, name: str) -> str:
        """Return what the extension says of a name that is not there (DurableTaskExtension.GetInvalid…Message)."""
        names = "', '".join(known for known, _ in self._by_kind[kind].values())
        known = (
            f"The following are the known {kind} functions: '{names}'."
            if names
            else f"No {kind} functions are currently registered!"
        )
        return (
            f"The function '{name}' doesn't exist, is disabled, or is not an {kind} function. Additional info: {known}"
        )

"""Entities: a class and a function."""

from typing import Any

import azure.durable_functions as df
from durabletask.entities import DurableEntity, EntityContext

entities = df.Blueprint()


class Counter(DurableEntity):
    """A number."""

    def add(self, amount: int) -> int:
        """Add, and return the sum."""
        total = self.get_state(int, 0) + amount
        self.set_state(total)
        return total

    def fail(self, amount: int) -> None:
        """Change the state, then raise: the change must not last."""
        self.set_state(amount)
        raise ValueError(f"cannot take {amount}")

    def launch(self, instance_id: str) -> str:
        """Start an orchestration."""
        return self.schedule_new_orchestration("greet", "entity", instance_id=instance_id)


entities.entity_trigger(context_name="context", entity_name="Counter")(Counter)


@entities.entity_trigger(context_name="context")
def box(ctx: EntityContext, value: Any) -> Any:
    """Keep a value: `put`, `get`."""
    if ctx.operation == "put":
        ctx.set_state(value)
    return ctx.get_state()

"""The durable functions' bindings; what they do stands in workflow.py, entity.py and activities.py."""

from collections.abc import Awaitable, Callable
from typing import Any

import azure.durable_functions as df

from shared import composition
from shared.rotation import announcing, guard, revocation, workflow
from shared.rotation.activities import STEPS, answer
from shared.rotation.entity import RotationGuard

blueprint = df.Blueprint()

for orchestrator in (
    workflow.rotate_key,
    workflow.regenerate_key,
    workflow.repair_secrets,
    revocation.revoke_key,
    announcing.announce_outcome,
):
    blueprint.orchestration_trigger(context_name="context")(orchestrator)

blueprint.entity_trigger(context_name="context", entity_name=guard.ENTITY)(RotationGuard)


def _activity(name: str) -> Callable[[Any, dict[str, Any]], Awaitable[dict[str, Any]]]:
    # the worker takes plain classes only, and no alias of them
    async def activity(_context: Any, request: dict[str, Any]) -> dict[str, Any]:
        without_vault = request.get("keyVault") is False
        return await answer(composition.steps_without_vault if without_vault else composition.steps, name, request)

    activity.__name__ = name
    return activity


for step in STEPS:
    blueprint.activity_trigger(input_name="request")(_activity(step))


@blueprint.activity_trigger(input_name="request")
async def publish_event(_context: Any, request: dict[str, Any]) -> dict[str, Any]:
    """Publish an announcement."""
    return await announcing.publish_event(composition.topic, request)

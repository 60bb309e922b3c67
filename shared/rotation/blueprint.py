"""The durable functions' bindings; what they do stands in workflow.py, entity.py and activities.py."""

from typing import Any

import azure.durable_functions as df

from shared import composition
from shared.rotation import guard, workflow
from shared.rotation.activities import answer
from shared.rotation.entity import RotationGuard
from shared.rotation.model import Json

blueprint = df.Blueprint()

for orchestrator in (workflow.rotate_key, workflow.revoke_key, workflow.regenerate_key):
    blueprint.orchestration_trigger(context_name="context")(orchestrator)

blueprint.entity_trigger(context_name="context", entity_name=guard.ENTITY)(RotationGuard)


@blueprint.activity_trigger(input_name="request")
async def inspect_resource(_context: Any, request: Json) -> Json:
    """See what the keys are and what the secrets publish."""
    return await answer((await composition.steps()).inspect_resource, request)


@blueprint.activity_trigger(input_name="request")
async def regenerate_key_once(_context: Any, request: Json) -> Json:
    """Regenerate a key if it still is the one that is to be replaced."""
    return await answer((await composition.steps()).regenerate_key_once, request)


@blueprint.activity_trigger(input_name="request")
async def prove_alive(_context: Any, request: Json) -> Json:
    """Prove that a key works."""
    return await answer((await composition.steps()).prove_alive, request)


@blueprint.activity_trigger(input_name="request")
async def publish_key(_context: Any, request: Json) -> Json:
    """Let the secrets publish a key."""
    return await answer((await composition.steps()).publish_key, request)


@blueprint.activity_trigger(input_name="request")
async def prove_dead(_context: Any, request: Json) -> Json:
    """Prove that the old key does not work any more."""
    return await answer((await composition.steps()).prove_dead, request)


@blueprint.activity_trigger(input_name="request")
async def disable_superseded(_context: Any, request: Json) -> Json:
    """Disable the secret versions that published a dead key."""
    return await answer((await composition.steps()).disable_superseded, request)

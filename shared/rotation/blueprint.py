"""The durable functions' bindings; what they do stands in workflow.py, revocation.py, announcing.py and activities.py.

Those are imported by the first of their functions that runs: neither indexing the functions nor a direct regenerate
should wait for them.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from shared import composition
from shared.durable_app import DurableBlueprint
from shared.rotation import guard
from shared.rotation.entity import RotationGuard
from shared.rotation.model import Json
from shared.rotation.steps import Context, Steps

# as activities.STEPS names them; the orchestrators and their histories know these names
STEPS = (
    "inspect_resource",
    "regenerate_key_once",
    "prove_alive",
    "publish_key",
    "prove_dead",
    "disable_superseded",
)

blueprint = DurableBlueprint()
blueprint.entity_trigger(context_name="context", entity_name=guard.ENTITY)(RotationGuard)


@blueprint.orchestration_trigger(context_name="context")
def rotate_key(context: Context, request: Json) -> Steps[Json]:
    """Move the consumers of a resource to a new key."""
    from shared.rotation import workflow

    return (yield from workflow.rotate_key(context, request))


@blueprint.orchestration_trigger(context_name="context")
def regenerate_key(context: Context, request: Json) -> Steps[Json]:
    """Regenerate one key under the guard."""
    from shared.rotation import workflow

    return (yield from workflow.regenerate_key(context, request))


@blueprint.orchestration_trigger(context_name="context")
def repair_secrets(context: Context, request: Json) -> Steps[Json]:
    """Let every secret of a resource publish a live key again."""
    from shared.rotation import workflow

    return (yield from workflow.repair_secrets(context, request))


@blueprint.orchestration_trigger(context_name="context")
def revoke_key(context: Context, request: Json) -> Steps[Json]:
    """Regenerate the old key when its grace period is over."""
    from shared.rotation import revocation

    return (yield from revocation.revoke_key(context, request))


@blueprint.orchestration_trigger(context_name="context")
def announce_outcome(context: Context, request: Json) -> Steps[Json]:
    """Tell the app's topic what has become of an orchestration."""
    from shared.rotation import announcing

    return (yield from announcing.announce_outcome(context, request))


def _activity(name: str) -> Callable[[Any, Json], Awaitable[Json]]:
    # the worker takes plain classes only, and no alias of them
    async def activity(_context: Any, request: dict[str, Any]) -> dict[str, Any]:
        from shared.rotation.activities import answer

        without_vault = request.get("keyVault") is False
        return await answer(composition.steps_without_vault if without_vault else composition.steps, name, request)

    activity.__name__ = name
    return activity


for step in STEPS:
    blueprint.activity_trigger(input_name="request")(_activity(step))


@blueprint.activity_trigger(input_name="request")
async def publish_event(_context: Any, request: dict[str, Any]) -> dict[str, Any]:
    """Publish an announcement."""
    from shared.rotation import announcing

    return await announcing.publish_event(composition.topic, request)

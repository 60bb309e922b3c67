"""No key in anything that the durable engine stores: inputs, outputs, results, custom statuses, the guard's state."""

import pytest

from shared.errors import ArmRejected
from shared.rotation.model import Json
from tests.support.orchestration import Durable, regeneration
from tests.support.rotation import PRIMARY, SECONDARY, Quick, World


def keys_in(durable: Durable) -> list[str]:
    """Return every key ever issued that stands in what was stored."""
    written = durable.written()
    return [key for key in durable.world.cloud.issued if key in written]


@pytest.mark.parametrize("story", ["rotation", "repair", "converge", "adopt", "forced", "failed", "rerun"])
async def test_no_key_is_stored(quick: Quick, story: str) -> None:
    """Whatever happens to a resource, its keys pass through no input, output, status or state."""
    world = quick(World() if story == "adopt" else World("a", "b"))
    durable = Durable(world)
    durable.check = lambda: None
    match story:
        case "repair":
            world.vault.put("a", world.cloud.rotate_from_outside(SECONDARY))
            world.cloud.rotate_from_outside(SECONDARY)
        case "converge":
            world.vault.put("a", world.cloud.keys[SECONDARY])
        case "forced":
            durable.start("regenerate_key", "g1", regeneration("Primary", force=True))
            await durable.run()
        case "failed":
            world.cloud.failures["regenerate_key"] = [ArmRejected(403, "AuthorizationFailed", "m")]
        case "rerun":
            durable.rerun = {"publish_key", "regenerate_key_once", "prove_dead"}
        case _:
            pass
    await durable.rotate(active_key="Primary" if story == "adopt" else None)
    assert len(world.cloud.issued) >= 2
    assert "sha256:" in durable.written()
    assert keys_in(durable) == []
    assert "accesskey=" not in durable.written().replace("accesskey=REDACTED", "")


async def test_a_key_that_leaks_would_be_found(quick: Quick) -> None:
    """The search finds a key that is planted in a step's result."""
    world = quick(World("a"))
    durable = Durable(world)
    take = world.step

    async def leak(name: str, request: Json) -> Json:
        result = await take(name, request)
        return {"ok": result["ok"] | {"key": world.cloud.keys[PRIMARY]}} if name == "prove_alive" else result

    world.step = leak  # pyright: ignore[reportAttributeAccessIssue]  # a stand-in for the method
    await durable.rotate()
    assert keys_in(durable) != []

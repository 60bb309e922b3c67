"""Resources, their keys, and when the data plane sees a new one."""

from emulator.cloud.defaults import RESOURCE_ID
from emulator.cloud.resource_ids import ResourceId
from emulator.cloud.state import State

ID = ResourceId.parse(RESOURCE_ID)


class _Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_the_data_plane_lags_by_the_propagation_time() -> None:
    """At each moment it accepts the keys that were current `propagation_seconds` ago, through several changes."""
    clock = _Clock()
    state = State(clock)
    resource = state.create(ID, propagation_seconds=10)
    secondary = resource.key("Secondary")
    first = resource.key("Primary")
    assert state.accepted_keys(resource) == [first, secondary]
    second = state.regenerate(resource, "Primary")
    clock.now += 4
    third = state.regenerate(resource, "Primary")
    assert resource.key("Primary") == third
    seen: list[str] = []
    for now in (1004.0, 1009.9, 1010.0, 1013.9, 1014.0):
        clock.now = now
        accepted, other = state.accepted_keys(resource)
        assert other == secondary
        seen.append(accepted)
    assert seen == [first, first, second, second, third]


def test_without_propagation_a_new_key_works_at_once() -> None:
    """The old key is dead in the same moment."""
    state = State(_Clock())
    resource = state.create(ID)
    old = resource.key("Secondary")
    new = state.regenerate(resource, "Secondary")
    assert state.accepts(resource, new)
    assert not state.accepts(resource, old)


def test_ids_are_compared_without_regard_to_case() -> None:
    """The casing of the creation is kept; another casing finds, replaces and removes the same resource."""
    state = State()
    lowered = ResourceId.parse(RESOURCE_ID.lower())
    found = state.find(lowered)
    assert found is not None
    assert str(found.id) == RESOURCE_ID
    state.create(lowered)
    assert len(state.resources()) == 1
    assert state.delete(ID)
    assert not state.delete(ID)


def test_a_segment_is_free_again_once_its_resource_is_gone() -> None:
    """Resources of one name, in any casing, get different segments; one of them inherits what another left."""
    state = State()
    second = state.create(ResourceId(ID.subscription, "b", ID.name.upper()))
    third = state.create(ResourceId(ID.subscription, "c", ID.name))
    assert [second.segment, third.segment] == [f"{ID.name.upper()}-2", f"{ID.name}-3"]
    state.delete(second.id)
    assert state.create(ResourceId(ID.subscription, "d", ID.name)).segment == f"{ID.name}-2"
    assert state.find_by_segment(f"{ID.name}-3".lower()) is third


def test_groups_and_subscriptions_outlive_their_resources() -> None:
    """Removing the last resource of a group leaves the group; a reset leaves only what is there from the start."""
    state = State()
    other = ResourceId("00000000-1111-2222-3333-444444444444", "g", "n")
    state.create(other)
    state.delete(other)
    assert state.has_group(other.subscription, "G")
    assert state.has_subscription(other.subscription)
    state.reset()
    assert not state.has_subscription(other.subscription)
    assert state.has_group(ID.subscription, ID.group)


def test_keys_do_not_show_in_a_representation() -> None:
    """A resource in a failed assertion or a log line shows no key."""
    resource = State().create(ID)
    assert not any(key in repr(resource) for key in resource.issued)

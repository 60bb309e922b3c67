"""The durable section of host.json."""

import pytest

from emulator.host.durable_options import read_durable_options
from emulator.host.errors import StartError


def test_defaults_are_the_extension_s(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten functions a processor, the hub TestHubName, and running instances are not replaced."""
    monkeypatch.delenv("WEBSITE_SITE_NAME", raising=False)
    monkeypatch.setattr("os.process_cpu_count", lambda: 3)
    options = read_durable_options({})
    assert options.hub_name == "TestHubName"
    assert {options.max_activities, options.max_orchestrators, options.max_entities} == {30}
    assert options.replace_running is False


def test_the_site_s_name_makes_the_default_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without what a hub's name cannot hold."""
    monkeypatch.setenv("WEBSITE_SITE_NAME", "my-app-1")
    assert read_durable_options({}).hub_name == "myapp1"


def test_everything_may_be_set() -> None:
    """Each name stands for itself."""
    options = read_durable_options(
        {
            "durableTask": {
                "hubName": "Hub",
                "maxConcurrentActivityFunctions": 1,
                "maxConcurrentOrchestratorFunctions": 2,
                "maxConcurrentEntityFunctions": 3,
                "overridableExistingInstanceStates": "anyState",
                "storageProvider": {"type": "whatever"},
            }
        }
    )
    assert (options.hub_name, options.max_activities, options.max_orchestrators) == ("Hub", 1, 2)
    assert (options.max_entities, options.replace_running) == (3, True)


@pytest.mark.parametrize(
    ("section", "name"),
    [
        (3, "durableTask"),
        ({"hubName": "a"}, "hubName"),
        ({"hubName": "with-dash"}, "hubName"),
        ({"hubName": 7}, "hubName"),
        ({"maxConcurrentActivityFunctions": True}, "maxConcurrentActivityFunctions"),
        ({"maxConcurrentOrchestratorFunctions": "4"}, "maxConcurrentOrchestratorFunctions"),
        ({"maxConcurrentEntityFunctions": -1}, "maxConcurrentEntityFunctions"),
        ({"overridableExistingInstanceStates": "None"}, "overridableExistingInstanceStates"),
        ({"overridableExistingInstanceStates": 1}, "overridableExistingInstanceStates"),
    ],
)
def test_what_the_extension_refuses_is_refused(section: object, name: str) -> None:
    """The line names the property."""
    with pytest.raises(StartError, match=name):
        read_durable_options({"durableTask": section})

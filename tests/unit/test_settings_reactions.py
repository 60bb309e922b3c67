"""The settings of what reacts: the timer, what is forgotten, and the topic that is told."""

import pytest

from shared.errors import NotConfigured
from shared.settings import DEFAULTS, Settings, parse_settings, reconcile_schedule
from tests.support.fakes import RESOURCE


def parse(**variables: str) -> Settings:
    """Return the settings of an environment that has a default resource and these variables."""
    return parse_settings({"COMMUNICATION_SERVICE_ID": str(RESOURCE), **variables})


def wrong(**variables: str) -> dict[str, str]:
    """Return the problems of an environment, each message by its setting's name."""
    with pytest.raises(NotConfigured) as caught:
        parse(**variables)
    return {detail["target"]: detail["message"] for detail in caught.value.details}


def test_nothing_of_it_needs_to_be_set() -> None:
    """Ninety days, seven past each hour, and no topic."""
    configured = parse()
    assert configured.rotation_retention_days == 90
    assert configured.reconcile_schedule == "0 7 * * * *"
    assert configured.event_grid_topic_endpoint is None


@pytest.mark.parametrize("text", ["31", "90", "0090", "3650"])
def test_rotations_are_kept_for_days(text: str) -> None:
    """From a day longer than the longest grace period to ten years."""
    assert parse(ROTATION_RETENTION_DAYS=text).rotation_retention_days == int(text)


@pytest.mark.parametrize("text", ["30", "3651", "0", "-90", "90.5", "P90D", "ninety", "99999", "٩٠"])
def test_a_bad_retention_is_named_with_its_bounds(text: str) -> None:
    """A rotation must be there as long as its old key can be in grace."""
    message = wrong(ROTATION_RETENTION_DAYS=text)["ROTATION_RETENTION_DAYS"]
    assert "from 31 to 3650" in message


def test_a_schedule_is_ncrontab() -> None:
    """In any spelling that the host takes."""
    assert parse(RECONCILE_SCHEDULE=" 0  */15 * * * * ").reconcile_schedule == "0 */15 * * * *"


@pytest.mark.parametrize("text", ["hourly", "7 7 7", "0 61 * * * *", "00:05:00", "%SCHEDULE%"])
def test_a_bad_schedule_is_named(text: str) -> None:
    """With what to put there, and without the value."""
    message = wrong(RECONCILE_SCHEDULE=text)["RECONCILE_SCHEDULE"]
    assert "NCRONTAB" in message
    assert text not in message


@pytest.mark.parametrize(
    ("given", "used"),
    [
        (None, DEFAULTS["RECONCILE_SCHEDULE"]),
        ("", DEFAULTS["RECONCILE_SCHEDULE"]),
        (" \t", DEFAULTS["RECONCILE_SCHEDULE"]),
        ("0 */5 * * * *", "0 */5 * * * *"),
        (" */5  * * * * ", "*/5 * * * *"),
        ("every hour", DEFAULTS["RECONCILE_SCHEDULE"]),
        ("0 7 * * * 7", DEFAULTS["RECONCILE_SCHEDULE"]),
    ],
)
def test_the_timer_can_always_be_indexed(monkeypatch: pytest.MonkeyPatch, given: str | None, used: str) -> None:
    """A wrong schedule costs the default one, not all functions, even where every other setting is missing."""
    for name in DEFAULTS:
        monkeypatch.delenv(name, raising=False)
    if given is not None:
        monkeypatch.setenv("RECONCILE_SCHEDULE", given)
    assert reconcile_schedule() == used


@pytest.mark.parametrize(
    ("text", "used"),
    [
        ("https://t.westeurope-1.eventgrid.azure.net/api/events", None),
        (
            "https://t.westeurope-1.eventgrid.azure.net/api/events/",
            "https://t.westeurope-1.eventgrid.azure.net/api/events",
        ),
        ("https://t.westeurope-1.eventgrid.azure.net", "https://t.westeurope-1.eventgrid.azure.net/api/events"),
        ("https://t.westeurope-1.eventgrid.azure.net/", "https://t.westeurope-1.eventgrid.azure.net/api/events"),
        ("HTTPS://localhost:8443/api/events", "https://localhost:8443/api/events"),
    ],
)
def test_a_topic_is_given_by_its_endpoint(text: str, used: str | None) -> None:
    """As `az eventgrid topic show` prints it, or by its host alone."""
    assert parse(EVENT_GRID_TOPIC_ENDPOINT=text).event_grid_topic_endpoint == (used or text)


@pytest.mark.parametrize(
    "text",
    [
        "t.westeurope-1.eventgrid.azure.net",
        "http://t.westeurope-1.eventgrid.azure.net/api/events",
        "https://t.westeurope-1.eventgrid.azure.net/api/other",
        "https://t.westeurope-1.eventgrid.azure.net/api/events?key=secret",
        "https://t.westeurope-1.eventgrid.azure.net/api/events#x",
        "https://user@t.westeurope-1.eventgrid.azure.net/api/events",
        "https://user:word@t/api/events",
        "https:///api/events",
        "https://[t/api/events",
        "/subscriptions/x/resourceGroups/y/providers/Microsoft.EventGrid/topics/z",
        "nonsense",
    ],
)
def test_anything_else_is_no_topic(text: str) -> None:
    """Another scheme or path, a user, a query, an ARM id: wrong, with an example of a right one."""
    message = wrong(EVENT_GRID_TOPIC_ENDPOINT=text)["EVENT_GRID_TOPIC_ENDPOINT"]
    assert "https://my-topic." in message
    assert text not in message

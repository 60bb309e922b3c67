"""Events as publishers send them: what is accepted, what is filled in, and what an error says."""

import pytest

from emulator.cloud.event_grid_schemas import any_event, cloud_event, event_grid_event
from emulator.cloud.json_values import Json, JsonError
from tests.support.event_grid import cloud_event as make_cloud_event
from tests.support.event_grid import event_grid_event as make_event_grid_event

TOPIC = "/the/topic"


def test_what_the_service_fills_in_is_filled_in() -> None:
    """The topic, the metadata version, and an empty data version; all else stays as it came."""
    sent = make_event_grid_event()
    del sent["dataVersion"]
    read = event_grid_event(Json(sent, "the event"), TOPIC)
    assert read == {**sent, "topic": TOPIC, "dataVersion": "", "metadataVersion": "1"}
    assert event_grid_event(Json(read, "the event"), TOPIC) == read


@pytest.mark.parametrize(
    ("members", "word"),
    [
        ({"id": None}, "id is missing"),
        ({"id": ""}, "id must not be empty"),
        ({"eventType": 1}, "eventType must be a string"),
        ({"subject": None}, "subject is missing"),
        ({"eventTime": None}, "eventTime is missing"),
        ({"eventTime": "yesterday"}, "eventTime must be a moment"),
        ({"topic": "/another"}, "topic must be the topic's own"),
        ({"metadataVersion": "2"}, "metadataVersion must be 1"),
        ({"dataVersion": 1}, "dataVersion must be a string"),
        ({"colour": "red"}, "unknown: colour"),
    ],
)
def test_a_wrong_event_of_event_grids_schema_is_refused_by_name(members: dict[str, object], word: str) -> None:
    """The error names the member, never the value."""
    with pytest.raises(JsonError, match=word) as caught:
        event_grid_event(Json(make_event_grid_event(**members), "the event"), TOPIC)
    assert "yesterday" not in str(caught.value)


def test_a_cloud_event_stays_as_it_came() -> None:
    """Extensions, a subject and data of any kind are the publisher's."""
    sent = make_cloud_event(subject="s", traceparent="00-1-2-3", data=[1])
    assert cloud_event(Json(sent, "the event")) == sent
    del sent["time"]
    del sent["data"]
    assert cloud_event(Json(sent, "the event")) == sent


@pytest.mark.parametrize(
    ("members", "word"),
    [
        ({"specversion": "0.3"}, "specversion must be 1.0"),
        ({"id": None}, "id is missing"),
        ({"source": ""}, "source must not be empty"),
        ({"type": 1}, "type must be a string"),
        ({"time": "noon"}, "time must be a moment"),
        ({"subject": 1}, "subject must be a string"),
        ({"data_base64": "AA=="}, "cannot both be given"),
        ({"eventType": "x"}, "not the name of an attribute: eventType"),
    ],
)
def test_a_wrong_cloud_event_is_refused_by_name(members: dict[str, object], word: str) -> None:
    """The error names the attribute."""
    with pytest.raises(JsonError, match=word):
        cloud_event(Json(make_cloud_event(**members), "the event"))


def test_by_hand_an_event_may_come_from_any_source() -> None:
    """The schema is told by specversion, and the topic of another source stands."""
    assert any_event(Json(make_cloud_event(), "the body"), TOPIC) == make_cloud_event()
    assert any_event(Json(make_event_grid_event(topic="/vault"), "the body"), TOPIC)["topic"] == "/vault"
    assert any_event(Json(make_event_grid_event(), "the body"), TOPIC)["topic"] == TOPIC
    with pytest.raises(JsonError, match="the body: must be an object"):
        any_event(Json([], "the body"), TOPIC)

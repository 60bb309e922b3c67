"""The list of events: bounded, and searched by id."""

from emulator.cloud.event_grid_records import Direction, Record, Records
from tests.support.event_grid import cloud_event, event_grid_event


def _record(event_id: str, direction: Direction = "in") -> Record:
    return Record(event=event_grid_event(id=event_id), direction=direction, status="Pending")


def test_a_record_shows_its_event_in_either_schema() -> None:
    """Id and type are the event's own."""
    shown = _record("a").as_json()
    assert shown == {
        "id": "a",
        "type": "Some.Type",
        "direction": "in",
        "attempts": 0,
        "status": "Pending",
        "event": event_grid_event(id="a"),
    }
    assert Record(event=cloud_event(type="T"), direction="in", status="Pending").type == "T"


def test_the_oldest_makes_room_and_is_told() -> None:
    """Whoever adds learns which record has gone, so that its delivery can be given up."""
    records = Records(kept=2)
    first, second, third = (_record(each) for each in "abc")
    assert [records.add(each) for each in (first, second, third)] == [None, None, first]
    assert records.all() == [second, third]
    assert records.find("a") is None


def test_an_event_that_came_in_is_found_before_one_that_went_out() -> None:
    """And of several with one id the newest."""
    records = Records()
    came_in, newer, went_out, alone = _record("a"), _record("a"), _record("a", "out"), _record("b", "out")
    for each in (came_in, newer, went_out, alone):
        records.add(each)
    assert records.find("a") is newer
    assert records.find("b") is alone
    records.clear()
    assert records.find("a") is None

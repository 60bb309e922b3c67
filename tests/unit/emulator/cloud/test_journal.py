"""The journal keeps the newest requests."""

from emulator.cloud.journal import Entry, Journal, now


def test_it_is_bounded_and_keeps_the_newest() -> None:
    """Of more than 100,000 entries the oldest go."""
    journal = Journal()
    at = now()
    for number in range(100_002):
        journal.add(Entry(service="arm", operation=None, method="GET", path=f"/{number}", at=at))
    entries = journal.entries()
    assert (len(entries), entries[0].path, entries[-1].path) == (100_000, "/2", "/100001")

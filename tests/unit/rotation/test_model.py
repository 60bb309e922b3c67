"""What travels between the steps: everything turns into plain JSON and back, and times are in UTC."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from shared.parameters import KeyType
from shared.rotation.model import LISTING_LASTS, Found, Listing, Pending, SecretView, utc_text, utc_time

VIEWS = [
    SecretView("https://v/secrets/a/1", "a", "1", "sha256:p", KeyType.PRIMARY, "2026-01-01T00:00:00Z"),
    SecretView("https://v/secrets/b/2", "b", "2", "sha256:x", None, ""),
]


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_of_a_secret_survives_the_journey(view: SecretView) -> None:
    """To JSON and back it is the same."""
    assert SecretView.from_json(json.loads(json.dumps(view.to_json()))) == view


def test_a_finding_survives_the_journey() -> None:
    """Both keys and all secrets come back, typed."""
    found = Found({KeyType.PRIMARY: "sha256:p", KeyType.SECONDARY: "sha256:s"}, tuple(VIEWS))
    assert Found.from_json(json.loads(json.dumps(found.to_json()))) == found


def test_a_listing_is_known_for_as_long_as_it_lasts() -> None:
    """Its names are told in order until the very last moment, and then none: the step lists itself."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    listing = Listing(frozenset({"b"}), at).including(["a"])
    assert listing.known(at) == {"names": ["a", "b"]}
    assert listing.known(at + LISTING_LASTS) == {"names": ["a", "b"]}
    assert listing.known(at + LISTING_LASTS + timedelta(microseconds=1)) == {}


@pytest.mark.parametrize(
    ("revocation", "owed_by", "to_be_revoked"), [("r1-revoke", None, True), (None, "r1", True), (None, None, False)]
)
def test_a_key_in_grace_survives_the_journey(revocation: str | None, owed_by: str | None, to_be_revoked: bool) -> None:
    """With and without somebody who will end it, or is to hand it over; null is none."""
    pending = Pending(KeyType.SECONDARY, "sha256:s", datetime(2026, 1, 1, tzinfo=UTC), revocation, owed_by)
    assert Pending.from_json(json.loads(json.dumps(pending.to_json()))) == pending
    assert Pending.from_json(None) is None
    assert pending.to_be_revoked is to_be_revoked


def test_a_key_in_grace_that_an_older_release_has_noted_is_owed_by_nobody() -> None:
    """The state of a guard outlives a deployment."""
    noted = {"keyType": "Primary", "fingerprint": "sha256:p", "at": "2026-01-01T00:00:00Z", "revocationId": None}
    pending = Pending.from_json(noted)
    assert pending is not None
    assert not pending.to_be_revoked
    assert pending.to_json() == noted


@pytest.mark.parametrize(
    "time",
    [
        pytest.param(datetime(2026, 1, 1, 12, 30, 15, 999999, UTC), id="UTC"),
        pytest.param(datetime(2026, 1, 1, 12, 30, 15), id="as the engine gives it"),  # noqa: DTZ001  # that is the case
        pytest.param(datetime(2026, 1, 1, 14, 30, 15, tzinfo=timezone(timedelta(hours=2))), id="another zone"),
    ],
)
def test_a_time_is_told_in_utc_and_whole_seconds(time: datetime) -> None:
    """Whatever zone it came in, the text is ISO 8601 with a Z and reads back as UTC."""
    assert utc_text(time) == "2026-01-01T12:30:15Z"
    assert utc_time(utc_text(time)) == datetime(2026, 1, 1, 12, 30, 15, tzinfo=UTC)

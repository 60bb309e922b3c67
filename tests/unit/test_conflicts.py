"""The errors of a rotation, of Key Vault and of Event Grid: codes, statuses, what may pass, and the drawing."""

import re

import pytest

from shared import conflicts, errors, event_grid_errors, key_vault_errors
from shared.errors import AppError, Problem
from shared.event_data import MalformedEvent


@pytest.mark.parametrize(
    ("error", "status", "code", "retriable"),
    [
        (conflicts.KeyInUse(["https://v/secrets/s/1"]), 409, "KeyInUse", False),
        (conflicts.GracePending("2026-01-03T00:00:00Z"), 409, "GracePending", False),
        (conflicts.RotationInProgress("id"), 409, "RotationInProgress", False),
        (conflicts.StaleEvent(), 409, "StaleEvent", False),
        (conflicts.ActiveKeyUnknown(), 409, "ActiveKeyUnknown", False),
        (conflicts.SecretsDisagreed(), 409, "SecretsDisagreed", False),
        (conflicts.RequestIdReused(), 409, "RequestIdReused", False),
        (errors.NotProven("m"), 503, "NotProven", True),
        (errors.NoVerdict("m"), 503, "NotProven", True),
        (key_vault_errors.KeyVaultForbidden("m"), 403, "KeyVaultForbidden", False),
        (key_vault_errors.KeyVaultUnavailable("m", doubtful=True), 503, "KeyVaultUnavailable", True),
        (key_vault_errors.KeyVaultRejected("m"), 502, "KeyVaultRejected", False),
        (key_vault_errors.SecretNotOurs("s"), 409, "SecretNotOurs", False),
        (key_vault_errors.SecretDisabled("s"), 409, "SecretDisabled", False),
        (key_vault_errors.SecretDeleted("s"), 409, "SecretDeleted", False),
        (key_vault_errors.SecretFormatUnknown("s"), 409, "SecretFormatUnknown", False),
        (key_vault_errors.TagTooLong("m"), 409, "TagTooLong", False),
        (event_grid_errors.EventNotPublished("m", retriable=True), 503, "EventNotPublished", True),
        (event_grid_errors.EventNotPublished("m", retriable=False), 503, "EventNotPublished", False),
        (MalformedEvent([Problem("Code", "m", "data")]), 400, "MalformedEvent", False),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, AppError) else None,
)
def test_each_error_has_its_status_and_code(error: AppError, status: int, code: str, retriable: bool) -> None:
    """Each knows the HTTP status and the code of the contract, and whether it may pass by itself."""
    assert (error.status, error.code, error.retriable) == (status, code, retriable)
    assert error.to_json()["error"]["code"] == code


def test_a_conflict_says_what_is_in_the_way() -> None:
    """Which secrets, until when, whose: in additionalInfo, for a program, and as attributes."""
    info = [
        error.to_json()["error"]["additionalInfo"]
        for error in (
            conflicts.KeyInUse(["https://v/secrets/s/1"]),
            conflicts.GracePending("2026-01-03T00:00:00Z"),
            conflicts.GracePending("2026-01-03T00:00:00Z", "id"),
            conflicts.RotationInProgress("id"),
        )
    ]
    assert info == [
        [{"type": "PublishedBy", "info": {"secrets": ["https://v/secrets/s/1"]}}],
        [{"type": "GracePeriod", "info": {"at": "2026-01-03T00:00:00Z"}}],
        [{"type": "GracePeriod", "info": {"at": "2026-01-03T00:00:00Z", "id": "id"}}],
        [{"type": "RotationHolder", "info": {"id": "id"}}],
    ]
    assert conflicts.GracePending("t").at == "t"
    # an address is named only where somebody answers there
    assert "/api/rotations/id/revoke" in conflicts.GracePending("t", "id").message
    assert "/revoke" not in conflicts.GracePending("t").message
    assert conflicts.RotationInProgress("i").holder == "i"


def test_the_drawing_shows_every_error() -> None:
    """The docstring of the hierarchy names each class, of every module, and none that is gone."""
    drawn = set(re.findall(r"[├└]── (\w+)", errors.__doc__ or ""))
    existing: set[str] = set()
    unseen = [AppError]
    while unseen:
        subclasses = unseen.pop().__subclasses__()
        existing |= {each.__name__ for each in subclasses if each.__module__.startswith("shared.")}
        unseen += subclasses
    assert drawn == existing

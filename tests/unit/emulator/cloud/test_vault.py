"""Secrets, their versions and what becomes of them."""

import pytest

from emulator.cloud.vault import Changes, Draft, LimitError, NameIsDeletedError, Vault, is_name


class _Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.9

    def __call__(self) -> float:
        return self.now


def test_times_are_whole_seconds() -> None:
    """Creation and change are stamped as the service does it; an update leaves the creation alone."""
    clock = _Clock()
    vault = Vault(clock)
    version = vault.set("name", Draft(value="v")).current
    assert (version.created, version.updated) == (1000, 1000)
    clock.now = 2000.1
    vault.update(version, Changes(enabled=False))
    assert (version.created, version.updated, version.enabled) == (1000, 2000, False)


def test_the_first_casing_of_a_name_stays() -> None:
    """Another casing is the same secret, deleted or not."""
    vault = Vault()
    secret = vault.set("Name", Draft(value="1"))
    assert vault.set("NAME", Draft(value="2")) is secret
    assert (secret.name, [each.value for each in secret.versions]) == ("Name", ["1", "2"])
    vault.delete(secret)
    assert vault.find("name") is None
    assert vault.find_deleted("nAME") is secret
    with pytest.raises(NameIsDeletedError):
        vault.set("name", Draft(value="3"))
    vault.recover(secret)
    assert vault.find("name") is secret


def test_secrets_are_sorted_by_name_in_any_casing() -> None:
    """`b` comes after `A` and before `C`, as in the service's markers."""
    vault = Vault()
    for name in ("b", "C", "A", "a-"):
        vault.set(name, Draft(value="v"))
    assert [each.name for each in vault.secrets()] == ["A", "a-", "b", "C"]


def test_drafts_are_copied() -> None:
    """Changing the tags that were given changes no version."""
    tags = {"a": "b"}
    vault = Vault()
    version = vault.set("name", Draft(value="v", tags=tags)).current
    vault.update(version, Changes(tags=tags))
    tags["c"] = "d"
    assert version.tags == {"a": "b"}


def test_a_draft_beyond_the_limits_leaves_no_secret() -> None:
    """The message names the part and repeats nothing of it; a lone surrogate is counted, not choked on."""
    vault = Vault()
    with pytest.raises(LimitError, match="value must have at most 25600 bytes") as caught:
        vault.set("name", Draft(value="\ud800" * 8534))
    assert "\ud800" not in str(caught.value)
    assert vault.find("name") is None
    vault.set("name", Draft(value="\ud800" * 8533))


def test_values_do_not_show_in_a_representation() -> None:
    """A secret in a failed assertion or a log line shows no value."""
    vault = Vault()
    draft = Draft(value="hidden")
    assert "hidden" not in repr(vault.set("name", draft)) + repr(draft)


@pytest.mark.parametrize(("text", "valid"), [("a", True), ("A-9", True), ("", False), ("a\n", False), ("ä", False)])
def test_names(text: str, valid: bool) -> None:
    """Letters, digits and hyphens of ASCII, and nothing behind them."""
    assert is_name(text) is valid

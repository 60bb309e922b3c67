"""The settings of publishing: the vault, its check, the grace period and the validity, and how they depend."""

from datetime import timedelta

import pytest

from shared.errors import NotConfigured
from shared.settings import Settings, parse_settings, require_key_vault
from tests.support.vault import RESOURCE


def parse(**variables: str) -> Settings:
    """Return the settings of an environment that has a default resource and these variables."""
    return parse_settings({"COMMUNICATION_SERVICE_ID": str(RESOURCE), **variables})


def wrong(**variables: str) -> dict[str, str]:
    """Return what is said of the settings that are wrong, by name."""
    with pytest.raises(NotConfigured) as caught:
        parse(**variables)
    return {detail["target"]: detail["message"] for detail in caught.value.details}


def test_the_defaults_publish_nowhere() -> None:
    """No vault; a check that is on; two days of grace; ninety days of validity."""
    configured = parse()
    assert configured.key_vault_url is None
    assert configured.key_vault_verify_challenge_resource is True
    assert configured.rotation_grace_period == timedelta(days=2)
    assert configured.rotation_validity_days == 90


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://my-vault.vault.azure.net", "https://my-vault.vault.azure.net"),
        (" https://my-vault.vault.azure.net/ ", "https://my-vault.vault.azure.net"),
        ("https://localhost:8443", "https://localhost:8443"),
    ],
)
def test_a_vault_is_an_https_origin(text: str, url: str) -> None:
    """The origin alone is kept, and given to who needs a vault."""
    configured = parse(KEY_VAULT_URL=text)
    assert configured.key_vault_url == url
    assert require_key_vault(configured) == url


@pytest.mark.parametrize(
    "text",
    ["http://v.vault.azure.net", "v.vault.azure.net", "https://v/secrets", "https://u@v", "https://v?x", "https://[v"],
)
def test_anything_else_is_no_vault(text: str) -> None:
    """Another scheme, a path, a user, a query: wrong, with an example of a right one."""
    message = wrong(KEY_VAULT_URL=text)["KEY_VAULT_URL"]
    assert "https://my-vault.vault.azure.net" in message
    assert text not in message


def test_without_a_vault_whoever_needs_one_is_told_the_setting() -> None:
    """NotConfigured, by name."""
    with pytest.raises(NotConfigured) as caught:
        require_key_vault(parse())
    assert [detail["target"] for detail in caught.value.details] == ["KEY_VAULT_URL"]


@pytest.mark.parametrize(("text", "on"), [("true", True), ("FALSE", False), ("False", False), ("", True)])
def test_the_check_of_the_challenge_is_on_or_off(text: str, on: bool) -> None:
    """true and false, in any case; empty is the default."""
    assert parse(KEY_VAULT_VERIFY_CHALLENGE_RESOURCE=text).key_vault_verify_challenge_resource is on


@pytest.mark.parametrize("text", ["0", "no", "off", "yes", "truefalse"])
def test_a_check_must_not_be_switched_off_by_mistake(text: str) -> None:
    """Any other word is an error, not a guess."""
    assert "true or false" in wrong(KEY_VAULT_VERIFY_CHALLENGE_RESOURCE=text)["KEY_VAULT_VERIFY_CHALLENGE_RESOURCE"]


@pytest.mark.parametrize("text", ["PT0S", "PT5S", "P30D"])
def test_a_grace_period_is_a_duration(text: str) -> None:
    """Of days and time only, up to thirty days."""
    assert parse(ROTATION_GRACE_PERIOD=text).rotation_grace_period <= timedelta(days=30)


@pytest.mark.parametrize("text", ["2", "P1M", "P31D", "-P1D", "two days"])
def test_a_bad_grace_period_is_named(text: str) -> None:
    """Months, too long, negative, no duration."""
    assert set(wrong(ROTATION_GRACE_PERIOD=text)) == {"ROTATION_GRACE_PERIOD"}


@pytest.mark.parametrize(("days", "grace"), [("33", "P2D"), ("31", "PT0S"), ("61", "P30D"), ("3650", "P2D")])
def test_a_validity_outlasts_its_announcement_and_the_grace(days: str, grace: str) -> None:
    """30 days, the grace period and one more are the shortest, ten years the longest."""
    assert parse(ROTATION_VALIDITY_DAYS=days, ROTATION_GRACE_PERIOD=grace).rotation_validity_days == int(days)


@pytest.mark.parametrize(
    ("days", "grace"),
    [
        ("30", "PT0S"),
        ("60", "P30D"),
        ("33", "P2DT1S"),
        *((days, "P2D") for days in ("32", "3651", "0", "-90", "90.5", "ninety", "99999", "٩٠")),
    ],
)
def test_a_bad_validity_is_named_with_its_bounds(days: str, grace: str) -> None:
    """The message says what the shortest one is, and why."""
    message = wrong(ROTATION_VALIDITY_DAYS=days, ROTATION_GRACE_PERIOD=grace)["ROTATION_VALIDITY_DAYS"]
    assert "3650" in message
    assert "ROTATION_GRACE_PERIOD" in message


def test_all_that_is_wrong_is_said_together() -> None:
    """Four settings, four problems."""
    assert set(
        wrong(
            KEY_VAULT_URL="x",
            KEY_VAULT_VERIFY_CHALLENGE_RESOURCE="x",
            ROTATION_GRACE_PERIOD="x",
            ROTATION_VALIDITY_DAYS="x",
        )
    ) == {
        "KEY_VAULT_URL",
        "KEY_VAULT_VERIFY_CHALLENGE_RESOURCE",
        "ROTATION_GRACE_PERIOD",
        "ROTATION_VALIDITY_DAYS",
    }

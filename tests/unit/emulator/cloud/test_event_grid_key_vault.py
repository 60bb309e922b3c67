"""The vault's events, against a clock that the test holds."""

from typing import cast

from emulator.cloud.event_grid_key_vault import KeyVaultEvents
from emulator.cloud.vault import DAY_SECONDS, Changes, Draft, Vault

NOW = 1_800_000_000
Event = dict[str, object]


class _Watched:
    """A vault, its clock, and what it announced."""

    def __init__(self) -> None:
        self.now = float(NOW)
        self.vault = Vault(lambda: self.now)
        self.published: list[Event] = []
        self.events = KeyVaultEvents(self.vault, "https://vault", self.published.append, lambda: self.now)
        self.vault.on_new_version = self.events.on_new_version

    def taken(self) -> list[str]:
        """Return which secret had which event since the last time."""
        taken = [f"{each['subject']} {str(each['eventType']).rpartition('.')[2]}" for each in self.published]
        self.published.clear()
        return taken

    def set(self, name: str, days: float | None) -> None:
        """Set a secret that expires in so many days."""
        self.vault.set(name, Draft(value="v", expires=None if days is None else int(self.now + days * DAY_SECONDS)))


def test_a_new_version_is_announced_once() -> None:
    """Each set is one event, which names the version and holds no value."""
    watched = _Watched()
    secret = watched.vault.set("Name", Draft(value="hidden", not_before=1, expires=NOW + 90 * DAY_SECONDS))
    [event] = watched.published
    assert event["data"] == {
        "Id": f"https://vault/secrets/Name/{secret.current.id}",
        "VaultName": "MyKeyVault",
        "ObjectType": "Secret",
        "ObjectName": "Name",
        "Version": secret.current.id,
        "NBF": "1",
        "EXP": str(NOW + 90 * DAY_SECONDS),
    }
    assert "hidden" not in str(event)
    watched.events.check()
    assert watched.taken() == ["Name SecretNewVersionCreated"]


def test_a_secret_without_dates_has_none_in_its_events() -> None:
    """NBF and EXP are null, and nothing ever comes near."""
    watched = _Watched()
    watched.set("a", None)
    data = cast("Event", watched.published[0]["data"])
    assert (data["NBF"], data["EXP"]) == (None, None)
    watched.now += 10_000 * DAY_SECONDS
    watched.events.check()
    assert watched.taken() == ["a SecretNewVersionCreated"]


def test_expiry_is_announced_30_days_before_and_again_when_it_comes() -> None:
    """Each once, however often the vault is looked through."""
    watched = _Watched()
    watched.set("a", 31)
    told: list[list[str]] = [watched.taken()]
    for days in (0.9, 0.2, 15, 14, 1, 100):
        watched.now += days * DAY_SECONDS
        watched.events.check()
        told.append(watched.taken())
    assert told == [["a SecretNewVersionCreated"], [], ["a SecretNearExpiry"], [], [], ["a SecretExpired"], []]


def test_a_version_that_is_near_expiry_when_it_is_set_is_announced_at_once() -> None:
    """After its creation; one that has expired already as expired alone; each new version anew."""
    watched = _Watched()
    watched.set("a", 29)
    watched.set("b", -1)
    watched.set("a", 29)
    assert watched.taken() == [
        *("a SecretNewVersionCreated", "a SecretNearExpiry"),
        *("b SecretNewVersionCreated", "b SecretExpired"),
        *("a SecretNewVersionCreated", "a SecretNearExpiry"),
    ]


def test_only_the_current_version_counts() -> None:
    """A rotation in time keeps the old version's expiry quiet, as does a deletion."""
    watched = _Watched()
    watched.set("a", 31)
    watched.set("a", 90)
    watched.set("b", 31)
    watched.vault.delete(watched.vault.secrets()[1])
    watched.taken()
    watched.now += 40 * DAY_SECONDS
    watched.events.check()
    assert watched.taken() == []


def test_an_expiry_that_is_changed_counts_anew() -> None:
    """Moved away nothing is announced, moved near it is."""
    watched = _Watched()
    watched.set("a", 29)
    version = watched.vault.secrets()[0].current
    watched.taken()
    for days in (90, 20, 20):
        watched.vault.update(version, Changes(expires=NOW + days * DAY_SECONDS))
        watched.events.check()
    assert watched.taken() == ["a SecretNearExpiry"]


def test_what_was_there_from_the_start_is_not_announced() -> None:
    """Nor is anybody needed who listens."""
    watched = _Watched()
    watched.vault.set("a", Draft(value="v"), announce=False)
    assert watched.taken() == []
    Vault().set("a", Draft(value="v"))

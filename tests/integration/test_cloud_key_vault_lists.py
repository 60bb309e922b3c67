"""Lists of secrets and versions: pages, next links, order, and changes between two pages."""

from typing import cast

import pytest

from emulator.cloud.cloud import Cloud
from emulator.cloud.defaults import SECRETS_OFFICER
from emulator.cloud.first_secret import NAME as FIRST_SECRET
from tests.support.cloud import Answer, Http
from tests.support.key_vault import KeyVaultClient

Item = dict[str, object]


@pytest.fixture
def vault(cloud: Cloud, http: Http) -> KeyVaultClient:
    """A plain client that may do everything."""
    return KeyVaultClient(cloud, http, SECRETS_OFFICER)


def _ids(answer: Answer) -> list[str]:
    assert answer.status == 200
    return [str(each["id"]) for each in cast("list[Item]", answer.members["value"])]


async def _pages(cloud: Cloud, vault: KeyVaultClient, path: str, query: str) -> list[list[str]]:
    """Follow the next links as they are given, to the last page."""
    answer = await vault.send("GET", path, query=query)
    pages = [_ids(answer)]
    while answer.members["nextLink"] is not None:
        link = str(answer.members["nextLink"])
        assert link.startswith(f"{cloud.key_vault_url}{path}?api-version=7.6&$skiptoken=")
        answer = await vault.send("GET", path, query=link.partition("?")[2])
        pages.append(_ids(answer))
    return pages


async def test_pages_of_secrets_have_25_unless_fewer_are_asked_for(cloud: Cloud, vault: KeyVaultClient) -> None:
    """Sixty secrets come in three pages, or as many as maxresults makes of them, each once and in order."""
    for number in range(59):
        await vault.set(f"secret-{number:02}")
    pages = await _pages(cloud, vault, "/secrets", "api-version=7.6")
    assert [len(each) for each in pages] == [25, 25, 10]
    ids = [each for page in pages for each in page]
    assert ids == [f"{cloud.key_vault_url}/secrets/{FIRST_SECRET}"] + [
        f"{cloud.key_vault_url}/secrets/secret-{number:02}" for number in range(59)
    ]
    pages = await _pages(cloud, vault, "/secrets", "api-version=7.6&maxresults=7")
    assert [len(each) for each in pages] == [7] * 8 + [4]
    assert [each for page in pages for each in page] == ids
    full = await _pages(cloud, vault, "/secrets", "api-version=7.6&maxresults=20")
    assert [len(each) for each in full] == [20] * 3


async def test_pages_of_versions_are_in_the_order_of_their_ids(cloud: Cloud, vault: KeyVaultClient) -> None:
    """Forty versions come in two pages, sorted by id and not by age, without a value."""
    versions = [await vault.set("name", str(number)) for number in range(40)]
    pages = await _pages(cloud, vault, "/secrets/name/versions", "api-version=7.6")
    assert [len(each) for each in pages] == [25, 15]
    ids = [each for page in pages for each in page]
    assert ids == [f"{cloud.key_vault_url}/secrets/name/{version}" for version in sorted(versions)]
    items = cast("list[Item]", (await vault.send("GET", "/secrets/name/versions")).members["value"])
    assert all("value" not in item for item in items)


async def test_an_item_shows_the_newest_version_under_the_secrets_id(vault: KeyVaultClient) -> None:
    """The list of secrets has tags, content type and attributes of the current version, disabled ones included."""
    await vault.set("a", tags={"old": "1"})
    await vault.set("a", contentType="text/plain", tags={"new": "1"}, attributes={"enabled": False})
    [item, _] = cast("list[Item]", (await vault.send("GET", "/secrets")).members["value"])
    assert str(item["id"]).endswith("/secrets/a")
    assert (item["contentType"], item["tags"]) == ("text/plain", {"new": "1"})
    assert cast("Item", item["attributes"])["enabled"] is False
    assert "value" not in item


async def test_changes_between_two_pages_shift_nothing(vault: KeyVaultClient) -> None:
    """A secret that goes or comes before the next page neither hides nor repeats another one."""
    for name in ("a", "c", "e"):
        await vault.set(name)
    first = await vault.send("GET", "/secrets", query="api-version=7.6&maxresults=2")
    await vault.send("DELETE", "/secrets/a")
    await vault.send("DELETE", "/secrets/e")
    await vault.set("b")
    await vault.set("f")
    rest = await vault.send("GET", "/secrets", query=str(first.members["nextLink"]).partition("?")[2])
    assert [each.rpartition("/")[2] for each in _ids(rest)] == ["f", FIRST_SECRET]


async def test_deleted_secrets_are_listed_apart(cloud: Cloud, vault: KeyVaultClient) -> None:
    """They leave the one list for the other, which has pages too, and have no versions meanwhile."""
    for name in ("a", "b", "c"):
        await vault.set(name)
        await vault.send("DELETE", f"/secrets/{name}")
    assert _ids(await vault.send("GET", "/secrets")) == [f"{cloud.key_vault_url}/secrets/{FIRST_SECRET}"]
    pages = await _pages(cloud, vault, "/deletedsecrets", "api-version=7.6&maxresults=2")
    assert [[each.rpartition("/")[2] for each in page] for page in pages] == [["a", "b"], ["c"]]
    item = cast("list[Item]", (await vault.send("GET", "/deletedsecrets")).members["value"])[0]
    assert item["recoveryId"] == f"{cloud.key_vault_url}/deletedsecrets/a"
    assert _ids(await vault.send("GET", "/secrets/a/versions")) == []


async def test_a_secret_that_does_not_exist_has_no_versions(vault: KeyVaultClient) -> None:
    """The list is empty; it is no error."""
    answer = await vault.send("GET", "/secrets/unknown/versions")
    assert (answer.status, answer.json) == (200, {"value": [], "nextLink": None})


@pytest.mark.parametrize("query", ["maxresults=0", "maxresults=26", "maxresults=-1", "maxresults=x", "maxresults=250"])
async def test_a_page_size_that_is_none_is_refused(vault: KeyVaultClient, query: str) -> None:
    """BadParameter, for both lists."""
    for path in ("/secrets", f"/secrets/{FIRST_SECRET}/versions"):
        answer = await vault.send("GET", path, query=f"api-version=7.6&{query}")
        assert (answer.status, answer.error["code"]) == (400, "BadParameter")


@pytest.mark.parametrize("token", ["", "x", "eyJ9", "%C3%A9", "W10", "e30"])
async def test_a_skip_token_that_is_none_is_refused(vault: KeyVaultClient, token: str) -> None:
    """Nothing, no base64, no JSON, an array and an object without a marker are all BadParameter."""
    answer = await vault.send("GET", "/secrets", query=f"api-version=7.6&$skiptoken={token}")
    assert (answer.status, answer.error["code"]) == (400, "BadParameter")

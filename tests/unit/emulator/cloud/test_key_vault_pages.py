"""Pages and their links."""

import pytest

from emulator.cloud.key_vault_errors import KeyVaultError
from emulator.cloud.key_vault_pages import page

ITEMS = [f"{number:02}" for number in range(30)]


def _page(**query: str) -> dict[str, object]:
    return page(
        ITEMS,
        marker=lambda item: item,
        shape=lambda item: item,
        query={"api-version": "7.6", **query},
        url="https://localhost:1/secrets",
    )


def test_a_next_link_has_the_form_of_recorded_ones() -> None:
    """The query has the api-version, a skip token with the next marker, and the page size if one was asked for."""
    link = str(_page()["nextLink"])
    # base64url of {"NextMarker":"25","TargetLocation":0}, without padding.
    token = "eyJOZXh0TWFya2VyIjoiMjUiLCJUYXJnZXRMb2NhdGlvbiI6MH0"
    assert link == f"https://localhost:1/secrets?api-version=7.6&$skiptoken={token}"
    assert str(_page(maxresults="25")["nextLink"]) == f"{link}&maxresults=25"
    assert _page(**{"$skiptoken": token}) == {"value": ITEMS[25:], "nextLink": None}


def test_an_exact_last_page_has_no_link() -> None:
    """No empty page follows."""
    link = str(_page(maxresults="15")["nextLink"])
    token = link.partition("$skiptoken=")[2].partition("&")[0]
    assert _page(**{"maxresults": "15", "$skiptoken": token}) == {"value": ITEMS[15:], "nextLink": None}


@pytest.mark.parametrize("size", ["", "0", "26", "1.5", "٣", "00025"])
def test_a_size_that_is_none_is_refused(size: str) -> None:
    """From 1 to 25, in plain digits."""
    with pytest.raises(KeyVaultError):
        _page(maxresults=size)

"""ARM ids of communication services."""

import pytest

from emulator.cloud.defaults import RESOURCE_ID
from emulator.cloud.resource_ids import ResourceId


def test_an_id_is_taken_apart_and_put_together_again() -> None:
    """The names keep their casing, the rest has ARM's."""
    parsed = ResourceId.parse(RESOURCE_ID.upper())
    assert parsed.name == "MYCOMMUNICATIONRESOURCE"
    assert str(parsed) == RESOURCE_ID.replace("MyResourceGroup", "MYRESOURCEGROUP").replace(
        "MyCommunicationResource", "MYCOMMUNICATIONRESOURCE"
    )
    assert parsed.key == ResourceId.parse(RESOURCE_ID).key


@pytest.mark.parametrize(
    "text",
    [
        "",
        RESOURCE_ID + "/",
        RESOURCE_ID + "\n",
        RESOURCE_ID.removeprefix("/"),
        RESOURCE_ID.replace("11112222", "1111222"),
        RESOURCE_ID.replace("MyResourceGroup", "a" * 91),
        RESOURCE_ID.replace("MyCommunicationResource", "a" * 64),
        RESOURCE_ID.replace("MyCommunicationResource", "a.b"),
        RESOURCE_ID.replace("communicationServices", "emailServices"),
    ],
)
def test_anything_else_is_refused_without_being_repeated(text: str) -> None:
    """The error says what it should have been, and does not echo what it was."""
    with pytest.raises(ValueError, match="is not the ARM id of a communication service"):
        ResourceId.parse(text)

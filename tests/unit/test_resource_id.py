"""ARM ids and the allow-list: every spelling of an allowed resource, and no other resource, gets through."""

import pytest

from shared.resource_id import AllowList, ResourceId, Scope
from tests.support.fakes import RESOURCE, SUBSCRIPTION

ID = str(RESOURCE)
OTHER_SUBSCRIPTION = "99992222-3333-4444-5555-666677778888"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(ID, id="as it is"),
        pytest.param(ID + "/", id="trailing slash"),
        pytest.param(f"  {ID}\n", id="in blanks"),
        pytest.param(ID.upper(), id="upper case"),
        pytest.param(ID.lower(), id="lower case"),
        pytest.param(ID.replace("resourceGroups", "resourcegroups"), id="as Event Grid spells it"),
        pytest.param(ID.replace("communicationServices", "CommunicationServices"), id="as ARM spells the type"),
    ],
)
def test_spellings_of_one_resource_are_equal(text: str) -> None:
    """Case, a trailing slash and blanks around make no other resource, and one key stands for all spellings."""
    resource = ResourceId.parse(text)
    assert resource == RESOURCE
    assert hash(resource) == hash(RESOURCE)
    assert resource.key == RESOURCE.key == ID.lower()


def test_an_id_keeps_the_case_of_its_names_and_has_canonical_literals() -> None:
    """Names go out as they came, the words between them as ARM's documentation writes them."""
    text = str(ResourceId.parse(ID.replace("MyResourceGroup", "myRG").replace("subscriptions", "SUBSCRIPTIONS")))
    assert text == ID.replace("MyResourceGroup", "myRG")


def test_an_id_is_not_equal_to_its_text() -> None:
    """A ResourceId equals another ResourceId alone."""
    assert RESOURCE != ID


NOT_IDS = [
    pytest.param("", id="empty"),
    pytest.param("/", id="a slash"),
    pytest.param(ID[1:], id="no leading slash"),
    pytest.param("/" + ID, id="two leading slashes"),
    pytest.param(ID + "//", id="two trailing slashes"),
    pytest.param(ID.replace("/resourceGroups/", "//resourceGroups/"), id="empty segment"),
    pytest.param(ID.replace("MyCommunicationResource", ""), id="empty name"),
    pytest.param(ID.replace("MyResourceGroup", ""), id="empty group"),
    pytest.param(ID.replace(SUBSCRIPTION, ""), id="empty subscription"),
    pytest.param(ID.replace(SUBSCRIPTION, "not-a-guid"), id="subscription that is no UUID"),
    pytest.param(ID.replace(SUBSCRIPTION, "{" + SUBSCRIPTION + "}"), id="subscription in braces"),
    pytest.param(ID.replace(SUBSCRIPTION, SUBSCRIPTION.replace("-", "")), id="subscription without dashes"),
    pytest.param(ID.replace("Microsoft.Communication", "Microsoft.KeyVault"), id="other provider"),
    pytest.param(ID.replace("Microsoft.Communication", "Microsoft.Communication.evil"), id="longer provider"),
    pytest.param(ID.replace("communicationServices", "emailServices"), id="other type"),
    pytest.param(ID.replace("resourceGroups", "resourceGroup"), id="singular"),
    pytest.param(ID + "/smtpUsernames/x", id="child resource"),
    pytest.param(ID + "/regenerateKey", id="action"),
    pytest.param(ID + "?api-version=2023-03-31", id="query"),
    pytest.param(ID + "#x", id="fragment"),
    pytest.param(ID.replace("MyCommunicationResource", ".."), id="dots as name"),
    pytest.param(ID.replace("MyResourceGroup", ".."), id="dots as group"),
    pytest.param(ID.replace("MyResourceGroup", "."), id="dot as group"),
    pytest.param(ID.replace("MyResourceGroup", "x/../MyResourceGroup"), id="way up"),
    pytest.param(ID.replace("MyResourceGroup", "MyResource%47roup"), id="percent-encoded letter"),
    pytest.param(ID.replace("MyResourceGroup", "%2e%2e"), id="percent-encoded dots"),
    pytest.param(ID.replace("/resourceGroups", "%2FresourceGroups"), id="percent-encoded slash"),
    pytest.param(ID.replace("/", "\\"), id="backslashes"),
    pytest.param(ID.replace("MyResourceGroup", "MyResourceGroup\n"), id="line break in a segment"),
    pytest.param(ID.replace("MyCommunicationResource", "My\nResource"), id="line break in the name"),
    pytest.param(ID.replace("MyCommunicationResource", "My\x00Resource"), id="NUL"),
    pytest.param(ID.replace("MyCommunicationResource", "My Resource"), id="blank in the name"),
    pytest.param(ID.replace("MyCommunicationResource", "MyС"), id="Cyrillic letter in the name"),
    pytest.param(ID.replace("MyResourceGroup", "MyRеsourceGroup"), id="Cyrillic letter in the group"),
    pytest.param(ID.replace("subscriptions", "ſubscriptions"), id="long s in a literal"),
    pytest.param(ID.replace("1111", "١١١١"), id="Arabic digits"),
    pytest.param(ID.replace("MyCommunicationResource", "n" * 64), id="name too long"),
    pytest.param(ID.replace("MyResourceGroup", "g" * 91), id="group too long"),
    pytest.param(ID.replace("MyResourceGroup", "group."), id="group ending in a period"),
    pytest.param("https://management.azure.com" + ID, id="URL"),
]


@pytest.mark.parametrize("text", NOT_IDS)
def test_what_is_no_id_is_refused(text: str) -> None:
    """An id that ARM would not take names nothing here either, and the sentence does not repeat it."""
    with pytest.raises(ValueError, match=r"^is not ") as raised:
        ResourceId.parse(text)
    assert len(text) < 20 or text not in str(raised.value)


@pytest.mark.parametrize(
    "text", [f"/subscriptions/{SUBSCRIPTION}", f"/subscriptions/{SUBSCRIPTION}/resourceGroups/MyResourceGroup"]
)
def test_a_scope_is_no_resource_id(text: str) -> None:
    """A subscription or a resource group is a scope, and not the id of a resource."""
    assert Scope.parse(text).name is None
    with pytest.raises(ValueError, match="Communication Services resource"):
        ResourceId.parse(text)


@pytest.mark.parametrize("text", ["MyCommunicationResource", f"/subscriptions/{SUBSCRIPTION}/resourceGroups"])
def test_what_is_no_id_is_shown_what_an_id_is(text: str) -> None:
    """The sentence shows the form of a resource's id, and does not offer a subscription, which is refused as well."""
    with pytest.raises(ValueError, match="/communicationServices/") as raised:
        ResourceId.parse(text)
    assert "an ARM id of a subscription" not in str(raised.value)


def test_the_longest_names_are_taken() -> None:
    """A name may have 63 characters and a group 90, with the characters that ARM allows there."""
    resource, problems = ResourceId.from_parts(SUBSCRIPTION, "a.(b)_-" + "g" * 83, "n-_" + "9" * 60)
    assert problems == []
    assert resource is not None


def test_every_wrong_part_is_told() -> None:
    """All wrong parts come at once, each under the name that it has in ARM's path, and none is echoed."""
    resource, problems = ResourceId.from_parts("s3cr3t!", "s3cr3t.", "s3cr3t/..")
    assert resource is None
    assert [problem.target for problem in problems] == [
        "subscriptionId",
        "resourceGroupName",
        "communicationServiceName",
    ]
    assert not any("s3cr3t" in problem.message for problem in problems)


def allow_list(*scopes: str) -> AllowList:
    """Return the allow-list of some scopes."""
    return AllowList(Scope.parse(scope) for scope in scopes)


GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/MyResourceGroup"


@pytest.mark.parametrize(
    "scope",
    [
        pytest.param(ID, id="the resource"),
        pytest.param(ID.upper(), id="the resource in upper case"),
        pytest.param(ID + "/", id="the resource with a slash"),
        pytest.param(GROUP, id="its group"),
        pytest.param(GROUP.lower() + "/", id="its group in lower case with a slash"),
        pytest.param(f"/subscriptions/{SUBSCRIPTION}", id="its subscription"),
    ],
)
def test_a_scope_allows_what_lies_in_it(scope: str) -> None:
    """The resource itself, its group and its subscription allow it, in any case."""
    assert allow_list(scope).allows(RESOURCE)


@pytest.mark.parametrize(
    "scope",
    [
        pytest.param(f"/subscriptions/{SUBSCRIPTION}/resourceGroups/My", id="beginning of the group"),
        pytest.param(GROUP + "2", id="longer group"),
        pytest.param(ID[:-1], id="beginning of the name"),
        pytest.param(ID + "2", id="longer name"),
        pytest.param(ID.replace("MyResourceGroup", "OtherGroup"), id="same name in another group"),
        pytest.param(f"/subscriptions/{OTHER_SUBSCRIPTION}", id="other subscription"),
        pytest.param(ID.replace(SUBSCRIPTION, OTHER_SUBSCRIPTION), id="same names in another subscription"),
    ],
)
def test_a_scope_allows_nothing_beside_it(scope: str) -> None:
    """Whole segments are compared: what merely begins alike is not allowed."""
    assert not allow_list(scope).allows(RESOURCE)


def test_one_scope_of_several_is_enough() -> None:
    """A resource is allowed if any scope holds it."""
    assert allow_list(f"/subscriptions/{OTHER_SUBSCRIPTION}", ID).allows(RESOURCE)


def test_an_empty_list_allows_nothing() -> None:
    """Without a scope nothing may be touched."""
    assert not AllowList(()).allows(RESOURCE)
    assert not AllowList(())
    assert allow_list(ID)


@pytest.mark.parametrize(
    "text",
    [
        *NOT_IDS,
        "*",
        "/subscriptions",
        "/subscriptions/*",
        f"/subscriptions/{SUBSCRIPTION}/resourceGroups",
        "/providers/Microsoft.Communication",
    ],
)
def test_a_scope_is_a_whole_arm_id(text: str) -> None:
    """What is not the id of a subscription, a group or a resource is no scope: there are no wildcards."""
    with pytest.raises(ValueError, match=r"^is not "):
        Scope.parse(text)

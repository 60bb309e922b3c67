"""What a secret publishes: key, owner, slot, validity, and what its next version looks like."""

from collections.abc import Mapping
from datetime import timedelta

import pytest

from shared.key_vault_errors import SecretFormatUnknown, TagTooLong
from shared.parameters import KeyType
from shared.published_secret import check_tags, default_name, next_tags, render, validity
from shared.redaction import AccessKey, Secret, fingerprint
from shared.resource_id import ResourceId
from tests.support.vault import ENDPOINT, NEW_KEY, OLD_KEY, OUR_TAGS, RESOURCE, access_key, connected, secret

CASK_KEY = ("Ab3dEf9hIj" * 6)[:52] + "JQQJ99" + "BFACULyCphAAAAAZCS" + "1a2B3c4D"
OTHER_VENDOR = "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=" + OLD_KEY

KEYS = [
    pytest.param(OLD_KEY, OLD_KEY, id="bare key"),
    pytest.param(CASK_KEY, CASK_KEY, id="bare key of the newer shape"),
    pytest.param(f"{OLD_KEY}\n", OLD_KEY, id="bare key with a line break"),
    pytest.param(f"\ufeff{OLD_KEY}", f"\ufeff{OLD_KEY}", id="bare key with a byte order mark"),
    pytest.param(connected(OLD_KEY), OLD_KEY, id="connection string"),
    pytest.param(f"accesskey=x;endpoint={ENDPOINT};AccessKey={OLD_KEY}", OLD_KEY, id="two keys: the last one"),
    pytest.param("", "", id="empty"),
    pytest.param(" \n", "", id="blank"),
    pytest.param(f'{{"key":"{OLD_KEY}"}}', f'{{"key":"{OLD_KEY}"}}', id="JSON"),
    pytest.param(OTHER_VENDOR, OTHER_VENDOR, id="another vendor's connection string"),
    pytest.param("x" * 25_600, "x" * 25_600, id="25 KiB"),
]


@pytest.mark.parametrize(("value", "key"), KEYS)
def test_the_value_says_what_is_published(value: str, key: str) -> None:
    """The fingerprint is that of the key inside, whatever the tags say."""
    for tags in (OUR_TAGS, {}, {"CredentialId": "Secondary", "ProviderAddress": "nobody"}):
        assert secret(value, tags=tags).fingerprint == fingerprint(key)
    assert secret(value).key.reveal() == key


@pytest.mark.parametrize(
    ("value", "holds"),
    [
        (OLD_KEY, True),
        (connected(OLD_KEY), True),
        (f"accesskey={OLD_KEY};accesskey=x", True),
        (f'{{"key":"{OLD_KEY}"}}', True),
        (f'{{"key":"{"/".join([OLD_KEY[:9], OLD_KEY[9:]])}"}}'.replace("/", "\\/"), False),
        (OTHER_VENDOR, True),
        (connected(NEW_KEY), False),
        ("", False),
    ],
)
def test_a_key_anywhere_in_a_value_is_held(value: str, holds: bool) -> None:
    """A consumer may read the value in ways that nobody here knows: the key's text alone decides."""
    assert secret(value).holds(Secret(OLD_KEY)) is holds


def test_a_key_with_slashes_is_found_in_escaped_json() -> None:
    """JSON may write a slash as \\/."""
    assert secret('{"key":"ab\\/cd\\/ef=="}').holds(Secret("ab/cd/ef=="))


@pytest.mark.parametrize(
    "value",
    [
        '{"key":"ab\\u002bcd\\u002Fef=="}',
        '{"key":"ab+cd\\/ef\\u003d\\u003d"}',
        "https://host/?accesskey=ab%2Bcd%2fef%3D%3D",
    ],
)
def test_an_escaped_key_is_found(value: str) -> None:
    """.NET's JSON writes + as \\u002B, and a URL as %2B."""
    assert secret(value).holds(Secret("ab+cd/ef=="))


def test_an_empty_key_is_held_by_nobody() -> None:
    """An empty text stands in every value and says nothing."""
    assert not secret(OLD_KEY).holds(Secret(""))


@pytest.mark.parametrize(
    ("tags", "key_type"),
    [
        ({"CredentialId": "Primary"}, KeyType.PRIMARY),
        ({"CredentialId": "secondary"}, KeyType.SECONDARY),
        ({"CredentialId": " SECONDARY "}, KeyType.SECONDARY),
        ({"credentialid": "Primary"}, KeyType.PRIMARY),
        ({"CredentialId": "Secondary", "credentialId": "Primary"}, KeyType.SECONDARY),
        ({"CredentialId": "key1"}, None),
        ({"CredentialId": ""}, None),
        ({}, None),
    ],
)
def test_the_tag_names_the_slot(tags: Mapping[str, str], key_type: KeyType | None) -> None:
    """CredentialId is read in any case; anything but the two names is none."""
    assert secret(OLD_KEY, tags=tags).key_type is key_type


@pytest.mark.parametrize(
    ("address", "owner"),
    [
        (str(RESOURCE), RESOURCE),
        (str(RESOURCE).upper(), RESOURCE),
        (f" {RESOURCE}/ ", RESOURCE),
        ("/subscriptions/x/resourceGroups/y", None),
        (f"{RESOURCE}/more", None),
        ("https://evil.example", None),
        ("", None),
        ("\x00" * 300, None),
    ],
)
def test_the_tag_names_the_resource(address: str, owner: ResourceId | None) -> None:
    """ProviderAddress is an ARM id in any case; anything else is nobody's."""
    assert secret(OLD_KEY, tags={"ProviderAddress": address}).resource_id == owner


def test_a_secret_without_tags_is_nobodys() -> None:
    """Without ProviderAddress a secret has no resource."""
    assert secret(OLD_KEY, tags={}).resource_id is None


def test_a_secret_shows_no_value() -> None:
    """Neither text form of a secret holds its value."""
    shown = repr(secret(connected(OLD_KEY))) + str(secret(connected(OLD_KEY)))
    assert OLD_KEY not in shown
    assert ENDPOINT not in shown


RENDERED = [
    pytest.param(OLD_KEY, NEW_KEY, id="bare key"),
    pytest.param(f"{OLD_KEY}\n", f"{NEW_KEY}\n", id="bare key with a line break"),
    pytest.param("placeholder", NEW_KEY, id="a bare text that is no key"),
    pytest.param("not a key", NEW_KEY, id="a bare text with blanks"),
    pytest.param("x" * 25_600, NEW_KEY, id="25 KiB of nothing"),
    pytest.param(connected(OLD_KEY), connected(NEW_KEY), id="connection string"),
    pytest.param("AccessKey=;x=y", f"AccessKey={NEW_KEY};x=y", id="connection string without a key"),
    pytest.param(
        f"Endpoint=https://custom.example/;AccessKey={OLD_KEY};Version=1.0;\r\n",
        f"Endpoint=https://custom.example/;AccessKey={NEW_KEY};Version=1.0;\r\n",
        id="connection string with an endpoint and parts of its own",
    ),
    pytest.param(f"accesskey={OLD_KEY};accesskey=x", f"accesskey={NEW_KEY};accesskey={NEW_KEY}", id="two keys"),
    pytest.param("", connected(NEW_KEY), id="empty"),
    pytest.param(" \n", connected(NEW_KEY), id="blank"),
]


@pytest.mark.parametrize(("before", "after"), RENDERED)
def test_the_format_of_the_value_is_kept(before: str, after: str) -> None:
    """A bare key stays one, of a connection string all but the key stays, and what is blank becomes one."""
    assert render(Secret(before), access_key(), ENDPOINT).reveal() == after


@pytest.mark.parametrize(
    "value",
    [
        f'{{"key":"{OLD_KEY}"}}',
        f'["{OLD_KEY}"]',
        f'"{OLD_KEY}"',
        f"<key>{OLD_KEY}</key>",
        f"-----BEGIN KEY-----\n{OLD_KEY}\n-----END KEY-----",
        OTHER_VENDOR,
        f"https://host/?key={OLD_KEY}",
        f"key={OLD_KEY}",
        f"{OLD_KEY}\n{OLD_KEY}",
        f'{{"acs":"endpoint=https:\\/\\/h\\/;accesskey={OLD_KEY}"}}',
    ],
)
def test_a_format_of_its_own_is_not_overwritten(value: str) -> None:
    """In a value with a structure nobody knows where the key belongs: whoever reads it would break."""
    with pytest.raises(SecretFormatUnknown) as caught:
        render(Secret(value), access_key(), ENDPOINT)
    assert OLD_KEY not in str(caught.value.to_json())


def test_a_rendered_value_is_rendered_to_itself() -> None:
    """What publishes a key already is not changed by publishing it again."""
    for case in RENDERED:
        once = render(Secret(str(case.values[0])), access_key(), ENDPOINT)
        assert render(once, access_key(), ENDPOINT) == once


def test_a_new_secret_is_a_connection_string() -> None:
    """ARM's own where it gave one, else one of the endpoint; without either there is nothing to make it of."""
    assert render(None, access_key(), None).reveal() == connected(NEW_KEY)
    assert render(None, AccessKey(Secret(NEW_KEY)), ENDPOINT).reveal() == connected(NEW_KEY)
    with pytest.raises(ValueError, match=r"^a connection string needs an endpoint$"):
        render(None, AccessKey(Secret(NEW_KEY)), None)


def test_the_next_version_has_our_tags_and_all_others() -> None:
    """Ours become canonical, whatever their case was; the owner's stay."""
    old = {
        "credentialid": "primary",
        "PROVIDERADDRESS": str(RESOURCE).lower(),
        "team": "mail",
        "ValidityPeriodDays": "x",
    }
    assert next_tags(old, KeyType.SECONDARY, RESOURCE, 90) == {
        "team": "mail",
        "CredentialId": "Secondary",
        "ProviderAddress": str(RESOURCE),
        "ValidityPeriodDays": "90",
    }
    assert old["credentialid"] == "primary"


def test_what_key_vault_can_hold_is_let_pass() -> None:
    """Twelve tags of the owner's beside our three, each as long as may be."""
    check_tags(RESOURCE, {})
    check_tags(RESOURCE, OUR_TAGS)
    check_tags(RESOURCE, {f"{number:0256}": "v" * 256 for number in range(12)} | {"providerADDRESS": "x" * 300})


@pytest.mark.parametrize(
    ("tags", "target"),
    [
        ({str(number): "" for number in range(13)}, "tags"),
        ({"team": "v" * 257}, "team"),
        ({"n" * 257: "v"}, "n" * 256),
    ],
)
def test_what_key_vault_cannot_hold_is_an_error_before_anything_changes(tags: Mapping[str, str], target: str) -> None:
    """Over 15 tags with ours, or over 256 characters in one; a value is not quoted."""
    with pytest.raises(TagTooLong) as caught:
        check_tags(RESOURCE, tags)
    assert caught.value.target == target
    assert (caught.value.status, caught.value.code) == (409, "TagTooLong")
    assert "vvv" not in caught.value.message


def test_an_id_that_is_longer_than_a_tag_is_an_error() -> None:
    """ARM allows ids of 277 characters, a tag 256."""
    long = ResourceId(RESOURCE.subscription_id, "g" * 90, "n" * 63)
    assert len(str(long)) > 256
    with pytest.raises(TagTooLong, match="resource's id") as caught:
        check_tags(long, {})
    assert caught.value.target == "ProviderAddress"


def test_an_id_that_just_fits_into_a_tag_is_none() -> None:
    """256 characters are what a tag holds."""
    room = 256 - len(str(ResourceId(RESOURCE.subscription_id, "g" * 90, "")))
    fits = ResourceId(RESOURCE.subscription_id, "g" * 90, "n" * room)
    assert len(str(fits)) == 256
    check_tags(fits, {})


TWO_DAYS = timedelta(days=2)


@pytest.mark.parametrize(
    ("wish", "days", "warned"),
    [
        (None, 90, False),
        ("", 90, False),
        ("33", 33, False),
        (" 60 ", 60, False),
        ("3650", 3650, False),
        ("32", 90, True),
        ("1", 90, True),
        ("0", 90, True),
        ("-5", 90, True),
        ("3651", 90, True),
        ("9" * 5000, 90, True),
        ("ninety", 90, True),
        ("90.0", 90, True),
        ("٩٠", 90, True),
    ],
)
def test_the_tag_decides_how_long_a_version_is_valid(wish: str | None, days: int, warned: bool) -> None:
    """A tag that is no number of days, or too short to be announced only once, gives the default and a warning."""
    found, warning = validity({} if wish is None else {"ValidityPeriodDays": wish}, 90, TWO_DAYS)
    assert found == days
    assert (warning is not None) is warned
    assert warning is None or len(warning) < 250


def test_a_long_grace_period_makes_the_default_longer() -> None:
    """The default must outlast the grace period of the very rotation, too."""
    assert validity({}, 40, timedelta(days=30)) == (61, None)
    assert validity({"ValidityPeriodDays": "60"}, 90, timedelta(days=30))[0] == 90


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("MyCommunicationResource", "MyCommunicationResource-connection-string"),
        ("a-b-1", "a-b-1-connection-string"),
    ],
)
def test_a_secret_is_named_after_its_resource(name: str, expected: str) -> None:
    """A name that Key Vault can hold is kept."""
    assert default_name(ResourceId(RESOURCE.subscription_id, "g", name)) == expected


def test_names_that_key_vault_lacks_stay_apart() -> None:
    """An underscore becomes a hyphen, and a hash tells the name from its neighbours; case makes no other hash."""
    names = [
        default_name(ResourceId(RESOURCE.subscription_id, "g", name))
        for name in ("a_b", "a-b", "a__b", "a_-b", "_" * 63)
    ]
    assert len(set(names)) == len(names)
    assert all(name.replace("-", "").isalnum() and len(name) <= 127 for name in names)
    assert names[0] == "a-b-648fa9b3-connection-string"
    upper = default_name(ResourceId(RESOURCE.subscription_id, "g", "A_B"))
    assert upper.lower() == names[0]
